//! The groups of a person in a roster: a column `Class` or `Group` whose cells hold one or several.

use crate::person_name;

/// What stands between two groups of a cell.
const SEPARATOR: char = ';';
/// Longest name of a group, characters.
const MAX_CHARS: usize = 100;
/// Maximum number of groups of one person; further ones are left out.
const MAX_GROUPS: usize = 32;
/// What a group takes beside its letters, bytes: its place in the list, and the allocator's share.
const GROUP_BYTES: usize = 48;

/// The groups of a cell, each once and in its order. What is empty, too long or has control characters is left out; the
/// second value says whether anything but emptiness was.
pub(super) fn parse(cell: &str) -> (Vec<String>, bool) {
    let (mut groups, mut left_out): (Vec<String>, bool) = (Vec::new(), false);
    for name in cell.split(SEPARATOR) {
        let name = person_name::normalize(name);
        if name.is_empty() || groups.iter().any(|known| *known == name) {
            continue;
        }
        let fits = name.chars().count() <= MAX_CHARS && !name.contains(char::is_control);
        if fits && groups.len() < MAX_GROUPS {
            groups.push(name.into_owned());
        } else {
            left_out = true;
        }
    }
    (groups, left_out)
}

/// What groups count against the limit of all text, bytes: each is a text of its own, which takes memory beside its
/// letters.
pub(super) fn weight(groups: &[String]) -> usize {
    groups.iter().map(|name| name.len() + GROUP_BYTES).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_holds_one_group_or_several_each_once() {
        let groups = |names: &[&str]| (names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>(), false);
        assert_eq!(parse(" 7A "), groups(&["7A"]));
        assert_eq!(parse("7A;Choir ; 7A;;"), groups(&["7A", "Choir"]));
        assert_eq!(parse(" ; "), groups(&[]));
    }

    #[test]
    fn what_can_be_no_name_of_a_group_is_left_out() {
        assert_eq!(parse("7A;a\u{7}b"), (vec!["7A".to_owned()], true));
        assert_eq!(parse(&"x".repeat(101)), (Vec::new(), true));
        let many: Vec<String> = (0..40).map(|at| at.to_string()).collect();
        let (groups, left_out) = parse(&many.join(";"));
        assert_eq!((groups.len(), left_out), (MAX_GROUPS, true));
    }
}
