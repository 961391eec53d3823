//! The photos that identity is judged on, and the distances between them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::GateParams;
use crate::embed::Embedding;
use crate::gallery::search::{is_match, nearest_within};
use crate::gallery::{Gallery, Person};
use crate::person_name::PersonName;

/// Maximum number of enrolled people that a photo is compared with in detail: the nearest.
const VICINITY: usize = 16;
/// Members whose distances are measured between two checks for cancellation: 0.1 s among 10,000.
const ROWS: usize = 64;

/// A photo whose face was embedded.
pub(super) struct Candidate<'a> {
    pub(super) name: &'a PersonName,
    pub(super) embedding: &'a Embedding,
    pub(super) sha256: Option<&'a [u8; 32]>,
    /// Of two copies of a photo the one with more of it is kept.
    pub(super) quality: f32,
    /// It was accepted before and is not judged.
    pub(super) is_settled: bool,
}

/// A photo, of the batch or enrolled before.
pub(super) struct Member<'a> {
    /// Index of the person.
    pub(super) person: usize,
    pub(super) embedding: &'a Embedding,
    pub(super) sha256: Option<&'a [u8; 32]>,
    /// `None` for one of the batch.
    pub(super) photo_id: Option<&'a str>,
    /// It stays, whatever is found.
    pub(super) is_settled: bool,
}

/// A person with photos among the members.
pub(super) struct Named<'a> {
    pub(super) name: &'a PersonName,
    /// `None` for one who is not enrolled.
    pub(super) id: Option<&'a str>,
}

/// Another member, and how far it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Neighbour {
    /// Index of the member.
    pub(super) member: usize,
    /// Cosine distance; 0 for the same file.
    pub(super) distance: f32,
}

/// The candidates, which come first among the members, with the enrolled photos that matter for them: those of
/// their own people, and those of the people near them.
pub(super) struct Likeness<'a> {
    pub(super) people: Vec<Named<'a>>,
    pub(super) members: Vec<Member<'a>>,
    /// For each member, all others of the same person.
    pub(super) own: Vec<Vec<Neighbour>>,
    /// For each member, those of other people that are nearer than `other_person_distance`.
    pub(super) others: Vec<Vec<Neighbour>>,
}

/// Those of the gallery who matter for photos of people of these names: their own people, and the people near the photos. Compared
/// with them alone, the photos are judged as among all.
pub(super) fn vicinity<'a>(
    gallery: &Gallery,
    params: GateParams,
    photos: impl Iterator<Item = (&'a PersonName, &'a Embedding)>,
) -> Gallery {
    let (names, faces): (Vec<&PersonName>, Vec<Embedding>) =
        photos.map(|(name, face)| (name, face.clone())).unzip();
    let own = names.into_iter().collect::<HashSet<_>>().into_iter();
    let own = own.filter_map(|name| gallery.person_by_name(name)).map(|person| person.id.as_str());
    let near = nearest_people(gallery, params, &faces).map(|person| person.id.as_str());
    let ids: HashSet<&str> = own.chain(near).collect();
    gallery.only(&ids)
}

/// The people near any of the faces, in detail.
fn nearest_people<'a>(
    gallery: &'a Gallery,
    params: GateParams,
    faces: &[Embedding],
) -> impl Iterator<Item = &'a Arc<Person>> {
    let near = nearest_within(gallery, faces, VICINITY, params.other_person_distance).into_iter().flatten();
    near.filter_map(|near| gallery.people().get(near.person))
}

impl<'a> Likeness<'a> {
    /// Takes time in proportion to the square of the number of candidates, on all cores. `check` is called in between
    /// and ends it with an error.
    pub(super) fn measure<E>(
        gallery: &'a Gallery,
        params: GateParams,
        candidates: &[Candidate<'a>],
        check: &mut dyn FnMut() -> Result<(), E>,
    ) -> Result<Self, E> {
        let mut roll = Roll::default();
        for candidate in candidates {
            let person = roll.person(candidate.name);
            roll.members.push(Member {
                person,
                embedding: candidate.embedding,
                sha256: candidate.sha256,
                photo_id: None,
                is_settled: candidate.is_settled,
            });
        }
        for at in 0..roll.people.len() {
            if let Some(person) = gallery.person_by_name(roll.people[at].name) {
                roll.add_enrolled(person);
            }
        }
        let faces: Vec<Embedding> = candidates
            .iter()
            .filter(|candidate| !candidate.is_settled && !gallery.is_empty())
            .map(|candidate| candidate.embedding.clone())
            .collect();
        for person in nearest_people(gallery, params, &faces) {
            roll.add_enrolled(person);
        }
        let Roll { people, members, .. } = roll;
        let (own, others) = distances(&members, params.other_person_distance, check)?;
        Ok(Self { people, members, own, others })
    }
}

/// Collects people and members.
#[derive(Default)]
struct Roll<'a> {
    people: Vec<Named<'a>>,
    index: HashMap<&'a PersonName, usize>,
    members: Vec<Member<'a>>,
}

impl<'a> Roll<'a> {
    fn person(&mut self, name: &'a PersonName) -> usize {
        *self.index.entry(name).or_insert_with(|| {
            self.people.push(Named { name, id: None });
            self.people.len() - 1
        })
    }

    /// Once, however often it is called.
    fn add_enrolled(&mut self, enrolled: &'a Person) {
        let person = self.person(&enrolled.name);
        if self.people[person].id.replace(&enrolled.id).is_some() {
            return;
        }
        self.members.extend(enrolled.photos.iter().map(|photo| Member {
            person,
            embedding: &photo.embedding,
            sha256: photo.source_sha256.as_ref(),
            photo_id: Some(&photo.id),
            is_settled: true,
        }));
    }
}

/// For each member its neighbours.
type Neighbours = Vec<Vec<Neighbour>>;

/// For each member, those of the same person, and those of others nearer than `near`.
fn distances<E>(
    members: &[Member<'_>],
    near: f32,
    check: &mut dyn FnMut() -> Result<(), E>,
) -> Result<(Neighbours, Neighbours), E> {
    let (mut own, mut others) = (vec![Vec::new(); members.len()], vec![Vec::new(); members.len()]);
    let firsts: Vec<usize> = (0..members.len()).collect();
    for block in firsts.chunks(ROWS) {
        check()?;
        let rows: Vec<Vec<Neighbour>> =
            block.par_iter().map(|first| neighbours_after(members, *first, near)).collect();
        for (first, Neighbour { member, distance }) in
            block.iter().zip(rows).flat_map(|(first, row)| row.into_iter().map(move |near| (*first, near)))
        {
            let is_own = members[first].person == members[member].person;
            let lists = if is_own { &mut own } else { &mut others };
            lists[first].push(Neighbour { member, distance });
            lists[member].push(Neighbour { member: first, distance });
        }
    }
    Ok((own, others))
}

/// The members after `first` that are of the same person, or nearer than `near`.
fn neighbours_after(members: &[Member<'_>], first: usize, near: f32) -> Vec<Neighbour> {
    let a = &members[first];
    let later = members.iter().enumerate().skip(first + 1);
    let neighbour = later.filter_map(|(member, b)| {
        let is_own = a.person == b.person;
        // What is settled between two people is not judged again.
        if !is_own && a.is_settled && b.is_settled {
            return None;
        }
        let is_same_file = a.sha256.is_some() && a.sha256 == b.sha256;
        let distance = if is_same_file { 0.0 } else { a.embedding.cosine_distance(b.embedding).max(0.0) };
        (is_own || is_match(distance, near)).then_some(Neighbour { member, distance })
    });
    neighbour.collect()
}
