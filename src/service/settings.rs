//! What the service needs to know besides its models and data.

use std::num::NonZeroUsize;

use crate::access_log::LogParams;
use crate::config::{
    AttendanceParams, Compat, Config, DEFAULT_EXPIRED_PEOPLE_DAYS, DEFAULT_FALSE_NAME_RATE,
    DEFAULT_MIN_PROBABILITY, KeepParams,
};
use crate::enroll::GateParams;
use crate::gallery::search::Assignment;

/// Settings that hold for the life of the process.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Cosine distance below which a face matches a person, 0 to 2; `None` for the model's default.
    pub threshold: Option<f32>,
    /// Share of strangers that may get a name from this gallery, 0 to 1; `None` to match by `threshold`.
    pub false_name_rate: Option<f64>,
    /// Minimum probability of a face, 0 to 1.
    pub min_probability: f32,
    /// Whether a person may match several faces of one photo.
    pub assignment: Assignment,
    /// Photos processed at a time.
    pub workers: NonZeroUsize,
    /// Photos that may wait for a worker.
    pub queue: usize,
    /// Which recognised photos are kept; `None` to keep none.
    pub keep_photos: Option<KeepParams>,
    /// Whether a thumbnail of each photo that is enrolled is kept.
    pub keep_thumbnails: bool,
    /// The access log; `None` to write none.
    pub access_log: Option<LogParams>,
    /// How attendance is kept beside people that can be edited; `None` to keep none.
    pub attendance: Option<AttendanceParams>,
    /// Days after their last one on which people are deleted.
    pub expired_people_days: u32,
    /// Requirements on photos that are enrolled.
    pub gate: GateParams,
}

impl Settings {
    /// The defaults of `facerec serve`, with `workers` threads and `queue` waiting photos.
    #[must_use]
    pub fn new(workers: NonZeroUsize, queue: usize) -> Self {
        Self {
            threshold: None,
            false_name_rate: Some(DEFAULT_FALSE_NAME_RATE),
            min_probability: DEFAULT_MIN_PROBABILITY,
            assignment: Assignment::Unique,
            workers,
            queue,
            keep_photos: None,
            keep_thumbnails: false,
            access_log: None,
            attendance: None,
            expired_people_days: DEFAULT_EXPIRED_PEOPLE_DAYS,
            gate: GateParams::default(),
        }
    }
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        Self {
            threshold: config.threshold,
            false_name_rate: match config.compat {
                Compat::Standard if config.threshold.is_none() => {
                    Some(config.false_name_rate.unwrap_or(DEFAULT_FALSE_NAME_RATE))
                }
                Compat::Standard | Compat::Flask => None,
            },
            min_probability: config.min_probability,
            assignment: match config.compat {
                Compat::Standard => Assignment::Unique,
                Compat::Flask => Assignment::Independent,
            },
            workers: config.workers,
            queue: config.queue,
            keep_photos: config.keep_photos.clone(),
            keep_thumbnails: config.keep_thumbnails,
            access_log: config.access_log.clone(),
            attendance: Some(config.attendance.clone()),
            expired_people_days: config.expired_people_days,
            gate: config.gate,
        }
    }
}
