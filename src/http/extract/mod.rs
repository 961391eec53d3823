//! From requests to what handlers take: uploads under limits, forms, and query parameters.

pub mod admission;
pub mod attendance_query;
pub mod audit_query;
pub mod body;
pub mod dead_letters;
pub mod enroll_form;
pub mod form;
pub mod idempotency;
pub mod other_person;
pub mod page;
pub mod params;
pub mod person_patch;
pub mod photos;
pub mod query;
pub mod refusals;
pub mod session_body;
pub mod session_photos;
pub mod single_file;
pub mod small_object;
pub mod upload;
