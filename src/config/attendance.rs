//! Attendance as arguments.

use clap::Args;

use super::range::whole;

/// Arguments of attendance.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct AttendanceArgs {
    /// Age at which sessions of attendance are deleted with their entries, days
    #[arg(long, env = "FACEREC_ATTENDANCE_RETENTION_DAYS", value_name = "DAYS", default_value = "400",
          value_parser = whole(1..=36_500_u32))]
    pub attendance_retention_days: u32,
}

/// How attendance is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttendanceParams {
    /// Age at which sessions are deleted, days.
    pub retention_days: u32,
}

impl AttendanceArgs {
    /// The checked form.
    #[must_use]
    pub fn params(&self) -> AttendanceParams {
        AttendanceParams { retention_days: self.attendance_retention_days }
    }
}
