//! The first pass over a photo: the face that counts, who else is in it, and what is wrong with it by itself.

use super::params::FACE_PROBABILITY;
use super::quality::{Pose, merit, sharpness};
use super::{Axis, GateParams, Reason};
use crate::align::AlignedCrop;
use crate::detect::Detection;
use crate::detect::main_face::main_face;
use crate::geometry::BBox;
use crate::imaging::OrientedRgb;
use crate::pipeline::Pipeline;

// Who is a bystander although the face is not small. Distances are from the photo's centre, in its shorter sides. Set on
// 600 photos of 120 people of LFW, whose subjects are in the middle (docs/enrolment.md).

/// Most of the main face's area, of a bystander whose face is whole.
const BYSTANDER_AREA: f32 = 0.75;
/// Farthest that a main face is from the centre that is the subject by its place.
const CENTRED_OFFSET: f32 = 0.15;
/// Nearest that a bystander is to the centre then.
const ASIDE_OFFSET: f32 = 0.3;
/// Share of a box's side outside the photo from which the face is cut off.
const CUT_OFF: f32 = 0.1;
/// Farthest that a main face is from the centre that is the subject by its focus.
const IN_FOCUS_OFFSET: f32 = 0.25;
/// Nearest that a bystander is to the centre then.
const EDGE_OFFSET: f32 = 0.5;
/// Most of the main face's sharpness then.
const EDGE_SHARPNESS: f32 = 0.7;

/// The face of a photo that counts.
pub(super) struct FoundFace {
    /// What is embedded.
    pub(super) crop: AlignedCrop,
    /// What is wrong with it.
    pub(super) reasons: Vec<Reason>,
    /// Other faces that are not taken for the person.
    pub(super) bystanders: Vec<BBox>,
    /// [`merit`].
    pub(super) merit: f32,
    /// Whether it is a face at all.
    pub(super) is_sure: bool,
}

/// The face of `photo` that counts, out of those detected; `None` where there is none.
pub(super) fn find_face(
    photo: &OrientedRgb,
    faces: &[Detection],
    margin_px: u32,
    params: &GateParams,
) -> Option<FoundFace> {
    let sharpness_of = |face: &Detection| {
        let crop = Pipeline::align_face(photo, face, margin_px);
        crop.map_or(0.0, |crop| sharpness(photo.view(), crop.window))
    };
    let Choice { face, reason, bystanders } = choose(faces, photo, params, sharpness_of)?;
    let crop = Pipeline::align_face(photo, &face, margin_px)?;
    let sharpness = sharpness(photo.view(), crop.window);
    let mut reasons: Vec<Reason> = reason.into_iter().collect();
    reasons.extend(quality_reasons(&face, sharpness, params));
    Some(FoundFace {
        crop,
        reasons,
        bystanders,
        merit: merit(sharpness, face.probability, Pose::of(&face.landmarks).roll),
        is_sure: face.probability >= FACE_PROBABILITY,
    })
}

/// The face that counts, and the others.
#[derive(Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) face: Detection,
    /// [`Reason::SeveralFaces`], where it is not clear that it is the one.
    pub(super) reason: Option<Reason>,
    pub(super) bystanders: Vec<BBox>,
}

/// The face that counts: the main one of the sure faces, else of the unsure ones. `sharpness` measures a face, where
/// that decides.
pub(super) fn choose(
    faces: &[Detection],
    photo: &OrientedRgb,
    params: &GateParams,
    sharpness: impl Fn(&Detection) -> f32,
) -> Option<Choice> {
    let (width, height) = (photo.width(), photo.height());
    let is_sure = |face: &&Detection| face.probability >= FACE_PROBABILITY;
    let sure: Vec<Detection> = faces.iter().filter(is_sure).copied().collect();
    let Some(face) = main_face(&sure, width, height).copied() else {
        let face = main_face(faces, width, height).copied()?;
        return Some(Choice { face, reason: None, bystanders: Vec::new() });
    };
    let offset = |face: &Detection| {
        let ((x, y), side) = (face.bbox.center(), width.min(height) as f32);
        (x - width as f32 / 2.0).hypot(y - height as f32 / 2.0) / side
    };
    let is_bystander = |other: &&Detection| {
        let area = other.bbox.area() / face.bbox.area();
        let (own, others) = (offset(&face), offset(other));
        let is_aside = || {
            let is_less = area <= BYSTANDER_AREA || is_cut_off(&other.bbox, width, height);
            own <= CENTRED_OFFSET && others >= ASIDE_OFFSET && is_less
        };
        let is_at_edge = || area <= BYSTANDER_AREA && own <= IN_FOCUS_OFFSET && others >= EDGE_OFFSET;
        area < params.min_rival_area
            || is_aside()
            || (is_at_edge() && sharpness(other) <= EDGE_SHARPNESS * sharpness(&face))
    };
    let (bystanders, rivals): (Vec<&Detection>, Vec<&Detection>) =
        sure.iter().filter(|other| **other != face).partition(is_bystander);
    let reason = (!rivals.is_empty()).then_some(Reason::SeveralFaces { measured: sure.len() });
    Some(Choice { face, reason, bystanders: bystanders.iter().map(|other| other.bbox).collect() })
}

/// Whether the photo's edge cuts the face off.
fn is_cut_off(bbox: &BBox, width: usize, height: usize) -> bool {
    let outside = (-bbox.x1).max(bbox.x2 - width as f32) / bbox.width();
    outside.max((-bbox.y1).max(bbox.y2 - height as f32) / bbox.height()) >= CUT_OFF
}

/// What is wrong with a face by itself.
pub(super) fn quality_reasons(face: &Detection, sharpness: f32, params: &GateParams) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if face.probability < params.min_probability {
        let (measured, needed) = (face.probability, params.min_probability);
        reasons.push(Reason::LowProbability { measured, needed });
    }
    let side = face.bbox.width().min(face.bbox.height());
    if side < params.min_face_px {
        reasons.push(Reason::FaceTooSmall { measured: side, needed: params.min_face_px });
    }
    if sharpness < params.min_sharpness {
        reasons.push(Reason::Blurred { measured: sharpness, needed: params.min_sharpness });
    }
    let pose = Pose::of(&face.landmarks);
    let axes = [
        (Axis::Yaw, pose.yaw, params.max_yaw_deg),
        (Axis::Pitch, pose.pitch, params.max_pitch_deg),
        (Axis::Roll, pose.roll, params.max_roll_deg),
    ];
    let turned = axes.into_iter().map(|(axis, angle, needed)| (axis, angle.abs(), needed));
    let extreme = turned.filter(|(_, measured, needed)| measured > needed);
    reasons.extend(extreme.map(|(axis, measured, needed)| Reason::ExtremePose { axis, measured, needed }));
    reasons
}
