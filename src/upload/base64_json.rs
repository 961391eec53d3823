//! Photos in base64 in a JSON object, read without a copy of the object.

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{self, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::limits::MAX_PHOTOS;
use crate::error::InputError;

/// Base64, whose padding is dropped before.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// A file in base64, perhaps as a `data:` URL.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Base64<'a>(&'a str);

/// Photos in base64, also as `data:` URLs: one in `image`, or several in `images`.
#[derive(Default, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PhotosInJson)]
pub struct PhotosInJson<'a> {
    #[schema(value_type = String, required = false, nullable = false)]
    /// One photo.
    pub image: Option<Base64<'a>>,
    /// Up to 20 photos, each with a result of its own.
    #[schema(value_type = Vec<String>, required = false, nullable = false, min_items = 1, max_items = 20)]
    pub images: Option<Vec<Base64<'a>>>,
}

/// The error for another body, with what was found.
#[must_use]
pub fn refused(found: &str) -> InputError {
    let expected = "expected an object with a photo in base64 in `image`, or up to 20 in `images`";
    InputError::Invalid(format!("{expected}; {found}"))
}

impl PhotosInJson<'_> {
    /// What `decode` makes of the photos in `json`, whose texts are changed to plain base64 in place.
    ///
    /// # Errors
    /// [`refused`] for anything but such an object; else as `decode`.
    pub fn with_decoded<T, E: From<InputError>>(
        json: &mut Vec<u8>,
        decode: impl FnOnce(PhotosInJson<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        simplify_texts(json);
        // The parser would quote a body that is a text, and copy a text with an escape that is left.
        if !json.trim_ascii_start().starts_with(b"{") || json.contains(&b'\\') {
            return Err(refused("found another body").into());
        }
        // Not what the parser says: it quotes.
        let photos = serde_json::from_slice(json).map_err(|_| refused("found another body"))?;
        decode(photos)
    }
}

impl Base64<'_> {
    /// What stands behind the comma of `data:image/jpeg;base64,...`, or all of it.
    fn data(&self) -> &str {
        match self.0.strip_prefix("data:") {
            Some(url) => url.split_once(',').map_or("", |(_, data)| data),
            None => self.0,
        }
    }

    /// [`Base64::data`] without its padding.
    fn digits(&self) -> &str {
        let data = self.data();
        data.strip_suffix("==").or(data.strip_suffix('=')).unwrap_or(data)
    }

    /// The most bytes that it is decoded to.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        let digits = self.digits().len();
        digits / 4 * 3 + digits % 4 * 3 / 4
    }

    /// Appends the file to `bytes`.
    ///
    /// # Errors
    /// [`InputError::Invalid`] for other text, and for none; it names `member`.
    pub fn decode_into(&self, bytes: &mut Vec<u8>, member: &str) -> Result<(), InputError> {
        let broken =
            || InputError::Invalid(format!("{member}: expected a photo in base64, found other text"));
        // The decoder takes up to two bytes more while it works.
        bytes.reserve_exact(base64::decoded_len_estimate(self.digits().len()));
        BASE64.decode_vec(self.digits(), bytes).map_err(|_| broken())?;
        if bytes.is_empty() { Err(broken()) } else { Ok(()) }
    }
}

/// Drops white space from the texts of a JSON object, names of members among them, and writes what is escaped in them plainly: PHP escapes each
/// slash, .NET each plus sign, and others break lines. Other escapes are left, which no base64 needs; so are texts without
/// an end.
fn simplify_texts(json: &mut Vec<u8>) {
    let (mut read, mut written, mut is_text) = (0, 0, false);
    while let Some(&byte) = json.get(read) {
        let (taken, plain) = match (byte, json.get(read + 1).copied()) {
            (b'\\', Some(escaped)) if is_text => {
                if let Some((length, plain)) = unescaped(&json[read + 1..]) {
                    (1 + length, plain)
                } else {
                    // Both, so that an escaped quotation mark does not end the text.
                    json[written] = byte;
                    written += 1;
                    (2, Some(escaped))
                }
            }
            _ if is_text && byte.is_ascii_whitespace() => (1, None),
            _ => (1, Some(byte)),
        };
        is_text ^= taken == 1 && byte == b'"';
        read += taken;
        if let Some(plain) = plain {
            // Never ahead of what is read: no escape is shorter than what it stands for.
            json[written] = plain;
            written += 1;
        }
    }
    json.truncate(written);
}

/// How long the escape behind a backslash is and what it stands for, `None` for white space; only of characters that base64
/// has.
fn unescaped(escape: &[u8]) -> Option<(usize, Option<u8>)> {
    match escape {
        [b'/', ..] => Some((1, Some(b'/'))),
        [b'n' | b'r' | b't', ..] => Some((1, None)),
        [b'u', b'0', b'0', high, low, ..] => {
            let digit = |byte: &u8| char::from(*byte).to_digit(16);
            let code = u8::try_from(digit(high)? * 16 + digit(low)?).ok()?;
            if code.is_ascii_whitespace() {
                return Some((5, None));
            }
            let is_base64 = code.is_ascii_alphanumeric() || matches!(code, b'+' | b'/' | b'=');
            is_base64.then_some((5, Some(code)))
        }
        _ => None,
    }
}

/// By hand, since errors of derived code quote a member or a text, however long it is.
impl<'de: 'a, 'a> Deserialize<'de> for PhotosInJson<'a> {
    fn deserialize<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        object.deserialize_map(Members).map(|photos: PhotosInJson<'de>| photos)
    }
}

/// Reads the object.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = PhotosInJson<'de>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object with image or images")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut photos = PhotosInJson::default();
        while let Some(name) = members.next_key::<&str>()? {
            let is_again = match name {
                "image" => photos.image.replace(members.next_value()?).is_some(),
                "images" => photos.images.replace(members.next_value::<Texts<'_>>()?.0).is_some(),
                _ => return Err(A::Error::custom("another member")),
            };
            if is_again {
                return Err(A::Error::custom("a member is there twice"));
            }
        }
        Ok(photos)
    }
}

/// A list that is refused at its first text too many, before the others take room.
struct Texts<'a>(Vec<Base64<'a>>);

impl<'de> Deserialize<'de> for Texts<'de> {
    fn deserialize<D: Deserializer<'de>>(list: D) -> Result<Self, D::Error> {
        list.deserialize_any(Few).map(Self)
    }
}

struct Few;

impl<'de> Visitor<'de> for Few {
    type Value = Vec<Base64<'de>>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "a list of up to {MAX_PHOTOS} texts")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
        Err(E::custom("a text"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element()? {
            if texts.len() == MAX_PHOTOS {
                return Err(A::Error::custom("too many"));
            }
            texts.push(text);
        }
        Ok(texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn simplified(json: &str) -> String {
        let mut json = json.as_bytes().to_vec();
        simplify_texts(&mut json);
        String::from_utf8(json).unwrap()
    }

    #[test]
    fn escapes_and_line_breaks_of_base64_are_made_plain_and_others_are_left() {
        for (json, plain) in [
            (r#"{ "image": "a\/b\u002B\u002bc\u003d\r\nd\u000a e" }"#, r#"{ "image": "a/b++c=de" }"#),
            (r#"{"a\"b\\": "c d", "e": "\\/"}"#, r#"{"a\"b\\": "cd", "e": "\\/"}"#),
            (r#"{"a": "\u0022\u00e9\u00"}"#, r#"{"a": "\u0022\u00e9\u00"}"#),
            (r#"{"a": "\u00+f \"#, r#"{"a": "\u00+f\"#),
            ("[1, 2]", "[1, 2]"),
        ] {
            assert_eq!(simplified(json), plain);
        }
    }

    #[test]
    fn a_list_is_refused_at_its_first_text_too_many() {
        let list =
            |count: usize| serde_json::json!({ "images": vec!["AAAA"; count] }).to_string().into_bytes();
        let count = |json: &mut Vec<u8>| {
            PhotosInJson::with_decoded(json, |photos| {
                Ok::<_, InputError>(photos.images.map_or(0, |images| images.len()))
            })
        };
        assert_eq!(count(&mut list(MAX_PHOTOS)).unwrap(), MAX_PHOTOS);
        assert!(count(&mut list(MAX_PHOTOS + 1)).is_err());
    }

    #[test]
    fn what_is_refused_is_neither_copied_nor_quoted() {
        let long = "A".repeat(10_000);
        for body in [
            format!(r#"{{"{long}": 1}}"#),
            format!(r#"{{"images": "{long}"}}"#),
            format!(r#"{{"images": {{"{long}": 1}}}}"#),
            format!(r#"{{"image": "{long}", "image": "{long}"}}"#),
            format!(r#"{{"image": ["{long}"]}}"#),
        ] {
            let error = serde_json::from_str::<PhotosInJson<'_>>(&body).err().unwrap().to_string();
            assert!(error.len() < 100, "{error}");
        }
        for body in
            [format!(r#"{{"image": "\u00e9{long}"}}"#), format!(r#"["{long}"]"#), format!(r#""{long}""#)]
        {
            assert!(PhotosInJson::with_decoded(&mut body.into_bytes(), |_| Ok::<_, InputError>(())).is_err());
        }
    }

    #[test]
    fn the_room_for_a_photo_is_known_before_it_is_decoded() {
        let padded = format!("AAAA{}", "=".repeat(1000));
        for (text, length) in [
            ("", None),
            ("AA", Some(1)),
            ("AAA=", Some(2)),
            ("AAAA", Some(3)),
            ("data:image/png;base64,AAAAAA==", Some(4)),
            ("data:none", None),
            (&padded, None),
        ] {
            let (text, mut bytes) = (Base64(text), Vec::new());
            let is_decoded = text.decode_into(&mut bytes, "image").is_ok();
            assert_eq!(is_decoded.then_some(bytes.len()), length, "{}", text.0);
            assert!(bytes.capacity() <= text.max_bytes() + 8, "{}: {}", text.0, bytes.capacity());
        }
    }
}
