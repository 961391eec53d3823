//! facerec: who is in this photo?
//!
//! A photo passes through the rooms of this library in one direction:
//!
//! ```text
//! bytes -> imaging -> OrientedRgb -> detect -> Vec<Detection> -> align -> AlignedCrop
//!       -> embed -> Embedding -> gallery::search -> FaceMatch -> (roster) -> JSON
//! ```
//!
//! Imports point down only. Each row may use the rows below it, as far as `tests/it/layering.rs` says, which
//! holds the whole table and the reason of each exception:
//!
//! | modules | what they are |
//! |---|---|
//! | [`cli`] | the commands |
//! | [`http`] | the service |
//! | [`worker`], [`logging`] | the threads that run the networks; logs |
//! | [`keys`], [`config`] | who may call the service; arguments and variables, checked |
//! | [`enroll`] | the gate that a photo passes to be enrolled |
//! | [`pipeline`], [`cancel`], [`models`] | the stages joined; how their work ends early; the networks' files |
//! | [`imaging`], [`detect`], [`align`], [`embed`], [`gallery`], [`roster`], [`nn`] | the stages: no runtime, no HTTP, no settings |
//! | [`reloadable`], [`atomic_file`], [`pickle`], [`person_name`], [`photo_file`], [`student_id`], [`hex`], [`geometry`], [`error`] | what all stand on |
#![warn(clippy::print_stdout, clippy::print_stderr)] // they panic when the reader is gone: `cli::output`

pub mod align;
pub mod allocator;
pub mod atomic_file;
pub mod cancel;
pub mod cli;
pub mod config;
pub mod detect;
pub mod embed;
pub mod enroll;
pub mod error;
pub mod gallery;
pub mod geometry;
pub mod hex;
pub mod http;
pub mod imaging;
pub mod keys;
pub mod logging;
pub mod models;
pub mod nn;
pub mod person_name;
pub mod photo_file;
pub mod pickle;
pub mod pipeline;
pub mod presentation;
pub mod process;
pub mod reloadable;
pub mod roster;
pub mod server;
pub mod service;
pub mod student_id;
pub mod web;
pub mod worker;
