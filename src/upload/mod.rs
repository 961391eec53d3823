//! Uploads below HTTP's routes: formats of bodies, memory and speed of all uploads together.

pub mod base64_json;
pub mod budget;
pub mod limits;
pub mod multipart;
pub mod permits;
pub mod steady_body;
