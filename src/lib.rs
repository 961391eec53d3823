//! facerec: who is in this photo?
//!
//! A photo passes through the modules of this library in one direction:
//!
//! ```text
//! bytes -> imaging -> OrientedRgb -> detect -> Vec<Detection> -> align -> AlignedCrop
//!       -> embed -> Embedding -> gallery::search -> FaceMatch -> (roster) -> JSON
//! ```
//!
//! Imports point down only. Each row may use the rows below it; `tests/it/layering.rs` holds the exact table and the
//! reason of each exception. `docs/ARCHITECTURE.md` follows a photo, an enrolment and a reload through the files.
//!
//! | modules | what they are |
//! |---|---|
//! | [`cli`] | the commands |
//! | [`server`], [`http`], [`web`] | transports: sockets; the HTTP API; the page |
//! | [`presentation`], [`upload`], [`origin`] | JSON forms shared with the commands; formats and memory of uploads; where a request comes from |
//! | [`service`] | the application layer: what the product does, with domain types |
//! | [`worker`], [`logging`], [`process`], [`allocator`] | queue and threads of the networks; logs; process metrics; its memory |
//! | [`keys`], [`access_log`], [`config`] | API keys; audit trail of access to personal data; flags and environment variables, validated |
//! | [`attendance`] | attendance: sessions, entries, reports, messages to other systems |
//! | [`audit`], [`evaluate`] | findings about the enrolled people; TPIR and FPIR of own photos |
//! | [`enroll`] | the enrolment gate |
//! | [`postgres`] | people in a database that several processes share |
//! | [`pipeline`], [`cancel`], [`models`] | the stages joined; cancellation; the networks' files |
//! | [`imaging`], [`detect`], [`align`], [`embed`], [`cohort`], [`gallery`], [`roster`], [`thumbnails`], [`nn`] | the stages: no runtime, no HTTP, no settings |
//! | [`reloadable`], [`atomic_file`], [`local_file`], [`pickle`], [`person_name`], [`photo_file`], [`photo_id`], [`file_name`], [`student_id`], [`hex`], [`geometry`], [`clients`], [`error`] | foundations |
#![warn(clippy::print_stdout, clippy::print_stderr)] // they panic when the reader is gone: `cli::output`

pub mod access_log;
pub mod align;
pub mod allocator;
pub mod atomic_file;
pub mod attendance;
pub mod audit;
pub mod backup;
pub mod cancel;
pub mod cli;
pub mod clients;
pub mod cohort;
pub mod config;
pub mod detect;
pub mod embed;
pub mod enroll;
pub mod error;
pub mod evaluate;
pub mod file_name;
pub mod gallery;
pub mod geometry;
pub mod hex;
pub mod http;
pub mod imaging;
pub mod keys;
pub mod local_file;
pub mod logging;
pub mod models;
pub mod nn;
pub mod origin;
pub mod person_name;
pub mod photo_file;
pub mod photo_id;
pub mod pickle;
pub mod pipeline;
pub mod postgres;
pub mod presentation;
pub mod process;
pub mod reloadable;
pub mod roster;
pub mod server;
pub mod service;
pub mod student_id;
pub mod thumbnails;
pub mod upload;
mod vectorised;
pub mod web;
pub mod worker;
