//! The enrolled people and their embeddings. A [`Gallery`] is immutable: an edit makes a new one, which
//! shares all people, and their part of what is searched, that the edit does not concern.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use crate::cohort::Cohort;
use crate::error::{Error, InputError, Result};
use crate::person_name::PersonName;

mod assign;
#[cfg(test)]
pub(crate) mod axes;
pub mod backend;
mod changes;
pub mod group_search;
mod nearest;
mod outliers;
mod people;
mod person;
pub mod pickle;
pub mod search;
pub mod store;
mod template;
pub mod writer;

pub use changes::Changes;
use people::Change;
pub use people::People;
pub use person::{EnrolledPhoto, Person, PersonUpdate, Recipe, new_id};
use person::{MAX_ID_BYTES, conflict};
pub use template::PersonTemplate;
use template::Templates;

/// An immutable set of people. A clone shares the people and the templates.
#[derive(Debug, Clone)]
pub struct Gallery {
    recipe: Recipe,
    people: People,
    /// Statistics of strangers; edits keep them.
    cohort: Option<Arc<Cohort>>,
    /// Made at the first search, or by [`Gallery::prepare`], where there is a cohort; edits update them.
    templates: OnceLock<Templates>,
}

impl PartialEq for Gallery {
    fn eq(&self, other: &Self) -> bool {
        self.recipe == other.recipe && self.people == other.people
    }
}

impl Gallery {
    /// A gallery of `people`, in this order. Two names of one key are taken where they are written differently: galleries
    /// of earlier versions have such people.
    ///
    /// # Errors
    /// [`InputError::Invalid`] for a bad id or a person without a photo, [`InputError::Conflict`] for
    /// a name or an id that occurs twice.
    pub fn new<P: Into<Arc<Person>>>(recipe: Recipe, people: Vec<P>) -> Result<Self> {
        let people: Vec<Arc<Person>> = people.into_iter().map(Into::into).collect();
        let mut names = HashSet::with_capacity(people.len());
        let mut ids = HashSet::with_capacity(people.len());
        for person in &people {
            person.check()?;
            if !names.insert(&person.name) {
                return Err(conflict("a person of this name is enrolled already"));
            }
            if !ids.insert(person.id.as_str()) {
                return Err(two_people_with_one_id());
            }
        }
        Ok(Self { people: people.into_iter().collect(), ..Self::empty(recipe) })
    }

    /// A gallery without people.
    #[must_use]
    pub fn empty(recipe: Recipe) -> Self {
        Self { recipe, people: People::default(), cohort: None, templates: OnceLock::new() }
    }

    /// The same people with these statistics of strangers, which searches by a rate of false names need.
    ///
    /// # Errors
    /// [`InputError::Conflict`] for statistics of another embedder or crop margin.
    pub fn with_cohort(self, cohort: Arc<Cohort>) -> Result<Self> {
        let (of, recipe) = (cohort.origin(), &self.recipe);
        if (of.model.as_str(), of.margin_px) != (recipe.model.as_str(), recipe.margin_px) {
            return Err(conflict(&format!(
                "expected statistics of strangers for the model {} at margin {}, found those for {} at margin {}",
                recipe.model, recipe.margin_px, of.model, of.margin_px
            )));
        }
        Ok(Self { cohort: Some(cohort), templates: OnceLock::new(), ..self })
    }

    /// The statistics of strangers, if any.
    #[must_use]
    pub fn cohort(&self) -> Option<&Arc<Cohort>> {
        self.cohort.as_ref()
    }

    /// The template of the person with this index; `None` without statistics of strangers.
    #[must_use]
    pub fn template(&self, person: usize) -> Option<&PersonTemplate> {
        self.templates()?.get(&self.people, person)
    }

    /// How the embeddings were computed.
    #[must_use]
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The people, in the order of enrolment.
    #[must_use]
    pub fn people(&self) -> &People {
        &self.people
    }

    /// How many people there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.people.len()
    }

    /// Whether nobody is enrolled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// How many photos all people have together.
    #[must_use]
    pub fn photo_count(&self) -> usize {
        self.people.photo_count()
    }

    /// The person with this id.
    #[must_use]
    pub fn person(&self, id: &str) -> Option<&Person> {
        self.people.get(self.people.position(id)?).map(Arc::as_ref)
    }

    /// The person with this name; where nobody has it as it is written, the first whose name has the same key.
    #[must_use]
    pub fn person_by_name(&self, name: &PersonName) -> Option<&Person> {
        let exact = self.people.of_key(name.key()).find(|person| person.name == *name);
        exact.or_else(|| self.people.of_key(name.key()).next()).map(Arc::as_ref)
    }

    /// Makes the templates, which the first search does otherwise.
    pub fn prepare(&self) {
        self.templates();
    }

    fn templates(&self) -> Option<&Templates> {
        let cohort = self.cohort.as_ref()?;
        Some(self.templates.get_or_init(|| Templates::new(Arc::clone(cohort), &self.people)))
    }

    /// With `person` at the end.
    ///
    /// # Errors
    /// [`InputError::NameTaken`]; [`InputError::Conflict`] when the id is taken; [`InputError::Invalid`]
    /// as in [`Gallery::new`].
    pub fn with_person(&self, person: Person) -> Result<Self> {
        person.check()?;
        self.check_name_is_free(&person.name, &person.id)?;
        if self.person(&person.id).is_some() {
            return Err(two_people_with_one_id());
        }
        Ok(self.with_people(self.people.with_more([Arc::new(person)])))
    }

    /// Without the person with this id.
    ///
    /// # Errors
    /// [`InputError::NotFound`].
    pub fn without_person(&self, id: &str) -> Result<Self> {
        Ok(self.with_people(self.people.with_one(self.position(id)?, None)))
    }

    /// Without the people for whom `left_out` is true. Where that is nobody, a clone.
    #[must_use]
    pub fn without_people(&self, left_out: impl Fn(&Person) -> bool) -> Self {
        let out: Vec<&Arc<Person>> = self.people.iter().filter(|person| left_out(person)).collect();
        if out.is_empty() {
            return self.clone();
        }
        let ids: HashSet<&str> = out.iter().map(|person| person.id.as_str()).collect();
        let is_out = |person: &Person| ids.contains(person.id.as_str()).then_some(Change::Removed);
        self.with_people(self.people.with_changes(ids.iter().copied(), is_out))
    }

    /// With another name, ID or last day of the person with this id.
    ///
    /// # Errors
    /// [`InputError::NotFound`]; [`InputError::NameTaken`].
    pub fn updated(&self, id: &str, update: PersonUpdate) -> Result<Self> {
        let at = self.position(id)?;
        if let Some(name) = &update.name
            && *name != self.people[at].name
        {
            self.check_name_is_free(name, id)?;
        }
        self.edited(at, |person| {
            person.name = update.name.unwrap_or_else(|| person.name.clone());
            person.student_id = update.student_id.unwrap_or_else(|| person.student_id.clone());
            person.expires = update.expires.unwrap_or(person.expires);
            Ok(())
        })
    }

    /// With more photos of the person with this id.
    ///
    /// # Errors
    /// [`InputError::NotFound`]; [`InputError::Conflict`] when a photo's id is taken.
    pub fn with_photos(&self, id: &str, photos: Vec<EnrolledPhoto>) -> Result<Self> {
        self.edited(self.position(id)?, |person| {
            person.photos.extend(photos);
            person.check_photo_ids()
        })
    }

    /// Without one photo of the person with this id.
    ///
    /// # Errors
    /// [`InputError::NotFound`]; [`InputError::LastPhoto`].
    pub fn without_photo(&self, id: &str, photo_id: &str) -> Result<Self> {
        self.edited(self.position(id)?, |person| person.take_photo(photo_id).map(drop))
    }

    /// With one photo of the person `from` enrolled for the person `to` instead.
    ///
    /// # Errors
    /// [`InputError::NotFound`]; [`InputError::LastPhoto`]; [`InputError::Conflict`] for one person, or when the photo's id
    /// is taken.
    pub fn with_moved_photo(&self, from: &str, photo_id: &str, to: &str) -> Result<Self> {
        let (source, target) = self.two_positions(from, to)?;
        let mut taken = None;
        let without = self.edited(source, |person| {
            taken = Some(person.take_photo(photo_id)?);
            Ok(())
        })?;
        without.edited(target, |person| {
            person.photos.extend(taken);
            person.check_photo_ids()
        })
    }

    /// With all photos of the person `from` enrolled for the person `into`, and without `from`. `into` keeps its name, and
    /// its ID where it has one, and its last day.
    ///
    /// # Errors
    /// [`InputError::NotFound`]; [`InputError::Conflict`] for one person, or when a photo's id is taken.
    pub fn merged(&self, into: &str, from: &str) -> Result<Self> {
        let (target, source) = self.two_positions(into, from)?;
        let mut person = (*self.people[target]).clone();
        let source_person = &self.people[source];
        person.photos.extend(source_person.photos.iter().cloned());
        person.check_photo_ids()?;
        person.student_id = person.student_id.take().or_else(|| source_person.student_id.clone());
        let people = self.people.with_one(target, Some(Arc::new(person)));
        let source = people.position(from).ok_or_else(|| no_person(from))?;
        Ok(self.with_people(people.with_one(source, None)))
    }

    /// Those people of it for whom `keep` says so, and their positions here.
    #[must_use]
    pub fn subset(&self, keep: impl Fn(&Person) -> bool) -> (Self, Vec<usize>) {
        let kept = self.people.iter().enumerate().filter(|(_, person)| keep(person));
        let (positions, people): (_, Vec<Arc<Person>>) =
            kept.map(|(at, person)| (at, Arc::clone(person))).unzip();
        (self.with_people(people.into_iter().collect()), positions)
    }

    /// The people with these ids, without what a search by rate needs.
    #[must_use]
    pub fn only(&self, ids: &HashSet<&str>) -> Self {
        let mut places: Vec<usize> = ids.iter().filter_map(|id| self.people.position(id)).collect();
        places.sort_unstable();
        let people = places.into_iter().filter_map(|at| self.people.get(at)).cloned().collect();
        Self { people, ..Self::empty(self.recipe.clone()) }
    }

    /// Ids of the photos that are not in `edited`, which was made of this gallery. People who are in both are not looked at.
    #[must_use]
    pub fn photos_lost(&self, edited: &Self) -> Vec<String> {
        let photos = |person: &'_ Arc<Person>| -> Vec<String> {
            person.photos.iter().map(|photo| photo.id.to_string()).collect()
        };
        let left: HashSet<String> = edited.people.apart(&self.people).into_iter().flat_map(photos).collect();
        let old = self.people.apart(&edited.people).into_iter().flat_map(photos);
        old.filter(|id| !left.contains(id)).collect()
    }

    /// The positions of two people.
    fn two_positions(&self, first: &str, second: &str) -> Result<(usize, usize)> {
        let both = (self.position(first)?, self.position(second)?);
        if both.0 == both.1 {
            return Err(conflict("expected two people, found the same one twice"));
        }
        Ok(both)
    }

    /// A gallery in which a copy of the person at `at` is changed by `edit`.
    fn edited(&self, at: usize, edit: impl FnOnce(&mut Person) -> Result<()>) -> Result<Self> {
        let mut person = (*self.people[at]).clone();
        edit(&mut person)?;
        Ok(self.with_people(self.people.with_one(at, Some(Arc::new(person)))))
    }

    /// `people` are those of this gallery after an edit. If templates were made, so are the new ones.
    fn with_people(&self, people: People) -> Self {
        let templates = self.templates.get().map(|old| old.updated(&self.people, &people));
        Self {
            recipe: self.recipe.clone(),
            people,
            cohort: self.cohort.clone(),
            templates: templates.map_or_else(OnceLock::new, OnceLock::from),
        }
    }

    fn position(&self, id: &str) -> Result<usize> {
        Ok(self.people.position(id).ok_or_else(|| no_person(id))?)
    }

    /// Whether nobody but the person `id` has the name, in any spelling.
    fn check_name_is_free(&self, name: &PersonName, id: &str) -> Result<()> {
        let taken = self.people.of_key(name.key()).find(|other| other.id != id);
        let refused = |other: &Arc<Person>| InputError::NameTaken { person_id: other.id.clone() };
        Ok(taken.map_or(Ok(()), |other| Err(refused(other)))?)
    }
}

fn two_people_with_one_id() -> Error {
    conflict("two people have the same id")
}

fn no_person(id: &str) -> InputError {
    let shown: String = id.chars().take(MAX_ID_BYTES).collect();
    InputError::NotFound(format!("there is no person with the id {shown:?}"))
}

#[cfg(test)]
mod tests;
