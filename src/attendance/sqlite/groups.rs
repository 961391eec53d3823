//! Groups and their members.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::people;
use crate::attendance::check;
use crate::attendance::model::Group;
use crate::error::{InputError, Result};

pub(super) fn list(db: &Transaction<'_>) -> Result<Vec<Group>> {
    let mut rows = db.prepare_cached(
        "SELECT g.name, count(m.person_key) FROM groups g LEFT JOIN members m ON m.group_key = g.key
         GROUP BY g.key ORDER BY g.name",
    )?;
    let rows = rows.query_map([], |row| Ok(Group { name: row.get(0)?, members: row.get(1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn of_person(db: &Connection, person_id: &str) -> Result<Vec<String>> {
    let key = people::key(db, person_id)?;
    let mut rows = db.prepare_cached(
        "SELECT g.name FROM groups g JOIN members m ON m.group_key = g.key WHERE m.person_key = ?1
         ORDER BY g.name",
    )?;
    Ok(rows.query_map([key], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// The key of a group by name.
pub(super) fn key(db: &Connection, name: &str) -> Result<i64> {
    find(db, name)?.ok_or_else(|| InputError::NotFound(format!("there is no group {name:?}")).into())
}

fn find(db: &Connection, name: &str) -> Result<Option<i64>> {
    let mut found = db.prepare_cached("SELECT key FROM groups WHERE name = ?1")?;
    Ok(found.query_row([name], |row| row.get(0)).optional()?)
}

fn key_or_new(db: &Connection, name: &str) -> Result<i64> {
    check::group_name(name)?;
    if let Some(key) = find(db, name)? {
        return Ok(key);
    }
    db.prepare_cached("INSERT INTO groups (name) VALUES (?1)")?.execute([name])?;
    Ok(db.last_insert_rowid())
}

pub(super) fn is_member(db: &Connection, group: i64, person: i64) -> Result<bool> {
    let mut found = db.prepare_cached("SELECT 1 FROM members WHERE group_key = ?1 AND person_key = ?2")?;
    Ok(found.exists([group, person])?)
}

fn add(db: &Connection, group: i64, person: i64) -> Result<()> {
    db.prepare_cached("INSERT OR IGNORE INTO members (group_key, person_key) VALUES (?1, ?2)")?
        .execute([group, person])?;
    Ok(())
}

/// Takes over a person's groups from the roster where they differ from those last taken: a change by hand stands until then.
pub(super) fn take_from_roster(db: &Connection, person: i64, names: &[String]) -> Result<()> {
    let mut note = db.prepare_cached(
        "UPDATE people SET roster_groups = ?2 WHERE key = ?1 AND coalesce(roster_groups, '') <> ?2",
    )?;
    if note.execute(params![person, names.join(";")])? > 0 {
        set_of_person(db, person, names)
    } else {
        Ok(())
    }
}

pub(super) fn set_of_person(db: &Connection, person: i64, names: &[String]) -> Result<()> {
    db.prepare_cached("DELETE FROM members WHERE person_key = ?1")?.execute([person])?;
    for name in names {
        add(db, key_or_new(db, name)?, person)?;
    }
    Ok(())
}

pub(super) fn set_members(db: &Connection, group: &str, person_ids: &[String]) -> Result<()> {
    let group = key_or_new(db, group)?;
    db.execute("DELETE FROM members WHERE group_key = ?1", [group])?;
    for person_id in person_ids {
        add(db, group, people::key(db, person_id)?)?;
    }
    Ok(())
}

pub(super) fn rename(db: &Connection, from: &str, to: &str) -> Result<()> {
    check::group_name(to)?;
    let key = key(db, from)?;
    if find(db, to)?.is_some_and(|other| other != key) {
        return Err(check::group_exists(to));
    }
    db.execute("UPDATE groups SET name = ?2 WHERE key = ?1", params![key, to])?;
    db.execute("UPDATE sessions SET group_name = ?2 WHERE group_key = ?1", params![key, to])?;
    Ok(())
}

pub(super) fn delete(db: &Connection, name: &str) -> Result<()> {
    let key = key(db, name)?;
    db.execute("DELETE FROM groups WHERE key = ?1", [key])?;
    Ok(())
}
