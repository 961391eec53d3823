//! The id of an enrolled photo.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// Length of a ULID, which new photos have.
const ULID_BYTES: usize = 26;

/// The id of an enrolled photo: text. One of 26 bytes, as a ULID has, lies in place, without a block of its own: a gallery has many.
#[derive(Clone)]
pub struct PhotoId(Text);

#[derive(Clone)]
enum Text {
    InPlace([u8; ULID_BYTES]),
    Apart(Box<str>),
}

impl PhotoId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            // It was text.
            Text::InPlace(bytes) => str::from_utf8(bytes).unwrap_or_default(),
            Text::Apart(text) => text,
        }
    }
}

impl From<&str> for PhotoId {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().try_into().map_or_else(|_| Text::Apart(text.into()), Text::InPlace))
    }
}

impl From<String> for PhotoId {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<PhotoId> for String {
    fn from(id: PhotoId) -> Self {
        id.as_str().to_owned()
    }
}

impl Deref for PhotoId {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for PhotoId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for PhotoId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), formatter)
    }
}

impl fmt::Debug for PhotoId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

impl PartialEq for PhotoId {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for PhotoId {}

impl PartialEq<str> for PhotoId {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for PhotoId {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Hash for PhotoId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_its_text_wherever_that_lies() {
        for text in ["", "1", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAVx", "ééééééééééééé"]
        {
            let id = PhotoId::from(text);
            assert_eq!((id.as_str(), String::from(id.clone()).as_str()), (text, text));
            assert_eq!((&id, id.len()), (&PhotoId::from(text.to_owned()), text.len()));
            assert!(id == *text && format!("{id:?}") == format!("{text:?}"));
        }
        assert_eq!(size_of::<PhotoId>(), 32);
    }
}
