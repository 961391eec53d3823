use super::*;
use std::borrow::Cow;

fn text(text: &str) -> Cell<'_> {
    Cell::Text(Cow::Borrowed(text))
}

fn with_headers() -> Table {
    let mut table = Table::new(1, Room::default());
    table.take(1, 0, &text("Name")).unwrap();
    table.take(1, 1, &text("ID")).unwrap();
    table
}

fn rows(table: Table) -> (Vec<RosterRow>, Vec<String>, usize) {
    match table.finish().unwrap() {
        Sheet::Rows { rows, warnings, warnings_left_out, .. } => (rows, warnings, warnings_left_out),
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_a_long_text_that_many_headers_refer_to_only_the_start_is_kept() {
    let long = format!(" {}", "é".repeat(1 << 20));
    let mut table = Table::new(1, Room::default());
    for column in 0..40_000 {
        table.take(1, column, &text(&long)).unwrap();
    }
    let Header::Wanted { cells, .. } = &table.header else { panic!() };
    assert_eq!(cells.len(), MAX_COLUMNS as usize);
    assert!(cells.values().all(|text| *text == "é".repeat(MAX_HEADER_CHARS)));
}

#[test]
fn no_long_text_is_taken_however_many_cells_refer_to_it() {
    // Were each looked at whole, this would take hours.
    let (long, spaces) = ("x".repeat(8 << 20), " ".repeat(8 << 20));
    let mut table = with_headers();
    table.room.text = usize::MAX;
    for row in 2..100_002 {
        table.take(row, 0, &text(&long)).unwrap();
        table.take(row, 1, &text(&spaces)).unwrap();
    }
    let (rows, warnings, left_out) = rows(table);
    assert!(rows.is_empty());
    assert_eq!(
        warnings[..2],
        [
            "row 2 is left out: the name has 8388608 bytes: at most 200 characters are allowed",
            "cell B2: the ID has 8388608 bytes, when 200 characters are allowed; taken as empty"
        ]
    );
    assert_eq!((warnings.len(), left_out), (MAX_WARNINGS, 200_000 - MAX_WARNINGS));
}

#[test]
fn what_all_names_and_ids_have_together_is_limited() {
    for column in [0, 1] {
        let (mut table, long) = (with_headers(), "x".repeat(200));
        let most = MAX_TEXT_BYTES / long.len();
        for row in 0..most {
            table.take(2 + row as u32, column, &text(&long)).unwrap();
        }
        let next = table.take(2 + most as u32, column, &text(&long));
        let expected = "found: names and IDs of more than 64 MiB";
        assert!(next.unwrap_err().to_string().ends_with(expected));
    }
    let beyond = with_headers().take(MAX_ROWS + 1, 0, &text("Ada"));
    assert!(beyond.unwrap_err().to_string().ends_with("a row 1048577, when 1048576 are the most"));
}

#[test]
fn a_decomposed_name_of_the_greatest_length_is_taken() {
    let mut table = with_headers();
    let name = "e\u{302}\u{301}".repeat(person_name::MAX_CHARS);
    table.take(2, 0, &text(&name)).unwrap();
    let (rows, ..) = rows(table);
    assert_eq!(rows[0].name.as_str(), "\u{1ebf}".repeat(person_name::MAX_CHARS));
}

#[test]
fn the_header_is_searched_in_so_many_rows() {
    let found = |titles: u32| {
        let mut table = Table::new(1, Room::default());
        for row in 1..=titles {
            table.take(3 * row, 0, &text("Name")).unwrap();
        }
        assert!(!table.is_hopeless());
        table.take(100, 0, &text("Name")).unwrap();
        table.take(100, 1, &text("ID")).unwrap();
        table.take(101, 0, &text("Ada")).unwrap();
        table.finish().unwrap()
    };
    assert!(matches!(found(19), Sheet::Rows { rows, .. } if rows.len() == 1));
    assert!(matches!(found(20), Sheet::Unfit(Missing::Id)));
}

#[test]
fn merged_cells_have_the_value_of_their_first() {
    let mut table = Table::new(1, Room::default());
    for (column, header) in (0..).zip(["Name", "ID", "Class"]) {
        table.take(1, column, &text(header)).unwrap();
    }
    for row in 2..=9 {
        table.take(row, 0, &text(&format!("Person {row}"))).unwrap();
    }
    table.take(2, 1, &text("0046")).unwrap();
    table.take(2, 2, &text("7A; 7B;")).unwrap();
    table.take(5, 1, &Cell::Number(7.0)).unwrap();
    table.take_merged(1, 2, 4);
    table.take_merged(1, 3, 9); // overlaps
    table.take_merged(2, 2, 3);
    table.take_merged(0, 2, 3); // names are not spread
    let (rows, ..) = rows(table);
    let ids: Vec<_> = rows.iter().map(|row| row.id.clone()).collect();
    let (text, number) = (StudentId::from_text("0046"), Some(StudentId::Integer(7)));
    assert_eq!(ids, [text.clone(), text.clone(), text, number, None, None, None, None]);
    let groups: Vec<_> = rows.iter().map(|row| row.groups.as_ref().unwrap().join("|")).collect();
    assert_eq!(groups, ["7A|7B", "7A|7B", "", "", "", "", "", ""]);
}

#[test]
fn what_merged_cells_have_together_is_counted() {
    let with_groups = |bytes: usize| {
        let mut table = Table::new(1, Room::default());
        for (column, header) in (0..).zip(["Name", "ID", "Class"]) {
            table.take(1, column, &text(header)).unwrap();
        }
        for row in 2..=101 {
            table.take(row, 0, &text(&format!("Person {row}"))).unwrap();
        }
        table.take(2, 1, &text("0046")).unwrap();
        table.take(2, 2, &text("7A; 7B;")).unwrap();
        table.take_merged(1, 2, 101);
        table.take_merged(2, 2, 101);
        table.room.text = bytes;
        table.finish()
    };
    // 99 rows, each with an ID of four bytes and two groups of two.
    let needed = 99 * (4 + 2 * (2 + 48));
    assert!(
        matches!(with_groups(needed), Ok(Sheet::Rows { rows, room, .. }) if rows.len() == 100 && room.text == 0)
    );
    let error = with_groups(needed - 1).unwrap_err().to_string();
    assert!(error.ends_with("names and IDs of more than 64 MiB"), "{error}");
}

#[test]
fn a_name_counts_with_all_characters_that_it_is_compared_by() {
    // One character that stands for eighteen.
    let (mut table, name) = (with_headers(), "\u{fdfa}".repeat(person_name::MAX_CHARS));
    table.room.text = 2 * name.len();
    assert!(table.take(2, 0, &text(&name)).is_err());
    table.room.text = 11 * name.len();
    table.take(2, 0, &text(&name)).unwrap();
    assert!(table.take(3, 2, &text("x")).is_ok());
}

#[test]
fn all_sheets_together_have_so_many_rows() {
    let (mut first, ada) = (with_headers(), text("Ada"));
    first.room.rows = 3;
    first.take(2, 0, &ada).unwrap();
    first.take(3, 1, &Cell::Number(1.0)).unwrap();
    let Sheet::Rows { room, .. } = first.finish().unwrap() else { panic!() };
    // The row without a name is none.
    let mut second = with_headers();
    second.room = room;
    second.take(2, 0, &ada).unwrap();
    second.take(3, 0, &ada).unwrap();
    second.take(3, 1, &Cell::Number(1.0)).unwrap();
    let error = second.take(4, 1, &Cell::Number(1.0)).unwrap_err().to_string();
    assert!(error.ends_with("more than 500000 rows with a name or an ID"), "{error}");
}

#[test]
fn headers_that_stand_again_are_nobody_and_in_other_columns_are_named() {
    let mut table = Table::new(1, Room::default());
    for (column, header) in (0..).zip(["Name", "ID", "", "Name", "Class"]) {
        table.take(1, column, &text(header)).unwrap();
    }
    for (row, name, id) in [(2, "Ada", "1"), (3, "NAME", "Student ID"), (4, "Name", "7"), (5, "Alan", "ID")] {
        table.take(row, 0, &text(name)).unwrap();
        table.take(row, 1, &text(id)).unwrap();
    }
    let (rows, warnings, _) = rows(table);
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["Ada", "Name", "Alan"]);
    assert_eq!(warnings, ["the header in cell A1 stands in other columns, too: those are not read"]);
}

#[test]
fn addresses_are_those_of_the_sheet() {
    let address = |sheet, row, column| Table::new(sheet, Room::default()).address(row, column);
    assert_eq!(address(1, 5, 1), "B5");
    assert_eq!(address(1, 1, 25), "Z1");
    assert_eq!(address(1, 1, 26), "AA1");
    assert_eq!(address(2, 9, 16_383), "XFD9 of sheet 2");
}
