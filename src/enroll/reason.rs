//! Why a photo was refused, with what was measured and what is needed.

use crate::person_name::PersonName;

use std::fmt;

/// An axis about which a head turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// To a side.
    Yaw,
    /// Up or down.
    Pitch,
    /// Tilted.
    Roll,
}

impl Axis {
    /// `yaw`, `pitch` or `roll`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Yaw => "yaw",
            Self::Pitch => "pitch",
            Self::Roll => "roll",
        }
    }
}

/// Why a photo was refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// The bytes can't be used as a photo; why not.
    NotAnImage(String),
    /// The detector found no face.
    NoFace,
    /// More than one face, and none of them is clearly the subject.
    SeveralFaces {
        /// How many, bystanders included; one is needed.
        measured: usize,
    },
    /// The face's box is too small.
    FaceTooSmall {
        /// Its shorter side, pixels.
        measured: f32,
        /// The least, pixels.
        needed: f32,
    },
    /// The detector is not sure that it is a face.
    LowProbability {
        /// Its probability, 0 to 1.
        measured: f32,
        /// The least.
        needed: f32,
    },
    /// The face is out of focus or moved.
    Blurred {
        /// [`sharpness`](super::quality::sharpness).
        measured: f32,
        /// The least.
        needed: f32,
    },
    /// The head is turned too far.
    ExtremePose {
        /// About which axis.
        axis: Axis,
        /// The angle of its [`Pose`](super::quality::Pose) to either side, degrees, 0 or more.
        measured: f32,
        /// The most to either side, degrees.
        needed: f32,
    },
    /// The photo is far from the person's other photos and near another's: it lies with the wrong person.
    UnlikeOwnPhotos {
        /// The id of the person whom it looks like; `None` for one of the same batch, who has none yet.
        person_id: Option<String>,
        /// The name of the person whom it looks like.
        name: PersonName,
        /// Cosine distance to that person.
        measured: f32,
        /// It must not be below.
        needed: f32,
        /// Cosine distance to the nearest other photo of the person.
        own_distance: f32,
    },
    /// Another person is nearer than the person's own photos, and near enough to be the same.
    LooksLikeAnotherPerson {
        /// That person's id; `None` for one of the same batch, who has none yet.
        person_id: Option<String>,
        /// That person's name.
        name: PersonName,
        /// Cosine distance.
        measured: f32,
        /// It must not be below.
        needed: f32,
    },
    /// The person has this photo already.
    SamePhotoAgain {
        /// Its id; `None` for one of the same batch.
        photo_id: Option<String>,
        /// Cosine distance; 0 for the same file.
        measured: f32,
        /// It must not be below.
        needed: f32,
    },
}

impl Reason {
    /// The stable name of the reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotAnImage(_) => "not_an_image",
            Self::NoFace => "no_face",
            Self::SeveralFaces { .. } => "several_faces",
            Self::FaceTooSmall { .. } => "face_too_small",
            Self::LowProbability { .. } => "low_probability",
            Self::Blurred { .. } => "blurred",
            Self::ExtremePose { .. } => "extreme_pose",
            Self::UnlikeOwnPhotos { .. } => "unlike_own_photos",
            Self::LooksLikeAnotherPerson { .. } => "looks_like_another_person",
            Self::SamePhotoAgain { .. } => "same_photo_again",
        }
    }

    /// The id of the person whom the photo looks like; `None` for other reasons, and for somebody of the same batch.
    #[must_use]
    pub fn person_id(&self) -> Option<&str> {
        match self {
            Self::UnlikeOwnPhotos { person_id, .. } | Self::LooksLikeAnotherPerson { person_id, .. } => {
                person_id.as_deref()
            }
            _ => None,
        }
    }

    /// What was measured and what is needed, where that is a number.
    #[must_use]
    pub fn measured_and_needed(&self) -> Option<(f32, f32)> {
        match *self {
            Self::NotAnImage(_) => None,
            Self::NoFace => Some((0.0, 1.0)),
            Self::SeveralFaces { measured } => Some((measured as f32, 1.0)),
            Self::FaceTooSmall { measured, needed }
            | Self::LowProbability { measured, needed }
            | Self::Blurred { measured, needed }
            | Self::ExtremePose { measured, needed, .. }
            | Self::UnlikeOwnPhotos { measured, needed, .. }
            | Self::LooksLikeAnotherPerson { measured, needed, .. }
            | Self::SamePhotoAgain { measured, needed, .. } => Some((measured, needed)),
        }
    }

    /// Whether it is about the quality of the face, and not about whose it is or whether there is one.
    #[must_use]
    pub fn is_weakness(&self) -> bool {
        matches!(
            self,
            Self::FaceTooSmall { .. }
                | Self::LowProbability { .. }
                | Self::Blurred { .. }
                | Self::ExtremePose { .. }
        )
    }

    /// Whether `force` takes the photo all the same: where there is a face at all.
    #[must_use]
    pub fn can_be_overridden(&self) -> bool {
        !matches!(self, Self::NotAnImage(_) | Self::NoFace)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.code())?;
        match self {
            Self::NotAnImage(reason) => write!(f, "{reason}"),
            Self::NoFace => write!(f, "expected one face, found none"),
            Self::SeveralFaces { measured } => write!(f, "expected one face, found {measured}"),
            Self::FaceTooSmall { measured, needed } => {
                write!(f, "expected a face of {needed} pixels at least, found {measured:.1}")
            }
            Self::LowProbability { measured, needed } => {
                write!(f, "expected a face probability of {needed} at least, found {measured:.3}")
            }
            Self::Blurred { measured, needed } => {
                write!(f, "expected a sharpness of {needed} at least, found {measured:.1}")
            }
            Self::ExtremePose { axis, measured, needed } => {
                let axis = axis.name();
                write!(f, "expected a {axis} of {needed} degrees at most, found {measured:.1}")
            }
            Self::UnlikeOwnPhotos { name, measured, needed, own_distance, .. } => {
                write!(
                    f,
                    "expected a distance below {needed} to the person's other photos, found {own_distance:.3}, and \
                     {measured:.3} to {name}"
                )
            }
            Self::LooksLikeAnotherPerson { name, measured, needed, .. } => {
                write!(f, "expected a distance of {needed} at least to others, found {measured:.3} to {name}")
            }
            Self::SamePhotoAgain { measured, needed, .. } => {
                write!(
                    f,
                    "expected a distance of {needed} at least to the person's photos, found {measured:.4}"
                )
            }
        }
    }
}
