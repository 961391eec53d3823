//! Groups and their members.

use super::value::{inserted, values};
use super::{Sql, people};
use crate::attendance::check;
use crate::attendance::model::Group;
use crate::error::{InputError, Result};

pub(super) fn list(db: &dyn Sql) -> Result<Vec<Group>> {
    db.rows(
        "SELECT g.name, count(m.person_key) FROM groups g LEFT JOIN members m ON m.group_key = g.key
         GROUP BY g.key ORDER BY g.name",
        values![],
        |row| Ok(Group { name: row.get(0)?, members: row.get(1)? }),
    )
}

pub(super) fn of_person(db: &dyn Sql, person_id: &str) -> Result<Vec<String>> {
    let key = people::key(db, person_id)?;
    db.column(
        "SELECT g.name FROM groups g JOIN members m ON m.group_key = g.key WHERE m.person_key = ?1
         ORDER BY g.name",
        values![key],
    )
}

/// The key of a group by name.
pub(super) fn key(db: &dyn Sql, name: &str) -> Result<i64> {
    find(db, name)?.ok_or_else(|| InputError::NotFound(format!("there is no group {name:?}")).into())
}

fn find(db: &dyn Sql, name: &str) -> Result<Option<i64>> {
    db.cell("SELECT key FROM groups WHERE name = ?1", values![name])
}

fn key_or_new(db: &dyn Sql, name: &str) -> Result<i64> {
    check::group_name(name)?;
    if let Some(key) = find(db, name)? {
        return Ok(key);
    }
    inserted(db.cell("INSERT INTO groups (name) VALUES (?1) RETURNING key", values![name])?)
}

pub(super) fn is_member(db: &dyn Sql, group: i64, person: i64) -> Result<bool> {
    let sql = "SELECT person_key FROM members WHERE group_key = ?1 AND person_key = ?2";
    Ok(db.cell::<i64>(sql, values![group, person])?.is_some())
}

fn add(db: &dyn Sql, group: i64, person: i64) -> Result<()> {
    let sql = "INSERT INTO members (group_key, person_key) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    db.execute(sql, values![group, person])?;
    Ok(())
}

pub(super) fn set_of_person(db: &dyn Sql, person: i64, names: &[String]) -> Result<()> {
    db.execute("DELETE FROM members WHERE person_key = ?1", values![person])?;
    for name in names {
        add(db, key_or_new(db, name)?, person)?;
    }
    Ok(())
}

pub(super) fn set_members(db: &dyn Sql, group: &str, person_ids: &[String]) -> Result<()> {
    let group = key_or_new(db, group)?;
    db.execute("DELETE FROM members WHERE group_key = ?1", values![group])?;
    for person_id in person_ids {
        add(db, group, people::key(db, person_id)?)?;
    }
    Ok(())
}

pub(super) fn rename(db: &dyn Sql, from: &str, to: &str) -> Result<()> {
    check::group_name(to)?;
    let key = key(db, from)?;
    if find(db, to)?.is_some_and(|other| other != key) {
        return Err(check::group_exists(to));
    }
    db.execute("UPDATE groups SET name = ?2 WHERE key = ?1", values![key, to])?;
    db.execute("UPDATE sessions SET group_name = ?2 WHERE group_key = ?1", values![key, to])?;
    Ok(())
}

pub(super) fn delete(db: &dyn Sql, name: &str) -> Result<()> {
    let key = key(db, name)?;
    db.execute("DELETE FROM groups WHERE key = ?1", values![key])?;
    Ok(())
}
