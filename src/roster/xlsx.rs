//! Reads .xlsx workbooks: which sheets there are and where their parts lie. `sheet.rs` reads one, `parts.rs` what all
//! share.
//!
//! Everything is streamed, and nothing is quoted: a sheet that claims a million rows costs only what it holds.

use std::collections::HashMap;

use quick_xml::events::BytesStart;

use super::package::{Node, Package, attribute, name_attribute};
use super::refusal::unusable;
use super::sheets::Sheets;
use crate::error::Result;

mod parts;
mod sheet;

use parts::{Shared, Strings, Styles};

/// Most relationships of a workbook; a sheet needs one.
const MAX_RELATIONS: usize = 10_000;

/// A sheet of the workbook, by the id of its relationship.
#[derive(Debug)]
struct Entry {
    id: String,
    is_visible: bool,
}

/// The workbook's own part.
#[derive(Debug, Default)]
struct Workbook {
    sheets: Vec<Entry>,
    /// Days count from 1904.
    is_1904: bool,
}

/// Where another part lies.
#[derive(Debug)]
struct Relation {
    id: String,
    /// The last word of the type's address: `worksheet`, `styles`.
    kind: String,
    part: String,
}

/// Reads all visible sheets.
///
/// # Errors
/// [`InputError::InvalidWorkbook`](crate::error::InputError::InvalidWorkbook) for a file that is no such workbook.
pub(super) fn read(package: &mut Package<'_>, sheets: &mut Sheets) -> Result<()> {
    let main = main_part(package)?;
    if main.rsplit('.').next() == Some("bin") {
        return Err(unusable("an .xlsb workbook: save it as .xlsx"));
    }
    let Some(workbook) = read_workbook(package, &main)? else {
        return Err(unusable("a zip archive that is no workbook"));
    };
    let relations = relations(package, &main)?;
    let shared = Shared {
        strings: Strings::read(package, &part_of_kind(&relations, "sharedStrings", &main))?,
        styles: Styles::read(package, &part_of_kind(&relations, "styles", &main))?,
        is_1904: workbook.is_1904,
    };
    let worksheets = relations.iter().rev().filter(|it| it.kind == "worksheet");
    let part_of: HashMap<&str, &str> = worksheets.map(|it| (it.id.as_str(), it.part.as_str())).collect();
    for entry in &workbook.sheets {
        // A sheet that is a chart has no cells.
        let Some(part) = part_of.get(entry.id.as_str()) else { continue };
        if !entry.is_visible {
            sheets.pass_over();
            continue;
        }
        if sheets.is_full() {
            sheets.leave_out();
            continue;
        }
        let mut table = sheets.next_table();
        let Some(xml) = package.part(part)? else {
            return Err(unusable("a workbook without one of its sheets"));
        };
        sheet::read(xml, &shared, &mut table)?;
        sheets.add(table)?;
    }
    Ok(())
}

/// The part that the package says is the workbook, `xl/workbook.xml` where it says nothing.
fn main_part(package: &mut Package<'_>) -> Result<String> {
    let relations = relations(package, "")?;
    let main = relations.into_iter().find(|relation| relation.kind == "officeDocument");
    Ok(main.map_or_else(|| "xl/workbook.xml".to_owned(), |relation| relation.part))
}

fn read_workbook(package: &mut Package<'_>, main: &str) -> Result<Option<Workbook>> {
    let Some(mut xml) = package.part(main)? else { return Ok(None) };
    let mut workbook = Workbook::default();
    loop {
        match xml.next()? {
            Node::Start(tag) => match tag.local_name().as_ref() {
                "sheet" if workbook.sheets.len() < MAX_RELATIONS => workbook.sheets.extend(entry(&tag)),
                "workbookPr" => workbook.is_1904 = is_true(&tag, "date1904"),
                _ => {}
            },
            Node::Eof => return Ok(Some(workbook)),
            _ => {}
        }
    }
}

fn entry(tag: &BytesStart<'_>) -> Option<Entry> {
    let id = name_attribute(tag, "id")?;
    Some(Entry { id, is_visible: attribute(tag, "state").is_none_or(|state| state == "visible") })
}

fn is_true(tag: &BytesStart<'_>, name: &str) -> bool {
    attribute(tag, name).is_some_and(|value| matches!(&*value, "1" | "true"))
}

/// The relationships of a part; those of the package for an empty name.
fn relations(package: &mut Package<'_>, of: &str) -> Result<Vec<Relation>> {
    let (directory, name) = of.rsplit_once('/').map_or(("", of), |(directory, name)| (directory, name));
    let path = joined(directory, &format!("_rels/{name}.rels"));
    let Some(mut xml) = package.part(&path)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    loop {
        match xml.next()? {
            Node::Start(tag)
                if tag.local_name().as_ref() == "Relationship" && found.len() < MAX_RELATIONS =>
            {
                found.extend(relation(&tag, directory));
            }
            Node::Eof => return Ok(found),
            _ => {}
        }
    }
}

fn relation(tag: &BytesStart<'_>, directory: &str) -> Option<Relation> {
    let id = name_attribute(tag, "Id")?;
    let kind = name_attribute(tag, "Type")?.rsplit('/').next()?.to_owned();
    let target = name_attribute(tag, "Target")?;
    let part = match target.strip_prefix('/') {
        Some(absolute) => joined("", absolute),
        None => joined(directory, &target),
    };
    Some(Relation { id, kind, part })
}

/// The part of this kind; where no relationship names it, the one beside the workbook that has the usual name.
fn part_of_kind(relations: &[Relation], kind: &str, main: &str) -> String {
    let named = relations.iter().find(|relation| relation.kind == kind);
    let directory = main.rsplit_once('/').map_or("", |(directory, _)| directory);
    named.map_or_else(|| joined(directory, &format!("{kind}.xml")), |relation| relation.part.clone())
}

/// A path below a directory, without `.` and `..`.
fn joined(directory: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_from_where_the_workbook_lies() {
        assert_eq!(joined("xl", "worksheets/sheet1.xml"), "xl/worksheets/sheet1.xml");
        assert_eq!(joined("xl/book", "../worksheets/./s.xml"), "xl/worksheets/s.xml");
        assert_eq!(joined("", "../../etc"), "etc");
    }
}
