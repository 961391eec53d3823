//! Errors of the API: codes, their documentation, and their problem objects (RFC 9457).

mod api_error;
mod code;
mod responses;
mod shown;

pub use api_error::{ApiError, PROBLEM_JSON};
pub use code::ProblemCode;
pub use responses::{
    AuditProblems, DeletePhotoProblems, DeleteProblems, EnrollProblems, ListProblems, MorePhotosProblems,
    PairProblems, PatchProblems, PersonProblems, PhotoProblems, PlainProblems, Problem, RosterProblems,
};
pub use shown::shown;
