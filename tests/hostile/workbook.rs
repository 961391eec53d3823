//! Workbooks that are none, for `PUT /v1/roster`. None of them may be taken.

use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::attack::Attack;
use crate::common::client::{FORM, form, request};
use crate::common::random::Random;

/// What a part of a workbook may not unpack to, bytes; packed, it is a thousandth.
const BOMB: usize = 256 << 20;

/// The sample's roster, broken in some way, or an archive made to blow up.
pub(crate) struct Workbooks {
    roster: Vec<u8>,
    bomb: Vec<u8>,
}

impl Workbooks {
    pub(crate) fn new(roster: Vec<u8>) -> Self {
        Self { roster, bomb: bomb() }
    }

    pub(crate) fn attack(&self, random: &mut Random) -> Attack {
        let (how, bytes) = match random.below(7) {
            0 => ("that unpacks to 256 MiB of one sheet", self.bomb.clone()),
            1 => ("with a smaller size in its directory than it unpacks to", lying(&self.bomb)),
            2 => ("of entities that name each other", archive(&[("xl/workbook.xml", &laughing())])),
            3 => ("of XML nested 100,000 deep", archive(&[("xl/workbook.xml", &nested())])),
            4 => ("of thousands of parts", many_parts()),
            5 => (
                "that repeats a row of 16,384 cells four billion times",
                archive(&[("content.xml", REPEATS)]),
            ),
            _ => {
                let mut bytes = self.roster.clone();
                bytes.truncate(1 + random.below(self.roster.len() - 1));
                ("cut short", bytes)
            }
        };
        let request = request("PUT", "/v1/roster", FORM, form(&[("file", Some("roster.xlsx"), &bytes)]));
        Attack { what: format!("a workbook {how}"), request, may_be_cut: false, expected: Some(422) }
    }
}

const REPEATS: &[u8] = br#"<office:document-content><table:table><table:table-row><table:table-cell><text:p>Name</text:p></table:table-cell>
<table:table-cell><text:p>ID</text:p></table:table-cell></table:table-row><table:table-row table:number-rows-repeated="4000000000">
<table:table-cell table:number-columns-repeated="16384"><text:p>Ada<text:s text:c="2000000000"/></text:p></table:table-cell></table:table-row>
</table:table></office:document-content>"#;

fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn bomb() -> Vec<u8> {
    archive(&[("xl/worksheets/sheet1.xml", &vec![b' '; BOMB])])
}

/// The size in the central directory is a promise that nobody keeps.
fn lying(bomb: &[u8]) -> Vec<u8> {
    let mut bytes = bomb.to_vec();
    let entry =
        bytes.windows(4).rposition(|window| window == b"PK\x01\x02").expect("a zip archive has a directory");
    bytes[entry + 24..entry + 28].copy_from_slice(&100_u32.to_le_bytes());
    bytes
}

fn laughing() -> Vec<u8> {
    let level = |level: usize| format!("<!ENTITY l{level} \"{}\">", format!("&l{};", level - 1).repeat(10));
    let levels: String = (1..40).map(level).collect();
    let xml = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE w [<!ENTITY l0 \"ha\">{levels}]><workbook>&l39;</workbook>"
    );
    xml.into_bytes()
}

fn nested() -> Vec<u8> {
    ("<sheets>".repeat(100_000)).into_bytes()
}

fn many_parts() -> Vec<u8> {
    let names: Vec<String> = (0..5_000).map(|at| format!("xl/worksheets/sheet{at}.xml")).collect();
    let parts: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"<worksheet/>"[..])).collect();
    archive(&parts)
}
