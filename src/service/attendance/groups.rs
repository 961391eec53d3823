//! Groups of people: those of the roster, and those made by hand.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Attendance, people};
use crate::access_log::Action;
use crate::attendance::{Group, Person, check};
use crate::error::{Error, InputError, Result};
use crate::service::Service;
use crate::service::recognized::GroupMembers;
use crate::service::snapshot::Snapshot;

/// Groups that a message names at most.
const MAX_NAMED: usize = 20;

impl Service {
    /// All groups in order of their names; before the first session those of the roster.
    ///
    /// # Errors
    /// [`DataError::Database`](crate::error::DataError::Database).
    pub async fn groups(&self) -> Result<Vec<Group>> {
        self.attend(|service, attendance| attendance.groups(&service.recognized_people())).await
    }

    /// The members of a group in order of their names.
    ///
    /// # Errors
    /// [`InputError::NotFound`].
    pub async fn group(&self, name: &str) -> Result<Vec<Person>> {
        let (recorder, name) = (self.recorder(), name.to_owned());
        self.attend(move |service, attendance| {
            let people = attendance.people_of_group(&service.recognized_people(), &name)?;
            recorder.record(Action::List, people.iter().map(|person| person.person_id.as_str()));
            Ok(people)
        })
        .await
    }

    /// Makes exactly these people the members of a group, which is created if need be.
    ///
    /// # Errors
    /// [`InputError::NotFound`] for an id that nobody has, [`InputError::Invalid`] for a bad name.
    pub async fn set_group(&self, name: &str, person_ids: Vec<String>) -> Result<Vec<Person>> {
        let (recorder, name) = (self.recorder(), name.to_owned());
        self.attend(move |service, attendance| {
            let people = || service.recognized_people();
            attendance.expect_change(&people(), &person_ids, [&name])?;
            attendance.sync(people, true)?;
            attendance.store().set_members(&name, &person_ids)?;
            recorder.record(Action::ChangeGroup, person_ids.iter().map(String::as_str));
            attendance.store().people(Some(&name))
        })
        .await
    }

    /// Names of the groups that a person belongs to, in order.
    ///
    /// # Errors
    /// [`InputError::NotFound`].
    pub async fn groups_of_person(&self, person_id: &str) -> Result<Vec<String>> {
        let (recorder, id) = (self.recorder(), person_id.to_owned());
        self.attend(move |service, attendance| {
            let groups = attendance.groups_of_person(&service.recognized_people(), &id)?;
            recorder.record(Action::Read, [id.as_str()]);
            Ok(groups)
        })
        .await
    }

    /// Makes a person a member of exactly these groups, which are created if need be; those that there are then, in order.
    ///
    /// # Errors
    /// [`InputError::NotFound`], [`InputError::Invalid`] for a bad name.
    pub async fn set_groups_of_person(&self, person_id: &str, groups: Vec<String>) -> Result<Vec<String>> {
        let (recorder, id) = (self.recorder(), person_id.to_owned());
        self.attend(move |service, attendance| {
            let people = || service.recognized_people();
            attendance.expect_change(&people(), [&id], &groups)?;
            attendance.sync(people, true)?;
            attendance.store().set_groups_of(&id, &groups)?;
            recorder.record(Action::ChangeGroup, [id.as_str()]);
            attendance.store().groups_of(&id)
        })
        .await
    }

    /// Gives a group another name, which its sessions have as well.
    ///
    /// # Errors
    /// [`InputError::NotFound`], [`InputError::Conflict`] where another group has the name, [`InputError::Invalid`] for a bad
    /// one.
    pub async fn rename_group(&self, name: &str, to: &str) -> Result<Vec<Person>> {
        let (recorder, name, to) = (self.recorder(), name.to_owned(), to.to_owned());
        self.attend(move |service, attendance| {
            let people = || service.recognized_people();
            attendance.expect_group(&people(), &name)?;
            attendance.expect_free(&people(), &name, &to)?;
            attendance.sync(people, true)?;
            attendance.store().rename_group(&name, &to)?;
            recorder.record(Action::ChangeGroup, []);
            attendance.store().people(Some(&to))
        })
        .await
    }

    /// Deletes a group; its sessions and their entries stay.
    ///
    /// # Errors
    /// [`InputError::NotFound`].
    pub async fn delete_group(&self, name: &str) -> Result<()> {
        let (recorder, name) = (self.recorder(), name.to_owned());
        self.attend(move |_, attendance| {
            attendance.expect_store_for(&name)?;
            attendance.store().delete_group(&name)?;
            recorder.record(Action::ChangeGroup, []);
            Ok(())
        })
        .await
    }

    /// The members of a group, to compare faces with them first.
    ///
    /// # Errors
    /// [`InputError::NotFound`].
    pub async fn group_members(&self, name: &str) -> Result<Arc<GroupMembers>> {
        let name = name.to_owned();
        self.attend(move |service, attendance| attendance.group_members(&service.recognized_people(), &name))
            .await
    }
}

impl Attendance {
    fn groups(&self, snapshot: &Snapshot) -> Result<Vec<Group>> {
        if self.store.exists() {
            return self.store.groups();
        }
        let groups = people::roster_groups(snapshot).into_iter();
        Ok(groups.map(|(name, people)| Group { name, members: people.len() as u64 }).collect())
    }

    /// Checks that there is a group.
    ///
    /// # Errors
    /// [`InputError::NotFound`] saying which ones there are.
    pub(super) fn expect_group(&self, snapshot: &Snapshot, name: &str) -> Result<()> {
        let groups = self.groups(snapshot)?;
        if groups.iter().any(|group| group.name == name) { Ok(()) } else { Err(no_group(&groups, name)) }
    }

    /// Checks people and names of groups where there is no store yet: a change that is refused must not create it.
    ///
    /// # Errors
    /// [`InputError::NotFound`] for an id that nobody has, [`InputError::Invalid`] for a bad name.
    fn expect_change<'a>(
        &self,
        snapshot: &Snapshot,
        person_ids: impl IntoIterator<Item = &'a String>,
        groups: impl IntoIterator<Item = &'a String>,
    ) -> Result<()> {
        if self.store.exists() {
            return Ok(());
        }
        groups.into_iter().try_for_each(|name| check::group_name(name))?;
        person_ids.into_iter().try_for_each(|id| snapshot.person(id).map(drop))
    }

    /// The same for another name of a group.
    ///
    /// # Errors
    /// [`InputError::Conflict`] where another group has the name, [`InputError::Invalid`] for a bad one.
    fn expect_free(&self, snapshot: &Snapshot, name: &str, to: &str) -> Result<()> {
        if self.store.exists() {
            return Ok(());
        }
        check::group_name(to)?;
        if to != name && people::roster_groups(snapshot).contains_key(to) {
            return Err(check::group_exists(to));
        }
        Ok(())
    }

    fn groups_of_person(&self, snapshot: &Snapshot, id: &str) -> Result<Vec<String>> {
        if self.store.exists() {
            return self.store.groups_of(id);
        }
        snapshot.person(id)?;
        Ok(people::groups_of(snapshot, id))
    }

    fn people_of_group(&self, snapshot: &Snapshot, name: &str) -> Result<Vec<Person>> {
        let found = if self.store.exists() {
            self.store.people(Some(name))
        } else {
            let people = people::roster_groups(snapshot).remove(name);
            people.ok_or_else(|| InputError::NotFound(name.to_owned()).into())
        };
        match found {
            // Only now all groups are counted, to say which ones there are.
            Err(Error::Input(InputError::NotFound(_))) => Err(no_group(&self.groups(snapshot)?, name)),
            found => found,
        }
    }

    /// The members of a group of people and roster as they are now, to compare faces with them first.
    ///
    /// # Errors
    /// [`InputError::NotFound`].
    pub fn group_members(&self, snapshot: &Snapshot, name: &str) -> Result<Arc<GroupMembers>> {
        let people = self.people_of_group(snapshot, name)?;
        Ok(Arc::new(GroupMembers { ids: ids_of(people), name: name.to_owned() }))
    }

    /// Checks that there is a store with groups to change: a write without one would create it.
    fn expect_store_for(&self, name: &str) -> Result<()> {
        if self.store.exists() {
            return Ok(());
        }
        let message =
            format!("there is no group {name:?} but on the roster, perhaps: none was made or used here");
        Err(InputError::NotFound(message).into())
    }
}

/// There is no such group, but these.
fn no_group(groups: &[Group], name: &str) -> Error {
    let known: Vec<&str> = groups.iter().take(MAX_NAMED).map(|group| group.name.as_str()).collect();
    let expected = match (known.len(), groups.len()) {
        (0, _) => "expected a column Class or Group in the roster".to_owned(),
        (named, all) if named < all => {
            format!("expected one of {} and {} others", known.join(", "), all - named)
        }
        _ => format!("expected one of {}", known.join(", ")),
    };
    InputError::NotFound(format!("there is no group {name:?}: {expected}")).into()
}

/// Ids of those who have a face.
fn ids_of(people: Vec<Person>) -> HashSet<String> {
    people.into_iter().filter(|person| person.enrolled).map(|person| person.person_id).collect()
}
