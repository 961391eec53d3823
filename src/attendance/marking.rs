//! The rules of marking, free of storage: what photos show, what a hand says, and what follows.
//!
//! [`Evidence`] only ever grows, by minimum, maximum and best-of: the order in which photos arrive
//! doesn't matter, and neither does one that arrives twice. The hand's word stands beside it, so
//! that no photo overwrites it and withdrawing it brings the photos' back.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::model::{HandMark, PhotoRef};
use super::status::Status;

/// One face taken for somebody.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    /// Whether it was a match; else an unsure one.
    pub certain: bool,
    /// Similarity; finite.
    pub score: f32,
    /// When the photo was taken.
    pub at: Timestamp,
    /// Which photo and face.
    pub photo: PhotoRef,
}

impl Sighting {
    /// Greater is better: certain, then more alike, then earlier. Photo and face break ties, so that
    /// the best one doesn't depend on the order of arrival.
    fn rank(&self, other: &Self) -> Ordering {
        let by_photo =
            || (other.photo.sha256, other.photo.face_index).cmp(&(self.photo.sha256, self.photo.face_index));
        self.certain
            .cmp(&other.certain)
            .then(self.score.total_cmp(&other.score))
            .then(other.at.cmp(&self.at))
            .then_with(by_photo)
            .then_with(|| other.photo.id.cmp(&self.photo.id))
    }
}

/// All that the photos of a session show of one person.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// First and last time recognised.
    pub seen: Option<(Timestamp, Timestamp)>,
    /// First and last time recognised with doubt.
    pub unsure: Option<(Timestamp, Timestamp)>,
    /// The sighting that speaks best.
    pub best: Option<Sighting>,
}

impl Evidence {
    /// Takes a sighting in. Commutative, associative and idempotent.
    pub fn add(&mut self, sighting: &Sighting) {
        let times = if sighting.certain { &mut self.seen } else { &mut self.unsure };
        *times = Some(widen(*times, (sighting.at, sighting.at)));
        if self.best.as_ref().is_none_or(|best| sighting.rank(best).is_gt()) {
            self.best = Some(sighting.clone());
        }
    }

    /// Takes in what another list shows of the same person.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in [(&mut self.seen, other.seen), (&mut self.unsure, other.unsure)] {
            if let Some(theirs) = theirs {
                *mine = Some(widen(*mine, theirs));
            }
        }
        if let Some(theirs) = &other.best
            && self.best.as_ref().is_none_or(|mine| theirs.rank(mine).is_gt())
        {
            self.best = Some(theirs.clone());
        }
    }
}

fn widen(
    times: Option<(Timestamp, Timestamp)>,
    (first, last): (Timestamp, Timestamp),
) -> (Timestamp, Timestamp) {
    times.map_or((first, last), |(earliest, latest)| (earliest.min(first), latest.max(last)))
}

/// What counts: the hand's word if there is one, else what the photos show.
///
/// `late_from` is the last instant at which one is not late.
#[must_use]
pub fn status(
    evidence: &Evidence,
    hand: Option<&HandMark>,
    enrolled: bool,
    late_from: Option<Timestamp>,
) -> Status {
    match (hand, evidence.seen) {
        (Some(hand), _) => hand.status,
        (None, Some((first, _))) if late_from.is_some_and(|late_from| first > late_from) => Status::Late,
        (None, Some(_)) => Status::Present,
        (None, None) if evidence.unsure.is_some() => Status::Unsure,
        (None, None) if enrolled => Status::Absent,
        (None, None) => Status::NotEnrolled,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
    }

    fn sightings() -> impl Strategy<Value = Vec<Sighting>> {
        let one = (any::<bool>(), 0_u8..4, 0_i64..30, 0_u8..6, 0_u32..3);
        let one = one.prop_map(|(certain, score, minute, photo, face_index)| Sighting {
            certain,
            score: f32::from(score) / 4.0,
            at: at(minute),
            photo: PhotoRef { id: format!("photo {photo}"), sha256: [photo; 32], face_index },
        });
        proptest::collection::vec(one, 0..12)
    }

    fn evidence<'s>(sightings: impl IntoIterator<Item = &'s Sighting>) -> Evidence {
        let mut evidence = Evidence::default();
        sightings.into_iter().for_each(|sighting| evidence.add(sighting));
        evidence
    }

    /// How much is known of somebody: nothing, a doubt, late, in time.
    fn certainty(status: Status) -> u8 {
        match status {
            Status::Absent | Status::NotEnrolled => 0,
            Status::Unsure => 1,
            Status::Late => 2,
            Status::Present => 3,
            Status::Excused => unreachable!("by hand only"),
        }
    }

    proptest! {
        #[test]
        fn order_and_repetition_of_photos_never_matter(
            (all, shuffled) in sightings().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        ) {
            let twice = shuffled.iter().chain(&all);
            prop_assert_eq!(evidence(&all), evidence(twice));
        }

        #[test]
        fn two_halves_merged_are_the_whole(all in sightings(), at in 0_usize..12) {
            let (left, right) = all.split_at(at.min(all.len()));
            let mut merged = evidence(right);
            merged.merge(&evidence(left));
            prop_assert_eq!(merged, evidence(&all));
        }

        #[test]
        fn a_further_photo_never_takes_a_presence_away(
            all in sightings(), late in proptest::option::of(0_i64..30), enrolled: bool,
        ) {
            let mut known = Evidence::default();
            let mut before = status(&known, None, enrolled, late.map(at));
            for sighting in &all {
                known.add(sighting);
                let after = status(&known, None, enrolled, late.map(at));
                prop_assert!(certainty(after) >= certainty(before), "{before:?} became {after:?}");
                before = after;
            }
        }

        #[test]
        fn no_photo_overwrites_the_word_of_a_hand(
            all in sightings(), said in proptest::sample::select(Status::BY_HAND.to_vec()), enrolled: bool,
        ) {
            let hand = HandMark { status: said, by: "A".into(), at: at(0), note: None };
            prop_assert_eq!(status(&evidence(&all), Some(&hand), enrolled, None), said);
        }

        #[test]
        fn who_has_no_enrolled_face_is_never_absent(all in sightings(), late in proptest::option::of(0_i64..30)) {
            prop_assert_ne!(status(&evidence(&all), None, false, late.map(at)), Status::Absent);
        }
    }

    #[test]
    fn the_last_instant_that_is_not_late_is_in_time() {
        let seen = |minute| Evidence { seen: Some((at(minute), at(minute + 5))), ..Evidence::default() };
        let of = |minute| status(&seen(minute), None, true, Some(at(10)));
        assert_eq!((of(10), of(11)), (Status::Present, Status::Late));
    }
}
