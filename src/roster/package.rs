//! Parts of a zip archive that are XML, read as a stream within limits: what a workbook is made of. A part that nobody
//! asks for, such as a picture, is not unpacked.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, BufReader, Cursor, Read};
use std::rc::Rc;

use memchr::memmem;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesEnd, BytesRef, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use zip::ZipArchive;

use super::refusal::unusable;
use crate::error::Result;

/// Most that all parts which are read may unpack to, bytes. A sheet whose million rows are formatted and empty has
/// a third of it; it is never in memory as a whole.
const MAX_UNPACKED_BYTES: u64 = 256 << 20;
/// Longest tag or text, bytes: a cell has at most 32,767 characters.
const MAX_EVENT_BYTES: u64 = 1 << 20;
/// Most parts of an archive: those of a workbook with thousands of pictures. Each costs memory before any is read.
const MAX_PARTS: usize = 20_000;
/// What each part has in the archive's directory.
const DIRECTORY_ENTRY: &[u8] = b"PK\x01\x02";
/// Longest name of a part, a relationship or a style that is looked at, bytes.
const MAX_NAME_BYTES: usize = 512;
/// How deep elements may lie in each other; those of a sheet lie eight deep.
const MAX_DEPTH: usize = 64;

/// Fails where the work is to end early.
pub(super) type Check<'a> = &'a dyn Fn() -> Result<()>;

/// An archive, and what may still be unpacked of it.
pub(super) struct Package<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    budget: Rc<Budget>,
    check: Check<'a>,
}

impl<'a> Package<'a> {
    /// Reads the archive's directory. `check` is called while parts are read.
    ///
    /// # Errors
    /// [`InputError::InvalidWorkbook`](crate::error::InputError::InvalidWorkbook) for a damaged one.
    pub(super) fn open(bytes: &'a [u8], check: Check<'a>) -> Result<Self> {
        if memmem::find_iter(bytes, DIRECTORY_ENTRY).nth(MAX_PARTS).is_some() {
            return Err(unusable("a zip archive of more than 20000 parts"));
        }
        let damaged = |_| unusable("a damaged or truncated zip archive");
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
        Ok(Self { archive, budget: Rc::default(), check })
    }

    /// Whether there is a part of this name, in any case.
    pub(super) fn has(&self, name: &str) -> bool {
        self.index(name).is_some()
    }

    /// The part of this name, in any case; `None` where there is none.
    ///
    /// # Errors
    /// As [`Package::open`], for one that can't be unpacked.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<Xml<'_>>> {
        let Some(at) = self.index(name) else { return Ok(None) };
        let damaged = |_| unusable("a zip archive with a part that can't be unpacked");
        let part = self.archive.by_index(at).map_err(damaged)?;
        Ok(Some(Xml::new(Box::new(part), Rc::clone(&self.budget), self.check)))
    }

    fn index(&self, name: &str) -> Option<usize> {
        let alike = |raw: &&[u8]| {
            let same = |(a, b): (&u8, u8)| a.eq_ignore_ascii_case(&b) || (*a == b'\\' && b == b'/');
            raw.len() == name.len() && raw.iter().zip(name.bytes()).all(same)
        };
        let exact = self.archive.index_for_name(name);
        exact.or_else(|| {
            let raw = self.archive.file_names_raw().find(alike)?;
            self.archive.index_for_name_raw(raw)
        })
    }
}

/// Bytes that may still be read: of all parts, and of the tag or text at hand.
struct Budget {
    parts: Cell<u64>,
    event: Cell<u64>,
    refused: Cell<Option<&'static str>>,
}

impl Default for Budget {
    fn default() -> Self {
        let (parts, event) = (Cell::new(MAX_UNPACKED_BYTES), Cell::new(MAX_EVENT_BYTES));
        Self { parts, event, refused: Cell::new(None) }
    }
}

/// A part whose bytes count.
struct Counted<'p> {
    part: Box<dyn Read + 'p>,
    budget: Rc<Budget>,
}

impl Read for Counted<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let (parts, event) = (self.budget.parts.get(), self.budget.event.get());
        let most = parts.min(event);
        if most == 0 {
            let found = if parts == 0 {
                "parts that unpack to more than 256 MiB"
            } else {
                "a cell of more than 1 MiB"
            };
            self.budget.refused.set(Some(found));
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let len = to.len().min(usize::try_from(most).unwrap_or(usize::MAX));
        let read = self.part.read(&mut to[..len])?;
        self.budget.parts.set(parts - read as u64);
        self.budget.event.set(event - read as u64);
        Ok(read)
    }
}

/// A tag or a piece of text.
pub(super) enum Node<'x> {
    /// A tag that opens an element; one that is empty has an end, too.
    Start(BytesStart<'x>),
    /// A tag that closes an element.
    End(BytesEnd<'x>),
    /// Text, or the character of a reference in it.
    Text(Cow<'x, str>),
    /// What is no content: a comment, a declaration.
    Other,
    /// The end of the part.
    Eof,
}

/// An XML document, tag by tag.
pub(super) struct Xml<'p> {
    reader: Reader<BufReader<Counted<'p>>>,
    budget: Rc<Budget>,
    buffer: Vec<u8>,
    depth: usize,
    check: Check<'p>,
}

impl<'p> Xml<'p> {
    fn new(part: Box<dyn Read + 'p>, budget: Rc<Budget>, check: Check<'p>) -> Self {
        let mut reader = Reader::from_reader(BufReader::new(Counted { part, budget: Rc::clone(&budget) }));
        reader.config_mut().expand_empty_elements = true;
        Self { reader, budget, buffer: Vec::new(), depth: 0, check }
    }

    /// Whether the work goes on.
    ///
    /// # Errors
    /// Where it is to end early.
    pub(super) fn check(&self) -> Result<()> {
        (self.check)()
    }

    /// The next tag or text.
    ///
    /// # Errors
    /// [`InputError::InvalidWorkbook`](crate::error::InputError::InvalidWorkbook) for XML that is broken, too deep or
    /// too long. Nothing of it is quoted: it may be anybody's name. As [`Xml::check`].
    pub(super) fn next(&mut self) -> Result<Node<'_>> {
        if self.depth > MAX_DEPTH {
            return Err(unusable("XML whose elements lie more than 64 deep"));
        }
        self.check()?;
        self.buffer.clear();
        self.budget.event.set(MAX_EVENT_BYTES);
        let budget = &self.budget;
        let broken = || unusable(budget.refused.get().unwrap_or("XML that is broken"));
        Ok(match self.reader.read_event_into(&mut self.buffer).map_err(|_| broken())? {
            Event::Start(tag) => {
                self.depth += 1;
                Node::Start(tag)
            }
            Event::End(tag) => {
                self.depth = self.depth.saturating_sub(1);
                Node::End(tag)
            }
            Event::Text(text) => Node::Text(text.xml10_content()),
            Event::CData(text) => Node::Text(text.xml10_content()),
            Event::GeneralRef(reference) => Node::Text(character(&reference).ok_or_else(broken)?),
            Event::Eof => Node::Eof,
            _ => Node::Other,
        })
    }
}

/// What a reference stands for. One that the document defines itself is refused: such can be made to grow without end.
fn character(reference: &BytesRef<'_>) -> Option<Cow<'static, str>> {
    match reference.resolve_char_ref() {
        Ok(Some(character)) => Some(Cow::Owned(character.to_string())),
        Ok(None) => resolve_xml_entity(reference).map(Cow::Borrowed),
        Err(_) => None,
    }
}

/// The value of the attribute with this name, whatever its prefix.
pub(super) fn attribute<'t>(tag: &'t BytesStart<'_>, name: &str) -> Option<Cow<'t, str>> {
    let mut attributes = tag.attributes();
    let found = attributes.with_checks(false).flatten().find(|it| it.key.local_name().as_ref() == name)?;
    found.normalized_value(XmlVersion::Implicit1_0).ok()
}

/// The value of an attribute that is a name to be kept; `None` for a longer one than any program writes.
pub(super) fn name_attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    attribute(tag, name).filter(|value| value.len() <= MAX_NAME_BYTES).map(Cow::into_owned)
}
