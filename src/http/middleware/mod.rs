//! Layers around the routes, one concern a file.

pub mod auth;
pub mod body;
pub mod client;
pub mod cors;
pub mod host;
pub mod log;
pub mod metrics;
pub mod render;
pub mod request_id;
pub mod security_headers;
pub mod timeout;
