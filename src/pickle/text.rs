//! The two string encodings of protocol 0.

use std::borrow::Cow;

/// The argument of `UNICODE`: Python's `raw-unicode-escape`, that is Latin-1 with `\uXXXX` and
/// `\UXXXXXXXX`. `None` for an escape that is none.
pub(super) fn raw_unicode_escape(line: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let digits = match (byte, after.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => {
                text.push(char::from(byte));
                continue;
            }
        };
        let digit = |code: u32, byte: &u8| Some(code << 4 | char::from(*byte).to_digit(16)?);
        text.push(char::from_u32(after.get(1..=digits)?.iter().try_fold(0, digit)?)?);
        rest = after.get(1 + digits..)?;
    }
    Some(text)
}

/// The argument of `STRING`: a Python 2 string literal in single or double quotes, with the escapes
/// that `repr` writes. `None` for anything else.
pub(super) fn string_literal(line: &[u8]) -> Option<Cow<'_, [u8]>> {
    let quote = *line.first().filter(|quote| matches!(quote, b'\'' | b'"'))?;
    let inner = line.get(1..)?.strip_suffix(&[quote])?;
    if !inner.contains(&b'\\') {
        return Some(Cow::Borrowed(inner));
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.iter();
    while let Some(&byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match *rest.next()? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let mut digit = || rest.next().and_then(|byte| char::from(*byte).to_digit(16));
                (digit()? * 16 + digit()?) as u8
            }
            literal @ (b'\\' | b'\'' | b'"') => literal,
            _ => return None,
        });
    }
    Some(Cow::Owned(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_has_nothing_but_hexadecimal_digits() {
        assert_eq!(raw_unicode_escape(b"Zo\\u00EB \\U0001f600").as_deref(), Some("Zo\u{eb} \u{1f600}"));
        for broken in [&b"\\u+041"[..], b"\\u 041", b"\\u004", b"\\U00110000", b"\\ud800"] {
            assert_eq!(raw_unicode_escape(broken), None, "{broken:?}");
        }
    }
}
