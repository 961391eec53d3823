//! What the clients have seen, together.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// More errors than this need no more traffic to tell that something is wrong.
const ENOUGH_ERRORS: usize = 200;

/// Defines [`Kind`] with the name of each.
macro_rules! kinds {
    ($($kind:ident: $name:literal,)*) => {
        /// Kinds of traffic; each must occur in every run.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Kind {
            $($kind,)*
        }

        impl Kind {
            const ALL: &[Self] = &[$(Self::$kind,)*];

            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    GroupPhoto: "group photo",
    OtherPhoto: "photo of another size or format",
    LargePhoto: "12-megapixel photo",
    ExifPhoto: "photo turned by EXIF",
    ExplainedPhoto: "photo to /v1/recognize",
    Enrolment: "enrolment",
    RefusedEnrolment: "refused enrolment",
    PhotoAddition: "photo addition",
    Rename: "rename",
    Lookup: "look at a person",
    PhotoDeletion: "photo deletion",
    Deletion: "deletion",
    GalleryReload: "gallery put into place",
    RosterUpload: "roster upload",
    RosterReload: "roster put into place",
    Truncated: "truncated photo",
    Text: "text instead of a photo",
    GiantClaim: "header that claims 60000 x 60000 pixels",
    WrongBoundary: "wrong boundary",
    HangUp: "hang-up in the middle of a body",
    BadRoster: "broken roster",
    Metrics: "/metrics",
    Readiness: "/readyz",
    Page: "page",
}

/// What came since the last look.
#[derive(Default)]
pub(crate) struct Interval {
    pub(crate) requests: u64,
    pub(crate) busy: u64,
    pub(crate) errors: u64,
    /// Latencies of the group photo, milliseconds.
    pub(crate) waits_ms: Vec<f64>,
}

#[derive(Default)]
struct Seen {
    counts: BTreeMap<Kind, u64>,
    errors: Vec<String>,
    interval: Interval,
}

/// Counts for all clients.
#[derive(Default)]
pub(crate) struct Tally(Mutex<Seen>);

impl Tally {
    /// A response, right or wrong, or a request that needs none.
    pub(crate) fn request(&self, kind: Kind, wait: Duration) {
        let mut seen = self.seen();
        *seen.counts.entry(kind).or_default() += 1;
        seen.interval.requests += 1;
        if kind == Kind::GroupPhoto {
            seen.interval.waits_ms.push(wait.as_secs_f64() * 1000.0);
        }
    }

    /// A 503 with `Retry-After`.
    pub(crate) fn busy(&self) {
        let mut seen = self.seen();
        seen.interval.requests += 1;
        seen.interval.busy += 1;
    }

    pub(crate) fn error(&self, error: String) {
        let mut seen = self.seen();
        seen.errors.push(error);
        seen.interval.errors += 1;
    }

    /// Whether there are so many errors that it makes no sense to go on.
    pub(crate) fn is_hopeless(&self) -> bool {
        self.seen().errors.len() >= ENOUGH_ERRORS
    }

    /// What came since the last call.
    pub(crate) fn take_interval(&self) -> Interval {
        std::mem::take(&mut self.seen().interval)
    }

    /// How often each kind came.
    pub(crate) fn counts(&self) -> Vec<(Kind, u64)> {
        let seen = self.seen();
        Kind::ALL.iter().map(|kind| (*kind, seen.counts.get(kind).copied().unwrap_or(0))).collect()
    }

    pub(crate) fn errors(&self) -> Vec<String> {
        self.seen().errors.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap()
    }
}
