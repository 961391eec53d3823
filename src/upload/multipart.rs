//! Parses multipart bodies piece by piece, as leniently as Werkzeug does, which took what clients of the Flask service
//! sent: lines that end with LF alone, folded headers, names of parameters in any case, file names by RFC 5987.

use std::borrow::Cow;

use memchr::memmem;

/// Maximum bytes of a part's headers.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Bytes of the longest end of headers, with the line break before the blank line.
const LONGEST_BLANK_LINE: usize = 3;
/// Longest boundary, bytes; the standard allows 70.
const MAX_BOUNDARY_BYTES: usize = 200;

/// White space that is taken between a boundary and its line end: while more may follow, nothing can be told of what came.
const MAX_PADDING: usize = 256;

/// Why a body is no multipart form.
pub type Broken = &'static str;

/// What comes next in a body.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// More bytes are needed to tell.
    NeedMore,
    /// A part begins.
    Head(Head),
    /// Content of the part; it `is_last` where the part ends after it.
    Data {
        /// The bytes.
        bytes: Vec<u8>,
        /// Whether the part ends after them.
        is_last: bool,
    },
    /// There are no more parts.
    End,
}

/// What a part's headers say of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The field's name.
    pub name: Option<String>,
    /// The file's name.
    pub file_name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Preamble {
        is_start: bool,
    },
    Head,
    /// `is_start`: nothing of the content was told of yet, so that a delimiter needs no line break before it.
    Data {
        is_start: bool,
    },
    End,
}

/// A body whose bytes come in pieces.
#[derive(Debug)]
pub struct Parser {
    /// Two hyphens and the boundary.
    delimiter: Vec<u8>,
    buffer: Vec<u8>,
    state: State,
    /// All bytes have come.
    is_complete: bool,
}

/// A delimiter in the buffer, with the line break before it.
enum Delimiter {
    /// It goes to `end`; `is_last` where it closes the body.
    Found { start: usize, end: usize, is_last: bool },
    /// There is none before `start`; there may be one there.
    Maybe { start: usize },
}

impl Parser {
    /// For a body of this content type; `None` where that has no boundary.
    #[must_use]
    pub fn new(content_type: &str) -> Option<Self> {
        let (_, parameters) = content_type.split_once(';')?;
        let boundary = parameter(parameters, "boundary")?;
        let fits = (1..=MAX_BOUNDARY_BYTES).contains(&boundary.len());
        let delimiter = format!("--{boundary}").into_bytes();
        let state = State::Preamble { is_start: true };
        fits.then_some(Self { delimiter, buffer: Vec::new(), state, is_complete: false })
    }

    /// Adds bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// No more bytes come.
    pub fn complete(&mut self) {
        self.is_complete = true;
    }

    /// Bytes that were added and are not yet told of.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// What comes next.
    ///
    /// # Errors
    /// What is wrong with the body; it quotes nothing.
    pub fn event(&mut self) -> Result<Event, Broken> {
        if let State::Preamble { is_start } = self.state {
            match self.find_delimiter(is_start) {
                Delimiter::Found { end, is_last, .. } => {
                    self.buffer.drain(..end);
                    self.state = if is_last { State::End } else { State::Head };
                }
                Delimiter::Maybe { start } => {
                    self.buffer.drain(..start);
                    self.state = State::Preamble { is_start: is_start && start == 0 };
                    return self.wait("it ends before its first part");
                }
            }
        }
        match self.state {
            State::Preamble { .. } | State::End => Ok(Event::End),
            State::Head => self.next_head(),
            State::Data { is_start } => self.next_data(is_start),
        }
    }

    fn wait(&self, broken: Broken) -> Result<Event, Broken> {
        if self.is_complete { Err(broken) } else { Ok(Event::NeedMore) }
    }

    fn next_head(&mut self) -> Result<Event, Broken> {
        let found = blank_line(&self.buffer);
        // In a buffer of the same length that has all of it, too, so that it makes no difference where pieces end.
        let headers = found.map_or(self.buffer.len().saturating_sub(LONGEST_BLANK_LINE - 1), |(end, _)| end);
        if headers > MAX_HEAD_BYTES {
            return Err("a part has more than 16 KiB of headers");
        }
        let Some((head_end, data_start)) = found else {
            return self.wait("it ends within the headers of a part");
        };
        let head = Head::parse(&String::from_utf8_lossy(&self.buffer[..head_end]));
        self.buffer.drain(..data_start);
        self.state = State::Data { is_start: true };
        Ok(Event::Head(head))
    }

    fn next_data(&mut self, is_start: bool) -> Result<Event, Broken> {
        match self.find_delimiter(is_start) {
            Delimiter::Found { start, end, is_last } => {
                let mut bytes: Vec<u8> = self.buffer.drain(..end).collect();
                bytes.truncate(start);
                self.state = if is_last { State::End } else { State::Head };
                Ok(Event::Data { bytes, is_last: true })
            }
            Delimiter::Maybe { start: 0 } => self.wait("it ends within a part"),
            Delimiter::Maybe { start } => {
                self.state = State::Data { is_start: false };
                Ok(Event::Data { bytes: self.buffer.drain(..start).collect(), is_last: false })
            }
        }
    }

    /// The first delimiter. `at_start`: one at the buffer's very start needs no line break before it.
    fn find_delimiter(&self, at_start: bool) -> Delimiter {
        let buffer = &self.buffer;
        let mut from = 0;
        while let Some(at) = memmem::find(&buffer[from..], &self.delimiter) {
            let at = from + at;
            from = at + 1;
            let start = match &buffer[..at] {
                [] if at_start => 0,
                [.., b'\r', b'\n'] => at - 2,
                [.., b'\r' | b'\n'] => at - 1,
                _ => continue,
            };
            match self.delimiter_end(at + self.delimiter.len()) {
                Some(Ok((end, is_last))) => return Delimiter::Found { start, end, is_last },
                Some(Err(())) if !self.is_complete => return Delimiter::Maybe { start },
                _ => {}
            }
        }
        Delimiter::Maybe { start: self.partial_delimiter(at_start) }
    }

    /// Where a delimiter whose boundary ends at `at` ends, and whether it closes the body; `None` where it is none, an error
    /// where the buffer ends too early to tell.
    fn delimiter_end(&self, at: usize) -> Option<Result<(usize, bool), ()>> {
        let rest = &self.buffer[at..];
        if rest.starts_with(b"--") {
            return Some(Ok((at + 2, true)));
        }
        let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if padding > MAX_PADDING {
            return None;
        }
        match &rest[padding..] {
            [] | [b'\r'] => Some(Err(())),
            [b'-'] if padding == 0 => Some(Err(())),
            [b'\r', b'\n', ..] => Some(Ok((at + padding + 2, false))),
            [b'\r' | b'\n', ..] => Some(Ok((at + padding + 1, false))),
            _ => None,
        }
    }

    /// Where the buffer's end may be the start of a delimiter; the buffer's length where it is not.
    fn partial_delimiter(&self, at_start: bool) -> usize {
        let buffer = &self.buffer;
        if at_start && self.delimiter.starts_with(buffer) {
            return 0;
        }
        let tail = buffer.len().saturating_sub(self.delimiter.len() + 1);
        let begins = |at: &usize| match &buffer[*at..] {
            [b'\r', b'\n', rest @ ..] | [b'\r' | b'\n', rest @ ..] => self.delimiter.starts_with(rest),
            _ => false,
        };
        (tail..buffer.len()).find(begins).unwrap_or(buffer.len())
    }
}

/// Where the headers end, and where the content begins behind the blank line.
fn blank_line(buffer: &[u8]) -> Option<(usize, usize)> {
    match buffer {
        [b'\r', b'\n', ..] => return Some((0, 2)),
        [b'\n', ..] => return Some((0, 1)),
        _ => {}
    }
    let ends: [&[u8]; 3] = [b"\n\r\n", b"\n\n", b"\r\r"];
    let found = ends.iter().filter_map(|end| Some((memmem::find(buffer, end)?, end.len())));
    found.min().map(|(at, len)| (at, at + len))
}

impl Head {
    fn parse(head: &str) -> Self {
        let unfolded = unfold(head);
        let lines = unfolded.split(['\r', '\n']).filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"));
        let Some((_, disposition)) = found.next() else { return Self::default() };
        let Some((_, parameters)) = disposition.split_once(';') else { return Self::default() };
        Self { name: parameter(parameters, "name"), file_name: parameter(parameters, "filename") }
    }
}

/// Headers whose continued lines are one.
fn unfold(head: &str) -> Cow<'_, str> {
    let breaks = ["\r\n ", "\r\n\t", "\n ", "\n\t", "\r ", "\r\t"];
    breaks.iter().fold(Cow::Borrowed(head), |text, fold| {
        if text.contains(fold) { Cow::Owned(text.replace(fold, " ")) } else { text }
    })
}

/// The value of a parameter of a header; one in the extended form, `name*=utf-8''...`, comes first.
fn parameter(parameters: &str, name: &str) -> Option<String> {
    let (mut plain, mut extended, mut rest) = (None, None, parameters);
    while !rest.is_empty() {
        let (key, value, after) = next_parameter(rest);
        rest = after;
        match key.to_ascii_lowercase().strip_prefix(name) {
            Some("") => plain = plain.or(Some(value)),
            Some("*") => extended = extended.or_else(|| decoded(&value)),
            _ => {}
        }
    }
    extended.or(plain)
}

/// The first parameter, and what comes behind it.
fn next_parameter(text: &str) -> (&str, String, &str) {
    let text = text.trim_start_matches([' ', '\t', ';']);
    let end = text.find(['=', ';']).unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    let Some(value) = rest.strip_prefix('=') else { return (key.trim(), String::new(), rest) };
    let value = value.trim_start_matches([' ', '\t']);
    let Some(quoted) = value.strip_prefix('"') else {
        let (value, rest) = value.split_at(value.find(';').unwrap_or(value.len()));
        return (key.trim(), value.trim_end().to_owned(), rest);
    };
    let (mut unquoted, mut chars) = (String::new(), quoted.chars());
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            // Only these two: the file names of old browsers are whole paths.
            '\\' if chars.as_str().starts_with(['"', '\\']) => unquoted.extend(chars.next()),
            c => unquoted.push(c),
        }
    }
    let rest = chars.as_str();
    (key.trim(), unquoted, &rest[rest.find(';').unwrap_or(rest.len())..])
}

/// The text of `utf-8''Jos%C3%A9.jpg`.
fn decoded(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (charset, _language, text) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = percent_decoded(text);
    match charset.to_ascii_lowercase().as_str() {
        "iso-8859-1" => Some(bytes.into_iter().map(char::from).collect()),
        _ => Some(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let [first, after @ ..] = rest {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        let escaped = (*first == b'%').then(|| Some(digit(0)? * 16 + digit(1)?)).flatten();
        if let Some(byte) = escaped {
            bytes.push(byte as u8);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Name, file name and content.
    type Part = (Option<String>, Option<String>, Vec<u8>);

    /// The parts of a body that comes in pieces of this size.
    fn parts_of<'a>(mut pieces: impl Iterator<Item = &'a [u8]>) -> Result<Vec<Part>, Broken> {
        let mut parser = Parser::new("multipart/form-data; boundary=B").unwrap();
        let mut parts = Vec::<Part>::new();
        loop {
            match parser.event()? {
                Event::NeedMore => match pieces.next() {
                    Some(piece) => parser.push(piece),
                    None => parser.complete(),
                },
                Event::Head(head) => parts.push((head.name, head.file_name, Vec::new())),
                Event::Data { bytes, .. } => parts.last_mut().unwrap().2.extend(bytes),
                Event::End => return Ok(parts),
            }
        }
    }

    fn parts(body: &[u8], size: usize) -> Result<Vec<Part>, Broken> {
        parts_of(body.chunks(size))
    }

    fn one(name: &str, file: Option<&str>, content: &[u8]) -> Part {
        (Some(name.to_owned()), file.map(str::to_owned), content.to_vec())
    }

    #[test]
    fn forms_of_all_clients_are_read_in_pieces_of_any_size() {
        let file = one("file", Some("a.jpg"), b"\r\n--B \x00\n--\r--BX\r\n");
        for line in ["\r\n", "\n"] {
            let head = "Content-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"";
            let mut body =
                format!("preamble{line}--B {line}{head}{line}Content-Type: image/jpeg{line}{line}")
                    .into_bytes();
            body.extend_from_slice(&file.2);
            body.extend_from_slice(
                format!("{line}--B{line}content-disposition:form-data;NAME=other{line}{line}").as_bytes(),
            );
            body.extend_from_slice(format!("{line}--B--{line}epilogue").as_bytes());
            for size in 1..body.len() + 1 {
                let found = parts(&body, size).unwrap();
                assert_eq!(found, [file.clone(), one("other", None, b"")], "{line:?} {size}");
            }
        }
    }

    #[test]
    fn headers_are_read_as_werkzeug_reads_them() {
        for (head, name, file) in [
            (
                "Content-Disposition: form-data; name=\"file\"; filename*=utf-8''Jos%C3%A9.jpg",
                "file",
                Some("José.jpg"),
            ),
            (
                "Content-Disposition: form-data; filename=\"x\"; filename*=UTF-8'en'%e2%82%ac; name=file",
                "file",
                Some("€"),
            ),
            ("Content-Disposition: form-data; Name=\"file\"; FileName=\"a.jpg\"", "file", Some("a.jpg")),
            (
                "Content-Disposition: form-data;\r\n name=\"file\";\r\n\tfilename=\"a b.jpg\"",
                "file",
                Some("a b.jpg"),
            ),
            ("CONTENT-DISPOSITION : form-data; name = file ; filename = a.jpg", "file", Some("a.jpg")),
            (
                "Content-Disposition: form-data; name=\"a;b\\\"c\"; filename=\"C:\\photos\\a.jpg\"",
                "a;b\"c",
                Some("C:\\photos\\a.jpg"),
            ),
            ("Content-Disposition: form-data; name=\"file\"; filename=\"\"", "file", Some("")),
            ("X-Other: name=no\r\nContent-Disposition: form-data; name=\"file\"", "file", None),
            ("Content-Disposition: form-data; name=\"file\"; filename*=iso-8859-1''%e9", "file", Some("é")),
        ] {
            let body = format!("--B\r\n{head}\r\n\r\nx\r\n--B--");
            assert_eq!(parts(body.as_bytes(), 7).unwrap(), [one(name, file, b"x")], "{head}");
        }
        assert_eq!(parts(b"--B\r\n\r\nx\r\n--B--", 1).unwrap(), [(None, None, b"x".to_vec())]);
        assert_eq!(parts(b"--B--\r\n", 1).unwrap(), []);
    }

    /// As [`parts`], cut where `cuts` say.
    fn parts_cut_at(body: &[u8], cuts: &[prop::sample::Index]) -> Result<Vec<Part>, Broken> {
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
        ends.push(body.len());
        ends.sort_unstable();
        let mut start = 0;
        parts_of(ends.into_iter().map(|end| &body[std::mem::replace(&mut start, end)..end]))
    }

    proptest! {
        #[test]
        fn it_makes_no_difference_where_pieces_end(
            words in prop::collection::vec(prop::sample::select(vec![
                "\r\n", "\n", "\r", "--B", "--B\r\n", "--", "-", " ", "x", "B", "\r\n\r\n", "\r\n--B\r\n",
                "Content-Disposition: form-data; name=a", "\r\n--B--",
            ]), 0..24),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let body = format!("--B\r\n{}", words.concat());
            let whole = parts(body.as_bytes(), body.len());
            prop_assert_eq!(&parts_cut_at(body.as_bytes(), &cuts), &whole, "{:?}", body);
            prop_assert_eq!(&parts(body.as_bytes(), 1), &whole, "{:?}", body);
        }
    }

    #[test]
    fn a_boundary_within_a_line_is_content_wherever_a_piece_begins() {
        let body = b"--B\r\n\r\nabc--B\r\n--B--";
        for size in 1..body.len() + 1 {
            assert_eq!(parts(body, size).unwrap(), [(None, None, b"abc--B".to_vec())], "{size}");
        }
    }

    #[test]
    fn long_headers_are_refused_in_pieces_of_any_size() {
        for (line, blank) in [("\r\n", "\r\n"), ("\n", "\n"), ("\r", "\r")] {
            // To the line break of the blank line, which the first one of "\r\n" belongs to.
            for (headers, is_taken) in [(MAX_HEAD_BYTES, true), (MAX_HEAD_BYTES + 1, false)] {
                let padding = "x".repeat(headers - (line.len() - 1) - 2);
                let body = format!("--B\r\nX:{padding}{line}{blank}content\r\n--B--");
                for size in [1, 2, 1000, MAX_HEAD_BYTES + 7, MAX_HEAD_BYTES + 8, 100_000] {
                    let found = parts(body.as_bytes(), size);
                    assert_eq!(found.is_ok(), is_taken, "{line:?} {headers} {size}: {found:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_escape_stays_as_it_is() {
        for (text, expected) in
            [("%4a%4A", "JJ"), ("%+f%-1", "%+f%-1"), ("% 1%g0%", "% 1%g0%"), ("%4", "%4"), ("%%41", "%A")]
        {
            assert_eq!(percent_decoded(text), expected.as_bytes(), "{text}");
        }
    }

    #[test]
    fn what_ends_too_early_says_where() {
        let head = "Content-Disposition: form-data; name=\"a\"\r\n\r\n";
        for (body, broken) in [
            (String::new(), "it ends before its first part"),
            ("no form".to_owned(), "it ends before its first part"),
            ("--B".to_owned(), "it ends before its first part"),
            ("--B\r\nContent-Dis".to_owned(), "it ends within the headers of a part"),
            (format!("--B\r\n{head}hello"), "it ends within a part"),
            (format!("--B\r\n{head}hello\r\n--B"), "it ends within a part"),
            (format!("--B\r\n{}", "x".repeat(17_000)), "a part has more than 16 KiB of headers"),
        ] {
            for size in [3, 100, 100_000] {
                assert_eq!(parts(body.as_bytes(), size), Err(broken), "{body:.40}");
            }
        }
    }

    #[test]
    fn a_content_type_has_its_boundary_in_any_spelling() {
        let boundary = |content_type: &str| Parser::new(content_type).map(|parser| parser.delimiter);
        assert_eq!(boundary("multipart/form-data; charset=utf-8; Boundary=\"a b\""), Some(b"--a b".to_vec()));
        assert_eq!(boundary("multipart/form-data;boundary=x"), Some(b"--x".to_vec()));
        for none in ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; bound=x"]
        {
            assert_eq!(boundary(none), None, "{none}");
        }
        assert!(boundary(&format!("multipart/form-data; boundary={}", "x".repeat(201))).is_none());
    }
}
