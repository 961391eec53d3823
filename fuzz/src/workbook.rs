//! A roster. What begins with `PK` is an archive as it is; what begins with `<office` is the content of an .ods workbook, and
//! other XML that of an .xlsx one, in an archive whose checksums are right: the sheet, behind a byte 0xFF the shared
//! strings, behind another one the styles. Anything else is a text file.

use facerec::roster::{Changes, Roster};

use super::archive::stored_zip;

/// Runs the target.
pub fn run(file: &[u8]) {
    let Ok(roster) = Roster::from_bytes(&bytes_of(file)) else { return };
    assert_eq!(roster.rows().len(), roster.len());
    for row in roster.rows() {
        assert_eq!(roster.id(&row.name), row.id.as_ref(), "each name is there once, under its own spelling");
        assert!(row.name.is_visible(), "nobody has a name that can't be seen");
    }
    assert!(roster.warnings().len() <= 51, "of the warnings a limited number is kept");
    let changes = Changes::between(&Roster::default(), &roster);
    assert_eq!(changes.added.len(), roster.len(), "all are new to an empty roster");
}

fn bytes_of(file: &[u8]) -> Vec<u8> {
    if file.starts_with(b"<office") {
        stored_zip(&[("content.xml", file)])
    } else if file.starts_with(b"<") {
        workbook_of(file)
    } else {
        file.to_vec()
    }
}

fn workbook_of(xml: &[u8]) -> Vec<u8> {
    let mut parts = xml.splitn(3, |byte| *byte == 0xff);
    let mut next = || parts.next().unwrap_or_default();
    stored_zip(&[
        ("xl/worksheets/sheet1.xml", next()),
        ("xl/sharedStrings.xml", next()),
        ("xl/styles.xml", next()),
        ("xl/workbook.xml", WORKBOOK.as_bytes()),
        ("xl/_rels/workbook.xml.rels", RELATIONS.as_bytes()),
    ])
}

const WORKBOOK: &str = r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">
    <sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>"#;

const RELATIONS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
    <Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>
    <Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/>
    <Relationship Id="rId3" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/>
    </Relationships>"#;
