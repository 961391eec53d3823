//! The integration tests, in one binary.
#![allow(unreachable_pub, reason = "modules of one test binary")]

mod bilinear;
<<<<<<< HEAD
mod decoders;
mod golden;
mod http_golden;
=======
mod import_pickle;
>>>>>>> 18961d4 (Read the old service's pickles without running them)
mod support;
