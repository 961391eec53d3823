//! A directory of tags, as TIFF files and EXIF data hold it: classic and big TIFF, in both byte orders.
//!
//! Values are read where they lie, one by one, when they are asked for: a directory takes no memory,
//! whatever it claims.

/// The first directory of a TIFF file or of EXIF data.
pub(super) struct Directory<'a> {
    bytes: &'a [u8],
    order: Order,
    /// Big TIFF: 64-bit offsets.
    big: bool,
    /// Offset of the first entry.
    entries: usize,
    /// Number of entries that the directory claims.
    count: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

/// Types of values, as TIFF 6.0 (section 2), its technical note 1 and big TIFF number them.
mod kind {
    pub(super) const BYTE: u16 = 1;
    pub(super) const SHORT: u16 = 3;
    pub(super) const LONG: u16 = 4;
    pub(super) const RATIONAL: u16 = 5;
    pub(super) const SIGNED_BYTE: u16 = 6;
    pub(super) const UNDEFINED: u16 = 7;
    pub(super) const SIGNED_SHORT: u16 = 8;
    pub(super) const SIGNED_LONG: u16 = 9;
    pub(super) const SIGNED_RATIONAL: u16 = 10;
    pub(super) const FLOAT: u16 = 11;
    pub(super) const DOUBLE: u16 = 12;
    pub(super) const IFD: u16 = 13;
    pub(super) const LONG8: u16 = 16;
    pub(super) const SIGNED_LONG8: u16 = 17;
    pub(super) const IFD8: u16 = 18;

    /// Bytes of one value.
    pub(super) fn size(kind: u16) -> Option<usize> {
        Some(match kind {
            BYTE | 2 | SIGNED_BYTE | UNDEFINED => 1, // 2: text
            SHORT | SIGNED_SHORT => 2,
            LONG | SIGNED_LONG | FLOAT | IFD => 4,
            RATIONAL | SIGNED_RATIONAL | DOUBLE | LONG8 | SIGNED_LONG8 | IFD8 => 8,
            _ => return None,
        })
    }
}

impl<'a> Directory<'a> {
    /// Finds the first directory. `None` where the bytes are no TIFF structure.
    pub(super) fn first(bytes: &'a [u8]) -> Option<Self> {
        let order = match bytes.get(..2)? {
            b"II" => Order::Little,
            b"MM" => Order::Big,
            _ => return None,
        };
        let magic = unsigned(bytes.get(2..4)?, order);
        let big = match magic {
            42 => false,
            43 if unsigned(bytes.get(4..6)?, order) == 8 => true,
            _ => return None,
        };
        let start = if big { unsigned(bytes.get(8..16)?, order) } else { unsigned(bytes.get(4..8)?, order) };
        let start = usize::try_from(start).ok()?;
        let head = if big { 8 } else { 2 };
        let count = unsigned(bytes.get(start..start.checked_add(head)?)?, order);
        let count = usize::try_from(count).ok()?.min(bytes.len());
        Some(Self { bytes, order, big, entries: start + head, count })
    }

    pub(super) fn order(&self) -> Order {
        self.order
    }

    /// The values of a tag; `None` where the directory does not have it, or where they lie outside the bytes.
    pub(super) fn get(&self, tag: u16) -> Option<Values<'a>> {
        let (size, inline) = if self.big { (20, 12) } else { (12, 8) };
        let entries = self.bytes.get(self.entries..)?.chunks_exact(size).take(self.count);
        let entry = entries.into_iter().find(|entry| unsigned(&entry[..2], self.order) == u64::from(tag))?;
        let kind = unsigned(&entry[2..4], self.order) as u16; // two bytes
        let count = usize::try_from(unsigned(&entry[4..inline], self.order)).ok()?;
        let bytes = count.checked_mul(kind::size(kind)?)?;
        let data = if bytes <= size - inline {
            &entry[inline..inline + bytes]
        } else {
            let start = usize::try_from(unsigned(&entry[inline..], self.order)).ok()?;
            self.bytes.get(start..start.checked_add(bytes)?)?
        };
        Some(Values { data, kind, order: self.order })
    }

    /// The first value of a tag, where it is a whole number of any type that is not negative.
    pub(super) fn unsigned(&self, tag: u16) -> Option<u64> {
        self.get(tag)?.unsigned(0)
    }
}

/// The values of one tag.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    data: &'a [u8],
    kind: u16,
    order: Order,
}

impl<'a> Values<'a> {
    /// The values as they are stored.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.data
    }

    pub(super) fn len(&self) -> usize {
        self.data.len() / kind::size(self.kind).unwrap_or(1)
    }

    fn value(&self, index: usize) -> Option<&'a [u8]> {
        let size = kind::size(self.kind)?;
        self.data.get(index.checked_mul(size)?..)?.get(..size)
    }

    /// A value of any integer type, where it is not negative.
    pub(super) fn unsigned(&self, index: usize) -> Option<u64> {
        let value = self.value(index)?;
        let number = unsigned(value, self.order);
        let sign = 1 << (value.len() * 8 - 1);
        match self.kind {
            kind::BYTE | kind::SHORT | kind::LONG | kind::IFD | kind::LONG8 | kind::IFD8 => Some(number),
            kind::SIGNED_BYTE | kind::SIGNED_SHORT | kind::SIGNED_LONG | kind::SIGNED_LONG8 => {
                (number & sign == 0).then_some(number)
            }
            _ => None,
        }
    }

    /// A value of any numeric type.
    pub(super) fn number(&self, index: usize) -> Option<f64> {
        let value = self.value(index)?;
        let half = |at: usize| unsigned(&value[at..at + 4], self.order) as u32;
        Some(match self.kind {
            kind::RATIONAL => f64::from(half(0)) / f64::from(half(4)),
            kind::SIGNED_RATIONAL => f64::from(half(0) as i32) / f64::from(half(4) as i32),
            kind::FLOAT => f64::from(f32::from_bits(half(0))),
            kind::DOUBLE => f64::from_bits(unsigned(value, self.order)),
            _ => self.unsigned(index)? as f64,
        })
    }
}

/// A number of up to 8 bytes.
fn unsigned(bytes: &[u8], order: Order) -> u64 {
    let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    match order {
        Order::Little => bytes.iter().rev().fold(0, add),
        Order::Big => bytes.iter().fold(0, add),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A classic directory of one entry with a value in its place.
    fn with_entry(kind: u16, count: u32, value: [u8; 4]) -> Vec<u8> {
        let mut bytes = b"II*\0\x08\0\0\0\x01\0\x12\x01".to_vec();
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(value);
        bytes
    }

    #[test]
    fn whole_numbers_of_every_type_are_read() {
        for kind in [1, 3, 4, 6, 8, 9, 13] {
            let bytes = with_entry(kind, 1, [6, 0, 0, 0]);
            assert_eq!(Directory::first(&bytes).unwrap().unsigned(0x0112), Some(6), "type {kind}");
        }
        for kind in [2, 5, 7, 10, 11, 12, 0, 99] {
            let bytes = with_entry(kind, 1, [6, 0, 0, 0]);
            assert_eq!(Directory::first(&bytes).unwrap().unsigned(0x0112), None, "type {kind}");
        }
        let negative = with_entry(8, 1, [0xFF, 0xFF, 0, 0]);
        assert_eq!(Directory::first(&negative).unwrap().unsigned(0x0112), None);
    }

    #[test]
    fn values_outside_the_bytes_are_none() {
        for (kind, count) in [(3, u32::MAX), (4, 2), (3, 0), (12, u32::MAX)] {
            let bytes = with_entry(kind, count, [200, 0, 0, 0]);
            assert_eq!(Directory::first(&bytes).unwrap().unsigned(0x0112), None, "{count} of type {kind}");
        }
        for bytes in [
            &b""[..],
            b"II*\0",
            b"II*\0\xFF\xFF\xFF\xFF",
            b"MM\0\x2B\0\x08\0\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
        ] {
            assert!(Directory::first(bytes).is_none(), "{bytes:?}");
        }
    }
}
