//! Hexadecimal text of checksums and keys.

use std::fmt::Write as _;

/// The bytes as lower-case hexadecimal digits.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The first 8 bytes of a checksum in hexadecimal digits: enough to tell two files apart in a message.
#[must_use]
pub fn short_hex(checksum: &[u8]) -> String {
    to_hex(checksum.get(..8).unwrap_or(checksum))
}

/// The 32 bytes of a SHA-256 written as 64 hexadecimal digits of either case; `None` for anything else.
#[must_use]
pub fn sha256_from_hex(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let bytes: Vec<u8> =
        digits.chunks(2).map(|pair| pair.iter().fold(0, |sum, d| sum << 4 | *d as u8)).collect();
    bytes.try_into().ok().filter(|_| digits.len() == 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let bytes: [u8; 32] = std::array::from_fn(|at| (at * 37) as u8);
        let text = to_hex(&bytes);
        assert!(text.starts_with("00254a6f94"), "{text}");
        assert_eq!(sha256_from_hex(&text), Some(bytes));
        assert_eq!(sha256_from_hex(&text.to_uppercase()), Some(bytes));
    }

    #[test]
    fn what_is_no_checksum_is_refused() {
        let digits = "0123456789abcdef".repeat(4);
        for text in [
            "",
            "00",
            &digits[1..],
            &format!("{digits}0"),
            &digits.replace('f', "g"),
            &digits.replace('0', "é"),
        ] {
            assert_eq!(sha256_from_hex(text), None, "{text}");
        }
    }
}
