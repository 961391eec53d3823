//! Ways in which a file gets damaged.

/// How many ways [`damaged`] knows.
pub(crate) const WAYS: usize = 6;

/// What was done to `file` (way `way`), and what has become of it. `below(n)` gives numbers from 0 to
/// `n - 1`; parts of `other` may get in.
pub(crate) fn damaged(
    below: &mut dyn FnMut(usize) -> usize,
    way: usize,
    file: &[u8],
    other: &[u8],
) -> (&'static str, Vec<u8>) {
    let mut bytes = file.to_vec();
    match way {
        0 | 1 => {
            for _ in 0..=below(16) {
                let at = below(bytes.len());
                bytes[at] ^= 1 << below(8);
            }
            ("bits flipped", bytes)
        }
        2 => {
            bytes.truncate(below(file.len()));
            ("cut short", bytes)
        }
        3 => {
            let (end, start) = (below(file.len()), below(other.len()));
            bytes.truncate(end);
            bytes.extend_from_slice(&other[start..]);
            ("spliced with another", bytes)
        }
        4 => {
            // Sizes, counts and offsets of most formats lie in the first bytes.
            let at = below(bytes.len().min(64));
            let end = (at + 4).min(bytes.len());
            bytes[at..end].fill(0xFF);
            ("giant numbers in its header", bytes)
        }
        _ => {
            let (at, count) = (below(bytes.len()), below(4096));
            let piece: Vec<u8> = (0..count).map(|_| below(256) as u8).collect();
            bytes.splice(at..at, piece);
            ("noise in it", bytes)
        }
    }
}
