//! Which columns of a sheet are read, and how their headers are called.
//!
//! Another column: a variant of [`Column`], its headers in [`HEADERS`], and what its cells become in `table.rs`.

use std::collections::BTreeMap;

use crate::person_name::fold;

/// A column that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// The name.
    Name,
    /// The ID.
    Id,
    /// Classes or groups, several separated by `;`. A sheet need not have it.
    Groups,
    /// The last day. A sheet need not have it.
    Until,
}

/// The headers of each column, the preferred first, in the spelling of [`folded`]: what registers and exports of school
/// software call them.
const HEADERS: [(Column, &[&str]); 4] = [
    (
        Column::Name,
        &[
            "name",
            "student name",
            "full name",
            "students name",
            "name of student",
            "pupil name",
            "learner name",
            "participant name",
            "display name",
        ],
    ),
    (
        Column::Id,
        &[
            "id",
            "student id",
            "student number",
            "id number",
            "id no",
            "student no",
            "pupil id",
            "pupil number",
            "learner id",
            "person id",
            "matriculation number",
            "matric number",
            "matric no",
            "registration number",
            "registration no",
            "reg no",
            "admission number",
            "admission no",
            "enrolment number",
            "enrollment number",
            "roll number",
            "roll no",
            "number",
        ],
    ),
    (Column::Groups, &["class", "group", "classes", "groups", "class name", "group name", "homeroom"]),
    (
        Column::Until,
        &["until", "valid until", "expires", "expiry date", "end date", "leaves", "leaving date"],
    ),
];

/// The exact spellings of the old service, which come first where other headers fold to the same.
const EXACT: [(Column, &str); 2] = [(Column::Name, "Name"), (Column::Id, "ID")];

/// Which of the two columns that there must be is missing in a row; in the order of how near it comes to a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Missing {
    /// The row has neither.
    Both,
    /// It has the name.
    Id,
    /// It has the ID.
    Name,
}

/// Where the columns of a sheet are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    found: Vec<(Column, u32)>,
    /// Those of them whose header stands in other columns, too.
    repeated: Vec<u32>,
}

impl Columns {
    /// The columns of a row of headers, by their number.
    pub(super) fn find(headers: &BTreeMap<u32, String>) -> Result<Self, Missing> {
        let folded: Vec<(u32, String)> = headers.iter().map(|(at, text)| (*at, folded(text))).collect();
        let find = |(column, known): &(Column, &[&str])| {
            let exact = EXACT.iter().find(|(of, _)| of == column);
            let found = exact.and_then(|(_, exact)| headers.iter().find(|(_, text)| text == exact));
            let alike = |wanted: &&str| folded.iter().find(|(_, text)| text == wanted).map(|(at, _)| *at);
            let at = found.map(|(at, _)| *at).or_else(|| known.iter().find_map(alike))?;
            Some((*column, at))
        };
        let found: Vec<(Column, u32)> = HEADERS.iter().filter_map(find).collect();
        let has = |wanted: Column| found.iter().any(|(column, _)| *column == wanted);
        match (has(Column::Name), has(Column::Id)) {
            (true, true) => Ok(Self { repeated: repeated(headers, &found), found }),
            (true, false) => Err(Missing::Id),
            (false, true) => Err(Missing::Name),
            (false, false) => Err(Missing::Both),
        }
    }

    /// What the column with this number is; `None` for one that is not read.
    pub(super) fn role(&self, number: u32) -> Option<Column> {
        self.found.iter().find(|(_, at)| *at == number).map(|(column, _)| *column)
    }

    /// The number of a column.
    pub(super) fn number(&self, wanted: Column) -> Option<u32> {
        self.found.iter().find(|(column, _)| *column == wanted).map(|(_, at)| *at)
    }

    /// The numbers of the columns that are read.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.found.iter().map(|(_, at)| *at)
    }

    /// The numbers of those whose header stands in other columns, too, which are not read.
    pub(super) fn repeated(&self) -> &[u32] {
        &self.repeated
    }
}

/// Whether a row has headers in place of a name and an ID: such rows stand again on each page of a printed list.
pub(super) fn is_header_again(name: &str, id: &str) -> bool {
    let is_known = |wanted: Column, text: &str| {
        let text = folded(text);
        HEADERS.iter().any(|(column, known)| *column == wanted && known.contains(&text.as_str()))
    };
    is_known(Column::Name, name) && is_known(Column::Id, id)
}

fn repeated(headers: &BTreeMap<u32, String>, found: &[(Column, u32)]) -> Vec<u32> {
    let stands_again = |at: &u32| {
        let text = headers.get(at);
        headers.iter().any(|(other, header)| other != at && Some(header) == text)
    };
    found.iter().map(|(_, at)| *at).filter(stands_again).collect()
}

/// A header without case, doubled spaces and punctuation: `Student's Name:` and `STUDENTS_NAME` are one.
fn folded(header: &str) -> String {
    let letters: String =
        header.chars().filter(|c| !matches!(c, '\'' | '’' | '.' | ':' | '*' | '#')).collect();
    fold(&letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_other_programs_are_known_and_the_preferred_one_counts() {
        for (headers, expected) in [
            (vec!["Student ID", "Full Name"], Ok((1, 0))),
            (vec!["STUDENT\u{a0} NAME", "student_number"], Ok((0, 1))),
            (vec!["\u{feff}Name\u{200b}", "ID\u{a0}"], Ok((0, 1))),
            (vec!["Student's Name:", "Student No."], Ok((0, 1))),
            (vec!["Full Name", "Name", "Number", "id"], Ok((1, 3))),
            (vec!["name", "Name", "Student ID", "ID"], Ok((1, 3))),
            (vec!["Student", "Number"], Err(Missing::Name)),
            (vec!["Name", "Phone Number"], Err(Missing::Id)),
            (vec!["First", "Last"], Err(Missing::Both)),
        ] {
            let headers: BTreeMap<u32, String> = (0..).zip(headers.into_iter().map(str::to_owned)).collect();
            let found = Columns::find(&headers);
            let found = found.map(|it| (it.number(Column::Name).unwrap(), it.number(Column::Id).unwrap()));
            assert_eq!(found, expected, "{headers:?}");
        }
        let headers = [(0, "Name"), (3, "ID"), (7, "Class")].map(|(at, text)| (at, text.to_owned()));
        let columns = Columns::find(&BTreeMap::from(headers)).unwrap();
        assert_eq!((columns.role(7), columns.role(1)), (Some(Column::Groups), None));
    }
}
