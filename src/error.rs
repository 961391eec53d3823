//! The one error type of the library. What each kind means to an HTTP client is decided in
//! `http::problem::api_error`, and only there.

mod data;
mod model;

pub use data::{DataError, Operation};
pub use model::ModelError;

/// Anything that can go wrong between a request and its response.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client's input can't be used; other input helps.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The queue is full; a later retry helps.
    #[error("queue full: {waiting} of {limit} waiting")]
    Busy {
        /// Photos that wait for a worker.
        waiting: usize,
        /// How many may wait (`--queue`).
        limit: usize,
    },
    /// A file of the data directory is missing, broken or not writable.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A network is missing, altered, of another structure, or can't be run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The database can't be reached, or not written to, for now; a later retry helps. The reason is for the log.
    #[error("{0}")]
    Unavailable(String),
    /// The database was lost during a commit, and the change may have been made or not. The reason is for the log.
    #[error("{0}")]
    Unknown(String),
    /// The client disconnected or the request timed out, so the work has ended.
    #[error("the request was cancelled: the client disconnected, or it timed out")]
    Cancelled,
    /// A fault of this program: a job panicked, or the system gave no thread.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// What a caught panic said, as an [`Error::Internal`].
    #[must_use]
    pub fn from_panic(panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::Internal(format!("panicked: {}", text.unwrap_or("without a message")))
    }
}

/// Why an upload or a photo was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// The request has no photo where one is expected.
    #[error("{0}")]
    Missing(String),
    /// A field or a query parameter has a value that is not allowed.
    #[error("{0}")]
    Invalid(String),
    /// More bytes than the limit.
    #[error("the upload is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit (`--max-upload-mib`).
        limit_bytes: u64,
    },
    /// The bytes are of no image format known here.
    #[error("not an image: expected JPEG, PNG, WebP, GIF, BMP or TIFF, found {found}")]
    UnknownFormat {
        /// What the first bytes look like.
        found: String,
    },
    /// A photo in a format that this build has no decoder for.
    #[error("{format} photos are not read here: {advice}")]
    UnreadFormat {
        /// Name of the format.
        format: &'static str,
        /// What the person who sent it can do.
        advice: &'static str,
    },
    /// An image format known here, but the pixels can't be read.
    #[error("the {format} image can't be decoded: {reason}")]
    Undecodable {
        /// Name of the format.
        format: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// The header claims more pixels than the limit.
    #[error("the image has {width} x {height} pixels; at most {limit_megapixels} megapixels are taken")]
    TooManyPixels {
        /// Claimed width, pixels.
        width: u32,
        /// Claimed height, pixels.
        height: u32,
        /// The limit (`--max-megapixels`).
        limit_megapixels: u32,
    },
    /// Something that was asked for by name or id is not there.
    #[error("{0}")]
    NotFound(String),
    /// The name belongs to another person.
    #[error("a person of this name is enrolled already")]
    NameTaken {
        /// Whose it is.
        person_id: String,
    },
    /// A person without a photo can't be recognised.
    #[error("it is the person's only photo: add another one first, or delete the person")]
    LastPhoto,
    /// The roster's workbook can't be used.
    #[error("the roster can't be read: {0}")]
    InvalidWorkbook(String),
    /// Another process writes to the data directory.
    #[error("{0}")]
    Locked(String),
    /// The request contradicts what is stored.
    #[error("{0}")]
    Conflict(String),
}

/// Shorthand for results of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;
