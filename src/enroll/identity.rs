//! Whose photo it is: the second pass of enrolment, over all photos of a batch at once.
//!
//! A photo is refused when more photos of another person agree with it than of its own person, and the nearest of
//! all is the other's. Two photos agree below `other_person_distance`. Only photos that agree with the largest group
//! of their person's photos have a say, so that a misfiled photo neither speaks for the person it lies with nor
//! keeps out the one it shows. The most contradicted photo is refused first, and then the rest is judged anew.
//!
//! The result does not depend on the order of people and photos: ties are broken by the embeddings.

use std::cmp::Ordering;
use std::convert::Infallible;

use super::likeness::{Candidate, Likeness, Neighbour};
use super::{GateParams, Reason};
use crate::embed::Embedding;
use crate::gallery::search::is_match;
use crate::gallery::{EnrolledPhoto, Gallery};
use crate::person_name::PersonName;

/// Why each candidate is refused; nothing where it may be enrolled. With `force` none is, and each is compared with
/// all others. `check` is called in between and ends it with an error.
pub(super) fn judge<E>(
    gallery: &Gallery,
    params: GateParams,
    candidates: &[Candidate<'_>],
    force: bool,
    check: &mut dyn FnMut() -> Result<(), E>,
) -> Result<Vec<Vec<Reason>>, E> {
    let likeness = Likeness::measure(gallery, params, candidates, check)?;
    let mut bench = Bench { standing: vec![true; likeness.members.len()], likeness, params };
    let mut reasons = vec![Vec::new(); candidates.len()];
    for (at, reason) in bench.repeats(candidates) {
        bench.standing[at] = force;
        reasons[at].push(reason);
    }
    if force {
        let evidence = bench.evidence();
        for (at, reasons) in reasons.iter_mut().enumerate() {
            reasons.extend(bench.claim(at, &evidence).map(|claim| bench.reason(&claim)));
        }
        return Ok(reasons);
    }
    while let Some((at, claim)) = bench.strongest_claim(candidates.len()) {
        check()?;
        bench.standing[at] = false;
        reasons[at].push(bench.reason(&claim));
    }
    Ok(reasons)
}

/// Re-checks photos of the person `name` that were accepted against an earlier gallery: people may have
/// been enrolled since. Returns the first conflict.
#[must_use]
pub fn identity_conflict(
    gallery: &Gallery,
    params: GateParams,
    name: &PersonName,
    photos: &[EnrolledPhoto],
) -> Option<Reason> {
    let candidates = photos.iter().map(|photo| Candidate {
        name,
        embedding: &photo.embedding,
        sha256: photo.source_sha256.as_ref(),
        quality: 0.0,
        is_settled: false,
    });
    let candidates: Vec<Candidate<'_>> = candidates.collect();
    // The photos of one request: too few for the wish to cancel.
    let Ok(reasons) = judge::<Infallible>(gallery, params, &candidates, false, &mut || Ok(()));
    reasons.into_iter().flatten().next()
}

/// An order of embeddings by their numbers, whatever they mean.
pub(super) fn by_numbers(a: &Embedding, b: &Embedding) -> Ordering {
    let (a, b) = (a.values(), b.values());
    let pairs = a.iter().zip(b.iter());
    pairs.map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// Another person's claim to a photo.
struct Claim {
    /// Index of the other person.
    other: usize,
    /// By how many the photos of the other that agree outnumber those of the own person.
    excess: usize,
    /// Distance to the nearest of them.
    distance: f32,
    /// Photos of the own person that agree.
    own_agreeing: usize,
    /// Distance to the nearest other photo of the own person; `None` where there is none.
    own_distance: Option<f32>,
}

impl Claim {
    /// Stronger claims are greater. A person's only photo is the last to be refused.
    fn strength(&self, than: &Self) -> Ordering {
        let gap = |claim: &Self| claim.own_distance.unwrap_or(0.0) - claim.distance;
        let of_more = self.excess.cmp(&than.excess);
        let contradicted = self.own_distance.is_some().cmp(&than.own_distance.is_some());
        of_more.then(contradicted).then(gap(self).total_cmp(&gap(than)))
    }
}

/// How many photos of a person agree, and how near the nearest of them is.
#[derive(Debug, Clone, Copy)]
struct Support {
    photos: usize,
    distance: f32,
}

impl Support {
    const NONE: Self = Self { photos: 0, distance: f32::INFINITY };

    fn and(self, distance: f32) -> Self {
        Self { photos: self.photos + 1, distance: self.distance.min(distance) }
    }
}

/// The photos, and which of them have not been refused.
struct Bench<'a> {
    likeness: Likeness<'a>,
    standing: Vec<bool>,
    params: GateParams,
}

impl Bench<'_> {
    /// The candidates that their person has already; of copies in the batch the best is none.
    fn repeats(&self, candidates: &[Candidate<'_>]) -> Vec<(usize, Reason)> {
        let members = &self.likeness.members;
        let mut order: Vec<usize> = (0..candidates.len()).filter(|at| !members[*at].is_settled).collect();
        order.sort_by(|a, b| {
            let [(a_seen, a), (b_seen, b)] = [a, b].map(|at| (&candidates[*at], &members[*at]));
            let better = b_seen.quality.total_cmp(&a_seen.quality);
            better.then_with(|| by_numbers(a.embedding, b.embedding)).then_with(|| a.sha256.cmp(&b.sha256))
        });
        let mut kept: Vec<bool> = members.iter().map(|member| member.is_settled).collect();
        let mut repeats = Vec::new();
        for at in order {
            let earlier = self.likeness.own[at].iter().filter(|own| kept[own.member]);
            let nearest = earlier.min_by(|a, b| a.distance.total_cmp(&b.distance));
            match nearest.filter(|own| is_match(own.distance, self.params.same_photo_distance)) {
                None => kept[at] = true,
                Some(Neighbour { member, distance }) => {
                    let photo_id = members[*member].photo_id.map(str::to_owned);
                    let (measured, needed) = (*distance, self.params.same_photo_distance);
                    repeats.push((at, Reason::SamePhotoAgain { photo_id, measured, needed }));
                }
            }
        }
        repeats
    }

    /// For each member, whether it speaks for its person: the only photo, or one of the largest group around one of
    /// the photos. Where no two photos agree, there is no telling which ones are right, and none speaks.
    fn evidence(&self) -> Vec<bool> {
        let mut people: Vec<Vec<usize>> = vec![Vec::new(); self.likeness.people.len()];
        for (at, member) in self.likeness.members.iter().enumerate().filter(|(at, _)| self.standing[*at]) {
            people[member.person].push(at);
        }
        let mut evidence = vec![false; self.likeness.members.len()];
        for photos in people {
            let group = match photos.as_slice() {
                [only] => vec![*only],
                _ => self.largest_group(&photos),
            };
            for at in group {
                evidence[at] = true;
            }
        }
        evidence
    }

    /// The photo with which most of the person's photos agree, and those; of equal ones the densest group.
    fn largest_group(&self, photos: &[usize]) -> Vec<usize> {
        let agreeing = |at: usize| {
            let mut near: Vec<Neighbour> = self.agreeing(at).collect();
            // In one order, so that their sum is one number.
            near.sort_by(|a, b| a.distance.total_cmp(&b.distance));
            (at, near)
        };
        let sum = |near: &[Neighbour]| near.iter().map(|own| own.distance).sum::<f32>();
        let largest = photos.iter().map(|at| agreeing(*at)).max_by(|(a, a_near), (b, b_near)| {
            let denser = || sum(b_near).total_cmp(&sum(a_near));
            let numbers = || self.by_numbers(*a, *b);
            a_near.len().cmp(&b_near.len()).then_with(denser).then_with(numbers)
        });
        match largest {
            Some((at, near)) if !near.is_empty() => {
                near.iter().map(|own| own.member).chain(std::iter::once(at)).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Standing photos of the same person that agree.
    fn agreeing(&self, at: usize) -> impl Iterator<Item = Neighbour> {
        let near = self.params.other_person_distance;
        let own = self.likeness.own[at].iter().copied();
        own.filter(move |own| self.standing[own.member] && is_match(own.distance, near))
    }

    /// The strongest claim to a candidate that stands.
    fn strongest_claim(&self, candidates: usize) -> Option<(usize, Claim)> {
        let evidence = self.evidence();
        let claims = (0..candidates)
            .filter(|at| self.standing[*at])
            .filter_map(|at| Some((at, self.claim(at, &evidence)?)));
        claims.max_by(|(a, a_claim), (b, b_claim)| {
            a_claim.strength(b_claim).then_with(|| self.by_numbers(*a, *b)).then_with(|| self.by_name(*a, *b))
        })
    }

    /// The claim of another person to a photo, if one is stronger than that of its own; of several people that of
    /// the nearest.
    fn claim(&self, at: usize, evidence: &[bool]) -> Option<Claim> {
        let members = &self.likeness.members;
        if members[at].is_settled {
            return None;
        }
        let own = self
            .agreeing(at)
            .filter(|own| evidence[own.member])
            .map(|own| own.distance)
            .fold(Support::NONE, Support::and);
        let mut others: Vec<(usize, Support)> = Vec::new();
        for near in &self.likeness.others[at] {
            if !(self.standing[near.member] && evidence[near.member]) {
                continue;
            }
            let person = members[near.member].person;
            match others.iter_mut().find(|(other, _)| *other == person) {
                Some((_, support)) => *support = support.and(near.distance),
                None => others.push((person, Support::NONE.and(near.distance))),
            }
        }
        let stronger = others
            .into_iter()
            .filter(|(_, support)| support.photos > own.photos && support.distance < own.distance);
        let (other, support) = stronger.min_by(|(a, a_support), (b, b_support)| {
            let name = |person: usize| self.likeness.people[person].name;
            let nearer = a_support.distance.total_cmp(&b_support.distance);
            nearer.then_with(|| b_support.photos.cmp(&a_support.photos)).then_with(|| name(*a).cmp(name(*b)))
        })?;
        let others_of_own = self.likeness.own[at].iter().filter(|own| self.standing[own.member]);
        Some(Claim {
            other,
            excess: support.photos - own.photos,
            distance: support.distance,
            own_agreeing: own.photos,
            own_distance: others_of_own.map(|own| own.distance).min_by(f32::total_cmp),
        })
    }

    fn reason(&self, claim: &Claim) -> Reason {
        let other = &self.likeness.people[claim.other];
        let (person_id, name) = (other.id.map(str::to_owned), other.name.clone());
        let (measured, needed) = (claim.distance, self.params.other_person_distance);
        match claim.own_distance {
            Some(own_distance) if claim.own_agreeing == 0 => {
                Reason::UnlikeOwnPhotos { person_id, name, measured, needed, own_distance }
            }
            _ => Reason::LooksLikeAnotherPerson { person_id, name, measured, needed },
        }
    }

    fn by_numbers(&self, a: usize, b: usize) -> Ordering {
        let embedding = |at: usize| self.likeness.members[at].embedding;
        by_numbers(embedding(a), embedding(b))
    }

    fn by_name(&self, a: usize, b: usize) -> Ordering {
        let name = |at: usize| self.likeness.people[self.likeness.members[at].person].name;
        name(a).cmp(name(b))
    }
}
