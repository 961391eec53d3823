//! One template for each person, and the search by templates.
//!
//! A template is the mean of the photos that count, with location and scale of its similarity to strangers. All
//! templates together are a matrix of float32 (20 MB for 100,000 people and 49 dimensions), in blocks of [`LANES`] people
//! whose numbers are interleaved: the sum over the dimensions is then the same for each lane, whatever the instruction
//! set, and every score is exact.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::outliers::counting;
use super::people::{People, Run};
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
    /// Those of people, who together take less time than one by one.
    fn of_each(cohort: &Cohort, people: &[&Arc<Person>]) -> Vec<Self> {
        let photos = people.iter().flat_map(|person| &person.photos);
        let embeddings: Vec<&Embedding> = photos.map(|photo| &photo.embedding).collect();
        let mut projected = cohort.project_each(&embeddings).into_iter();
        let own = |person: &&Arc<Person>| projected.by_ref().take(person.photos.len()).collect();
        let people: Vec<Vec<Vec<f32>>> = people.iter().map(own).collect();
        let counting = counting(cohort, &people);
        let of_one = |(photos, counts): (&Vec<Vec<f32>>, Vec<bool>)| {
            let counted = photos.iter().zip(&counts).filter(|(_, counts)| **counts);
            Self { template: cohort.template(counted.map(|(photo, _)| photo.as_slice())), counts }
        };
        people.iter().zip(counting).map(of_one).collect()
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

/// The templates of a run of people.
#[derive(Debug)]
struct TemplateRun {
    people: Vec<Arc<PersonTemplate>>,
    /// For each block of [`LANES`] people, and each dimension, a number of each. One piece of memory, which is read fast.
    values: Vec<[f32; LANES]>,
    /// For each block.
    terms: Vec<[TemplateTerms; LANES]>,
}

/// Templates of people who stand side by side in the gallery.
#[derive(Debug, Clone, Copy)]
struct Block<'a> {
    values: &'a [[f32; LANES]],
    terms: &'a [TemplateTerms; LANES],
}

/// The templates of all people of a gallery. Galleries share those of the runs that an edit does not change.
#[derive(Debug, Clone)]
pub(super) struct Templates {
    cohort: Arc<Cohort>,
    /// For each run of the people.
    runs: Vec<Arc<TemplateRun>>,
}

impl Templates {
    /// The templates of `people`.
    pub(super) fn new(cohort: Arc<Cohort>, people: &People) -> Self {
        let of_run = |run: &Arc<Run>| Arc::new(TemplateRun::new(&cohort, run, |_| None));
        let runs = people.runs().par_iter().map(of_run).collect();
        Self { cohort, runs }
    }

    /// The templates of the people `new`, where these are those of the people `old`. Only people who are not among
    /// the old ones are computed.
    pub(super) fn updated(&self, old: &People, new: &People) -> Self {
        let known: HashMap<*const Run, &Arc<TemplateRun>> =
            old.runs().iter().map(Arc::as_ptr).zip(&self.runs).collect();
        let gone = old.runs_apart(new);
        let templates = gone.iter().filter_map(|run| Some((run, known.get(&Arc::as_ptr(run))?)));
        let people: HashMap<*const Person, &Arc<PersonTemplate>> = templates
            .flat_map(|(run, templates)| run.people().iter().map(Arc::as_ptr).zip(&templates.people))
            .collect();
        let of_run = |run: &Arc<Run>| match known.get(&Arc::as_ptr(run)) {
            Some(same) => Arc::clone(same),
            None => Arc::new(TemplateRun::new(&self.cohort, run, |of| people.get(&of).copied())),
        };
        let runs = new.runs().iter().map(of_run).collect();
        Self { cohort: Arc::clone(&self.cohort), runs }
    }

    /// The template of the person at this place of `people`.
    pub(super) fn get(&self, people: &People, person: usize) -> Option<&PersonTemplate> {
        let (run, within) = people.place(person)?;
        self.runs.get(run)?.people.get(within).map(Arc::as_ref)
    }

    /// The lower score of two people's templates, each taken for a face and held against the other; `None` where one of
    /// them is not in the gallery.
    pub(super) fn likeness(&self, people: &People, a: usize, b: usize) -> Option<f32> {
        let (a, b) = (&self.get(people, a)?.template, &self.get(people, b)?.template);
        let score = |of: &Template, to: &Template| to.score(&self.cohort.projected_probe(of.values.clone()));
        Some(score(a, b).min(score(b, a)))
    }

    /// For each face the `wanted` people of the highest scores, highest first; of equal scores the earlier person
    /// first. `people` are those of the templates.
    pub(super) fn best(&self, people: &People, faces: &[Embedding], wanted: usize) -> Vec<Vec<Scored>> {
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
        let count = self.runs.iter().map(|run| run.people.len()).sum();
        let mut scores = vec![Vec::with_capacity(count); probes.len()];
        for run in &self.runs {
            for (lanes, block) in run.people.chunks(LANES).zip(run.blocks(self.cohort.dims())) {
                for (scores, probe) in scores.iter_mut().zip(probes) {
                    // The last block of a run may have empty lanes.
                    scores.extend(block.scores(probe).into_iter().take(lanes.len()));
                }
            }
        }
        scores
    }

    fn rank(&self, people: &People, face: &Embedding, scores: &[f32], wanted: usize) -> Vec<Scored> {
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
            let distance = self.get(people, at)?.distance(people.get(at)?, face);
            Some(Scored { person: at, score, distance })
        });
        candidates.collect()
    }
}

impl TemplateRun {
    /// Of people of whom some may be `known`.
    fn new<'a>(
        cohort: &Cohort,
        run: &Run,
        known: impl Fn(*const Person) -> Option<&'a Arc<PersonTemplate>>,
    ) -> Self {
        let known = |person: &Arc<Person>| known(Arc::as_ptr(person)).cloned();
        let new: Vec<&Arc<Person>> = run.people().iter().filter(|person| known(person).is_none()).collect();
        let mut new = PersonTemplate::of_each(cohort, &new).into_iter().map(Arc::new);
        let template = |person: &Arc<Person>| known(person).or_else(|| new.next());
        let people: Vec<Arc<PersonTemplate>> = run.people().iter().filter_map(template).collect();
        let (dims, blocks) = (cohort.dims(), people.len().div_ceil(LANES));
        let mut values = vec![[0.0; LANES]; blocks * dims];
        let mut terms = vec![[TemplateTerms::default(); LANES]; blocks];
        for (at, person) in people.iter().enumerate() {
            let (block, lane) = (at / LANES, at % LANES);
            let own = values[block * dims..].iter_mut().zip(&person.template.values);
            own.for_each(|(to, from)| to[lane] = *from);
            terms[block][lane] = person.template.terms;
        }
        Self { people, values, terms }
    }

    /// The templates of each [`LANES`] people; the last block may have empty lanes.
    fn blocks(&self, dims: usize) -> impl Iterator<Item = Block<'_>> {
        let values = self.values.chunks_exact(dims.max(1));
        values.zip(&self.terms).map(|(values, terms)| Block { values, terms })
    }
}

impl Block<'_> {
    fn scores(self, probe: &Probe) -> [f32; LANES] {
        let mut dots = [0.0_f32; LANES];
        for (row, value) in self.values.iter().zip(&probe.values) {
            for (dot, template) in dots.iter_mut().zip(row) {
                *dot += template * value;
            }
        }
        for (dot, terms) in dots.iter_mut().zip(self.terms) {
            *dot = terms.score(probe, *dot);
        }
        dots
    }
}
