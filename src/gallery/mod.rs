//! The enrolled people and their embeddings. A [`Gallery`] is immutable: an edit makes a new one, which
//! shares all people, and their part of the search matrix, that the edit does not concern.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

use crate::cohort::Cohort;
use crate::error::{Error, InputError, Result};
use crate::person_name::PersonName;

mod assign;
pub mod backend;
mod changes;
pub mod group_search;
mod matrix;
mod outliers;
mod person;
pub mod pickle;
pub mod search;
pub mod store;
mod template;
pub mod writer;

pub use changes::Changes;
use matrix::Matrix;
pub use person::{EnrolledPhoto, Person, PersonUpdate, Recipe, new_id};
use person::{MAX_ID_BYTES, conflict};
pub use template::PersonTemplate;
use template::Templates;

/// An immutable set of people. A clone shares the people, the search matrix and the templates.
#[derive(Debug, Clone)]
pub struct Gallery {
    recipe: Recipe,
    people: Vec<Arc<Person>>,
    /// Built at the first search, or by [`Gallery::prepare`]; edits update it.
    matrix: OnceLock<Matrix>,
    /// Statistics of strangers; edits keep them.
    cohort: Option<Arc<Cohort>>,
    /// Built like the matrix, where there is a cohort.
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
        Ok(Self { people, ..Self::empty(recipe) })
    }

    /// A gallery without people.
    #[must_use]
    pub fn empty(recipe: Recipe) -> Self {
        Self { recipe, people: Vec::new(), matrix: OnceLock::new(), cohort: None, templates: OnceLock::new() }
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
        self.templates()?.get(person).map(Arc::as_ref)
    }

    /// How the embeddings were computed.
    #[must_use]
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// The people, in the order of enrolment.
    #[must_use]
    pub fn people(&self) -> &[Arc<Person>] {
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
        self.people.iter().map(|person| person.photos.len()).sum()
    }

    /// The person with this id.
    #[must_use]
    pub fn person(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.id == id).map(Arc::as_ref)
    }

    /// The person with this name; where nobody has it as it is written, the first whose name has the same key.
    #[must_use]
    pub fn person_by_name(&self, name: &PersonName) -> Option<&Person> {
        let exact = self.people.iter().find(|person| person.name == *name);
        let alike = || self.people.iter().find(|person| person.name.key() == name.key());
        exact.or_else(alike).map(Arc::as_ref)
    }

    /// Builds the search matrix and the templates, which the first search does otherwise.
    pub fn prepare(&self) {
        self.matrix();
        self.templates();
    }

    fn templates(&self) -> Option<&Templates> {
        let cohort = self.cohort.as_ref()?;
        Some(self.templates.get_or_init(|| Templates::new(Arc::clone(cohort), &self.people)))
    }

    fn matrix(&self) -> &Matrix {
        self.matrix.get_or_init(|| Matrix::new(&self.people))
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
        let mut people = Vec::with_capacity(self.people.len() + 1);
        people.extend_from_slice(&self.people);
        people.push(Arc::new(person));
        Ok(self.with_people(people))
    }

    /// Without the person with this id.
    ///
    /// # Errors
    /// [`InputError::NotFound`].
    pub fn without_person(&self, id: &str) -> Result<Self> {
        let at = self.position(id)?;
        let mut people = self.people.clone();
        people.remove(at);
        Ok(self.with_people(people))
    }

    /// Without the people for whom `left_out` is true. Where that is nobody, a clone.
    #[must_use]
    pub fn without_people(&self, left_out: impl Fn(&Person) -> bool) -> Self {
        let kept: Vec<Arc<Person>> = self.people.iter().filter(|person| !left_out(person)).cloned().collect();
        if kept.len() == self.people.len() { self.clone() } else { self.with_people(kept) }
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
        let mut people = self.people.clone();
        let source = people[source].clone();
        let person = Arc::make_mut(&mut people[target]);
        person.photos.extend(source.photos.iter().cloned());
        person.check_photo_ids()?;
        person.student_id = person.student_id.take().or_else(|| source.student_id.clone());
        people.retain(|person| person.id != from);
        Ok(self.with_people(people))
    }

    /// Those people of it for whom `keep` says so, and their positions here.
    #[must_use]
    pub fn subset(&self, keep: impl Fn(&Person) -> bool) -> (Self, Vec<usize>) {
        let kept = self.people.iter().enumerate().filter(|(_, person)| keep(person));
        let (positions, people) = kept.map(|(at, person)| (at, Arc::clone(person))).unzip();
        (self.with_people(people), positions)
    }

    /// Ids of the photos that are not in `edited`, which was made of this gallery. People who are in both are not looked at.
    #[must_use]
    pub fn photos_lost(&self, edited: &Self) -> Vec<String> {
        let photos = |person: &'_ Arc<Person>| -> Vec<String> {
            person.photos.iter().map(|photo| photo.id.clone()).collect()
        };
        let left: HashSet<String> =
            not_shared(&edited.people, &self.people).into_iter().flat_map(photos).collect();
        let old = not_shared(&self.people, &edited.people).into_iter().flat_map(photos);
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
        let mut people = self.people.clone();
        if let Some(person) = people.get_mut(at) {
            edit(Arc::make_mut(person))?;
        }
        Ok(self.with_people(people))
    }

    /// `people` are those of this gallery after an edit. If search matrix and templates were built, so are the new
    /// ones.
    fn with_people(&self, people: Vec<Arc<Person>>) -> Self {
        let matrix = self.matrix.get().map(|old| old.updated(&self.people, &people));
        let templates = self.templates.get().map(|old| old.updated(&self.people, &people));
        Self {
            recipe: self.recipe.clone(),
            people,
            matrix: matrix.map_or_else(OnceLock::new, OnceLock::from),
            cohort: self.cohort.clone(),
            templates: templates.map_or_else(OnceLock::new, OnceLock::from),
        }
    }

    fn position(&self, id: &str) -> Result<usize> {
        let at = self.people.iter().position(|person| person.id == id);
        Ok(at.ok_or_else(|| no_person(id))?)
    }

    /// Whether nobody but the person `id` has the name, in any spelling.
    fn check_name_is_free(&self, name: &PersonName, id: &str) -> Result<()> {
        let taken = self.people.iter().find(|other| other.id != id && other.name.key() == name.key());
        let refused = |other: &Arc<Person>| InputError::NameTaken { person_id: other.id.clone() };
        Ok(taken.map_or(Ok(()), |other| Err(refused(other)))?)
    }
}

/// Those of `people` whom `others` do not share.
fn not_shared<'p>(people: &'p [Arc<Person>], others: &[Arc<Person>]) -> Vec<&'p Arc<Person>> {
    let others: HashSet<*const Person> = others.iter().map(Arc::as_ptr).collect();
    people.iter().filter(|person| !others.contains(&Arc::as_ptr(person))).collect()
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
