//! Selection of the main face of a photo with several faces.

use super::types::Detection;

/// How much the distance from the middle counts against the size; facenet-pytorch's
/// `select_largest` by `center_weighted_size`.
const CENTER_WEIGHT: f32 = 2.0;

/// The main face of a photo of `width` x `height` pixels: the largest box area minus twice the
/// squared distance of the box's centre from the photo's centre. `None` without faces.
///
/// Ports `MTCNN.select_boxes` with `method="center_weighted_size"` (of equal faces the later one,
/// as its reversed `argsort` has it).
#[must_use]
pub fn main_face(faces: &[Detection], width: usize, height: usize) -> Option<&Detection> {
    let weight = |face: &Detection| {
        let (x, y) = face.bbox.center();
        let (dx, dy) = (x - width as f32 / 2.0, y - height as f32 / 2.0);
        face.bbox.area() - (dx * dx + dy * dy) * CENTER_WEIGHT
    };
    faces.iter().max_by(|a, b| weight(a).total_cmp(&weight(b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::{BBox, Landmarks, Point};

    fn face(x1: f32, y1: f32, side: f32) -> Detection {
        let landmarks = Landmarks::from([Point { x: x1, y: y1 }; 5]);
        Detection { bbox: BBox { x1, y1, x2: x1 + side, y2: y1 + side }, landmarks, probability: 1.0 }
    }

    #[test]
    fn a_face_in_the_middle_beats_a_larger_one_at_the_edge() {
        let middle = face(450.0, 450.0, 100.0);
        let edge = face(0.0, 0.0, 120.0);
        assert_eq!(main_face(&[edge, middle], 1000, 1000), Some(&middle));
        let huge = face(0.0, 0.0, 900.0);
        assert_eq!(main_face(&[huge, middle], 1000, 1000), Some(&huge));
        assert_eq!(main_face(&[], 1000, 1000), None);
    }

    #[test]
    fn of_equal_faces_the_later_one() {
        let (left, right) = (face(100.0, 450.0, 100.0), face(800.0, 450.0, 100.0));
        assert_eq!(main_face(&[left, right], 1000, 1000), Some(&right));
    }
}
