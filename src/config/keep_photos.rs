//! Kept photos as arguments.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::MIB;
use super::range::whole;

/// Arguments of kept photos.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct KeepPhotosArgs {
    /// Directory in which each recognised photo is stored, upright, as PNG; costs a second of CPU time for
    /// a phone's photo [default: photos are not stored]
    #[arg(long, env = "FACEREC_KEEP_PHOTOS", value_name = "DIR")]
    pub keep_photos: Option<PathBuf>,
    /// Age at which stored photos are deleted, days [default: never]
    #[arg(long, env = "FACEREC_KEEP_PHOTOS_MAX_AGE_DAYS", value_name = "DAYS", value_parser = whole(1..=36_500_u32))]
    pub keep_photos_max_age_days: Option<u32>,
    /// Size of all stored photos from which the oldest are deleted, MiB [default: no limit]
    #[arg(long, env = "FACEREC_KEEP_PHOTOS_MAX_MIB", value_name = "MIB", value_parser = whole(1..=1_000_000_000_u32))]
    pub keep_photos_max_mib: Option<u32>,
}

/// Which recognised photos are kept, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepParams {
    /// The directory.
    pub directory: PathBuf,
    /// Age at which a photo is deleted; `None` to keep photos of any age.
    pub max_age: Option<Duration>,
    /// Size of all photos together from which the oldest are deleted, bytes; `None` for no limit.
    pub max_bytes: Option<u64>,
}

impl KeepPhotosArgs {
    /// The checked form; `None` to keep none.
    #[must_use]
    pub fn params(&self) -> Option<KeepParams> {
        Some(KeepParams {
            directory: self.keep_photos.clone()?,
            max_age: self.keep_photos_max_age_days.map(|days| Duration::from_hours(24 * u64::from(days))),
            max_bytes: self.keep_photos_max_mib.map(|mib| u64::from(mib) * MIB),
        })
    }
}
