//! Greedy one-to-one assignment of a photo's faces to people, most alike pairs first; the second choice only for twins.

use std::collections::HashMap;

/// A person whom a face may get.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Choice {
    pub(super) person: usize,
    /// How alike they are: a score or a negated distance; higher is more alike.
    pub(super) likeness: f32,
    /// Whether the face would be the person's if it were alone in the photo.
    pub(super) is_match: bool,
}

/// What a face gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assigned {
    /// The person at this index of the face's choices.
    Choice(usize),
    /// Nobody: the best choice is no match.
    Nobody,
    /// Nobody: the best choice went to the face with this index, which is more alike.
    TakenBy(usize),
}

/// Each face by itself, as the Flask service did.
pub(super) fn assign_independent(faces: &[Vec<Choice>]) -> Vec<Assigned> {
    let assign = |choices: &Vec<Choice>| match choices.first() {
        Some(best) if best.is_match => Assigned::Choice(0),
        _ => Assigned::Nobody,
    };
    faces.iter().map(assign).collect()
}

/// Most alike pairs first, over the whole photo: a person goes to one face, a face to one person. `faces` lists the choices
/// of each face, best first. A face gets its second choice only when the first went to another face, the second is
/// a match by itself, and the two may be twins: `may_be_twins` is given the first and the second.
pub(super) fn assign_unique(
    faces: &[Vec<Choice>],
    may_be_twins: impl Fn(Choice, Choice) -> bool,
) -> Vec<Assigned> {
    let mut pairs: Vec<(usize, usize, Choice)> = Vec::with_capacity(faces.len());
    for (face, choices) in faces.iter().enumerate() {
        let Some(best) = choices.first().filter(|best| best.is_match) else { continue };
        pairs.push((face, 0, *best));
        let second = choices.get(1).filter(|second| second.is_match && may_be_twins(*best, **second));
        pairs.extend(second.map(|second| (face, 1, *second)));
    }
    pairs.sort_unstable_by(|(face_a, at_a, a), (face_b, at_b, b)| {
        b.likeness.total_cmp(&a.likeness).then(face_a.cmp(face_b)).then(at_a.cmp(at_b))
    });
    let mut owner: HashMap<usize, usize> = HashMap::new();
    let mut assigned = vec![Assigned::Nobody; faces.len()];
    for (face, at, choice) in pairs {
        let is_free = !owner.contains_key(&choice.person);
        if let Some(slot @ Assigned::Nobody) = assigned.get_mut(face)
            && is_free
        {
            owner.insert(choice.person, face);
            *slot = Assigned::Choice(at);
        }
    }
    for (slot, choices) in assigned.iter_mut().zip(faces) {
        let taken = choices.first().and_then(|best| owner.get(&best.person));
        if let (Assigned::Nobody, Some(other)) = (*slot, taken) {
            *slot = Assigned::TakenBy(*other);
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(choices: &[(usize, f32)]) -> Vec<Choice> {
        let choice =
            |&(person, likeness): &(usize, f32)| Choice { person, likeness, is_match: likeness >= 3.0 };
        choices.iter().map(choice).collect()
    }

    fn within_one(first: Choice, second: Choice) -> bool {
        first.likeness - second.likeness <= 1.0
    }

    #[test]
    fn a_second_face_of_a_person_gets_nobody() {
        let faces = [choices(&[(0, 8.0), (1, 3.5)]), choices(&[(0, 9.0), (1, 3.2)])];
        assert_eq!(assign_unique(&faces, within_one), [Assigned::TakenBy(1), Assigned::Choice(0)]);
        assert_eq!(assign_independent(&faces), [Assigned::Choice(0), Assigned::Choice(0)]);
    }

    #[test]
    fn twins_who_are_both_enrolled_both_get_their_name() {
        let faces = [choices(&[(0, 8.0), (1, 7.5)]), choices(&[(0, 9.0), (1, 7.0)])];
        assert_eq!(assign_unique(&faces, within_one), [Assigned::Choice(1), Assigned::Choice(0)]);
        // No second choice that is no match by itself.
        let faces = [choices(&[(0, 3.5), (1, 2.9)]), choices(&[(0, 9.0)])];
        assert_eq!(assign_unique(&faces, within_one), [Assigned::TakenBy(1), Assigned::Choice(0)]);
    }

    #[test]
    fn the_second_choice_of_people_who_are_no_twins_is_not_given() {
        let faces = [choices(&[(0, 8.0), (1, 7.9)]), choices(&[(0, 9.0), (1, 7.0)])];
        assert_eq!(assign_unique(&faces, |_, _| false), [Assigned::TakenBy(1), Assigned::Choice(0)]);
    }

    #[test]
    fn a_third_choice_is_never_given() {
        let near = [(0, 8.0), (1, 7.9), (2, 7.8)];
        let faces = [choices(&near), choices(&near), choices(&near)];
        assert_eq!(
            assign_unique(&faces, within_one),
            [Assigned::Choice(0), Assigned::Choice(1), Assigned::TakenBy(0)]
        );
    }

    #[test]
    fn faces_like_nobody_get_nobody() {
        assert_eq!(
            assign_unique(&[vec![], choices(&[(0, 1.0)])], within_one),
            [Assigned::Nobody, Assigned::Nobody]
        );
    }
}
