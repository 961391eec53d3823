//! The endpoint of the Flask service that this one replaces.

pub mod flask;
pub mod form;
pub mod path;
pub mod recognize;
pub mod schema;
