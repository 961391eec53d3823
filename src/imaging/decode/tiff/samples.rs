//! Samples of 1 to 32 bits to bytes, and the predictors.

use crate::imaging::ifd::Order;

/// Adds to each sample the one to its left. `samples` of `bytes` bytes make a pixel.
pub(super) fn undo_horizontal(row: &mut [u8], samples: usize, bytes: usize, order: Order) {
    let distance = samples * bytes;
    for at in (distance..row.len()).step_by(bytes) {
        let Some(end) = Some(at + bytes).filter(|end| *end <= row.len()) else { return };
        let left = number(&row[at - distance..at - distance + bytes], order);
        let sum = number(&row[at..end], order).wrapping_add(left);
        let (little, big) = (sum.to_le_bytes(), sum.to_be_bytes());
        row[at..end].copy_from_slice(match order {
            Order::Little => &little[..bytes],
            Order::Big => &big[4 - bytes..],
        });
    }
}

/// A number of up to 4 bytes.
fn number(bytes: &[u8], order: Order) -> u32 {
    let add = |number: u32, byte: &u8| number << 8 | u32::from(*byte);
    match order {
        Order::Little => bytes.iter().rev().fold(0, add),
        Order::Big => bytes.iter().fold(0, add),
    }
}

/// Adds to each byte the one to its left, then joins the bytes of each float: stored apart, the highest first. The floats
/// come out big-endian, whatever the order of the file.
pub(super) fn undo_float(row: &mut [u8], samples: usize, joined: &mut Vec<u8>) {
    for at in samples..row.len() {
        row[at] = row[at].wrapping_add(row[at - samples]);
    }
    let count = row.len() / 4;
    joined.clear();
    joined.extend((0..count).flat_map(|index| [0, 1, 2, 3].map(|byte| row[byte * count + index])));
    row[..joined.len()].copy_from_slice(joined);
}

/// Bytes from samples: few bits are spread over the whole range unless they are `indices`, of more than 8 the highest
/// are kept, and floats are taken as 0 (black) to 1 (white), as programs for photos write them.
pub(super) fn to_bytes(
    row: &[u8],
    bits: usize,
    is_float: bool,
    is_index: bool,
    order: Order,
    out: &mut Vec<u8>,
) {
    out.clear();
    match (bits, is_float) {
        (8, _) => out.extend_from_slice(row),
        (16, _) => out.extend(row.as_chunks::<2>().0.iter().map(|sample| highest(sample, order))),
        (32, false) => out.extend(row.as_chunks::<4>().0.iter().map(|sample| highest(sample, order))),
        (32, true) => out.extend(row.as_chunks::<4>().0.iter().map(|sample| of_float(*sample, order))),
        _ => {
            let mask = (1_u16 << bits) - 1;
            let scale = if is_index { 1 } else { 255 / mask };
            let of_byte = |byte: &u8| {
                let byte = u16::from(*byte);
                (0..8 / bits).map(move |index| (byte >> (8 - bits * (index + 1)) & mask) * scale)
            };
            out.extend(row.iter().flat_map(of_byte).map(|sample| sample as u8)); // 255 at most
        }
    }
}

fn highest(sample: &[u8], order: Order) -> u8 {
    match order {
        Order::Little => sample[sample.len() - 1],
        Order::Big => sample[0],
    }
}

/// What is no number is black.
fn of_float(sample: [u8; 4], order: Order) -> u8 {
    let value = match order {
        Order::Little => f32::from_le_bytes(sample),
        Order::Big => f32::from_be_bytes(sample),
    };
    (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(row: &[u8], bits: usize, is_float: bool, order: Order) -> Vec<u8> {
        let mut out = Vec::new();
        to_bytes(row, bits, is_float, false, order, &mut out);
        out
    }

    #[test]
    fn wide_samples_keep_their_highest_byte() {
        assert_eq!(bytes(&[0x12, 0xFF], 16, false, Order::Big), [0x12]);
        assert_eq!(bytes(&[0xFF, 0x12], 16, false, Order::Little), [0x12]);
        assert_eq!(bytes(&[0x12, 0, 0, 0, 0xFF, 0, 0, 0], 32, false, Order::Big), [0x12, 0xFF]);
    }

    #[test]
    fn few_bits_are_spread_over_the_whole_range() {
        assert_eq!(bytes(&[0b1010_0000], 1, false, Order::Big), [255, 0, 255, 0, 0, 0, 0, 0]);
        assert_eq!(bytes(&[0b0001_1011], 2, false, Order::Big), [0, 85, 170, 255]);
        assert_eq!(bytes(&[0x0F], 4, false, Order::Big), [0, 255]);
        let mut indices = Vec::new();
        to_bytes(&[0x3F], 4, false, true, Order::Big, &mut indices);
        assert_eq!(indices, [3, 15]);
    }

    #[test]
    fn floats_are_zero_to_one_whatever_they_hold() {
        let floats = [0.5_f32, -1.0, 7.0, f32::NAN, f32::INFINITY, 1.0];
        let row: Vec<u8> = floats.iter().flat_map(|float| float.to_le_bytes()).collect();
        assert_eq!(bytes(&row, 32, true, Order::Little), [128, 0, 255, 0, 255, 255]);
    }

    #[test]
    fn predictors_are_undone() {
        let mut row = [1, 2, 3, 1, 1, 1, 255, 0, 1];
        undo_horizontal(&mut row, 3, 1, Order::Little);
        assert_eq!(row, [1, 2, 3, 2, 3, 4, 1, 3, 5]);
        let mut wide = [0x00, 0xFF, 0x00, 0x02];
        undo_horizontal(&mut wide, 1, 2, Order::Big);
        assert_eq!(wide, [0x00, 0xFF, 0x01, 0x01]);
        let mut wide = [0xFF, 0x00, 0x02, 0x00];
        undo_horizontal(&mut wide, 1, 2, Order::Little);
        assert_eq!(wide, [0xFF, 0x00, 0x01, 0x01]);
        let mut floats = [0x3F, 0, 0x80 - 0x3F, 0, 0x80, 0, 0, 0];
        undo_float(&mut floats, 1, &mut Vec::new());
        assert_eq!(floats, [0x3F, 0x80, 0, 0, 0x3F, 0x80, 0, 0]);
    }
}
