//! What each fuzz target does with an input; `fuzz_targets/` only hands it over. The project's tests hand
//! over their files and damaged ones, too, in each run (`tests/it/fuzz_targets.rs`).
//!
//! Each `run` panics where the code under test is wrong, and does nothing else.

mod archive;
pub mod budget;
pub mod checkpoint;
pub mod decode_orient;
pub mod gallery_store;
pub mod multipart;
pub mod pickle;
pub mod workbook;
