//! Groups of people: those of the roster, and those made by hand.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Attendance, people};
use crate::access_log::Action;
use crate::attendance::{Group, Person};
use crate::error::{InputError, Result};
use crate::service::Service;
use crate::service::recognized::GroupMembers;

impl Service {
    /// All groups in order of their names; before the first session those of the roster.
    ///
    /// # Errors
    /// [`DataError::Database`](crate::error::DataError::Database).
    pub async fn groups(&self) -> Result<Vec<Group>> {
        self.attend(|service, attendance| {
            if attendance.store().exists() {
                return attendance.store().groups();
            }
            let groups = people::roster_groups(&service.attending_people());
            Ok(groups
                .into_iter()
                .map(|(name, people)| Group { name, members: people.len() as u64 })
                .collect())
        })
        .await
    }

    /// The members of a group in order of their names.
    ///
    /// # Errors
    /// [`InputError::NotFound`].
    pub async fn group(&self, name: &str) -> Result<Vec<Person>> {
        let (recorder, name) = (self.recorder(), name.to_owned());
        self.attend(move |service, attendance| {
            let people = service.people_of_group(attendance, &name)?;
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
            attendance.sync(&service.attending_people(), true)?;
            attendance.store().set_members(&name, &person_ids)?;
            recorder.record(Action::ChangeGroup, person_ids.iter().map(String::as_str));
            attendance.store().people(Some(&name))
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
            if !attendance.store().exists() {
                return Err(no_group(&name).into());
            }
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
        self.attend(move |service, attendance| {
            let people = service.people_of_group(attendance, &name)?;
            Ok(Arc::new(GroupMembers { ids: ids_of(people), name }))
        })
        .await
    }

    fn people_of_group(&self, attendance: &Attendance, name: &str) -> Result<Vec<Person>> {
        if attendance.store().exists() {
            return attendance.store().people(Some(name));
        }
        Ok(people::roster_groups(&self.attending_people()).remove(name).ok_or_else(|| no_group(name))?)
    }
}

/// Ids of those who have a face.
pub(super) fn ids_of(people: Vec<Person>) -> HashSet<String> {
    people.into_iter().filter(|person| person.enrolled).map(|person| person.person_id).collect()
}

fn no_group(name: &str) -> InputError {
    InputError::NotFound(format!("there is no group {name:?}"))
}
