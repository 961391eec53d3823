//! All embeddings of a gallery as a matrix of 16-bit integers: one row per photo, the rows of a
//! person adjacent.
//!
//! A search of 100,000 embeddings is bound by memory: as float32 they are 205 MB, and one core
//! that reads 12 GB a second needs 17 ms for them. As integers they are half of that, and
//! integer sums are the same on each machine whatever their order. The matrix only preselects:
//! the candidates are compared again by [`Embedding::cosine_distance`], and [`SLACK`] guarantees
//! that none is missing.

use std::sync::Arc;

use super::person::Person;
use crate::embed::Embedding;
use crate::nn::EMBEDDING_LEN;

/// Steps to 1. Embeddings have norm 1, so a component is at most 1 in size and 16,384 fits 16
/// bits, and by Cauchy and Schwarz no sum of products goes beyond `SCALE * SCALE` (2^28) by more
/// than rounding, so 32 bits hold it.
const SCALE: f32 = 16_384.0;
/// How far the dot product of the integers may be from the exact one, in units of 1 / 2^28.
/// Rounding moves each component by half a step at most, and so a row by `sqrt(512) / 2` = 11.4
/// steps in length; two rows of length `SCALE` by `2 * 11.4 * SCALE + 11.4^2` = 370,900. Twice
/// that covers the norms' own rounding and that of the float32 sum.
const SLACK: i32 = 750_000;
/// Faces compared in one pass over the matrix. Eight (8 KiB) stay in the first-level cache.
const FACES_A_PASS: usize = 8;
/// Rows after which a chunk ends, 256 KiB: long enough to be read at the speed of memory, short enough
/// to be rebuilt for an edit.
const MIN_CHUNK_ROWS: usize = 256;

/// A person and how far the face is from that person's nearest photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Index into [`Gallery::people`](super::Gallery::people).
    pub person: usize,
    /// Cosine distance, 0 to 2.
    pub distance: f32,
}

/// One embedding in steps of `1 / SCALE`, aligned to a cache line (1 KiB: 16 lines, no padding
/// between rows).
#[derive(Debug, Clone)]
#[repr(C, align(64))]
struct Row([i16; EMBEDDING_LEN]);

impl Row {
    /// Zeros where the embedding is too short, which [`Embedding`] rules out.
    fn new(embedding: &Embedding) -> Self {
        let mut row = [0; EMBEDDING_LEN];
        for (to, from) in row.iter_mut().zip(embedding.values()) {
            *to = (from * SCALE).round() as i16;
        }
        Self(row)
    }

    fn dot(&self, other: &Self) -> i32 {
        self.0.iter().zip(&other.0).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
    }
}

/// The rows of people who stand side by side in the gallery.
#[derive(Debug)]
struct Chunk {
    rows: Vec<Row>,
    /// How many rows each person has; they add up to all rows.
    counts: Vec<usize>,
}

/// `photos x 512` integers, in the order of the people and their photos, in chunks that galleries
/// share: an edit rebuilds those around the person that it concerns. A chunk holds whole people.
#[derive(Debug, Clone)]
pub(super) struct Matrix {
    chunks: Vec<Arc<Chunk>>,
}

impl Matrix {
    pub(super) fn new(people: &[Arc<Person>]) -> Self {
        let mut chunks = Vec::new();
        push_chunks(&mut chunks, people);
        Self { chunks }
    }

    /// The matrix of the people `new`, where this is that of the people `old`. Chunks of people who
    /// stand in both, before or behind all changes, are shared.
    pub(super) fn updated(&self, old: &[Arc<Person>], new: &[Arc<Person>]) -> Self {
        let same = |(a, b): &(&Arc<Person>, &Arc<Person>)| Arc::ptr_eq(a, b);
        let before = old.iter().zip(new).take_while(same).count();
        let left = old.len().min(new.len()) - before;
        let behind = old.iter().rev().zip(new.iter().rev()).take(left).take_while(same).count();
        let (first, first_person) = whole_chunks(self.chunks.iter(), before);
        let (last, people_behind) = whole_chunks(self.chunks.iter().rev(), behind);
        let mut chunks = Vec::with_capacity(self.chunks.len() + 1);
        chunks.extend_from_slice(self.chunks.get(..first).unwrap_or_default());
        push_chunks(&mut chunks, new.get(first_person..new.len() - people_behind).unwrap_or_default());
        chunks.extend_from_slice(self.chunks.get(self.chunks.len() - last..).unwrap_or_default());
        Self { chunks }
    }

    /// For each face the `wanted` nearest people, nearest first; of equal distances the earlier
    /// person first. `people` are those that the matrix was made of.
    pub(super) fn nearest(
        &self,
        people: &[Arc<Person>],
        faces: &[Embedding],
        wanted: usize,
    ) -> Vec<Vec<Candidate>> {
        let mut found = Vec::with_capacity(faces.len());
        for block in faces.chunks(FACES_A_PASS) {
            for (face, dots) in block.iter().zip(self.closest_dots(block)) {
                found.push(rank(people, face, &dots, wanted));
            }
        }
        found
    }

    /// For each of at most [`FACES_A_PASS`] faces: for each person the largest dot product with
    /// one of the person's photos. One pass over the matrix.
    fn closest_dots(&self, faces: &[Embedding]) -> Vec<Vec<i32>> {
        let faces: Vec<Row> = faces.iter().map(Row::new).collect();
        let people = self.chunks.iter().map(|chunk| chunk.counts.len()).sum();
        let mut dots: Vec<Vec<i32>> = faces.iter().map(|_| Vec::with_capacity(people)).collect();
        for chunk in &self.chunks {
            chunk.append_closest_dots(&faces, &mut dots);
        }
        dots
    }
}

impl Chunk {
    fn new(people: &[Arc<Person>]) -> Self {
        let counts: Vec<usize> = people.iter().map(|person| person.photos.len()).collect();
        let mut rows = Vec::with_capacity(counts.iter().sum());
        let photos = people.iter().flat_map(|person| &person.photos);
        rows.extend(photos.map(|photo| Row::new(&photo.embedding)));
        Self { rows, counts }
    }

    /// For each face, one more value for each person of this chunk.
    fn append_closest_dots(&self, faces: &[Row], dots: &mut [Vec<i32>]) {
        let mut rest = self.rows.as_slice();
        for count in &self.counts {
            let (rows, after) = rest.split_at(rest.len().min(*count));
            rest = after;
            let mut best = [i32::MIN; FACES_A_PASS];
            for row in rows {
                for (best, face) in best.iter_mut().zip(faces) {
                    *best = (*best).max(row.dot(face));
                }
            }
            for (dots, best) in dots.iter_mut().zip(best) {
                dots.push(best);
            }
        }
    }
}

/// Appends the chunks of `people`: each with at least [`MIN_CHUNK_ROWS`] rows, but for the last one.
fn push_chunks(chunks: &mut Vec<Arc<Chunk>>, people: &[Arc<Person>]) {
    let (mut first, mut rows) = (0, 0);
    for (at, person) in people.iter().enumerate() {
        rows += person.photos.len();
        if rows >= MIN_CHUNK_ROWS || at + 1 == people.len() {
            chunks.push(Arc::new(Chunk::new(people.get(first..=at).unwrap_or_default())));
            (first, rows) = (at + 1, 0);
        }
    }
}

/// How many of the first `chunks` hold only the first `people`, and how many people those are. A small
/// chunk next to the change does not count: it is merged, so that edits don't leave ever more of them.
fn whole_chunks<'a>(chunks: impl Iterator<Item = &'a Arc<Chunk>>, people: usize) -> (usize, usize) {
    let (mut whole, mut without_small) = ((0, 0), (0, 0));
    for chunk in chunks {
        let held = whole.1 + chunk.counts.len();
        if held > people {
            break;
        }
        let is_small = chunk.rows.len() < MIN_CHUNK_ROWS;
        without_small = if is_small { whole } else { (whole.0 + 1, held) };
        whole = (whole.0 + 1, held);
    }
    without_small
}

/// The nearest people by exact distance, out of those whose integer product leaves it open.
fn rank(people: &[Arc<Person>], face: &Embedding, dots: &[i32], wanted: usize) -> Vec<Candidate> {
    // Each of the `wanted` nearest is at least as near as the `wanted`th by integers, give or take.
    let cut = match wanted.checked_sub(1) {
        Some(last) if wanted < dots.len() => {
            let mut order = dots.to_vec();
            let (_, nth, _) = order.select_nth_unstable_by(last, |a, b| b.cmp(a));
            nth.saturating_sub(2 * SLACK)
        }
        _ => i32::MIN,
    };
    let mut candidates: Vec<Candidate> = people
        .iter()
        .enumerate()
        .zip(dots)
        .filter(|(_, dot)| **dot >= cut)
        .map(|((at, person), _)| Candidate { person: at, distance: distance_to(person, face) })
        .collect();
    candidates.sort_unstable_by(|a, b| a.distance.total_cmp(&b.distance).then(a.person.cmp(&b.person)));
    candidates.truncate(wanted);
    candidates
}

/// The cosine distance to the nearest photo of a person.
fn distance_to(person: &Person, face: &Embedding) -> f32 {
    let distances = person.photos.iter().map(|photo| photo.embedding.cosine_distance(face));
    distances.fold(f32::INFINITY, f32::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors that rounding hits as hard as it can: all components half a step off.
    #[test]
    fn the_slack_covers_the_worst_rounding() {
        let sign = |at: usize, of: usize| if at % of < of / 2 { 1.0 } else { -1.0 };
        for of in [2, 8, 64, 1024] {
            for steps in [0.5_f32, 1.5, 100.5, 362.5, 723.5] {
                let value = |at: usize| sign(at, of) * steps / SCALE;
                // The rest of the norm in one component.
                let mut values: Vec<f32> = (0..EMBEDDING_LEN).map(value).collect();
                let used: f32 = values.iter().skip(1).map(|v| v * v).sum();
                values[0] = (1.0 - used).max(0.0).sqrt();
                let a = Embedding::new(values.clone()).unwrap();
                values.reverse();
                let b = Embedding::new(values).unwrap();
                for (a, b) in [(&a, &a), (&a, &b)] {
                    let exact = f64::from(1.0 - a.cosine_distance(b)) * f64::from(SCALE).powi(2);
                    let found = f64::from(Row::new(a).dot(&Row::new(b)));
                    assert!((exact - found).abs() < f64::from(SLACK), "{exact} {found}");
                }
            }
        }
    }

    #[test]
    fn the_longest_rows_fit() {
        let mut values = vec![0.0; EMBEDDING_LEN];
        values[7] = -1.0;
        let one = Row::new(&Embedding::new(values).unwrap());
        assert_eq!((one.0[7], one.dot(&one)), (-16_384, 1 << 28));
        let flat = Row::new(&Embedding::new(vec![1.0; EMBEDDING_LEN]).unwrap());
        assert!((flat.dot(&flat) - (1 << 28)).abs() < SLACK);
    }
}
