//! Fits the statistics of strangers to embeddings of people who are not enrolled; the computation of
//! `models/convert/fit_cohort.py`.

use super::calibrate::calibrate;
use super::estimate::{count_people, estimate};
use super::{Cohort, Origin};

pub use super::estimate::StrangerFace;

/// Minimum number of people that a fit is made from: with fewer, the covariance is not determined well enough for rates of
/// one in a thousand.
pub const MIN_PEOPLE: usize = 300;

/// Fits a cohort. `people` and `photos` of `origin` are counted here. `progress` is told how many of how many fits are
/// done.
///
/// # Errors
/// What was expected and found: too few people, or embeddings that are all alike.
pub fn fit(
    origin: Origin,
    faces: &[StrangerFace],
    mut progress: impl FnMut(usize, usize),
) -> Result<Cohort, String> {
    let people = count_people(faces.iter());
    if people < MIN_PEOPLE {
        return Err(format!("expected faces of at least {MIN_PEOPLE} people, found {people}"));
    }
    let origin = Origin { people: people as u64, photos: faces.len() as u64, ..origin };
    let all: Vec<&StrangerFace> = faces.iter().collect();
    let whole = estimate(&origin, &all)?;
    let calibration = calibrate(&whole, &all, &mut progress)?;
    Cohort::new(whole.origin, whole.projection, whole.mixture, calibration)
}
