//! Errors of the API: codes, their documentation, and their problem objects (RFC 9457).

mod api_error;
mod code;
mod responses;
mod shown;

pub use api_error::{ApiError, PROBLEM_JSON};
pub use code::ProblemCode;
pub use responses::{
    AuditProblems, DeletePhotoProblems, DeleteProblems, DismissProblems, EnrollProblems, ListProblems,
    MergeProblems, MorePhotosProblems, MovePhotoProblems, PairProblems, PatchProblems, PersonProblems,
    PhotoProblems, PlainProblems, Problem, RestoreProblems, RosterProblems,
};
pub use shown::shown;
