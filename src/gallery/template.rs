//! One template for each person, and the search by templates.
//!
//! A template is the mean of the photos that count, with location and scale of its similarity to strangers. All
//! templates together are a matrix of float32 (20 MB for 100,000 people and 49 dimensions), in blocks of [`LANES`] people
//! whose numbers are interleaved: the sum over the dimensions is then the same for each lane, whatever the instruction
//! set, and every score is exact.

use std::collections::HashMap;
use std::sync::Arc;

use super::outliers::counting;
use super::person::Person;
use crate::cohort::{Cohort, Probe, Template, TemplateTerms};
use crate::embed::Embedding;

/// Templates of a block: a cache line of float32.
const LANES: usize = 16;
/// Faces compared in one pass over the matrix.
const FACES_A_PASS: usize = 8;

/// A person's template, and the photos that it is the mean of.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonTemplate {
    /// Mean of the photos that count.
    pub template: Template,
    /// For each photo of the person, whether it counts; the others are set aside as outliers.
    pub counts: Vec<bool>,
}

impl PersonTemplate {
    fn new(cohort: &Cohort, person: &Person) -> Self {
        let photos: Vec<Vec<f32>> =
            person.photos.iter().map(|photo| cohort.project(&photo.embedding)).collect();
        let counts = counting(cohort, &photos);
        let counted = photos.iter().zip(&counts).filter(|(_, counts)| **counts);
        Self { template: cohort.template(counted.map(|(photo, _)| photo.as_slice())), counts }
    }

    /// The cosine distance to the nearest photo that counts.
    fn distance(&self, person: &Person, face: &Embedding) -> f32 {
        let counted = person.photos.iter().zip(&self.counts).filter(|(_, counts)| **counts);
        let distances = counted.map(|(photo, _)| photo.embedding.cosine_distance(face));
        distances.fold(f32::INFINITY, f32::min)
    }
}

/// A person and the score of a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scored {
    /// Index of the person.
    pub(super) person: usize,
    /// Score of the face against the person's template; of strangers standard normal.
    pub(super) score: f32,
    /// Cosine distance to the nearest photo that counts.
    pub(super) distance: f32,
}

/// Templates of people who stand side by side in the gallery.
#[derive(Debug)]
struct Block {
    /// `dims x LANES` numbers.
    values: Vec<f32>,
    terms: [TemplateTerms; LANES],
}

/// The templates of all people of a gallery. Galleries share templates and blocks that an edit does not change.
#[derive(Debug, Clone)]
pub(super) struct Templates {
    cohort: Arc<Cohort>,
    people: Vec<Arc<PersonTemplate>>,
    blocks: Vec<Arc<Block>>,
}

impl Templates {
    /// The templates of `people`.
    pub(super) fn new(cohort: Arc<Cohort>, people: &[Arc<Person>]) -> Self {
        Self { cohort, people: Vec::new(), blocks: Vec::new() }.updated(&[], people)
    }

    /// The templates of the people `new`, where these are those of the people `old`. Only people who are not among
    /// the old ones are computed.
    pub(super) fn updated(&self, old: &[Arc<Person>], new: &[Arc<Person>]) -> Self {
        let known: HashMap<*const Person, &Arc<PersonTemplate>> =
            old.iter().map(Arc::as_ptr).zip(&self.people).collect();
        let template = |person: &Arc<Person>| match known.get(&Arc::as_ptr(person)) {
            Some(template) => Arc::clone(template),
            None => Arc::new(PersonTemplate::new(&self.cohort, person)),
        };
        let people: Vec<Arc<PersonTemplate>> = new.iter().map(template).collect();
        let mut before = self.people.chunks(LANES).zip(&self.blocks);
        let block = |lanes: &[Arc<PersonTemplate>]| match before.next() {
            Some((same, block)) if is_same(same, lanes) => Arc::clone(block),
            _ => Arc::new(Block::new(self.cohort.dims(), lanes)),
        };
        let blocks = people.chunks(LANES).map(block).collect();
        Self { cohort: Arc::clone(&self.cohort), people, blocks }
    }

    /// The template of the person with this index.
    pub(super) fn get(&self, person: usize) -> Option<&Arc<PersonTemplate>> {
        self.people.get(person)
    }

    /// The lower score of two people's templates, each taken for a face and held against the other; `None` where one of
    /// them is not in the gallery.
    pub(super) fn likeness(&self, a: usize, b: usize) -> Option<f32> {
        let (a, b) = (&self.get(a)?.template, &self.get(b)?.template);
        let score = |of: &Template, to: &Template| to.score(&self.cohort.projected_probe(of.values.clone()));
        Some(score(a, b).min(score(b, a)))
    }

    /// For each face the `wanted` people of the highest scores, highest first; of equal scores the earlier person
    /// first. `people` are those of the templates.
    pub(super) fn best(
        &self,
        people: &[Arc<Person>],
        faces: &[Embedding],
        wanted: usize,
    ) -> Vec<Vec<Scored>> {
        let probes: Vec<Probe> = faces.iter().map(|face| self.cohort.probe(face)).collect();
        let mut found = Vec::with_capacity(faces.len());
        for (probes, faces) in probes.chunks(FACES_A_PASS).zip(faces.chunks(FACES_A_PASS)) {
            for (scores, face) in self.scores(probes).iter().zip(faces) {
                found.push(self.rank(people, face, scores, wanted));
            }
        }
        found
    }

    /// For each probe, the score of each person.
    fn scores(&self, probes: &[Probe]) -> Vec<Vec<f32>> {
        let mut scores = vec![Vec::with_capacity(self.blocks.len() * LANES); probes.len()];
        for block in &self.blocks {
            for (scores, probe) in scores.iter_mut().zip(probes) {
                scores.extend_from_slice(&block.scores(probe));
            }
        }
        for scores in &mut scores {
            scores.truncate(self.people.len()); // the last block may have empty lanes
        }
        scores
    }

    fn rank(&self, people: &[Arc<Person>], face: &Embedding, scores: &[f32], wanted: usize) -> Vec<Scored> {
        let lowest = match wanted.checked_sub(1) {
            Some(last) if wanted < scores.len() => {
                let mut order = scores.to_vec();
                *order.select_nth_unstable_by(last, |a, b| b.total_cmp(a)).1
            }
            _ => f32::NEG_INFINITY,
        };
        let mut best: Vec<(usize, f32)> =
            scores.iter().copied().enumerate().filter(|(_, score)| *score >= lowest).collect();
        best.sort_unstable_by(|(a, a_score), (b, b_score)| b_score.total_cmp(a_score).then(a.cmp(b)));
        best.truncate(wanted);
        let candidates = best.into_iter().zip(std::iter::repeat(face)).filter_map(|((at, score), face)| {
            let distance = self.people.get(at)?.distance(people.get(at)?, face);
            Some(Scored { person: at, score, distance })
        });
        candidates.collect()
    }
}

fn is_same(a: &[Arc<PersonTemplate>], b: &[Arc<PersonTemplate>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
}

impl Block {
    /// Of at most [`LANES`] templates.
    fn new(dims: usize, lanes: &[Arc<PersonTemplate>]) -> Self {
        let mut block = Self { values: vec![0.0; dims * LANES], terms: [TemplateTerms::default(); LANES] };
        for (lane, person) in lanes.iter().enumerate() {
            let own = block.values.iter_mut().skip(lane).step_by(LANES);
            own.zip(&person.template.values).for_each(|(to, from)| *to = *from);
            block.terms[lane] = person.template.terms;
        }
        block
    }

    fn scores(&self, probe: &Probe) -> [f32; LANES] {
        let mut dots = [0.0_f32; LANES];
        for (row, value) in self.values.as_chunks::<LANES>().0.iter().zip(&probe.values) {
            for (dot, template) in dots.iter_mut().zip(row) {
                *dot += template * value;
            }
        }
        for (dot, terms) in dots.iter_mut().zip(&self.terms) {
            *dot = terms.score(probe, *dot);
        }
        dots
    }
}
