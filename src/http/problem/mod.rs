//! Errors of the API: codes, their documentation, and their problem objects (RFC 9457).

mod api_error;
mod code;
mod responses;
mod shown;

pub use api_error::{ApiError, PROBLEM_JSON};
pub use code::ProblemCode;
pub use responses::{
    AuditProblems, ChangeSessionProblems, CloseSessionProblems, CreateSessionProblems, DeletePhotoProblems,
    DeleteProblems, DeleteSessionProblems, DismissProblems, EnrollProblems, GroupsProblems, ListProblems,
    MergeProblems, MorePhotosProblems, MovePhotoProblems, PairProblems, PatchProblems, PersonProblems,
    PhotoProblems, PlainProblems, Problem, RecognizeProblems, RestoreProblems, RestoreRosterProblems,
    RosterProblems, RosterVersionProblems, SessionPhotosProblems, SessionProblems, SessionsProblems,
    ThumbnailProblems,
};
pub use shown::shown;
