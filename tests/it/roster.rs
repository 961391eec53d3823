//! Workbooks as people and programs write them, and as nobody should.

use std::io::{Cursor, Write};

use facerec::error::{Error, InputError};
use facerec::roster::Roster;
use facerec::student_id::StudentId;
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, Worksheet};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::support::faces::named;
use crate::support::golden_bytes;

fn text(text: &str) -> Option<StudentId> {
    StudentId::from_text(text)
}

/// A whole number below 2^53.
fn integer(number: i32) -> Option<StudentId> {
    StudentId::from_number(f64::from(number))
}

fn id(roster: &Roster, name: &str) -> Option<StudentId> {
    roster.id(&named(name)).cloned()
}

fn golden_roster(file: &str) -> Result<Roster, Error> {
    Roster::from_bytes(&golden_bytes(&format!("legacy/{file}")))
}

/// A workbook of one sheet.
fn workbook(fill: impl FnOnce(&mut Worksheet)) -> Vec<u8> {
    let mut workbook = Workbook::new();
    fill(workbook.add_worksheet());
    workbook.save_to_buffer().unwrap()
}

/// `Name` and `ID`, and what `fill` adds.
fn with_headers(fill: impl FnOnce(&mut Worksheet)) -> Roster {
    let bytes = workbook(|sheet| {
        sheet.write_string(0, 0, "Name").unwrap();
        sheet.write_string(0, 1, "ID").unwrap();
        fill(sheet);
    });
    Roster::from_bytes(&bytes).unwrap()
}

fn message(bytes: &[u8]) -> String {
    let error = Roster::from_bytes(bytes).expect_err("it was read");
    assert!(matches!(error, Error::Input(InputError::InvalidWorkbook(_))));
    error.to_string()
}

#[test]
fn the_roster_of_the_old_service() {
    let roster = golden_roster("roster.xlsx").unwrap();
    assert_eq!(roster.len(), 6);
    assert_eq!(id(&roster, "Barack Obama"), integer(20_090_044));
    assert_eq!(id(&roster, "Eileen Collins"), text("STS-93"));
    assert_eq!(id(&roster, "عمر خالد"), integer(333));
    assert_eq!(id(&roster, "Jose\u{301} Nu\u{301}n\u{303}ez"), integer(21149));
    assert_eq!(id(&roster, "李雷"), integer(7));
    assert_eq!(id(&roster, "Nobody"), None);
    assert!(roster.warnings().is_empty());
    let rows: Vec<u32> = roster.rows().iter().map(|row| row.place.row).collect();
    assert_eq!(rows, [2, 3, 4, 5, 6, 7]);
}

#[test]
fn columns_in_any_order_empty_cells_repeated_names_and_spaces() {
    let roster = golden_roster("roster_messy.xlsx").unwrap();
    assert_eq!(id(&roster, "Barack Obama"), integer(2), "the last row counts");
    assert_eq!(id(&roster, "Eileen Collins"), text("0007"), "leading zeros stay");
    assert_eq!(id(&roster, "عمر خالد"), None, "an empty cell");
    assert_eq!(id(&roster, "José Núñez"), Some(StudentId::Number(12.5)));
    assert_eq!(id(&roster, "李雷"), integer(9), "spaces around the name");
    assert_eq!(roster.warnings(), ["rows 2 and 3 have the same name: row 3 counts"]);
}

#[test]
fn missing_columns_are_named_and_no_cell_is_quoted() {
    let error = golden_roster("roster_wrong_columns.xlsx").unwrap_err().to_string();
    // Its headers are `Student` and `Number`; the second one is known.
    let expected = "the roster can't be read: expected a visible sheet with the headers \"Name\" and \"ID\" in one of \
                    its first 20 rows, found no \"Name\"";
    assert_eq!(error, expected);
}

#[test]
fn each_kind_of_cell() {
    let date = ExcelDateTime::from_ymd(2024, 3, 1).unwrap();
    let moment = ExcelDateTime::from_ymd(2024, 3, 1).unwrap().and_hms(10, 30, 5).unwrap();
    let time = ExcelDateTime::from_hms(9, 5, 0).unwrap();
    let roster = with_headers(|sheet| {
        let format = |code: &str| Format::new().set_num_format(code);
        sheet.write_datetime_with_format(1, 1, &date, &format("yyyy-mm-dd")).unwrap();
        sheet.write_datetime_with_format(2, 1, &moment, &format("yyyy-mm-dd hh:mm:ss")).unwrap();
        sheet.write_datetime_with_format(3, 1, &time, &format("hh:mm:ss")).unwrap();
        sheet.write_boolean(4, 1, true).unwrap();
        sheet.write_formula(5, 1, Formula::new("=40+2").set_result("42")).unwrap();
        sheet.write_formula(6, 1, Formula::new("=\"00\"&7").set_result("007")).unwrap();
        sheet.write_formula(7, 1, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
        sheet.write_string(8, 1, " 0042 ").unwrap();
        sheet.write_string(9, 1, "   ").unwrap();
        sheet.write_number(10, 1, 9_007_199_254_740_993_f64).unwrap();
        sheet.write_number(11, 1, 1e30).unwrap();
        sheet.write_number_with_format(12, 1, 1.5, &format("[hh]:mm:ss")).unwrap();
        sheet.write_string(13, 1, "7".repeat(300)).unwrap();
        for row in 1..14 {
            sheet.write_string(row, 0, format!("row {}", row + 1)).unwrap();
        }
        sheet.write_number(14, 0, 15).unwrap();
        sheet.write_number(14, 1, 1).unwrap();
    });
    let ids: Vec<_> = (2..=14).map(|row| id(&roster, &format!("row {row}"))).collect();
    let expected = [
        text("2024-03-01"),
        text("2024-03-01T10:30:05"),
        text("09:05:00"),
        text("TRUE"),
        integer(42),
        integer(7),
        None,
        text("0042"),
        None,
        Some(StudentId::Integer(9_007_199_254_740_992)),
        Some(StudentId::Number(1e30)),
        text("36:00:00"),
        None,
    ];
    for (row, (found, expected)) in ids.iter().zip(&expected).enumerate() {
        if row == 5 {
            // A formula's text that looks like a number is written as a number by this writer.
            assert!(*found == integer(7) || *found == text("007"));
            continue;
        }
        assert_eq!(found, expected, "row {}", row + 2);
    }
    assert_eq!(id(&roster, "15"), integer(1), "a name that is a number");
    let warnings =
        ["cell B8 holds an error; taken as empty", "cell B14: the ID has 300 characters; taken as empty"];
    assert_eq!(roster.warnings(), warnings);
}

#[test]
fn headers_are_found_in_any_case_any_column_and_below_empty_rows() {
    let bytes = workbook(|sheet| {
        sheet.write_string(3, 2, " id ").unwrap();
        sheet.write_string(3, 5, "NAME").unwrap();
        sheet.write_string(3, 6, "Name").unwrap();
        sheet.write_string(4, 2, "0001").unwrap();
        sheet.write_string(4, 5, "a nickname").unwrap();
        sheet.write_string(4, 6, "Ada").unwrap();
    });
    let roster = Roster::from_bytes(&bytes).unwrap();
    assert_eq!((roster.len(), id(&roster, "Ada")), (1, text("0001")), "the exact spelling comes first");
}

#[test]
fn an_empty_sheet_is_passed_over() {
    let mut book = Workbook::new();
    book.add_worksheet();
    let sheet = book.add_worksheet();
    sheet.write_string(0, 0, "Name").unwrap();
    sheet.write_string(0, 1, "ID").unwrap();
    assert!(Roster::from_bytes(&book.save_to_buffer().unwrap()).unwrap().is_empty());

    let error = message(&workbook(|_| {}));
    assert!(error.ends_with("found 1 sheet(s), all empty"), "{error}");
}

#[test]
fn rows_that_cant_be_used_are_left_out_with_a_warning() {
    let roster = with_headers(|sheet| {
        sheet.write_number(1, 1, 1).unwrap();
        sheet.write_string(2, 0, "x".repeat(201)).unwrap();
        sheet.write_string(3, 0, "Ada").unwrap();
    });
    assert_eq!(roster.len(), 1);
    let warnings = [
        "row 3 is left out: the name has 201 characters: at most 200 are allowed",
        "row 2 has an ID but no name that can be used",
    ];
    assert_eq!(roster.warnings(), warnings);
}

#[test]
fn what_is_no_workbook_is_named() {
    let start =
        "the roster can't be read: expected a workbook (.xlsx or .ods) or a text file (.csv), found: ";
    assert_eq!(message(b""), format!("{start}an empty file"));
    assert_eq!(message(b"\x89PNG\r\n\x1a\n\0\0"), format!("{start}a file of another kind"));
    let old = format!("{start}an old .xls workbook, or one with a password");
    assert_eq!(message(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 ..."), old);
    let whole = golden_bytes("legacy/roster.xlsx");
    assert_eq!(message(&whole[..whole.len() / 2]), format!("{start}a damaged or truncated zip archive"));
    let archive = message(&package(&[("readme.txt", b"hello")]));
    assert_eq!(archive, format!("{start}a zip archive that is no workbook"));
    let large = message(&vec![b'x'; (64 << 20) + 1]);
    assert_eq!(large, format!("{start}67108865 bytes, more than 67108864"));
}

#[test]
fn no_cut_and_no_flipped_byte_makes_it_panic() {
    let whole = golden_bytes("legacy/roster_messy.xlsx");
    for len in (0..whole.len()).step_by(97) {
        assert!(Roster::from_bytes(&whole[..len]).is_err(), "cut at {len}");
    }
    for at in (0..whole.len()).step_by(41) {
        let mut altered = whole.clone();
        altered[at] ^= 0x55;
        let _ = Roster::from_bytes(&altered);
    }
}

/// A zip archive of these parts.
pub fn package(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

fn sheet_part(sheet_data: &str) -> String {
    format!(r#"<worksheet xmlns="{MAIN}"><sheetData>{sheet_data}</sheetData></worksheet>"#)
}

/// A workbook with this sheet and this table of shared strings.
pub fn handmade(sheet_data: &str, shared_strings: &str) -> Vec<u8> {
    const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const RELS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
    let root = format!(
        r#"<Relationships xmlns="{RELS}"><Relationship Id="r1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>"#
    );
    let book = format!(
        r#"<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>"#
    );
    let rels = format!(
        r#"<Relationships xmlns="{RELS}"><Relationship Id="r1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#
    );
    let sheet = sheet_part(sheet_data);
    package(&[
        ("_rels/.rels", root.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", rels.as_bytes()),
        ("xl/sharedStrings.xml", shared_strings.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ])
}

pub const STRINGS: &str = r#"<sst uniqueCount="2"><si><t>Name</t></si><si><t>ID</t></si></sst>"#;
pub const HEADERS: &str = r#"<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>"#;

#[test]
fn a_cell_in_the_last_row_and_column_costs_nothing() {
    let far = r#"<row r="1048576"><c r="A1048576" t="str"><v>Ada</v></c><c r="B1048576"><v>7</v></c><c r="XFD1048576"><v>1</v></c></row>"#;
    let roster = Roster::from_bytes(&handmade(&format!("{HEADERS}{far}"), STRINGS)).unwrap();
    assert_eq!((roster.rows()[0].place.row, id(&roster, "Ada")), (1_048_576, integer(7)));
}

#[test]
fn a_number_that_the_reader_panics_on_is_an_error() {
    for number in ["+1", "1_0", "", "0x1p3", "1e999", "nan", "-"] {
        let row = format!(
            r#"<row r="2"><c r="A2" t="str"><v>Ada</v></c><c r="B2" t="n"><v>{number}</v></c></row>"#
        );
        if let Ok(roster) = Roster::from_bytes(&handmade(&format!("{HEADERS}{row}"), STRINGS)) {
            assert!(matches!(id(&roster, "Ada"), None | Some(StudentId::Integer(1))), "{number}");
        }
    }
}

#[test]
fn no_table_of_strings_costs_more_than_it_holds() {
    // What the table claims is not believed.
    let claims = STRINGS.replace(r#"uniqueCount="2""#, r#"uniqueCount="99999999999999""#);
    let row = r#"<row r="2"><c r="A2" t="str"><v>Ada</v></c><c r="B2"><v>7</v></c></row>"#;
    let roster = Roster::from_bytes(&handmade(&format!("{HEADERS}{row}"), &claims)).unwrap();
    assert_eq!(id(&roster, "Ada"), integer(7));
    let many = STRINGS.replace("</sst>", &format!("{}</sst>", "<si/>".repeat(4 << 20)));
    let error = message(&handmade(HEADERS, &many));
    assert!(
        error.ends_with("a table of more than 4194304 shared strings, or of more than 64 MiB"),
        "{error}"
    );
    let missing = r#"<row r="2"><c r="A2" t="s"><v>9</v></c></row>"#;
    let error = message(&handmade(&format!("{HEADERS}{missing}"), STRINGS));
    assert!(error.ends_with("a cell with a shared string that is not there"), "{error}");
}

#[test]
fn a_document_that_would_grow_without_end_is_refused() {
    let entities = format!("<!DOCTYPE sst [<!ENTITY a \"{}\">]>", "ha".repeat(1000));
    let laughing = STRINGS.replace("<t>Name", "<t>&a;&a;Name");
    let error = message(&handmade(HEADERS, &format!("{entities}{laughing}")));
    assert!(error.ends_with("found: XML that is broken"), "{error}");
    let deep = "<a>".repeat(100_000);
    assert!(message(&handmade(&deep, STRINGS)).ends_with("XML whose elements lie more than 64 deep"));
    let long = format!(r#"<row r="2"><c r="A2" t="str"><v>{}</v></c></row>"#, "x".repeat(2 << 20));
    assert!(message(&handmade(&format!("{HEADERS}{long}"), STRINGS)).ends_with("a cell of more than 1 MiB"));
    // Not in the bytes of a part that is one long comment or attribute either.
    let comment = format!("<!--{}-->", "<".repeat(2 << 20));
    assert!(message(&handmade(&comment, STRINGS)).ends_with("a cell of more than 1 MiB"));
}

#[test]
fn broken_xml_is_refused_without_quoting_it() {
    for sheet in [
        r#"<row r="2"><c r="A2" t="str"><v>Ada Lovelace</x></c></row"#,
        r#"<row r="2"><c r="A2" t="str"><v>Ada Lovelace &secret;</v></c></row>"#,
    ] {
        let error = message(&handmade(&format!("{HEADERS}{sheet}"), STRINGS));
        assert!(
            error.contains("XML that is ") && !error.contains("Ada") && !error.contains("secret"),
            "{error}"
        );
    }
}

/// An old workbook, whose directory is a ring of sectors, with a new one behind it.
#[test]
fn an_archive_behind_something_else_is_refused() {
    let mut old = vec![0xff_u8; 512 * 4];
    old[..8].copy_from_slice(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    let mut put = |at: usize, bytes: &[u8]| old[at..at + bytes.len()].copy_from_slice(bytes);
    put(26, &3_u16.to_le_bytes()); // version
    put(28, &0xfffe_u16.to_le_bytes()); // byte order
    put(30, &9_u16.to_le_bytes()); // sectors of 512 bytes
    put(32, &6_u16.to_le_bytes()); // small sectors of 64 bytes
    put(44, &1_u32.to_le_bytes()); // sectors of the allocation table
    put(48, &1_u32.to_le_bytes()); // the directory's first sector
    put(68, &0xffff_fffe_u32.to_le_bytes()); // no more of the table than ...
    put(76, &0_u32.to_le_bytes()); // ... sector 0,
    put(512 + 4, &1_u32.to_le_bytes()); // where sector 1 is followed by itself
    old.extend(handmade(HEADERS, STRINGS));
    assert!(message(&old).ends_with("found: an old .xls workbook, or one with a password"));
    let mut text = b"hello".to_vec();
    text.extend(handmade(HEADERS, STRINGS));
    assert!(Roster::from_bytes(&text).is_err());
}

#[test]
fn a_zip_bomb_is_refused_by_what_it_unpacks_to() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("content.xml", SimpleFileOptions::default()).unwrap();
    let row = format!("<row/>{}", " ".repeat(900_000));
    zip.write_all(b"<table>").unwrap();
    for _ in 0..300 {
        zip.write_all(row.as_bytes()).unwrap();
    }
    let bomb = zip.finish().unwrap().into_inner();
    assert!(bomb.len() < 4 << 20);
    assert!(message(&bomb).ends_with("found: parts that unpack to more than 256 MiB"));
    // A directory that claims less than there is.
    let sheet = format!("{HEADERS}{}", "<row/>".repeat(100_000));
    let mut lying = handmade(&sheet, STRINGS);
    let claim = (sheet_part(&sheet).len() as u32).to_le_bytes();
    let places: Vec<usize> = (0..lying.len() - 4).filter(|at| lying[*at..*at + 4] == claim).collect();
    assert!(!places.is_empty());
    for at in places {
        lying[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
    }
    assert!(message(&lying).ends_with("found: XML that is broken"));
}

#[test]
fn an_archive_of_too_many_parts_is_refused_before_its_directory_is_read() {
    let many = [&b"PK\x03\x04"[..], &b"PK\x01\x02".repeat(20_001)].concat();
    assert!(message(&many).ends_with("found: a zip archive of more than 20000 parts"));
}

#[test]
fn work_that_is_cancelled_ends_early() {
    let row = r#"<row r="2"><c r="A2" t="str"><v>Ada</v></c><c r="B2"><v>7</v></c></row>"#;
    let xlsx = handmade(&format!("{HEADERS}{row}"), STRINGS);
    for bytes in [xlsx, b"Name,ID\nAda,7\n".to_vec()] {
        let calls = std::cell::Cell::new(0);
        let check = |most: usize| {
            calls.set(calls.get() + 1);
            if calls.get() > most { Err(Error::Cancelled) } else { Ok(()) }
        };
        Roster::from_bytes_while(&bytes, &|| check(usize::MAX)).unwrap();
        let all = calls.replace(0);
        assert!(all > 2, "{all}");
        for most in 0..all {
            let read = Roster::from_bytes_while(&bytes, &|| check(most));
            assert!(matches!(read, Err(Error::Cancelled)), "{most} of {all}: {read:?}");
            assert_eq!(calls.replace(0), most + 1);
        }
    }
}

#[test]
fn a_cell_with_text_of_its_own_and_a_value_has_the_one_that_its_type_says() {
    let cell = |kind: &str, row: u32, inner: &str| {
        format!(
            r#"<row r="{row}"><c r="A{row}" t="str"><v>row {row}</v></c><c r="B{row}"{kind}>{inner}</c></row>"#
        )
    };
    let both = "<is><t>0046</t></is><v>7</v>";
    let rows = [
        cell(r#" t="inlineStr""#, 2, both),
        cell("", 3, both),
        cell(r#" t="inlineStr""#, 4, "<v>0047</v>"),
        cell("", 5, "<is><t>0048</t></is>"),
        cell(r#" t="inlineStr""#, 6, "<is><t>0049</t></is><is><t>x</t></is>"),
    ];
    let roster = Roster::from_bytes(&handmade(&format!("{HEADERS}{}", rows.concat()), STRINGS)).unwrap();
    let ids: Vec<_> = (2..=6).map(|row| id(&roster, &format!("row {row}"))).collect();
    assert_eq!(ids, [text("0046"), integer(7), text("0047"), text("0048"), text("0049")]);
}

#[test]
fn a_column_of_groups_is_read_where_there_is_one() {
    let roster = with_headers(|sheet| {
        sheet.write_string(0, 2, "Class").unwrap();
        for (row, name, groups) in [(1, "Ada", " 7A; Choir"), (2, "Ben", "7B;x\u{7}"), (3, "Cem", ";")] {
            sheet.write_string(row, 0, name).unwrap();
            sheet.write_string(row, 2, groups).unwrap();
        }
        sheet.write_string(4, 0, "Dee").unwrap();
        sheet.write_number(4, 2, 7).unwrap();
        sheet.write_string(5, 0, "Eve").unwrap();
        // A group of nobody is no row.
        sheet.write_string(6, 2, "7C").unwrap();
    });
    let groups = |name: &str| roster.row(&named(name)).unwrap().groups.clone().unwrap();
    assert_eq!(groups("Ada"), ["7A", "Choir"]);
    assert_eq!(groups("Ben"), ["7B"]);
    assert_eq!(groups("Dee"), ["7"], "a number");
    assert!(groups("Cem").is_empty() && groups("Eve").is_empty());
    assert_eq!(roster.len(), 5);
    let warning =
        "cell C3: a group is left out: it is too long, has control characters, or is one of too many";
    assert_eq!(roster.warnings(), [warning]);
    let without = with_headers(|sheet| {
        sheet.write_string(1, 0, "Ada").unwrap();
    });
    assert_eq!(without.row(&named("Ada")).unwrap().groups, None);
}
