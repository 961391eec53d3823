//! See `facerec_fuzz::multipart`.
#![no_main]

use std::sync::LazyLock;

use facerec_fuzz::multipart::Service;
use libfuzzer_sys::{Corpus, fuzz_target};

static SERVICE: LazyLock<Service> = LazyLock::new(Service::start);

fuzz_target!(|input: &[u8]| -> Corpus { if SERVICE.run(input) { Corpus::Keep } else { Corpus::Reject } });
