//! Every compute kernel that this processor offers, on random input in the shapes of the networks' layers, against the
//! scalar kernels and those against plain sums of 64-bit floats.
//!
//!     facerec-kernels [--expect KERNEL]
//!
//! With `--expect`, it fails where that kernel is not the one that `--kernel auto` selects. The last line is a digest of
//! all results of the scalar kernels, which is the same on every processor.

mod checker;
mod error;
mod layers;
mod native;
#[path = "../../common/noise.rs"]
mod noise;
mod pairs;
mod rows;
mod tiles;
mod winograd;

use std::process::ExitCode;

use checker::Checker;
use native::kernels::Isa;
use native::precision::Precision;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let expected = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => None,
        ["--expect", name] => Some(name),
        _ => {
            eprintln!("usage: facerec-kernels [--expect KERNEL]");
            return ExitCode::from(2);
        }
    };
    let selected = Isa::detect();
    if expected.is_some_and(|name| name != selected.name()) {
        eprintln!("expected the kernel {} to be selected, found {selected}", expected.unwrap_or_default());
        return ExitCode::FAILURE;
    }
    let mut checker = Checker::new();
    rows::check(&mut checker);
    winograd::check(&mut checker);
    pairs::check(&mut checker);
    tiles::check(&mut checker);
    layers::check(&mut checker);
    println!("kernels tested: {}, in {} cases each", checker.names().join(", "), checker.cases());
    println!("selected: {selected}, precision {}", Precision::fastest(selected));
    println!("digest of the scalar results: {:016x}", checker.digest());
    ExitCode::SUCCESS
}
