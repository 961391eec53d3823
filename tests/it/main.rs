//! The integration tests, in one binary.
#![allow(unreachable_pub, reason = "modules of one test binary")]

mod bilinear;
mod cascade;
mod checkpoint;
mod decoders;
mod enroll;
mod golden;
mod http_golden;
mod http_keys;
mod import_pickle;
mod install;
mod layering;
mod native;
mod roster;
mod search;
mod store;
mod support;
mod writer;
