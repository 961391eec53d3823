//! The access log: who looked up, read or changed whose data.
//!
//! One JSON object a line, in a file of its own that only its owner may read. It holds ids and no names, no embeddings
//! and no images. Entries are written by a thread of their own, so that no request waits for the disk.

mod file;
mod history;
mod rotation;
mod store;
mod writer;

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use history::{History, history};
pub use store::LogStore;
pub use writer::{AccessLog, Status};

/// Where the log is and how much of it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogParams {
    /// The file that is written; older ones have `.1` and so on appended, `.1` being the latest.
    pub path: PathBuf,
    /// Size from which a new file is begun, bytes.
    pub max_bytes: u64,
    /// How many older files are kept, 1 at least.
    pub keep: u32,
}

/// What was done with data of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The faces of a photo were searched for.
    Recognize,
    /// The faces of two photos were compared; nobody enrolled is concerned.
    Verify,
    /// People were listed.
    List,
    /// A person was read.
    Read,
    /// People were written to a file, with their embeddings.
    Export,
    /// A person was enrolled.
    Enroll,
    /// Photos were added to a person.
    AddPhotos,
    /// Nothing was enrolled: the photos were refused, or the name was taken.
    RefuseEnrollment,
    /// Name or ID of a person were changed.
    Change,
    /// A person was deleted.
    Delete,
    /// A photo of a person was deleted.
    DeletePhoto,
    /// A photo was moved from the first person to the second.
    MovePhoto,
    /// The second person was merged into the first.
    Merge,
    /// All people were audited.
    Audit,
    /// A finding of the audit was dismissed.
    DismissFinding,
    /// A dismissal was withdrawn.
    RestoreFinding,
    /// Names and IDs of the roster were listed.
    ReadRoster,
    /// The roster was replaced.
    ReplaceRoster,
    /// Attendance was read: of these people, or of all.
    ReadAttendance,
    /// A photo changed the attendance of these people.
    MarkAttendance,
    /// Attendance was changed by hand.
    CorrectAttendance,
    /// A session was begun, changed, closed or deleted.
    ChangeSession,
    /// A group was changed.
    ChangeGroup,
    /// Messages that no receiver took were sent again.
    ResendMessages,
    /// All that is held about a person was removed.
    Forget,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, UTC; RFC 3339 to the millisecond in the file.
    #[serde(with = "rfc3339")]
    pub time: Timestamp,
    /// `X-Request-Id` of the request; `None` for a command.
    pub request_id: Option<String>,
    /// Name of the API key; `None` where none was needed.
    pub key: Option<String>,
    /// IP address of the client; `local` for a command.
    pub client: String,
    /// What was done.
    pub action: Action,
    /// Ids of the people recognised, read, changed or deleted; empty where nobody or everybody is concerned.
    pub people: Vec<String>,
    /// Ids of other people whom the response named: candidates of a recognition, those whom photos of an enrolment look
    /// like, who has the name already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<String>,
}

/// Times as text.
mod rfc3339 {
    use jiff::Timestamp;
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{time:.3}"))
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl Entry {
    /// The entry that a line of the log is; `None` for one that is cut off, or of something else.
    #[must_use]
    pub fn from_line(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// Whether the person is named in it.
    #[must_use]
    pub fn concerns(&self, person_id: &str) -> bool {
        self.people.iter().chain(&self.candidates).any(|id| id == person_id)
    }
}
