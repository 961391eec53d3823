//! The difference between two galleries, for stores that keep people one by one.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::people::Change;
use super::{Gallery, Person};
use crate::error::Result;

/// What leads from one gallery to another. People keep their places; new ones stand at the end.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// People who are new or changed, as they are afterwards, in their order.
    pub saved: Vec<Arc<Person>>,
    /// Ids of people who are gone.
    pub removed: Vec<String>,
}

impl Changes {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.saved.is_empty() && self.removed.is_empty()
    }
}

impl Gallery {
    /// What leads from the gallery `old` to this one. People whom both share are not compared, so this is cheap after an edit.
    #[must_use]
    pub fn changes_since(&self, old: &Self) -> Changes {
        let (old, new) = (old.people.apart(&self.people), self.people.apart(&old.people));
        let known: HashMap<&str, &Arc<Person>> =
            old.iter().map(|person| (person.id.as_str(), *person)).collect();
        let kept: HashSet<&str> = new.iter().map(|person| person.id.as_str()).collect();
        let is_same =
            |person: &Arc<Person>| known.get(person.id.as_str()).is_some_and(|known| *known == person);
        Changes {
            saved: new.iter().filter(|person| !is_same(person)).map(|person| Arc::clone(person)).collect(),
            removed: old
                .iter()
                .map(|person| &person.id)
                .filter(|id| !kept.contains(id.as_str()))
                .cloned()
                .collect(),
        }
    }

    /// This gallery after `changes`.
    ///
    /// # Errors
    /// [`InputError`](crate::error::InputError) for a bad id or a person without a photo.
    pub fn with_changes(&self, changes: &Changes) -> Result<Self> {
        let mut saved = HashMap::with_capacity(changes.saved.len());
        for person in &changes.saved {
            person.check()?;
            saved.insert(person.id.as_str(), person);
        }
        let removed: HashSet<&str> = changes.removed.iter().map(String::as_str).collect();
        let ids: Vec<&str> = saved.keys().chain(&removed).copied().collect();
        let people =
            self.people.with_changes(ids.into_iter(), |person| match saved.remove(person.id.as_str()) {
                _ if removed.contains(person.id.as_str()) => Some(Change::Removed),
                saved => saved.map(|person| Change::Replaced(Arc::clone(person))),
            });
        let new = changes.saved.iter().filter(|person| saved.contains_key(person.id.as_str()));
        let people = if saved.is_empty() { people } else { people.with_more(new.cloned()) };
        Ok(self.with_people(people))
    }
}
