//! facerec: who is in this photo?
//!
//! A photo passes through the rooms of this library in one direction:
//!
//! ```text
//! bytes -> imaging -> OrientedRgb -> detect -> Vec<Detection> -> align -> AlignedCrop
//!       -> embed -> Embedding -> gallery::search -> FaceMatch -> (roster) -> JSON
//! ```
//!
//! Imports point down only: [`http`] and [`cli`] stand on [`worker`], that on [`pipeline`], that on
//! the stages, and those on [`geometry`] and [`error`].
pub mod align;
pub mod cli;
pub mod config;
pub mod detect;
pub mod durable;
pub mod embed;
pub mod enroll;
pub mod error;
pub mod gallery;
pub mod geometry;
pub mod http;
pub mod imaging;
pub mod live;
pub mod memory;
pub mod models;
pub mod nn;
pub mod person_name;
pub mod pickle;
pub mod pipeline;
pub mod roster;
pub mod student_id;
pub mod telemetry;
pub mod worker;
