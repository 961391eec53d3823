//! A matrix times eight vectors at once: each of its numbers is loaded once for all of them. Each sum has one order, and so the same bits
//! as that of one vector, and with each instruction set.

/// Vectors side by side, the numbers of a register of 256 bits.
pub(super) const LANES: usize = 8;
/// Sums that are held in registers: with the vectors and a number of the matrix 12 of 16.
const ROWS: usize = 10;

/// One number of each vector.
pub(super) type Lanes = [f32; LANES];

/// A matrix, in strips of [`ROWS`] outputs. The last strip is filled up with zeros.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matrix {
    /// For each strip, and each input, its numbers.
    strips: Vec<[f32; ROWS]>,
    inputs: usize,
    outputs: usize,
}

impl Matrix {
    /// `columns`: for each input `outputs` numbers.
    pub(super) fn new(columns: &[f32], outputs: usize) -> Self {
        let inputs = columns.len() / outputs.max(1);
        let mut strips = Vec::with_capacity(outputs.div_ceil(ROWS) * inputs);
        for first in (0..outputs).step_by(ROWS) {
            for column in columns.chunks_exact(outputs) {
                let mut row = [0.0; ROWS];
                row.iter_mut().zip(&column[first..]).for_each(|(to, from)| *to = *from);
                strips.push(row);
            }
        }
        Self { strips, inputs, outputs }
    }

    /// `first + matrix * vector` of each vector; `first` has a number for each output.
    pub(super) fn times(&self, first: &[f32], vectors: &[Lanes]) -> Vec<Lanes> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the CPU has the feature; the function itself is safe.
            #[allow(unsafe_code, reason = "a function for a feature that was found")]
            return unsafe { self.times_avx2(first, vectors) };
        }
        self.times_anywhere(first, vectors)
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn times_avx2(&self, first: &[f32], vectors: &[Lanes]) -> Vec<Lanes> {
        self.times_anywhere(first, vectors)
    }

    #[inline(always)]
    #[allow(clippy::inline_always, reason = "compiled for the features of its caller")]
    fn times_anywhere(&self, first: &[f32], vectors: &[Lanes]) -> Vec<Lanes> {
        let mut products = Vec::with_capacity(self.outputs);
        for (strip, first) in self.strips.chunks_exact(self.inputs.max(1)).zip(first.chunks(ROWS)) {
            let mut sums = [[0.0; LANES]; ROWS];
            sums.iter_mut().zip(first).for_each(|(sum, first)| *sum = [*first; LANES]);
            for (row, values) in strip.iter().zip(vectors) {
                for (sum, number) in sums.iter_mut().zip(row) {
                    for (sum, value) in sum.iter_mut().zip(values) {
                        *sum += number * value;
                    }
                }
            }
            products.extend_from_slice(&sums[..first.len()]);
        }
        products
    }
}

/// At most [`LANES`] vectors of `dims` numbers, side by side; what is missing is 0.
pub(super) fn interleaved<'a>(vectors: impl Iterator<Item = &'a [f32]>, dims: usize) -> Vec<Lanes> {
    let mut lanes = vec![[0.0; LANES]; dims];
    for (lane, vector) in vectors.take(LANES).enumerate() {
        lanes.iter_mut().zip(vector).for_each(|(to, from)| to[lane] = *from);
    }
    lanes
}

/// The first `count` of the vectors.
pub(super) fn apart(lanes: &[Lanes], count: usize) -> impl Iterator<Item = Vec<f32>> {
    (0..count.min(LANES)).map(|lane| lanes.iter().map(|numbers| numbers[lane]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_has_the_same_bits_as_that_of_one_vector() {
        for (inputs, outputs) in [(1, 1), (3, 7), (49, 49), (512, 21), (20, 10)] {
            let number = |at: usize| ((at * 7919 + 13) % 1009) as f32 / 504.5 - 1.0;
            let columns: Vec<f32> = (0..inputs * outputs).map(number).collect();
            let first: Vec<f32> = (0..outputs).map(|at| number(at + 77)).collect();
            let vectors: Vec<Vec<f32>> =
                (0..5).map(|vector| (0..inputs).map(|at| number(at * 3 + vector * 101)).collect()).collect();
            let lanes = interleaved(vectors.iter().map(Vec::as_slice), inputs);
            let matrix = Matrix::new(&columns, outputs);
            let found = matrix.times(&first, &lanes);
            assert_eq!(found, matrix.times_anywhere(&first, &lanes));
            let expected = vectors.iter().map(|vector| {
                let mut sums = first.clone();
                for (column, value) in columns.chunks_exact(outputs).zip(vector) {
                    sums.iter_mut().zip(column).for_each(|(sum, number)| *sum += number * value);
                }
                sums
            });
            assert_eq!(apart(&found, 5).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }
    }
}
