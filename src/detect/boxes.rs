//! Box arithmetic between the networks: proposals, bounding-box regression, squaring, clamping and non-maximum
//! suppression (NMS). Ported from `detect_face.py` of facenet-pytorch 2.6.0; the arithmetic is
//! float32 where it is there.

use std::collections::HashMap;

use crate::geometry::BBox;
use crate::imaging::Window;
use crate::nn::{PNET_CELL, PNET_STRIDE, Proposal};

/// A box with its face probability.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredBox {
    /// The box, pixels of the photo.
    pub bbox: BBox,
    /// Probability of a face, 0 to 1.
    pub score: f32,
}

/// The receptive field of a P-Net cell in the photo: `generateBoundingBox`.
///
/// `scale` is that of the pyramid level; it is rounded to float32 before the division, as torch
/// does when it divides a float32 tensor by a Python number.
#[must_use]
pub fn proposal_box(cell: &Proposal, scale: f64) -> BBox {
    let scale = scale as f32;
    let stride = PNET_STRIDE as f32;
    let first = |index: u32| ((stride * index as f32 + 1.0) / scale).floor();
    let last = |index: u32| ((stride * index as f32 + PNET_CELL as f32) / scale).floor();
    BBox { x1: first(cell.col), y1: first(cell.row), x2: last(cell.col), y2: last(cell.row) }
}

/// Moves the edges by `regression` times width and height, without the +1: what `detect_face` does
/// after P-Net.
#[must_use]
pub fn regress_proposal(b: &BBox, regression: [f32; 4]) -> BBox {
    shift_edges(b, regression, b.width(), b.height())
}

/// Moves the edges by `regression` times width + 1 and height + 1: `bbreg`, after R-Net and O-Net.
#[must_use]
pub fn bbreg(b: &BBox, regression: [f32; 4]) -> BBox {
    shift_edges(b, regression, b.width() + 1.0, b.height() + 1.0)
}

fn shift_edges(b: &BBox, [dx1, dy1, dx2, dy2]: [f32; 4], w: f32, h: f32) -> BBox {
    BBox { x1: b.x1 + dx1 * w, y1: b.y1 + dy1 * h, x2: b.x2 + dx2 * w, y2: b.y2 + dy2 * h }
}

/// Makes the box a square around its centre, with the longer side: `rerec`.
#[must_use]
pub fn rerec(b: &BBox) -> BBox {
    let (w, h) = (b.width(), b.height());
    let side = w.max(h);
    let x1 = b.x1 + w * 0.5 - side * 0.5;
    let y1 = b.y1 + h * 0.5 - side * 0.5;
    BBox { x1, y1, x2: x1 + side, y2: y1 + side }
}

/// The pixels of a box: edges cut to integers, clamped to 1..=w and 1..=h (they count from 1, `pad`),
/// then `[y-1, ey) x [x-1, ex)`. `None` when nothing of the box lies inside the photo.
#[must_use]
pub fn pad(b: &BBox, width: usize, height: usize) -> Option<Window> {
    // `as` saturates and turns NaN to 0, so wild regressions stay harmless.
    let first = |v: f32| (v.trunc() as i64).max(1) as usize - 1;
    let end = |v: f32, limit: usize| (v.trunc() as i64).clamp(0, limit as i64) as usize;
    let window = Window { x0: first(b.x1), y0: first(b.y1), x1: end(b.x2, width), y1: end(b.y2, height) };
    (window.x0 < window.x1 && window.y0 < window.y1).then_some(window)
}

/// Indices of the boxes that survive non-maximum suppression, best first: torchvision's `nms`.
///
/// Areas are without the +1; of equal scores the earlier box comes first; a box is suppressed when
/// its intersection over union with a better one is above `threshold`, which must be at least 0.5.
///
/// Two boxes with an IoU above 1/2 have widths within a factor of two of each other and overlap, so
/// survivors are kept in grids by size and a box meets only its neighbours there: the time grows
/// with the number of boxes, not with its square.
#[must_use]
pub fn nms(boxes: &[ScoredBox], threshold: f64) -> Vec<usize> {
    debug_assert!(threshold >= 0.5, "the grids rely on it");
    let mut order: Vec<usize> = (0..boxes.len()).collect();
    order.sort_by(|&a, &b| boxes[b].score.total_cmp(&boxes[a].score)); // stable
    let mut survivors = Grids::default();
    order.retain(|&index| {
        let bbox = boxes[index].bbox;
        let free = !survivors.neighbours(&bbox).any(|other| iou(other, &bbox) > threshold);
        if free {
            survivors.insert(bbox);
        }
        free
    });
    order
}

/// Intersection over union, areas without the +1, float32 as in torchvision's CPU kernel, given as
/// float64 because that is how it compares with the threshold. NaN for two empty boxes.
#[must_use]
pub fn iou(a: &BBox, b: &BBox) -> f64 {
    let w = (a.x2.min(b.x2) - a.x1.max(b.x1)).max(0.0);
    let h = (a.y2.min(b.y2) - a.y1.max(b.y1)).max(0.0);
    let intersection = w * h;
    f64::from(intersection / (a.area() + b.area() - intersection))
}

/// Spatial hash of boxes: one grid for each power of two of the width, keyed by the upper left corner.
#[derive(Default)]
struct Grids {
    cells: HashMap<(i32, i32, i32), Vec<BBox>>,
}

impl Grids {
    /// Grid of a box: `floor(log2(width))`. Boxes without a finite area overlap nothing and
    /// have none.
    fn class(b: &BBox) -> Option<i32> {
        let area = b.area();
        (b.width() > 0.0 && area > 0.0 && area.is_finite()).then(|| b.width().log2().floor() as i32)
    }

    /// Cell of a coordinate in the grid of `class`, whose cells are as wide as its widest box.
    fn cell(class: i32, v: f32) -> i32 {
        (v / 2f32.powi(class + 1)).floor() as i32
    }

    fn insert(&mut self, b: BBox) {
        if let Some(class) = Self::class(&b) {
            self.cells.entry((class, Self::cell(class, b.x1), Self::cell(class, b.y1))).or_default().push(b);
        }
    }

    /// Every box here whose IoU with `b` can be above 1/2, and some others. Such a box has its upper
    /// left corner within a width and a height of that of `b`.
    fn neighbours(&self, b: &BBox) -> impl Iterator<Item = &BBox> {
        let classes = Self::class(b).map_or(0..0, |class| class - 1..class + 2);
        let (x, w, y, h) = (b.x1, b.width(), b.y1, b.height());
        classes.flat_map(move |class| {
            let rows = Self::cell(class, y - h)..=Self::cell(class, y + h);
            rows.flat_map(move |row| {
                let columns = Self::cell(class, x - w)..=Self::cell(class, x + w);
                columns.flat_map(move |column| self.cells.get(&(class, column, row)).into_iter().flatten())
            })
        })
    }
}

/// Indices of the boxes that survive suppression by intersection over the *smaller* area, best
/// first: `nms_numpy` with method `Min`.
///
/// Areas and overlaps are with the +1; of equal scores the later box comes first; everything is
/// float32, the threshold too, as numpy compares them.
#[must_use]
pub fn nms_min(boxes: &[ScoredBox], threshold: f32) -> Vec<usize> {
    let mut order: Vec<usize> = (0..boxes.len()).rev().collect();
    order.sort_by(|&a, &b| boxes[b].score.total_cmp(&boxes[a].score)); // stable
    let mut survivors: Vec<usize> = Vec::new();
    for index in order {
        let b = &boxes[index].bbox;
        if survivors.iter().all(|&other| overlap_of_smaller(&boxes[other].bbox, b) <= threshold) {
            survivors.push(index);
        }
    }
    survivors
}

fn overlap_of_smaller(a: &BBox, b: &BBox) -> f32 {
    let area = |r: &BBox| (r.width() + 1.0) * (r.height() + 1.0);
    let w = (a.x2.min(b.x2) - a.x1.max(b.x1) + 1.0).max(0.0);
    let h = (a.y2.min(b.y2) - a.y1.max(b.y1) + 1.0).max(0.0);
    w * h / area(a).min(area(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scored(x1: f32, y1: f32, x2: f32, y2: f32, score: f32) -> ScoredBox {
        ScoredBox { bbox: BBox { x1, y1, x2, y2 }, score }
    }

    #[test]
    fn a_cell_covers_its_receptive_field() {
        let cell = Proposal { col: 3, row: 0, score: 0.9, regression: [0.0; 4] };
        // (2*3 + 1) / 0.8 = 8.75, (2*3 + 12) / 0.8 = 22.5; 1 / 0.8 = 1.25, 12 / 0.8 = 15
        assert_eq!(proposal_box(&cell, 0.8), BBox { x1: 8.0, y1: 1.0, x2: 22.0, y2: 15.0 });
    }

    #[test]
    fn the_two_regressions_differ_by_one_pixel_of_size() {
        let b = BBox { x1: 0.0, y1: 0.0, x2: 10.0, y2: 20.0 };
        let regression = [0.1, 0.1, -0.1, 0.2];
        assert_eq!(regress_proposal(&b, regression), BBox { x1: 1.0, y1: 2.0, x2: 9.0, y2: 24.0 });
        // 0.1 * 11 = 1.1, 0.1 * 21 = 2.1, 10 - 0.1 * 11 = 8.9, 20 + 0.2 * 21 = 24.2
        let moved = bbreg(&b, regression);
        for (found, expected) in [(moved.x1, 1.1), (moved.y1, 2.1), (moved.x2, 8.9), (moved.y2, 24.2)] {
            assert!((found - expected).abs() < 1e-5, "{moved:?}");
        }
    }

    #[test]
    fn rerec_squares_around_the_centre() {
        let b = BBox { x1: 0.0, y1: 0.0, x2: 10.0, y2: 20.0 };
        assert_eq!(rerec(&b), BBox { x1: -5.0, y1: 0.0, x2: 15.0, y2: 20.0 });
    }

    #[test]
    fn pad_cuts_to_the_photo_and_drops_what_lies_outside() {
        let inside = BBox { x1: 3.9, y1: -7.0, x2: 12.9, y2: 99.0 };
        assert_eq!(pad(&inside, 10, 20), Some(Window { x0: 2, y0: 0, x1: 10, y1: 20 }));
        let window = |x1, y1, x2, y2| pad(&BBox { x1, y1, x2, y2 }, 10, 20);
        assert_eq!(window(11.0, 1.0, 15.0, 5.0), None, "right of the photo");
        assert_eq!(window(-9.0, 1.0, -1.0, 5.0), None, "left of the photo");
        assert_eq!(window(4.0, 6.0, 5.0, 3.0), None, "inside out");
        assert_eq!(window(f32::NAN, 1.0, f32::INFINITY, 5.0), Some(Window { x0: 0, y0: 0, x1: 10, y1: 5 }));
        assert_eq!(window(f32::NEG_INFINITY, f32::NAN, f32::NAN, f32::MAX), None);
    }

    #[test]
    fn of_equal_scores_torchvision_keeps_the_earlier_and_numpy_the_later() {
        let twins = [scored(0.0, 0.0, 10.0, 10.0, 0.5), scored(0.0, 0.0, 10.0, 10.5, 0.5)];
        assert_eq!(nms(&twins, 0.7), [0]);
        assert_eq!(nms_min(&twins, 0.7), [1]);
    }

    #[test]
    fn suppression_needs_more_than_the_threshold() {
        // Intersection 5 x 10, union 100 + 50 - 50: exactly 1/2.
        let half = [scored(0.0, 0.0, 10.0, 10.0, 0.9), scored(0.0, 0.0, 5.0, 10.0, 0.8)];
        assert_eq!(nms(&half, 0.5), [0, 1]);
        assert_eq!(nms(&[half[0], scored(0.0, 0.0, 5.1, 10.0, 0.8)], 0.5), [0]);
    }

    #[test]
    fn a_small_box_inside_a_large_one_survives_iou_but_not_the_smaller_area() {
        let nested = [scored(0.0, 0.0, 100.0, 100.0, 0.9), scored(40.0, 40.0, 60.0, 60.0, 0.8)];
        assert_eq!(nms(&nested, 0.7), [0, 1]);
        assert_eq!(nms_min(&nested, 0.7), [0]);
    }

    #[test]
    fn empty_boxes_suppress_nothing_and_no_boxes_are_no_error() {
        assert!(nms(&[], 0.5).is_empty());
        assert!(nms_min(&[], 0.7).is_empty());
        let empty = [scored(5.0, 5.0, 5.0, 5.0, 0.9), scored(5.0, 5.0, 5.0, 5.0, 0.8)];
        assert_eq!(nms(&empty, 0.5), [0, 1]);
    }

    #[test]
    fn ten_thousand_boxes_keep_one_of_each_pile() {
        let boxes: Vec<ScoredBox> = (0..10_000u16)
            .map(|i| {
                let pile = f32::from(i % 100) * 50.0;
                scored(pile, pile, pile + 40.0, pile + 40.0, f32::from(i) / 10_000.0)
            })
            .collect();
        let kept = nms(&boxes, 0.5);
        assert_eq!(kept, (9_900..10_000).rev().collect::<Vec<usize>>());
    }

    /// The plain quadratic loop, as torchvision has it.
    fn nms_by_comparing_all(boxes: &[ScoredBox], threshold: f64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..boxes.len()).collect();
        order.sort_by(|&a, &b| boxes[b].score.total_cmp(&boxes[a].score));
        let mut kept: Vec<usize> = Vec::new();
        for index in order {
            if !kept.iter().any(|&k| iou(&boxes[k].bbox, &boxes[index].bbox) > threshold) {
                kept.push(index);
            }
        }
        kept
    }

    proptest! {
        #[test]
        fn grids_find_what_comparing_all_finds(
            raw in prop::collection::vec(
                (-50f32..400.0, -50f32..400.0, -2f32..120.0, 0.4f32..2.5, 0u8..20), 0..200),
            threshold in prop::sample::select(vec![0.5, 0.7]),
        ) {
            let boxes: Vec<ScoredBox> = raw.into_iter()
                .map(|(x, y, w, aspect, score)| scored(x, y, x + w, y + w * aspect, f32::from(score) / 20.0))
                .collect();
            prop_assert_eq!(nms(&boxes, threshold), nms_by_comparing_all(&boxes, threshold));
        }
    }
}
