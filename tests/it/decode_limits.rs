//! Work and memory of decoding follow from the pixels that a photo's header claims, whatever else is in the file.
//!
//! Memory is held by the system: each photo is decoded by a process of its own under a limit. Processor time is what the
//! system counts for the thread that decodes.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use facerec::error::{Error, InputError};
use facerec::imaging::decode::{DecodeLimits, decode, decode_while};

use crate::bombs::{self, Bomb};
use crate::fuzz::budget::Budget;
use crate::support::{golden_bytes, golden_path};

const LIMITS: DecodeLimits = DecodeLimits { max_megapixels: 64 };

/// Memory of the program itself before it decodes: threads' stacks and tables.
const PROGRAM_KIB: u64 = 48 << 10;
/// What decoding may take (docs/reliability.md).
const KIB: u64 = 16 << 10;
const BYTES_PER_PIXEL: u64 = 12;
/// Processor time that decoding may take: that of a photo of a megapixel, and for each further one (docs/reliability.md);
/// twice, since other tests share the processor's caches.
const LEAST_MS: u64 = 2 * 20;
const MS_PER_MEGAPIXEL: u64 = 2 * 20;
/// Limit of the process, far above that, so that a fault ends the test.
const PROCESS_SECONDS: u64 = 60;

fn decoders_golden(name: &str) -> Vec<u8> {
    golden_bytes(&format!("imaging/decoders/{name}"))
}

/// How `facerec normalize` ends under the limits for so many pixels.
fn normalize(bomb: &Bomb, file_bytes: u64) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().unwrap();
    let photo = directory.path().join("photo");
    std::fs::write(&photo, &bomb.bytes).unwrap();
    let memory = PROGRAM_KIB + KIB + (bomb.pixels * BYTES_PER_PIXEL + file_bytes) / 1024;
    let script = format!("ulimit -d {memory} && ulimit -t {PROCESS_SECONDS} && exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_facerec"), "normalize"])
        .arg(&photo)
        .arg("--output")
        .arg(directory.path().join("upright.png"))
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Decodes it within what decoding may take.
pub fn hold(bomb: &Bomb) {
    let (code, said) = normalize(bomb, bomb.bytes.len() as u64);
    // 1 is an error that was reported; a process over its limits is killed or aborts.
    assert!(matches!(code, Some(0 | 1)), "{}: {code:?} {said}", bomb.what);
    let time = Duration::from_millis(LEAST_MS + bomb.pixels * MS_PER_MEGAPIXEL / 1_000_000);
    println!("{}: {time:?} are allowed", bomb.what);
    // What is decoded, or why it is not, is for others to judge.
    Budget { time, kib: None }.hold(|| drop(decode(&bomb.bytes, LIMITS)));
}

#[test]
fn small_files_that_stand_for_much_work_or_memory_are_decoded_or_refused_within_the_limits() {
    for bomb in bombs::all(&decoders_golden) {
        hold(&bomb);
    }
}

#[test]
fn parts_out_of_proportion_to_the_photo_are_refused_with_the_reason() {
    let reason = |what: &str| {
        let bomb = bombs::all(&decoders_golden).into_iter().find(|bomb| bomb.what.starts_with(what)).unwrap();
        match decode(&bomb.bytes, LIMITS) {
            Err(Error::Input(InputError::Undecodable { reason, .. })) => reason,
            other => panic!("{what}: {:?}", other.map(|photo| (photo.width, photo.height))),
        }
    };
    assert_eq!(reason("TIFF, 500 strips"), "its strips or tiles hold more bytes than the file");
    assert_eq!(reason("TIFF, one strip"), "a part of 10 x 1 pixels holds 16384 x 16384");
    assert_eq!(reason("TIFF, strips that share empty"), "its strips or tiles hold more bytes than the file");
    assert_eq!(reason("TIFF, a tile"), "its tiles have 4294967296 pixels for a photo of 100");
    let long_row = "its strips or tiles are 64000000 pixels wide, at most 65536 are taken";
    assert_eq!(reason("TIFF, one row"), long_row);
    assert_eq!(reason("TIFF, 65535"), "it has 65535 samples a pixel; 1 to 8 are taken");
    assert!(reason("JPEG, 40 more scans").contains("times over it, at most 16 are taken"));
    assert_eq!(reason("WebP, 65536"), "its Huffman codes are out of proportion to its 1 pixels");
}

#[test]
fn metadata_that_is_not_needed_is_not_unpacked() {
    let plain = decode(&decoders_golden("rgb.png"), LIMITS).unwrap();
    for bomb in bombs::all(&decoders_golden).iter().filter(|bomb| bomb.what.starts_with("PNG")) {
        assert_eq!(decode(&bomb.bytes, LIMITS).unwrap(), plain, "{}", bomb.what);
    }
}

/// Files of all kinds, each of which is read with several checks.
#[test]
fn decoding_ends_when_it_is_cancelled() {
    let files = [
        "rgb.png",
        "444.jpg",
        "progressive.jpg",
        "rgb_lzw.tif",
        "palette.gif",
        "rgb.bmp",
        "lossy.webp",
        "lossless.webp",
    ];
    for file in files {
        assert!(golden_path(&format!("imaging/decoders/{file}")).exists());
        let bytes = decoders_golden(file);
        let count = AtomicUsize::new(0);
        decode_while(&bytes, LIMITS, &|| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
        let checks = count.load(Ordering::Relaxed);
        assert!(checks > 1, "{file} is read without a check");
        for last in 0..checks {
            let count = AtomicUsize::new(0);
            let cancelled = decode_while(&bytes, LIMITS, &|| {
                if count.fetch_add(1, Ordering::Relaxed) < last { Ok(()) } else { Err(Error::Cancelled) }
            });
            assert!(matches!(cancelled, Err(Error::Cancelled)), "{file} at check {last} of {checks}");
        }
    }
}
