//! What is odd about the rows of a roster, said by their places: warnings name nobody and may be logged.

use std::borrow::Cow;
use std::collections::HashMap;

use super::table::{Place, RosterRow};
use crate::student_id::StudentId;

/// Most places that a warning names before the last.
const MAX_PLACES: usize = 5;

/// Rows with one name, spelled alike; the last counts.
pub(super) fn repeated_names(rows: &[RosterRow]) -> Vec<String> {
    let groups = groups(rows, |row| Some(row.name.as_str().into()));
    let warning = |places: &Vec<Place>| {
        let last = places.last().copied();
        let counts = last.map(|last| format!(": {last} counts")).unwrap_or_default();
        format!("{} have the same name{counts}", listed(places))
    };
    groups.iter().map(warning).collect()
}

/// Rows whose names are one name in other spellings, and rows with one ID; of each name only the row that counts.
pub(super) fn alike(rows: &[RosterRow]) -> Vec<String> {
    let names = groups(rows, |row| Some(row.name.key().into()));
    let names = names.iter().map(|places| {
        format!("{} have names that differ only in case, spaces or invisible characters", listed(places))
    });
    let ids = groups(rows, |row| row.id.as_ref().map(|id| id_key(id).into()));
    names.chain(ids.iter().map(|places| format!("{} have the same ID", listed(places)))).collect()
}

/// The places of rows that have one key, where there are several, in the order of the rows.
fn groups<'r>(rows: &'r [RosterRow], key: impl Fn(&'r RosterRow) -> Option<Cow<'r, str>>) -> Vec<Vec<Place>> {
    let mut places_of: HashMap<Cow<'r, str>, Vec<Place>> = HashMap::new();
    for row in rows {
        if let Some(key) = key(row) {
            places_of.entry(key).or_default().push(row.place);
        }
    }
    let mut groups: Vec<Vec<Place>> = places_of.into_values().filter(|places| places.len() > 1).collect();
    groups.sort();
    groups
}

/// An ID as somebody reads it: the number 7 and the text `7` are one.
fn id_key(id: &StudentId) -> String {
    match id {
        StudentId::Integer(number) => number.to_string(),
        StudentId::Number(number) => number.to_string(),
        StudentId::Text(text) => text.to_lowercase(),
    }
}

/// `rows 2, 3 and 7`; with the sheets where there is more than the first.
fn listed(places: &[Place]) -> String {
    let [first @ .., last] = places else { return String::new() };
    let are_in_first = places.iter().all(|place| place.sheet == 1);
    let label = |place: &Place| if are_in_first { place.row.to_string() } else { place.to_string() };
    let shown: Vec<String> = first.iter().take(MAX_PLACES).map(label).collect();
    let more = if first.len() > MAX_PLACES { ", ..." } else { "" };
    let rows = if are_in_first { "rows " } else { "" };
    format!("{rows}{}{more} and {}", shown.join(", "), label(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::person_name::PersonName;

    fn row(sheet: u32, row: u32, name: &str, id: Option<StudentId>) -> RosterRow {
        RosterRow {
            place: Place { sheet, row },
            name: PersonName::parse(name).unwrap(),
            id,
            groups: None,
            until: None,
        }
    }

    #[test]
    fn names_that_are_one_and_ids_of_two_are_named_by_their_rows() {
        let number = Some(StudentId::Integer(7));
        let rows = [
            row(1, 2, "Ada", number.clone()),
            row(1, 3, "Grace", StudentId::from_text("a1")),
            row(1, 4, "ADA\u{200b}", None),
            row(1, 5, "Alan", StudentId::from_text("7")),
            row(2, 2, "Joan", StudentId::from_text("A1")),
            row(2, 3, "Mary", None),
        ];
        assert_eq!(
            alike(&rows),
            [
                "rows 2 and 4 have names that differ only in case, spaces or invisible characters",
                "rows 2 and 5 have the same ID",
                "row 3 and row 2 of sheet 2 have the same ID",
            ]
        );
        assert_eq!(repeated_names(&rows), Vec::<String>::new());
        let many: Vec<RosterRow> = (2..=9).map(|at| row(1, at, "Ada", None)).collect();
        assert_eq!(repeated_names(&many), ["rows 2, 3, 4, 5, 6, ... and 9 have the same name: row 9 counts"]);
    }
}
