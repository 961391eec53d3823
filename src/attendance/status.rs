//! The statuses of an entry.

/// Whether somebody was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Status {
    /// Seen in time.
    Present = 1,
    /// Seen after the time until which one is not late.
    Late = 2,
    /// Enrolled, and not seen.
    Absent = 3,
    /// Not there, with a reason. By hand only.
    Excused = 4,
    /// Somebody was seen who may be this person.
    Unsure = 5,
    /// Not seen, and could not have been: the service knows no face of this person.
    NotEnrolled = 6,
}

impl Status {
    /// All, in the order of reports.
    pub const ALL: [Self; 6] =
        [Self::Present, Self::Late, Self::Absent, Self::Excused, Self::Unsure, Self::NotEnrolled];
    /// Those that can be set by hand.
    pub const BY_HAND: [Self; 4] = [Self::Present, Self::Late, Self::Absent, Self::Excused];

    /// The name in API, reports and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Late => "late",
            Self::Absent => "absent",
            Self::Excused => "excused",
            Self::Unsure => "unsure",
            Self::NotEnrolled => "not_enrolled",
        }
    }

    /// The status of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// The number that stands for it in the database; never reassigned.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The status of this number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// Present or late.
    #[must_use]
    pub fn attended(self) -> bool {
        matches!(self, Self::Present | Self::Late)
    }
}

/// How often each status occurs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts([u32; Status::ALL.len()]);

impl Counts {
    /// Counts one more.
    pub fn add(&mut self, status: Status) {
        self.0[usize::from(status.code()) - 1] += 1;
    }

    /// How often `status` occurs.
    #[must_use]
    pub fn of(&self, status: Status) -> u32 {
        self.0[usize::from(status.code()) - 1]
    }

    /// All but `not_enrolled`: those who could have been seen, or of whom somebody said something.
    #[must_use]
    pub fn countable(&self) -> u32 {
        self.0.iter().sum::<u32>() - self.of(Status::NotEnrolled)
    }

    /// The share of `status` in [`Counts::countable`], from 0 to 1. `None` where nothing is countable,
    /// and for `not_enrolled`.
    #[must_use]
    pub fn share(&self, status: Status) -> Option<f64> {
        let all = self.countable();
        (all > 0 && status != Status::NotEnrolled).then(|| f64::from(self.of(status)) / f64::from(all))
    }

    /// The share of those who came, late or not.
    #[must_use]
    pub fn attended_share(&self) -> Option<f64> {
        Some(self.share(Status::Present)? + self.share(Status::Late)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_go_there_and_back() {
        for status in Status::ALL {
            assert_eq!(Status::from_name(status.as_str()), Some(status));
            assert_eq!(Status::from_code(status.code()), Some(status));
        }
        assert_eq!((Status::from_name("Present"), Status::from_code(0)), (None, None));
    }

    #[test]
    fn who_could_not_be_seen_is_in_no_share() {
        let mut counts = Counts::default();
        assert_eq!(counts.attended_share(), None);
        for status in [Status::Present, Status::Late, Status::Absent, Status::Excused, Status::NotEnrolled] {
            counts.add(status);
        }
        assert_eq!((counts.countable(), counts.share(Status::Absent)), (4, Some(0.25)));
        assert_eq!((counts.attended_share(), counts.share(Status::NotEnrolled)), (Some(0.5), None));
    }
}
