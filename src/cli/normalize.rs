//! `facerec normalize`: the upright photo, as PNG.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::atomic_file;
use crate::config::LimitArgs;
use crate::imaging::decode::{DecodeLimits, decode};
use crate::imaging::encode::encode_png;
use crate::imaging::orient::{Orientations, orient};
use crate::photo_file;

/// The arguments of `facerec normalize`.
#[derive(Debug, Args)]
pub struct NormalizeArgs {
    /// The photo
    #[arg(value_name = "PHOTO")]
    photo: PathBuf,
    /// The PNG file to write
    #[arg(short, long, env = "FACEREC_OUTPUT", value_name = "OUT.png")]
    output: PathBuf,
    #[command(flatten)]
    limits: LimitArgs,
}

/// Writes the photo upright.
///
/// # Errors
/// When the photo can't be used or the file can't be written.
pub fn run(args: &NormalizeArgs) -> anyhow::Result<ExitCode> {
    let name = || args.photo.display().to_string();
    let bytes = photo_file::read(&args.photo).map_err(anyhow::Error::msg).with_context(name)?;
    let limits = DecodeLimits { max_megapixels: args.limits.max_megapixels };
    let decoded = decode(&bytes, limits).with_context(name)?;
    let png = encode_png(&orient(decoded, Orientations::All))?;
    atomic_file::replace(&args.output, |file: &mut dyn Write| file.write_all(&png))
        .with_context(|| args.output.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}
