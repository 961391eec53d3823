//! The cascade P-Net, R-Net, O-Net: facenet-pytorch's `detect_face`, followed by the order of
//! `MTCNN.detect`.

use super::boxes::{ScoredBox, bbreg, nms, nms_min, pad, proposal_box, regress_proposal, rerec};
use super::pyramid::levels;
use super::types::{CandidateCounts, DEFAULT_MAX_FACES, DetectParams, Detected, Detection};
use crate::error::Result;
use crate::geometry::{BBox, Landmarks, Point};
use crate::imaging::{RgbView, Window};
use crate::nn::{DetectorNets, LevelSize, OnetOutput, Proposal};

/// IoU above which P-Net's boxes of one level suppress each other; `detect_face`.
const LEVEL_NMS: f64 = 0.5;
/// IoU above which boxes of all levels, and those after R-Net, suppress each other; `detect_face`.
const STAGE_NMS: f64 = 0.7;
/// Share of the smaller box above which faces after O-Net suppress each other; `detect_face`.
const FACE_NMS: f32 = 0.7;

/// Maximum number of inputs of R-Net for each face wanted: 64,000 at the default of 500, as many as 58 megapixels with the texture of
/// tests/golden's astronaut.png have (286 candidates on 0.26 megapixels).
const RNET_CANDIDATES_PER_FACE: usize = 128;
/// Maximum number of inputs of O-Net for each face wanted; a face has about three.
const ONET_CANDIDATES_PER_FACE: usize = 8;

/// An input box of the next network, and its window of the photo.
type Candidate = (BBox, Window);

pub(super) fn run(nets: &dyn DetectorNets, photo: RgbView<'_>, params: &DetectParams) -> Result<Detected> {
    let proposals = pnet_stage(nets, photo, params)?;
    // A low limit of faces must not make large photos lose theirs: texture has candidates, too.
    let faces_wanted = params.max_faces.max(DEFAULT_MAX_FACES);
    let (rnet_input, rnet_omitted) =
        largest(candidates(&proposals, photo), faces_wanted.saturating_mul(RNET_CANDIDATES_PER_FACE));
    let refined = rnet_stage(nets, photo, &rnet_input, params.thresholds[1])?;
    let (onet_input, onet_omitted) =
        largest(candidates(&refined, photo), faces_wanted.saturating_mul(ONET_CANDIDATES_PER_FACE));
    let mut faces = onet_stage(nets, photo, &onet_input, params.thresholds[2])?;
    largest_first(&mut faces);
    let candidates = CandidateCounts { rnet: rnet_input.len(), onet: onet_input.len() };
    Ok(Detected { faces, candidates, omitted: rnet_omitted + onet_omitted })
}

/// P-Net over the pyramid, suppression inside each level and then over all, regression, squaring.
fn pnet_stage(nets: &dyn DetectorNets, photo: RgbView<'_>, params: &DetectParams) -> Result<Vec<BBox>> {
    let levels = levels(photo.width, photo.height, params.min_face_px, params.factor);
    if levels.is_empty() {
        return Ok(Vec::new());
    }
    let sizes: Vec<LevelSize> = levels.iter().map(|level| level.size).collect();
    let cells = nets.pnet(photo, &sizes, params.thresholds[0])?;
    let mut survivors: Vec<(ScoredBox, [f32; 4])> = Vec::new();
    for (level, cells) in levels.iter().zip(&cells) {
        survivors.extend(level_survivors(cells, level.scale));
    }
    let boxes: Vec<ScoredBox> = survivors.iter().map(|(scored, _)| *scored).collect();
    let regressed = |index: usize| {
        let (scored, regression) = &survivors[index];
        rerec(&regress_proposal(&scored.bbox, *regression))
    };
    Ok(nms(&boxes, STAGE_NMS).into_iter().map(regressed).collect())
}

fn level_survivors(cells: &[Proposal], scale: f64) -> impl Iterator<Item = (ScoredBox, [f32; 4])> {
    let boxes: Vec<ScoredBox> =
        cells.iter().map(|cell| ScoredBox { bbox: proposal_box(cell, scale), score: cell.score }).collect();
    nms(&boxes, LEVEL_NMS).into_iter().map(move |index| (boxes[index], cells[index].regression))
}

/// R-Net over its candidates, suppression, regression, squaring.
fn rnet_stage(
    nets: &dyn DetectorNets,
    photo: RgbView<'_>,
    input: &[Candidate],
    threshold: f32,
) -> Result<Vec<BBox>> {
    if input.is_empty() {
        return Ok(Vec::new());
    }
    let outputs = nets.rnet(photo, &windows(input), threshold)?;
    let passed: Vec<(ScoredBox, [f32; 4])> = input
        .iter()
        .zip(outputs)
        .filter_map(|((bbox, _), output)| Some((*bbox, output?)))
        .map(|(bbox, output)| (ScoredBox { bbox, score: output.score }, output.regression))
        .collect();
    let boxes: Vec<ScoredBox> = passed.iter().map(|(scored, _)| *scored).collect();
    let refined = |index: usize| rerec(&bbreg(&passed[index].0.bbox, passed[index].1));
    Ok(nms(&boxes, STAGE_NMS).into_iter().map(refined).collect())
}

/// O-Net over its candidates, landmarks, regression, suppression.
fn onet_stage(
    nets: &dyn DetectorNets,
    photo: RgbView<'_>,
    input: &[Candidate],
    threshold: f32,
) -> Result<Vec<Detection>> {
    if input.is_empty() {
        return Ok(Vec::new());
    }
    let outputs = nets.onet(photo, &windows(input))?;
    let faces: Vec<Detection> = input
        .iter()
        .zip(&outputs)
        .filter(|(_, output)| output.score > threshold)
        .map(|((bbox, _), output)| Detection {
            bbox: bbreg(bbox, output.regression),
            landmarks: landmarks(bbox, output),
            probability: output.score,
        })
        .collect();
    let boxes: Vec<ScoredBox> =
        faces.iter().map(|face| ScoredBox { bbox: face.bbox, score: face.probability }).collect();
    Ok(nms_min(&boxes, FACE_NMS).into_iter().map(|index| faces[index]).collect())
}

/// The boxes that overlap the photo, with their windows.
fn candidates(boxes: &[BBox], photo: RgbView<'_>) -> Vec<Candidate> {
    boxes.iter().filter_map(|b| Some((*b, pad(b, photo.width, photo.height)?))).collect()
}

/// The `limit` largest candidates, in their order, and how many are left out.
fn largest(mut candidates: Vec<Candidate>, limit: usize) -> (Vec<Candidate>, usize) {
    let omitted = candidates.len().saturating_sub(limit);
    if omitted > 0 {
        let area = |index: &usize| candidates[*index].0.area();
        let mut kept: Vec<usize> = (0..candidates.len()).collect();
        // Of equal areas the earlier, surer one.
        kept.sort_by(|a, b| area(b).total_cmp(&area(a)));
        kept.truncate(limit);
        kept.sort_unstable();
        candidates = kept.into_iter().map(|index| candidates[index]).collect();
    }
    (candidates, omitted)
}

fn windows(candidates: &[Candidate]) -> Vec<Window> {
    candidates.iter().map(|(_, window)| *window).collect()
}

/// From fractions of the box O-Net saw (width and height with the +1) to pixels of the photo.
fn landmarks(b: &BBox, output: &OnetOutput) -> Landmarks {
    let (w, h) = (b.width() + 1.0, b.height() + 1.0);
    let (px, py) = output.landmarks.split_at(5);
    let point = |i: usize| Point { x: w * px[i] + b.x1 - 1.0, y: h * py[i] + b.y1 - 1.0 };
    Landmarks::from([point(0), point(1), point(2), point(3), point(4)])
}

/// numpy's `argsort(area)[::-1]`: largest first, of equal areas the later one first.
fn largest_first(faces: &mut [Detection]) {
    faces.reverse();
    faces.sort_by(|a, b| b.bbox.area().total_cmp(&a.bbox.area())); // stable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_candidates_are_kept_in_their_order() {
        let candidate = |side: f32| {
            (BBox { x1: 0.0, y1: 0.0, x2: side, y2: side }, Window { x0: 0, y0: 0, x1: 1, y1: 1 })
        };
        let sides = |kept: &[Candidate]| kept.iter().map(|(bbox, _)| bbox.x2).collect::<Vec<_>>();
        let all: Vec<Candidate> = [20.0, 15.0, 40.0, 20.0, 20.0].map(candidate).to_vec();
        let (kept, omitted) = largest(all.clone(), 3);
        assert_eq!((sides(&kept), omitted), (vec![20.0, 40.0, 20.0], 2));
        let (kept, omitted) = largest(all, 5);
        assert_eq!((sides(&kept), omitted), (vec![20.0, 15.0, 40.0, 20.0, 20.0], 0), "nothing is left out");
    }
}
