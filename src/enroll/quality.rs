//! Quality measures of a face: sharpness and head pose.

use crate::geometry::{Landmarks, Point};
use crate::imaging::bilinear::resize_bilinear;
use crate::imaging::{RgbView, Window};
use crate::nn::FACENET_SIDE;

/// How far the nose stands out of the face, in distances between the eyes: about 31 mm of 62 mm.
const NOSE_PER_EYE_DISTANCE: f32 = 0.5;
/// The same in distances from the eyes to the mouth, which is as long as the eyes are apart.
const NOSE_PER_FACE_HEIGHT: f32 = 0.5;
/// Where the tip of the nose is on the way from the eyes to the mouth, in a face that looks ahead.
const NOSE_LEVEL: f32 = 0.53;

/// Sides of the square over which sharpness is measured, pixels.
const LEAST_SIDE: usize = 64;
const MOST_SIDE: usize = FACENET_SIDE;

/// Sharpness: the variance of the Laplacian (the 3x3 kernel with -4 in the middle and four ones) over the luma, 0 to
/// 255, of the face's window of the photo. The window is measured at half its size, from 64 to 160 pixels, and not at
/// the 160 that the embedder sees: a small face, enlarged, would look blurred.
///
/// The window must lie inside the photo and not be empty, as that of a crop does.
#[must_use]
pub fn sharpness(photo: RgbView<'_>, window: Window) -> f32 {
    let shorter = (window.x1 - window.x0).min(window.y1 - window.y0);
    let side = (shorter / 2).clamp(LEAST_SIDE, MOST_SIDE);
    laplacian_variance(&resize_bilinear(photo, window, side, side), side)
}

/// How good a photo is for recognition, for choosing among weak ones: the logit of the probability that the face is
/// recognised by the person's other photos. `probability` is the detector's. Fitted by logistic regression to
/// photos of 120 people of LFW.
#[must_use]
pub fn merit(sharpness: f32, probability: f32, roll_deg: f32) -> f32 {
    0.976 * sharpness.max(0.001).ln()
        - 0.283 * (1.0 - probability).max(1e-5).ln()
        - 0.0327 * roll_deg.abs()
        - 5.936
}

/// The variance of the Laplacian over `pixels`, rows of `side` pixels of three bytes.
fn laplacian_variance(pixels: &[u8], side: usize) -> f32 {
    let (pixels, _) = pixels.as_chunks::<3>();
    // Rec. 601, as Pillow's "L" has it.
    let luma: Vec<f32> = pixels
        .iter()
        .map(|[r, g, b]| 0.299 * f32::from(*r) + 0.587 * f32::from(*g) + 0.114 * f32::from(*b))
        .collect();
    let (mut sum, mut squares, mut count) = (0.0_f64, 0.0_f64, 0.0_f64);
    let rows: Vec<&[f32]> = luma.chunks_exact(side).collect();
    for three in rows.windows(3) {
        let [above, row, below] = three else { continue };
        for ((up, across), down) in above.iter().skip(1).zip(row.windows(3)).zip(below.iter().skip(1)) {
            let [left, middle, right] = across else { continue };
            let laplacian = f64::from(up + down + left + right - 4.0 * middle);
            sum += laplacian;
            squares += laplacian * laplacian;
            count += 1.0;
        }
    }
    if count == 0.0 { 0.0 } else { (squares / count - (sum / count).powi(2)) as f32 }
}

/// Where a face looks, in degrees; all zero for one that looks into the camera. Estimated from
/// five points by a flat face with a nose that stands out of it: good to ten degrees or so, enough
/// to tell a portrait from a profile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// Turned to a side; above zero when the nose points to the right of the photo.
    pub yaw: f32,
    /// Nodding; above zero when the face looks up.
    pub pitch: f32,
    /// Tilted; above zero when the eye on the right of the photo is the lower one.
    pub roll: f32,
}

impl Pose {
    /// The pose of a face. Points in no order that a face can have (eyes crossed, mouth above the
    /// eyes) count as turned by 90 degrees.
    #[must_use]
    pub fn of(landmarks: &Landmarks) -> Self {
        let Landmarks { left_eye, right_eye, nose, mouth_left, mouth_right } = *landmarks;
        let across = minus(right_eye, left_eye);
        let eye_distance = across.x.hypot(across.y);
        let roll = across.y.atan2(across.x).to_degrees();
        // The face's own axes: x along the eyes, y towards the mouth, origin between the eyes.
        let eyes = middle(left_eye, right_eye);
        let own = |point: Point| {
            let Point { x, y } = minus(point, eyes);
            Point {
                x: (x * across.x + y * across.y) / eye_distance,
                y: (y * across.x - x * across.y) / eye_distance,
            }
        };
        let (nose, mouth) = (own(nose), own(middle(mouth_left, mouth_right)));
        // The nose beside the line from the eyes to the mouth: only a turned head does that.
        let level = nose.y / mouth.y;
        let beside = (nose.x - mouth.x / 2.0) / eye_distance;
        let (yaw, pitch) = (beside / NOSE_PER_EYE_DISTANCE, (NOSE_LEVEL - level) / NOSE_PER_FACE_HEIGHT);
        let possible = eye_distance > 0.0 && mouth.y > 0.0 && yaw.is_finite() && pitch.is_finite();
        if !possible {
            return Self { yaw: 90.0, pitch: 90.0, roll: if roll.is_finite() { roll } else { 90.0 } };
        }
        Self { yaw: yaw.atan().to_degrees(), pitch: pitch.atan().to_degrees(), roll }
    }
}

fn minus(a: Point, b: Point) -> Point {
    Point { x: a.x - b.x, y: a.y - b.y }
}

fn middle(a: Point, b: Point) -> Point {
    Point { x: f32::midpoint(a.x, b.x), y: f32::midpoint(a.y, b.y) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(side: usize, luma: impl Fn(usize, usize) -> u8) -> Vec<u8> {
        let all = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
        all.flat_map(|(x, y)| [luma(x, y); 3]).collect()
    }

    #[test]
    fn sharpness_is_the_variance_of_the_laplacian() {
        let variance = |luma: fn(usize, usize) -> u8| laplacian_variance(&square(160, luma), 160);
        assert_eq!(variance(|_, _| 77), 0.0);
        // A slope has no second derivative.
        assert!(variance(|x, _| x as u8) < 1e-6);
        // A chessboard of 100 and 110: the Laplacian is +40 and -40.
        let chess = variance(|x, y| if (x + y) % 2 == 0 { 100 } else { 110 });
        assert!((chess - 1600.0).abs() < 0.1, "{chess}");
        // Columns of 100 and 110: +20 and -20.
        let columns = variance(|x, _| if x % 2 == 0 { 100 } else { 110 });
        assert!((columns - 400.0).abs() < 0.1, "{columns}");
    }

    #[test]
    fn the_scale_of_a_face_changes_its_sharpness_less_than_an_enlarged_crop_would() {
        // Stripes of eight pixels, and the same photo at half the size.
        let stripes = |side: usize, period: usize| {
            let pixels = square(side, |x, _| if x % period < period / 2 { 90 } else { 140 });
            let photo = RgbView { data: &pixels, width: side, height: side };
            let window = Window { x0: 0, y0: 0, x1: side, y1: side };
            let enlarged = laplacian_variance(&resize_bilinear(photo, window, 160, 160), 160);
            (sharpness(photo, window), enlarged)
        };
        let ((large, large_crop), (small, small_crop)) = (stripes(256, 8), stripes(128, 4));
        assert!(small > large / 2.0, "{small} {large}");
        assert!(small / large > small_crop / large_crop, "{small_crop} {large_crop}");
    }

    #[test]
    fn a_sharp_sure_upright_photo_has_the_most_merit() {
        let best = merit(200.0, 0.9999, 0.0);
        for worse in [merit(20.0, 0.9999, 0.0), merit(200.0, 0.9, 0.0), merit(200.0, 0.9999, -20.0)] {
            assert!(worse < best, "{worse} {best}");
        }
        assert!(merit(0.0, 1.0, 180.0).is_finite());
    }

    /// A head of this pose, seen from far away: the points in space, turned and projected.
    fn head(yaw: f32, pitch: f32, roll: f32) -> Landmarks {
        let (yaw, pitch, roll) = (yaw.to_radians(), pitch.to_radians(), roll.to_radians());
        let project = |x: f32, y: f32, z: f32| {
            let (x, z) = (x * yaw.cos() + z * yaw.sin(), z * yaw.cos() - x * yaw.sin());
            let y = y * pitch.cos() - z * pitch.sin();
            Point { x: 300.0 + x * roll.cos() - y * roll.sin(), y: 200.0 + x * roll.sin() + y * roll.cos() }
        };
        Landmarks {
            left_eye: project(-50.0, 0.0, 0.0),
            right_eye: project(50.0, 0.0, 0.0),
            nose: project(0.0, 53.0, 50.0),
            mouth_left: project(-40.0, 100.0, 0.0),
            mouth_right: project(40.0, 100.0, 0.0),
        }
    }

    #[test]
    fn the_pose_of_a_turned_head_is_found() {
        for (yaw, pitch, roll) in [
            (0.0, 0.0, 0.0),
            (30.0, 0.0, 0.0),
            (-50.0, 0.0, 0.0),
            (0.0, 25.0, 0.0),
            (0.0, -40.0, 0.0),
            (0.0, 0.0, 70.0),
        ] {
            let pose = Pose::of(&head(yaw, pitch, roll));
            let off = [pose.yaw - yaw, pose.pitch - pitch, pose.roll - roll];
            assert!(off.iter().all(|d| d.abs() < 0.1), "{yaw} {pitch} {roll}: {pose:?}");
        }
        let pose = Pose::of(&head(20.0, 15.0, -30.0));
        let off = [pose.yaw - 20.0, pose.pitch - 15.0, pose.roll + 30.0];
        assert!(off.iter().all(|d| d.abs() < 6.0), "all three at once: {pose:?}");
    }

    #[test]
    fn points_that_are_no_face_count_as_turned_away() {
        let same = Landmarks::from([Point { x: 1.0, y: 1.0 }; 5]);
        let upside_down = Landmarks {
            mouth_left: Point { x: 260.0, y: 100.0 },
            mouth_right: Point { x: 340.0, y: 100.0 },
            ..head(0.0, 0.0, 0.0)
        };
        let broken = Landmarks { nose: Point { x: f32::NAN, y: 0.0 }, ..head(0.0, 0.0, 0.0) };
        for landmarks in [same, upside_down, broken] {
            let pose = Pose::of(&landmarks);
            assert_eq!((pose.yaw, pose.pitch), (90.0, 90.0));
            assert!(pose.roll.is_finite());
        }
    }
}
