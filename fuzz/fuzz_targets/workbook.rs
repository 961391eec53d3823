//! See `facerec_fuzz::workbook`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(
    // The reader of the roster says that it catches them.
    init: allow_panics_of("calamine"),
    |input: &[u8]| facerec_fuzz::workbook::run(input)
);

/// Lets panics pass that arise in files of `library`: the code under test catches those, and says why.
/// Without this every panic ends the run, caught or not. To be called before the first input.
fn allow_panics_of(library: &'static str) {
    let ends_the_run = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !panic.location().is_some_and(|place| place.file().contains(library)) {
            ends_the_run(panic);
        }
    }));
}
