//! The integration tests, in one binary.
#![allow(unreachable_pub, reason = "modules of one test binary")]

mod bilinear;
mod import_pickle;
mod support;
