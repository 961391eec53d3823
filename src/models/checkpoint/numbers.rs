//! From the bytes of a storage to a tensor's numbers.

use half::{bf16, f16};

use super::storage::{ElementType, TensorView};

/// The numbers of `tensor`, row-major, from the bytes of its storage.
pub(super) fn gather(storage: &[u8], tensor: &TensorView) -> Result<Vec<f32>, String> {
    match tensor.storage.element {
        ElementType::F16 => strided(storage.as_chunks().0, tensor, |b| f16::from_le_bytes(b).to_f32()),
        ElementType::BF16 => strided(storage.as_chunks().0, tensor, |b| bf16::from_le_bytes(b).to_f32()),
        ElementType::F32 => strided(storage.as_chunks().0, tensor, f32::from_le_bytes),
        ElementType::F64 => strided(storage.as_chunks().0, tensor, |b| f64::from_le_bytes(b) as f32),
        ElementType::Other(size) => {
            Err(format!("expected floating-point numbers, found integers of {size} bytes"))
        }
    }
}

fn strided<const N: usize>(
    elements: &[[u8; N]],
    tensor: &TensorView,
    number: impl Fn([u8; N]) -> f32,
) -> Result<Vec<f32>, String> {
    let count = tensor.count_within(elements.len())?;
    let mut numbers = Vec::with_capacity(count);
    let mut index = vec![0; tensor.shape.len()];
    let mut at = tensor.offset;
    for _ in 0..count {
        // `count_within` has shown that no index reaches beyond the storage.
        numbers.push(number(*elements.get(at).ok_or("beyond its storage")?));
        for ((index, side), stride) in index.iter_mut().zip(&tensor.shape).zip(&tensor.strides).rev() {
            *index += 1;
            // A stride of a dimension of one element may be anything.
            at = at.wrapping_add(*stride);
            if *index < *side {
                break;
            }
            at = at.wrapping_sub(stride.wrapping_mul(*side));
            *index = 0;
        }
    }
    Ok(numbers)
}
