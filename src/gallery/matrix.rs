//! All embeddings of a gallery as one matrix: a row a photo, the rows of a person side by side.

use super::Person;
use crate::embed::Embedding;
use crate::nn::EMBEDDING_LEN;

/// Sums that run side by side in a dot product: enough for eight SSE or four AVX registers, which
/// hides the latency of the additions. Their order is fixed, so each machine gets the same bits.
const LANES: usize = 32;
/// Faces compared in one pass over the matrix: the pass is bound by memory, and eight faces (16
/// KiB) stay in the first-level cache beside the row.
const FACES_A_PASS: usize = 8;

/// One embedding, aligned to a cache line (2 KiB: 32 lines, no padding between rows).
#[derive(Debug, Clone)]
#[repr(C, align(64))]
struct Row([f32; EMBEDDING_LEN]);

impl Row {
    /// Zeros where the embedding is too short, which [`Embedding`] rules out.
    fn new(embedding: &Embedding) -> Self {
        let mut row = [0.0; EMBEDDING_LEN];
        for (to, from) in row.iter_mut().zip(embedding.values()) {
            *to = *from;
        }
        Self(row)
    }

    fn dot(&self, other: &Self) -> f32 {
        let mut sums = [0.0_f32; LANES];
        let (a, _) = self.0.as_chunks::<LANES>();
        let (b, _) = other.0.as_chunks::<LANES>();
        for (a, b) in a.iter().zip(b) {
            for lane in 0..LANES {
                sums[lane] += a[lane] * b[lane];
            }
        }
        // Halves onto halves: a tree, in a fixed order.
        let mut width = LANES / 2;
        while width > 0 {
            let (low, high) = sums.split_at_mut(width);
            low.iter_mut().zip(high).for_each(|(low, high)| *low += *high);
            width /= 2;
        }
        sums[0]
    }
}

/// `photos x 512` floats, in the order of the people and their photos.
#[derive(Debug, Clone)]
pub(super) struct Matrix {
    rows: Vec<Row>,
    /// How many rows each person has.
    counts: Vec<usize>,
}

impl Matrix {
    pub(super) fn new(people: &[Person]) -> Self {
        let photos = people.iter().flat_map(|person| &person.photos);
        let mut rows = Vec::with_capacity(people.iter().map(|person| person.photos.len()).sum());
        rows.extend(photos.map(|photo| Row::new(&photo.embedding)));
        Self { rows, counts: people.iter().map(|person| person.photos.len()).collect() }
    }

    /// Calls `found` once for each face, in order, with the cosine distance from the face to the
    /// nearest photo of each person (infinite for a person without photos).
    pub(super) fn for_each_face(&self, faces: &[Embedding], mut found: impl FnMut(&[f32])) {
        for block in faces.chunks(FACES_A_PASS) {
            let block: Vec<Row> = block.iter().map(Row::new).collect();
            let mut nearest = vec![Vec::with_capacity(self.counts.len()); block.len()];
            let mut rows = self.rows.as_slice();
            for count in &self.counts {
                // The counts add up to the rows, so nothing is cut off.
                let (own, rest) = rows.split_at(rows.len().min(*count));
                rows = rest;
                let mut best = [f32::NEG_INFINITY; FACES_A_PASS];
                for row in own {
                    for (best, face) in best.iter_mut().zip(&block) {
                        *best = best.max(row.dot(face));
                    }
                }
                nearest.iter_mut().zip(best).for_each(|(nearest, best)| nearest.push(1.0 - best));
            }
            for distances in &nearest {
                found(distances);
            }
        }
    }
}
