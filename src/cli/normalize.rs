//! `facerec normalize`: the upright photo, as PNG.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::durable;
use crate::imaging::decode::{DecodeLimits, decode};
use crate::imaging::encode::encode_png;
use crate::imaging::orient::{Orientations, orient};

/// The arguments of `facerec normalize`.
#[derive(Debug, Args)]
pub struct NormalizeArgs {
    /// The photo
    #[arg(value_name = "PHOTO")]
    photo: PathBuf,
    /// The PNG file to write
    #[arg(short, long, value_name = "OUT.png")]
    output: PathBuf,
    /// Photos with more pixels are refused before they are decoded, million pixels
    #[arg(long, env = "FACEREC_MAX_MEGAPIXELS", value_name = "N", default_value = "64")]
    max_megapixels: u32,
}

/// Writes the photo upright.
///
/// # Errors
/// When the photo can't be used or the file can't be written.
pub fn run(args: &NormalizeArgs) -> anyhow::Result<ExitCode> {
    let name = || args.photo.display().to_string();
    let bytes = std::fs::read(&args.photo).with_context(name)?;
    let decoded = decode(&bytes, DecodeLimits { max_megapixels: args.max_megapixels }).with_context(name)?;
    let png = encode_png(&orient(decoded, &bytes, Orientations::All))?;
    durable::replace(&args.output, |file: &mut dyn Write| file.write_all(&png))
        .with_context(|| args.output.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}
