//! The photos that identity is judged on, and the distances between them.

use std::collections::HashMap;

use super::GateParams;
use crate::embed::Embedding;
use crate::gallery::search::{is_match, nearest};
use crate::gallery::{Gallery, Person};
use crate::person_name::PersonName;

/// Most enrolled people that a photo is compared with in detail: the nearest.
const VICINITY: usize = 16;

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

impl<'a> Likeness<'a> {
    /// Takes time in proportion to the square of the number of candidates.
    pub(super) fn measure(gallery: &'a Gallery, params: GateParams, candidates: &[Candidate<'a>]) -> Self {
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
        for near in nearest(gallery, &faces, VICINITY).into_iter().flatten() {
            let is_near = is_match(near.distance.max(0.0), params.other_person_distance);
            if let Some(person) = gallery.people().get(near.person).filter(|_| is_near) {
                roll.add_enrolled(person);
            }
        }
        let Roll { people, members, .. } = roll;
        let (own, others) = distances(&members, params.other_person_distance);
        Self { people, members, own, others }
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

/// For each member, those of the same person, and those of others nearer than `near`.
fn distances(members: &[Member<'_>], near: f32) -> (Vec<Vec<Neighbour>>, Vec<Vec<Neighbour>>) {
    let (mut own, mut others) = (vec![Vec::new(); members.len()], vec![Vec::new(); members.len()]);
    for (first, a) in members.iter().enumerate() {
        for (second, b) in members.iter().enumerate().skip(first + 1) {
            let is_own = a.person == b.person;
            // What is settled between two people is not judged again.
            if !is_own && a.is_settled && b.is_settled {
                continue;
            }
            let is_same_file = a.sha256.is_some() && a.sha256 == b.sha256;
            let distance = if is_same_file { 0.0 } else { a.embedding.cosine_distance(b.embedding).max(0.0) };
            let lists = if is_own { &mut own } else { &mut others };
            if is_own || is_match(distance, near) {
                lists[first].push(Neighbour { member: second, distance });
                lists[second].push(Neighbour { member: first, distance });
            }
        }
    }
    (own, others)
}
