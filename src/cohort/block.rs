//! A matrix times one vector, or several at once: each of its numbers is then loaded once for all of them. Each sum has one order, and so
//! the same bits for any number of vectors, and with each instruction set.

use crate::vectorised::vectorised;

/// Vectors that are best taken at once: the numbers of a register of 256 bits.
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

    /// The numbers of the outputs for each input, one after the other: what it was made of.
    pub(super) fn columns(&self) -> impl Iterator<Item = f32> {
        (0..self.inputs).flat_map(move |input| (0..self.outputs).map(move |output| self.at(output, input)))
    }

    /// The numbers of the inputs for each output, one after the other.
    pub(super) fn rows(&self) -> impl Iterator<Item = f32> {
        (0..self.outputs).flat_map(move |output| (0..self.inputs).map(move |input| self.at(output, input)))
    }

    fn at(&self, output: usize, input: usize) -> f32 {
        self.strips[output / ROWS * self.inputs + input][output % ROWS]
    }

    /// `first + matrix * vector` of each vector; `first` has a number for each output.
    pub(super) fn times<const L: usize>(&self, first: &[f32], vectors: &[[f32; L]]) -> Vec<[f32; L]> {
        times(self, first, vectors)
    }

    /// `matrix * vector` in 64 bits.
    pub(super) fn times_in_64_bits(&self, vector: &[f64]) -> Vec<f64> {
        times_in_64_bits(self, vector)
    }

    /// Its strips, and how many outputs each has.
    fn strips(&self) -> impl Iterator<Item = (&[[f32; ROWS]], usize)> {
        let counts = (0..self.outputs).step_by(ROWS).map(|first| ROWS.min(self.outputs - first));
        self.strips.chunks_exact(self.inputs.max(1)).zip(counts)
    }
}

vectorised! {
    fn times<const L: usize>(matrix: &Matrix, first: &[f32], vectors: &[[f32; L]]) -> Vec<[f32; L]> = times_anywhere;
    fn times_in_64_bits(matrix: &Matrix, vector: &[f64]) -> Vec<f64> = times_in_64_bits_anywhere;
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "compiled for the features of its caller")]
fn times_anywhere<const L: usize>(matrix: &Matrix, first: &[f32], vectors: &[[f32; L]]) -> Vec<[f32; L]> {
    let mut products = Vec::with_capacity(matrix.outputs);
    for ((strip, count), first) in matrix.strips().zip(first.chunks(ROWS)) {
        let mut sums = [[0.0; L]; ROWS];
        sums.iter_mut().zip(first).for_each(|(sum, first)| *sum = [*first; L]);
        for (row, values) in strip.iter().zip(vectors) {
            for (sum, number) in sums.iter_mut().zip(row) {
                for (sum, value) in sum.iter_mut().zip(values) {
                    *sum += number * value;
                }
            }
        }
        products.extend_from_slice(&sums[..count]);
    }
    products
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "compiled for the features of its caller")]
fn times_in_64_bits_anywhere(matrix: &Matrix, vector: &[f64]) -> Vec<f64> {
    let mut product = Vec::with_capacity(matrix.outputs);
    for (strip, count) in matrix.strips() {
        let mut sums = [0.0; ROWS];
        for (row, value) in strip.iter().zip(vector) {
            sums.iter_mut().zip(row).for_each(|(sum, number)| *sum += f64::from(*number) * value);
        }
        product.extend_from_slice(&sums[..count]);
    }
    product
}

/// At most [`LANES`] vectors of `dims` numbers, side by side; what is missing is 0.
pub(super) fn interleaved<'a>(vectors: impl Iterator<Item = &'a [f32]>, dims: usize) -> Vec<Lanes> {
    let mut lanes = vec![[0.0; LANES]; dims];
    for (lane, vector) in vectors.take(LANES).enumerate() {
        put(&mut lanes, lane, vector);
    }
    lanes
}

/// Puts a vector's numbers in this lane.
pub(super) fn put(lanes: &mut [Lanes], lane: usize, vector: &[f32]) {
    lanes.iter_mut().zip(vector).for_each(|(to, from)| to[lane] = *from);
}

/// The first `count` of the vectors.
pub(super) fn apart(lanes: &[Lanes], count: usize) -> impl Iterator<Item = Vec<f32>> {
    (0..count.min(LANES)).map(|lane| lanes.iter().map(|numbers| numbers[lane]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(at: usize) -> f32 {
        ((at * 7919 + 13) % 1009) as f32 / 504.5 - 1.0
    }

    #[test]
    fn a_product_has_the_same_bits_for_one_vector_and_for_several_on_any_cpu() {
        for (inputs, outputs) in [(1, 1), (3, 7), (49, 49), (512, 21), (20, 10)] {
            let columns: Vec<f32> = (0..inputs * outputs).map(number).collect();
            let first: Vec<f32> = (0..outputs).map(|at| number(at + 77)).collect();
            let vectors: Vec<Vec<f32>> =
                (0..5).map(|vector| (0..inputs).map(|at| number(at * 3 + vector * 101)).collect()).collect();
            let lanes = interleaved(vectors.iter().map(Vec::as_slice), inputs);
            let matrix = Matrix::new(&columns, outputs);
            let found = matrix.times(&first, &lanes);
            assert_eq!(found, times_anywhere(&matrix, &first, &lanes));
            for (found, vector) in apart(&found, 5).zip(&vectors) {
                let mut sums = first.clone();
                for (column, value) in columns.chunks_exact(outputs).zip(vector) {
                    sums.iter_mut().zip(column).for_each(|(sum, number)| *sum += number * value);
                }
                assert_eq!(found, sums);
                assert_eq!(matrix.times(&first, vector.as_chunks::<1>().0).as_flattened(), sums);
                let in_64_bits =
                    matrix.times_in_64_bits(&vector.iter().copied().map(f64::from).collect::<Vec<_>>());
                for ((exact, sum), first) in in_64_bits.iter().zip(&sums).zip(&first) {
                    assert!((exact + f64::from(*first) - f64::from(*sum)).abs() < 1e-4);
                }
            }
        }
    }

    #[test]
    fn a_matrix_gives_its_numbers_back_in_both_orders() {
        let columns: Vec<f32> = (0..3 * 12).map(number).collect();
        let matrix = Matrix::new(&columns, 12);
        assert_eq!(matrix.columns().collect::<Vec<_>>(), columns);
        let rows: Vec<f32> = (0..12).flat_map(|row| columns.iter().skip(row).step_by(12).copied()).collect();
        assert_eq!(matrix.rows().collect::<Vec<_>>(), rows);
    }
}
