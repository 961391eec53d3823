//! Thresholds of the quality gate of enrolment.

use std::ops::RangeInclusive;

/// The detector's probability from which on there is a face at all: fainter ones are no rivals, and the best of a
/// person's weak photos is not kept for them. The Flask service's own bound.
pub const FACE_PROBABILITY: f32 = 0.9;

/// Thresholds of the gate; a value equal to its threshold passes.
///
/// The defaults of quality are set by what a photo costs: how often the face is then not recognised by the person's
/// other photos (docs/enrolment.md).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GateParams {
    /// Minimum probability of the face, 0 to 1.
    pub min_probability: f32,
    /// Minimum width and height of the face's box, pixels.
    pub min_face_px: f32,
    /// A further face counts when its box has at least this share of the main face's area. Smaller
    /// ones are of people behind, or of pictures on the wall.
    pub min_rival_area: f32,
    /// Minimum [`sharpness`](super::quality::sharpness).
    pub min_sharpness: f32,
    /// Maximum [`Pose::yaw`](super::quality::Pose::yaw) to either side, degrees.
    pub max_yaw_deg: f32,
    /// Maximum [`Pose::pitch`](super::quality::Pose::pitch) up or down, degrees. Portraits measure up
    /// to 18.
    pub max_pitch_deg: f32,
    /// Maximum [`Pose::roll`](super::quality::Pose::roll) to either side, degrees. The crop is not
    /// turned upright, so the embedder sees the tilt. Portraits measure up to 12.
    pub max_roll_deg: f32,
    /// Cosine distance below which two photos agree that they show one person. Stricter than the threshold
    /// of recognition (0.5), where one stranger in a thousand would do: in a school of a thousand,
    /// every second newcomer. 1 pair of strangers in 10,000 is nearer than 0.41 with `casia` and
    /// 0.33 with `vggface2` (measured on LFW, margin 32).
    pub other_person_distance: f32,
    /// Cosine distance below which a photo of the same person is the same photo again, stored in
    /// another way. Another compression measures up to 0.003, another photo of the person 0.2.
    pub same_photo_distance: f32,
}

/// The values that each threshold may have, both ends included.
impl GateParams {
    /// Of [`GateParams::min_face_px`], pixels.
    pub const FACE_SIDES_PX: RangeInclusive<f32> = 0.0..=4096.0;
    /// Of [`GateParams::min_sharpness`]. The Laplacian of bytes lies between -1020 and 1020; the largest
    /// variance is that of these two values.
    pub const SHARPNESSES: RangeInclusive<f32> = 0.0..=1_040_400.0;
    /// Of [`GateParams::max_yaw_deg`] and [`GateParams::max_pitch_deg`], degrees.
    pub const TURNS_DEG: RangeInclusive<f32> = 0.0..=90.0;
    /// Of [`GateParams::max_roll_deg`], degrees.
    pub const ROLLS_DEG: RangeInclusive<f32> = 0.0..=180.0;
}

impl Default for GateParams {
    fn default() -> Self {
        Self {
            min_probability: 0.95,
            min_face_px: 25.0,
            min_rival_area: 0.4,
            min_sharpness: 20.0,
            max_yaw_deg: 50.0,
            max_pitch_deg: 35.0,
            max_roll_deg: 25.0,
            other_person_distance: 0.4,
            same_photo_distance: 0.005,
        }
    }
}
