//! The people of a gallery in order, in runs that galleries share: an edit copies the run that it concerns, and the list of runs.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::ops::Index;
use std::sync::Arc;

use super::person::Person;
use crate::embed::Packed;

/// Most people of a run. About the square root of the largest number of people: an edit copies as much of a run as of the list.
pub(super) const MAX_RUN: usize = 128;

/// People who stand side by side, with what a search reads of them.
#[derive(Debug)]
pub(super) struct Run {
    people: Vec<Arc<Person>>,
    embeddings: Vec<Arc<Packed>>,
    /// For each person a number made of the id, and one of the name's key: people are found without looking at each.
    marks: Vec<[u64; 2]>,
    photos: usize,
}

/// The people of a gallery, in the order of enrolment.
#[derive(Debug, Clone, Default)]
pub struct People {
    runs: Vec<Arc<Run>>,
    /// For each run, how many people stand before it.
    starts: Vec<usize>,
    len: usize,
    photos: usize,
}

/// What [`People::with_changes`] puts in a person's place.
pub(super) enum Change {
    Replaced(Arc<Person>),
    Removed,
}

impl Run {
    fn new(mut people: Vec<Arc<Person>>) -> Self {
        let unpacked = people.iter_mut().filter(|person| person.packed().is_none());
        Person::pack(unpacked.map(Arc::make_mut));
        let embeddings = people.iter().filter_map(|person| person.packed().cloned()).collect();
        let marks = people.iter().map(|person| [mark(&person.id), mark(person.name.key())]).collect();
        let photos = people.iter().map(|person| person.photos.len()).sum();
        Self { people, embeddings, marks, photos }
    }

    pub(super) fn people(&self) -> &[Arc<Person>] {
        &self.people
    }

    /// Those of each person.
    pub(super) fn embeddings(&self) -> &[Arc<Packed>] {
        &self.embeddings
    }
}

/// Not secret: who finds two of one number has only them looked at.
fn mark(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

impl FromIterator<Arc<Person>> for People {
    fn from_iter<I: IntoIterator<Item = Arc<Person>>>(people: I) -> Self {
        let mut runs = Vec::new();
        let mut people = people.into_iter().peekable();
        while people.peek().is_some() {
            let mut run = Vec::with_capacity(MAX_RUN.min(people.size_hint().0));
            run.extend(people.by_ref().take(MAX_RUN));
            runs.push(Arc::new(Run::new(run)));
        }
        Self::of_runs(runs)
    }
}

impl People {
    fn of_runs(runs: Vec<Arc<Run>>) -> Self {
        let (mut starts, mut len, mut photos) = (Vec::with_capacity(runs.len()), 0, 0);
        for run in &runs {
            starts.push(len);
            len += run.people.len();
            photos += run.photos;
        }
        Self { runs, starts, len, photos }
    }

    pub(super) fn runs(&self) -> &[Arc<Run>] {
        &self.runs
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn photo_count(&self) -> usize {
        self.photos
    }

    /// The person at this place.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&Arc<Person>> {
        let (run, within) = self.place(at)?;
        self.runs.get(run)?.people.get(within)
    }

    /// Run, and place within it.
    pub(super) fn place(&self, at: usize) -> Option<(usize, usize)> {
        let run = self.starts.partition_point(|start| *start <= at).checked_sub(1)?;
        (at < self.len).then(|| (run, at - self.starts[run]))
    }

    /// The first one.
    #[must_use]
    pub fn first(&self) -> Option<&Arc<Person>> {
        self.get(0)
    }

    /// The last one.
    #[must_use]
    pub fn last(&self) -> Option<&Arc<Person>> {
        self.runs.last()?.people.last()
    }

    /// All of them, in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        self.into_iter()
    }

    /// The place of the person with this id.
    pub(super) fn position(&self, id: &str) -> Option<usize> {
        let mark = mark(id);
        self.marked(move |[own, _]| *own == mark).find(|(_, person)| person.id == id).map(|(at, _)| at)
    }

    /// The people whose names have this key, in order.
    pub(super) fn of_key(&self, key: &str) -> impl Iterator<Item = &Arc<Person>> {
        let mark = mark(key);
        let found = self.marked(move |[_, own]| *own == mark);
        found.map(|(_, person)| person).filter(move |person| person.name.key() == key)
    }

    fn marked(
        &self,
        is_it: impl Fn(&[u64; 2]) -> bool + Copy,
    ) -> impl Iterator<Item = (usize, &Arc<Person>)> {
        self.starts.iter().zip(&self.runs).flat_map(move |(start, run)| {
            let marks = run.marks.iter().enumerate().filter(move |(_, marks)| is_it(marks));
            marks.filter_map(move |(at, _)| Some((start + at, run.people.get(at)?)))
        })
    }

    /// With these people at the end.
    pub(super) fn with_more(&self, more: impl IntoIterator<Item = Arc<Person>>) -> Self {
        let mut runs = self.runs.clone();
        let open = runs.pop_if(|run| run.people.len() < MAX_RUN);
        let open = open.iter().flat_map(|run| run.people.iter().cloned());
        let Self { runs: behind, .. } = open.chain(more).collect();
        runs.extend(behind);
        Self::of_runs(runs)
    }

    /// With `change` where it says so of a person with the id that is asked for; only runs of such people are copied.
    pub(super) fn with_changes<'a>(
        &self,
        ids: impl Iterator<Item = &'a str>,
        mut change: impl FnMut(&Person) -> Option<Change>,
    ) -> Self {
        let marks: HashSet<u64> = ids.map(mark).collect();
        let mut runs = Vec::with_capacity(self.runs.len());
        for run in &self.runs {
            if !run.marks.iter().any(|[id, _]| marks.contains(id)) {
                runs.push(Arc::clone(run));
                continue;
            }
            let changed = run.people.iter().filter_map(|person| match change(person) {
                None => Some(Arc::clone(person)),
                Some(Change::Replaced(person)) => Some(person),
                Some(Change::Removed) => None,
            });
            join(&mut runs, changed.collect());
        }
        Self::of_runs(runs)
    }

    /// With another person at this place, or nobody.
    pub(super) fn with_one(&self, at: usize, person: Option<Arc<Person>>) -> Self {
        let Some((run, within)) = self.place(at) else { return self.clone() };
        let mut people = self.runs[run].people.clone();
        match person {
            Some(person) => people[within] = person,
            None => drop(people.remove(within)),
        }
        let mut runs = Vec::with_capacity(self.runs.len());
        runs.extend_from_slice(&self.runs[..run]);
        join(&mut runs, people);
        runs.extend_from_slice(&self.runs[run + 1..]);
        Self::of_runs(runs)
    }

    /// The runs that `other` does not share.
    pub(super) fn runs_apart<'a>(&'a self, other: &Self) -> Vec<&'a Arc<Run>> {
        let others: HashSet<*const Run> = other.runs.iter().map(Arc::as_ptr).collect();
        self.runs.iter().filter(|run| !others.contains(&Arc::as_ptr(run))).collect()
    }

    /// The people whom `other` does not share.
    pub(super) fn apart<'a>(&'a self, other: &Self) -> Vec<&'a Arc<Person>> {
        let others = other.runs_apart(self);
        let others: HashSet<*const Person> =
            others.iter().flat_map(|run| &run.people).map(Arc::as_ptr).collect();
        let own = self.runs_apart(other).into_iter().flat_map(|run| &run.people);
        own.filter(|person| !others.contains(&Arc::as_ptr(person))).collect()
    }
}

/// Appends a run of these people. Small ones are joined, so that edits don't leave ever more of them.
fn join(runs: &mut Vec<Arc<Run>>, people: Vec<Arc<Person>>) {
    if people.is_empty() {
        return;
    }
    let fits = |run: &mut Arc<Run>| run.people.len() + people.len() <= MAX_RUN / 2;
    let people = match runs.pop_if(fits) {
        Some(before) => before.people.iter().cloned().chain(people).collect(),
        None => people,
    };
    runs.push(Arc::new(Run::new(people)));
}

impl Index<usize> for People {
    type Output = Arc<Person>;

    fn index(&self, at: usize) -> &Arc<Person> {
        let (run, within) = self.place(at).expect("a place below the number of people");
        &self.runs[run].people[within]
    }
}

impl PartialEq for People {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (&Arc<Person>, &Arc<Person>)| Arc::ptr_eq(a, b) || a == b;
        self.len == other.len && self.iter().zip(other).all(same)
    }
}

/// People in order.
#[derive(Clone)]
pub struct Iter<'a> {
    runs: std::slice::Iter<'a, Arc<Run>>,
    run: std::slice::Iter<'a, Arc<Person>>,
    left: usize,
}

impl<'a> IntoIterator for &'a People {
    type Item = &'a Arc<Person>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        Iter { runs: self.runs.iter(), run: [].iter(), left: self.len }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Arc<Person>;

    fn next(&mut self) -> Option<&'a Arc<Person>> {
        loop {
            if let Some(person) = self.run.next() {
                self.left -= 1;
                return Some(person);
            }
            self.run = self.runs.next()?.people.iter();
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}
