//! Roster: a good workbook, broken ones, and one of more than a page.

use rust_xlsxwriter::Workbook;

use crate::browser::{DESKTOP, Tab};
use crate::{TWO, golden, sample, service_with};

#[test]
fn a_workbook_replaces_the_roster_and_a_broken_one_does_not() {
    let server = service_with(&TWO, &[]);
    let Some(tab) = Tab::open(&server, DESKTOP) else { return };
    tab.go_to("roster");
    tab.wait_text("#roster-rows", "Barack Obama");
    let before = tab.texts("#roster-rows td");
    assert!(before.contains(&"20090044".to_owned()), "{before:?}");

    tab.choose("#roster-file", &[golden("legacy/roster_wrong_columns.xlsx")]);
    tab.wait_text("#roster-notice", "The roster stays as it was.");
    assert!(tab.text("#roster-notice").contains("Name"), "{}", tab.text("#roster-notice"));
    tab.choose("#roster-file", &[sample("group.jpg")]);
    tab.wait_text("#roster-notice", "The file can’t be used as a roster.");
    assert_eq!(tab.texts("#roster-rows td"), before);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.xlsx");
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_row(0, 0, ["ID", "Name"]).unwrap();
    for row in 1..=120_u32 {
        sheet.write(row, 0, format!("00{row}")).unwrap();
        sheet.write(row, 1, format!("<b>Person</b> {row}")).unwrap();
    }
    workbook.save(&path).unwrap();
    tab.choose("#roster-file", &[path]);
    tab.wait_text("#sure-words", "120 names in new.xlsx. 120 names added, 7 names removed. 2 enrolled people will lose the ID: Barack Obama, Joe Biden.");
    tab.click("#sure-yes");
    tab.wait_text("#roster-notice", "The roster is replaced: 120 names from new.xlsx.");
    tab.wait_text("#roster-range", "1–50 of 120");
    assert_eq!(tab.texts("#roster-rows td")[..2], ["<b>Person</b> 1", "001"]);
    tab.click("#roster-later");
    tab.wait_text("#roster-range", "51–100 of 120");
    tab.click("#roster-later");
    tab.wait_text("#roster-range", "101–120 of 120");
    assert!(tab.text("#roster-rows").ends_with("00120"));
    tab.type_into("#roster-query", "person</b> 77");
    tab.wait_text("#roster-count", "1 name found");
    assert_eq!(tab.texts("#roster-rows td"), ["<b>Person</b> 77", "0077"]);
    tab.click("#roster-old summary");
    tab.wait_text("#roster-old-rows", "7 names, replaced");
    tab.click("#roster-old-rows button");
    tab.wait_text("#sure-words", "The one in use is kept in its place.");
    tab.click("#sure-yes");
    tab.wait_text("#roster-notice", "The roster is brought back: 7 names.");
    tab.wait_text("#roster-rows", "Barack Obama");
    tab.close();
}
