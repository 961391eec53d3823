//! Rosters of real schools: which sheets, rows and columns are read, what cells show, and files of other kinds.

use std::io::{Cursor, Write};

use facerec::roster::{Format, Roster};
use facerec::student_id::StudentId;
use rust_xlsxwriter::{Format as CellFormat, Formula, Image, Workbook, Worksheet};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::roster::{HEADERS, STRINGS, handmade, package};
use crate::support::faces::named;
use crate::support::golden_bytes;

fn id(roster: &Roster, name: &str) -> Option<StudentId> {
    roster.id(&named(name)).cloned()
}

fn text(text: &str) -> Option<StudentId> {
    StudentId::from_text(text)
}

fn write(sheet: &mut Worksheet, first_row: u32, rows: &[&[&str]]) {
    for (row, cells) in (first_row..).zip(rows) {
        for (column, cell) in (0..).zip(*cells) {
            if !cell.is_empty() {
                sheet.write_string(row, column, *cell).unwrap();
            }
        }
    }
}

fn read(mut book: Workbook) -> Roster {
    Roster::from_bytes(&book.save_to_buffer().unwrap()).unwrap()
}

#[test]
fn all_visible_sheets_that_have_the_columns_are_read_below_their_titles() {
    let mut book = Workbook::new();
    write(book.add_worksheet(), 0, &[&["How to fill in this form"], &["Ask the office for an ID"]]);
    write(book.add_worksheet().set_hidden(true), 0, &[&["Name", "ID"], &["Ada", "old"]]);
    let titles: [&[&str]; 3] =
        [&["Springfield School"], &["Class 7A", "2026/27"], &["Number", "", "Full Name"]];
    let sheet = book.add_worksheet();
    write(sheet, 0, &titles);
    write(sheet, 5, &[&["0046", "", "Ada"], &["0047", "", "Grace"]]);
    write(book.add_worksheet(), 0, &[&["Student Name", "Student ID"], &["Alan", "A1"], &["Grace", "0048"]]);
    let roster = read(book);
    assert_eq!(roster.len(), 3);
    assert_eq!(id(&roster, "Ada"), text("0046"));
    assert_eq!(id(&roster, "Alan"), text("A1"));
    assert_eq!(id(&roster, "Grace"), text("0048"), "the last row counts");
    let place = roster.row(&named("Ada")).unwrap().place;
    assert_eq!((place.sheet, place.row), (2, 6));
    let twice = "row 7 of sheet 2 and row 3 of sheet 3 have the same name: row 3 of sheet 3 counts";
    assert_eq!(roster.warnings(), [twice]);
}

#[test]
fn workbooks_of_schools_are_read_as_they_are_meant() {
    for (file, ids) in [
        ("nbsp.xlsx", ["1", "2", "3"]),
        ("merged_ids.xlsx", ["1", "1", "3"]),
        // Of several rows with one name the last counts.
        ("two_classes.xlsx", ["1", "0046", "STS-93"]),
    ] {
        let roster = Roster::from_bytes(&golden_bytes(&format!("cases/{file}"))).unwrap();
        let shown = |name: &str| match id(&roster, name) {
            Some(StudentId::Integer(number)) => number.to_string(),
            Some(StudentId::Text(text)) => text,
            other => panic!("{file}: {name}: {other:?}"),
        };
        assert_eq!(["Barack Obama", "Joe Biden", "Eileen Collins"].map(shown), ids, "{file}");
    }
}

#[test]
fn a_workbook_whose_only_fitting_sheet_is_hidden_has_none() {
    let mut book = Workbook::new();
    write(book.add_worksheet(), 0, &[&["Name"], &["Ada"]]);
    write(book.add_worksheet().set_hidden(true), 0, &[&["Name", "ID"], &["Ada", "1"]]);
    let error = Roster::from_bytes(&book.save_to_buffer().unwrap()).unwrap_err().to_string();
    assert!(error.ends_with("found no \"ID\"") && !error.contains("Ada"), "{error}");
}

#[test]
fn an_id_is_what_its_cell_shows_or_there_is_a_warning_with_the_address() {
    let format = |code: &str| CellFormat::new().set_num_format(code);
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    write(sheet, 0, &[&["Name", "", "ID"]]);
    for (row, name) in (1..).zip(["zeros", "dashes", "odd", "merged", "also merged", "plain"]) {
        sheet.write_string(row, 0, name).unwrap();
    }
    sheet.write_number_with_format(1, 2, 44, &format("0000")).unwrap();
    sheet.write_number_with_format(2, 2, 12_345, &format("000-000")).unwrap();
    sheet.write_number_with_format(3, 2, 44, &format("0000.0")).unwrap();
    sheet.merge_range(4, 2, 5, 2, "B7", &CellFormat::new()).unwrap();
    sheet.write_number_with_format(6, 2, 20_090_044, &format("#,##0")).unwrap();
    let roster = read(book);
    assert_eq!(id(&roster, "zeros"), text("0044"));
    assert_eq!(id(&roster, "dashes"), text("012-345"));
    assert_eq!(id(&roster, "odd"), Some(StudentId::Integer(44)));
    assert_eq!((id(&roster, "merged"), id(&roster, "also merged")), (text("B7"), text("B7")));
    assert_eq!(id(&roster, "plain"), Some(StudentId::Integer(20_090_044)));
    let odd = "cell C4 shows its number in a format that is not known here: the number itself is the ID";
    assert_eq!(roster.warnings(), [odd, "rows 5 and 6 have the same ID"]);
}

#[test]
fn a_number_that_its_format_shows_in_an_unknown_way_is_named_by_its_address() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    write(sheet, 0, &[&["Name", "ID", "Class"]]);
    let long = "0".repeat(70_000);
    for (row, number, code) in [
        (1, 1.5, "0000"),
        (2, 44.0, long.as_str()),
        (3, 44.0, "[>100]0000;00"),
        (4, 44.0, "\"A-\"0000"),
        (5, -1.0, "yyyy-mm-dd"),
    ] {
        let format = CellFormat::new().set_num_format(code);
        sheet.write_string(row, 0, format!("row {}", row + 1)).unwrap();
        sheet.write_number_with_format(row, 1, number, &format).unwrap();
        sheet.write_number_with_format(row, 2, number, &format).unwrap();
    }
    let roster = read(book);
    let ids: Vec<_> = (2..=6).map(|row| id(&roster, &format!("row {row}"))).collect();
    let number = |number: f64| StudentId::from_number(number);
    assert_eq!(ids, [number(1.5), number(44.0), number(44.0), text("A-0044"), number(-1.0)]);
    let warning = |row: u32| {
        let shows = "shows its number in a format that is not known here: the number itself is the";
        [format!("cell B{row} {shows} ID"), format!("cell C{row} {shows} group")]
    };
    let mut expected = [2, 3, 4, 6].map(warning).concat();
    expected.push("rows 3 and 4 have the same ID".to_owned());
    assert_eq!(roster.warnings(), expected);
}

#[test]
fn sheets_beyond_the_most_are_counted_in_a_warning() {
    let mut book = Workbook::new();
    for at in 0..70 {
        let sheet = book.add_worksheet().set_hidden(at == 3);
        write(sheet, 0, &[&["Name", "ID"], &[format!("Person {at}").as_str(), format!("id {at}").as_str()]]);
    }
    let roster = read(book);
    assert_eq!((roster.len(), id(&roster, "Person 64")), (64, text("id 64")));
    let left_out = "5 sheets after the first 64 are not read: put them into one, or hide others";
    assert_eq!(roster.warnings(), [left_out]);
    let tables: Vec<String> =
        (0..67).map(|at| table("", &[("Name", "ID"), (&format!("Person {at}"), "")])).collect();
    let ods = Roster::from_bytes(&package(&[("content.xml", content(&tables.concat()).as_bytes())])).unwrap();
    assert_eq!((ods.len(), ods.warnings()), (64, &[left_out.replace('5', "3")][..]));
}

#[test]
fn a_formula_without_a_stored_value_and_an_error_are_named_in_each_column() {
    let header = r#"<row r="1"><c r="A1" t="str"><v>Name</v></c><c r="B1" t="str"><v>ID</v></c>
        <c r="C1" t="str"><v>Class</v></c><c r="D1" t="str"><v>Until</v></c></row>"#;
    let row = |row: u32, name: &str, inner: &str| {
        let cells = ["B", "C", "D"].map(|column| format!(r#"<c r="{column}{row}" {inner}</c>"#)).concat();
        format!(r#"<row r="{row}"><c r="A{row}" {name}</c>{cells}</row>"#)
    };
    let named = |name: &str| format!(r#"t="str"><v>{name}</v>"#);
    let (formula, error) = ("><f>1+1</f>", r#"t="e"><v>#REF!</v>"#);
    let rows = [row(2, &named("Ada"), formula), row(3, &named("Grace"), error), row(4, error, "><v/>")];
    let roster = Roster::from_bytes(&handmade(&format!("{header}{}", rows.concat()), STRINGS)).unwrap();
    let save = ": save the workbook in a spreadsheet program";
    let found = |cell: &str, found: &str, so: &str| format!("cell {cell} holds {found}; {so}");
    let formula = |cell: &str, so: &str| found(cell, "a formula without a stored value", so) + save;
    let error = |cell: &str, so: &str| found(cell, "an error", so);
    assert_eq!(
        roster.warnings(),
        [
            formula("B2", "taken as empty"),
            formula("C2", "taken as empty"),
            formula("D2", "taken as no end"),
            error("B3", "taken as empty"),
            error("C3", "taken as empty"),
            error("D3", "taken as no end"),
            error("A4", "the row is left out"),
        ]
    );
    assert_eq!(roster.len(), 2);
}

#[test]
fn a_formula_without_a_stored_value_is_named_by_its_address() {
    let rows = r#"<row r="2"><c r="A2" t="str"><v>Ada</v></c><c r="B2"><f>1+1</f></c></row>
        <row r="3"><c r="A3"><f>A2</f><v/></c><c r="B3"><v>3</v></c></row>
        <row r="4"><c r="A4" t="str"><f>A2</f><v>Grace</v></c><c r="B4"><f>1+3</f><v>4</v></c></row>"#;
    let roster = Roster::from_bytes(&handmade(&format!("{HEADERS}{rows}"), STRINGS)).unwrap();
    assert_eq!((id(&roster, "Ada"), id(&roster, "Grace")), (None, Some(StudentId::Integer(4))));
    let save = "save the workbook in a spreadsheet program";
    assert_eq!(
        roster.warnings(),
        [
            format!("cell B2 holds a formula without a stored value; taken as empty: {save}"),
            format!("cell A3 holds a formula without a stored value; the row is left out: {save}"),
            "row 3 has an ID but no name that can be used".to_owned(),
        ]
    );
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    write(sheet, 0, &[&["Name", "ID"], &["Ada"]]);
    sheet.write_formula(1, 1, Formula::new("=40+6").set_result("46")).unwrap();
    assert_eq!(id(&read(book), "Ada"), Some(StudentId::Integer(46)));
}

#[test]
fn names_with_invisible_characters_and_line_breaks_are_found_and_shown_as_written() {
    let mut book = Workbook::new();
    let rows: [&[&str]; 4] = [
        &["\u{a0}Name ", "ID\u{200b}"],
        &["Barack\u{a0}Obama", "1"],
        &["Joe\nBiden", "2"],
        &["EILEEN_COLLINS\u{200b}", "3"],
    ];
    write(book.add_worksheet(), 0, &rows);
    let roster = read(book);
    for (name, expected) in [("Barack Obama", "1"), ("Joe Biden", "2"), ("Eileen Collins", "3")] {
        assert_eq!(id(&roster, name), text(expected), "{name}");
    }
    let shown: Vec<&str> = roster.rows().iter().map(|row| row.name.as_str()).collect();
    assert_eq!(shown, ["Barack\u{a0}Obama", "Joe Biden", "EILEEN_COLLINS\u{200b}"]);
}

#[test]
fn a_name_of_which_nothing_is_visible_is_left_out() {
    let roster =
        Roster::from_bytes("Name,ID\n\u{200b}\u{3164},1\n\u{a0} ,2\n\u{202e},\nAda,4\n".as_bytes()).unwrap();
    assert_eq!((roster.len(), id(&roster, "Ada")), (1, Some(StudentId::Integer(4))));
    assert_eq!(
        roster.warnings(),
        [
            "row 2 is left out: nothing of the name is visible",
            "row 4 is left out: nothing of the name is visible",
            "row 2 has an ID but no name that can be used",
            "row 3 has an ID but no name that can be used",
        ]
    );
}

#[test]
fn text_files_of_other_programs_are_read_or_told_what_is_wrong() {
    let read = |text: &str| Roster::from_bytes(text.as_bytes());
    for (text_file, expected) in [
        ("Name|ID\nAda|0046\n", text("0046")),
        ("Name,ID\nAda,\"=\"\"0046\"\"\"\n", text("0046")),
        ("Name\tID\nAda\t=\"7\"\n", text("7")),
        ("Name,ID\nAda,=7\n", text("=7")),
        ("Name,ID\r\nAda,0046\r\n\u{1a}", text("0046")),
        ("Name,ID\nAda,0046\n\0\0", text("0046")),
        ("sep=;\nName;ID\nAda;0046\nName;ID\n", text("0046")),
    ] {
        let roster = read(text_file).unwrap();
        assert_eq!((roster.len(), id(&roster, "Ada")), (1, expected), "{text_file:?}");
    }
    let error = read("Name,ID\nGrace,1\n\"Ada,2\nAlan,3\n").unwrap_err().to_string();
    assert!(
        error.ends_with("found: a text file whose line 3 begins a quotation (\") that never ends"),
        "{error}"
    );
    let roster = read("Name,ID\nDwayne \"The Rock\" Johnson,1\n\"two\nlines\",2\n5\" Ada,3").unwrap();
    assert_eq!(roster.len(), 3, "{:?}", roster.rows());
    assert!(read("Name,ID\nA\u{1a}da,1\n").is_err());
}

#[test]
fn text_that_begins_with_the_letters_of_an_archive_is_text() {
    for text_file in ["PK,Name,ID\n1,Ada,7\n", "PK\tName\tID\n1\tAda\t7\n"] {
        let roster = Roster::from_bytes(text_file.as_bytes()).unwrap();
        assert_eq!((roster.format(), id(&roster, "Ada")), (Format::Csv, Some(StudentId::Integer(7))));
    }
    for start in [b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"] {
        let error = Roster::from_bytes(start).unwrap_err().to_string();
        assert!(error.ends_with("found: a damaged or truncated zip archive"), "{error}");
    }
}

#[test]
fn classes_are_kept_where_there_is_a_column_for_them() {
    let mut book = Workbook::new();
    let rows: [&[&str]; 4] =
        [&["ID", "Class", "Name"], &["1", "7A; Choir;", "Ada"], &["2", "", "Grace"], &["", "7B"]];
    write(book.add_worksheet(), 0, &rows);
    let roster = read(book);
    assert!(roster.warnings().is_empty());
    let groups: Vec<_> = roster.rows().iter().map(|row| row.groups.as_ref().unwrap().join("|")).collect();
    assert_eq!(groups, ["7A|Choir", ""]);
    assert_eq!(Roster::from_bytes(b"Name,ID\nAda,1\n").unwrap().rows()[0].groups, None);
}

#[test]
fn rows_that_are_formatted_and_empty_and_pictures_cost_nothing() {
    // Half a million formatted rows: 60 MiB of XML, which were refused once.
    let formatted = |row: u32| {
        format!(r#"<row r="{row}" s="1" customFormat="1"><c r="A{row}" s="1"/><c r="B{row}" s="1"/></row>"#)
    };
    let empty = (3..500_000).map(formatted).collect::<Vec<_>>().concat();
    let row = |at: u32| {
        format!(
            r#"<row r="{at}"><c r="A{at}" t="str"><v>Person {at}</v></c><c r="B{at}"><v>{at}</v></c></row>"#
        )
    };
    let sheet = format!("{HEADERS}{}{empty}{}", row(2), row(500_001));
    assert!(sheet.len() > 40 << 20);
    let roster = Roster::from_bytes(&handmade(&sheet, STRINGS)).unwrap();
    assert_eq!((roster.len(), id(&roster, "Person 500001")), (2, Some(StudentId::Integer(500_001))));

    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    write(sheet, 0, &[&["Name", "ID"], &["Ada", "1"]]);
    sheet.insert_image(3, 3, &Image::new_from_buffer(&golden_bytes("photos/obama.jpg")).unwrap()).unwrap();
    assert_eq!(id(&read(book), "Ada"), text("1"));
    // What is no part of the table is not looked at, whatever it unpacks to.
    let (mut zip, zeros) = (ZipWriter::new(Cursor::new(Vec::new())), vec![0; 1 << 20]);
    zip.start_file("Pictures/1.png", SimpleFileOptions::default()).unwrap();
    for _ in 0..300 {
        zip.write_all(&zeros).unwrap();
    }
    zip.start_file("content.xml", SimpleFileOptions::default()).unwrap();
    zip.write_all(content(&table("", &[("Name", "ID"), ("Ada", "1")])).as_bytes()).unwrap();
    let with_bomb = zip.finish().unwrap().into_inner();
    assert_eq!(Roster::from_bytes(&with_bomb).unwrap().len(), 1);
}

#[test]
fn text_files_are_read_with_any_separator_and_in_any_usual_encoding() {
    let lines = |separator: &str| {
        let rows = [
            ["Schoolname", "", ""],
            ["Name", "Class", "ID"],
            ["Jos\u{e9} Pe\u{f1}a", "7A", "0046"],
            ["Ada", "", "20090044"],
        ];
        rows.map(|row| row.join(separator) + "\r\n").concat()
    };
    for separator in [",", ";", "\t"] {
        let text_file = lines(separator);
        let utf_16: Vec<u8> = text_file.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let windows: Vec<u8> = text_file.chars().map(|c| c as u8).collect();
        for bytes in [
            text_file.clone().into_bytes(),
            [&b"\xef\xbb\xbf"[..], text_file.as_bytes()].concat(),
            [&b"\xff\xfe"[..], &utf_16].concat(),
            utf_16,
            windows,
        ] {
            let roster = Roster::from_bytes(&bytes).unwrap();
            assert_eq!(roster.format(), Format::Csv);
            assert_eq!(id(&roster, "jos\u{c9} pe\u{d1}A"), text("0046"), "{separator:?}");
            assert_eq!(id(&roster, "Ada"), Some(StudentId::Integer(20_090_044)));
            assert_eq!(roster.row(&named("Ada")).unwrap().place.row, 4);
        }
    }
    let quoted =
        Roster::from_bytes(b"ID,Name\n7,\"Lovelace, Ada \"\"Countess\"\"\"\n8,\"two\nlines\"\n").unwrap();
    assert_eq!(id(&quoted, "Lovelace, Ada \"Countess\""), Some(StudentId::Integer(7)));
    assert_eq!(id(&quoted, "two lines"), Some(StudentId::Integer(8)));
    for (file, found) in
        [("Name;Age\nAda;7\n", "no \"ID\""), ("hello", "neither"), ("ID\tAge\n", "no \"Name\"")]
    {
        let error = Roster::from_bytes(file.as_bytes()).unwrap_err().to_string();
        assert!(error.ends_with(&format!("found {found}")) && !error.contains("Ada"), "{error}");
    }
}

/// A sheet of an .ods workbook.
fn table(style: &str, rows: &[(&str, &str)]) -> String {
    let cell = |text: &str| {
        format!(r#"<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>"#)
    };
    let row = |(a, b): &(&str, &str)| format!("<table:table-row>{}{}</table:table-row>", cell(a), cell(b));
    let rows = rows.iter().map(row).collect::<Vec<_>>().concat();
    format!(r#"<table:table table:name="S" table:style-name="{style}">{rows}</table:table>"#)
}

fn content(tables: &str) -> String {
    format!(
        r#"<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
        xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
        xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"><office:automatic-styles>
        <style:style style:name="hidden" style:family="table"><style:table-properties table:display="false"/></style:style>
        </office:automatic-styles><office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"#
    )
}

#[test]
fn workbooks_of_libreoffice_are_read_as_they_show_their_cells() {
    let rows = r#"<table:table-row><table:table-cell table:number-columns-repeated="2"/>
        <table:table-cell office:value-type="string"><text:p>Full Name</text:p></table:table-cell>
        <table:table-cell office:value-type="string"><text:p>ID</text:p></table:table-cell></table:table-row>
        <table:table-row table:number-rows-repeated="2"><table:table-cell table:number-columns-repeated="4"/></table:table-row>
        <table:table-row><table:table-cell table:number-columns-repeated="2"/>
        <table:table-cell office:value-type="string"><office:annotation><text:p>a comment</text:p></office:annotation><text:p>Ada<text:s/>Lovelace</text:p></table:table-cell>
        <table:table-cell office:value-type="float" office:value="44"><text:p>0044</text:p></table:table-cell></table:table-row>
        <table:table-row><table:table-cell table:number-columns-repeated="2"/>
        <table:table-cell office:value-type="string"><text:p>Grace</text:p></table:table-cell>
        <table:table-cell office:value-type="float" office:value="7" table:number-rows-spanned="2"><text:p>7</text:p></table:table-cell></table:table-row>
        <table:table-row><table:table-cell table:number-columns-repeated="2"/>
        <table:table-cell office:value-type="string"><text:p>Alan</text:p></table:table-cell><table:covered-table-cell/></table:table-row>
        <table:table-row><table:table-cell table:number-columns-repeated="2"/>
        <table:table-cell office:value-type="string"><text:p>Joan</text:p></table:table-cell>
        <table:table-cell table:formula="of:=1+1"/></table:table-row>
        <table:table-row table:number-rows-repeated="1048570"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>"#;
    let shown = format!(r#"<table:table table:name="T">{rows}</table:table>"#);
    let tables = format!("{}{shown}", table("hidden", &[("Name", "ID"), ("Ada Lovelace", "old")]));
    let bytes = package(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("content.xml", content(&tables).as_bytes()),
    ]);
    let roster = Roster::from_bytes(&bytes).unwrap();
    assert_eq!((roster.format(), roster.len()), (Format::Ods, 4));
    assert_eq!(id(&roster, "Ada Lovelace"), text("0044"));
    assert_eq!(
        (id(&roster, "Grace"), id(&roster, "Alan")),
        (Some(StudentId::Integer(7)), Some(StudentId::Integer(7)))
    );
    let place = roster.row(&named("Alan")).unwrap().place;
    assert_eq!((place.sheet, place.row), (1, 6));
    let formula = "cell D7 holds a formula without a stored value; taken as empty: save the workbook in a spreadsheet program";
    assert_eq!(roster.warnings(), [formula, "rows 5 and 6 have the same ID"]);

    let manifest = br#"<manifest:manifest xmlns:manifest="m"><manifest:file-entry><manifest:encryption-data/></manifest:file-entry></manifest:manifest>"#;
    let locked = package(&[("content.xml", b"\x01\x02"), ("META-INF/manifest.xml", manifest)]);
    assert!(
        Roster::from_bytes(&locked).unwrap_err().to_string().ends_with("found: a workbook with a password")
    );
}

#[test]
fn a_row_that_is_repeated_a_million_times_is_counted_as_it_is_taken() {
    let row = r#"<table:table-row table:number-rows-repeated="4000000000"><table:table-cell office:value-type="string" table:number-columns-repeated="4000000000"><text:p>a long name of somebody who is here more than once</text:p></table:table-cell></table:table-row>"#;
    let tables = table("", &[("Name", "ID")]).replace("</table:table>", &format!("{row}</table:table>"));
    let error = Roster::from_bytes(&package(&[("content.xml", content(&tables).as_bytes())])).unwrap_err();
    let error = error.to_string();
    assert!(error.ends_with("found: more than 500000 rows with a name or an ID"), "{error}");
}

/// An .ods workbook of one sheet with these rows.
fn ods(rows: &str) -> Result<Roster, facerec::error::Error> {
    let tables = format!(r#"<table:table table:name="S">{rows}</table:table>"#);
    Roster::from_bytes(&package(&[("content.xml", content(&tables).as_bytes())]))
}

fn ods_cell(attributes: &str, text: &str) -> String {
    format!(
        r#"<table:table-cell office:value-type="string" {attributes}><text:p>{text}</text:p></table:table-cell>"#
    )
}

#[test]
fn rows_and_columns_that_are_repeated_cost_only_what_is_read_of_them() {
    // Each cell looked at, these would take hours.
    let times = r#"<table:table-row table:number-rows-repeated="17179869184">"#;
    let wide = ods_cell(r#"table:number-columns-repeated="16384""#, "x");
    let error = ods(&format!("{times}{wide}</table:table-row>")).unwrap_err().to_string();
    assert!(error.ends_with("found neither"), "{error}");
    let times = r#"<table:table-row table:number-rows-repeated="1048576">"#;
    // What is there and shows nothing is no header, however often it stands.
    let blank = ods_cell(r#"table:number-columns-repeated="16384""#, "&#160;");
    let error = ods(&format!("{times}{blank}</table:table-row>")).unwrap_err().to_string();
    assert!(error.ends_with("1 sheet(s), all empty"), "{error}");
    let times = r#"<table:table-row table:number-rows-repeated="100000">"#;
    let cells = [ods_cell("", "Name"), ods_cell("", "ID"), wide].concat();
    let roster = ods(&format!("{times}{cells}</table:table-row>")).unwrap();
    assert!(roster.is_empty(), "headers that stand again are nobody");
    let empty = r#"<table:table-row table:number-rows-repeated="17179869184"><table:table-cell table:number-columns-repeated="17179869184"/></table:table-row>"#;
    let below = format!("<table:table-row>{}</table:table-row>", ods_cell("", "Ada"));
    let header = format!("<table:table-row>{}{}</table:table-row>", ods_cell("", "Name"), ods_cell("", "ID"));
    assert_eq!(ods(&format!("{header}{below}{empty}")).unwrap().len(), 1);
    let error = ods(&format!("{header}{empty}{below}")).unwrap_err().to_string();
    assert!(error.ends_with("a row 1048577, when 1048576 are the most"), "{error}");
}

#[test]
fn spaces_of_libreoffice_are_as_many_as_they_say_and_no_more_than_matter() {
    let header = format!("<table:table-row>{}{}</table:table-row>", ods_cell("", "Name"), ods_cell("", "ID"));
    let row = |name: &str, id: &str| {
        format!("<table:table-row>{}{}</table:table-row>", ods_cell("", name), ods_cell("", id))
    };
    let rows = [
        row("Ada", r#"A <text:s text:c="2"/>1"#),
        row("Grace", r#"A<text:s text:c="4000000000"/>1"#),
        row(&format!("Alan{}", "<text:s/>".repeat(5000)), "3"),
    ];
    let roster = ods(&format!("{header}{}", rows.concat())).unwrap();
    assert_eq!((id(&roster, "Ada"), id(&roster, "Grace")), (text("A   1"), None));
    assert_eq!(
        roster.warnings(),
        [
            "cell B3: the ID has 3201 bytes, when 200 characters are allowed; taken as empty",
            "row 4 is left out: the name has 3201 bytes: at most 200 characters are allowed",
            "row 4 has an ID but no name that can be used",
        ]
    );
}

#[test]
fn numbers_of_libreoffice_keep_the_digits_and_text_that_they_show() {
    let header = format!("<table:table-row>{}{}</table:table-row>", ods_cell("", "Name"), ods_cell("", "ID"));
    let row = |name: &str, value: &str, shown: &str| {
        let number = format!(
            r#"<table:table-cell office:value-type="float" office:value="{value}"><text:p>{shown}</text:p></table:table-cell>"#
        );
        format!("<table:table-row>{}{number}</table:table-row>", ods_cell("", name))
    };
    let rows =
        [row("Ada", "12345", "012-345"), row("Grace", "20090044", "20.090.044"), row("Alan", "44.6", "0045")];
    let roster = ods(&format!("{header}{}", rows.concat())).unwrap();
    assert_eq!(id(&roster, "Ada"), text("012-345"));
    assert_eq!(id(&roster, "Grace"), Some(StudentId::Integer(20_090_044)));
    assert_eq!(id(&roster, "Alan"), text("0045"));
    assert_eq!(roster.warnings(), Vec::<String>::new());
}
