//! The arithmetic: one inner kernel for every convolution and dense layer, and a few passes over
//! rows. Each exists in plain Rust ([`scalar`], the truth) and for AVX2 and AVX-512; which one runs
//! is chosen once, when the networks are loaded.
//!
//! Each output number is summed in one fixed order, whatever tile or thread it falls to: on one kernel,
//! answers are bit-equal from run to run. All take the taps in the order of the weights; plain Rust
//! starts from the bias, AVX2 and AVX-512 add it after the taps, so that their last bits differ.
#![allow(unsafe_code)] // calls functions compiled for CPU features that `Kernels::new` has checked

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod im2col;
mod rows;
mod scalar;
mod tile;

use crate::error::{ModelError, Result};

pub(crate) use im2col::{ConvParams, Maps};
pub(crate) use rows::{CHANNELS, ColumnSpans, Pool, PoolInput};
pub(crate) use tile::{Activation, LANES, Shape, SourceRows, Tile};

/// A set of kernels, by the instructions it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Plain Rust: runs everywhere.
    Scalar,
    /// AVX2 and FMA (Intel from 2013, AMD from 2015).
    Avx2,
    /// AVX-512 F, BW, DQ and VL (Intel servers from 2017, AMD from 2022).
    Avx512,
}

impl Isa {
    /// All kernels, slowest first.
    pub const ALL: [Self; 3] = [Self::Scalar, Self::Avx2, Self::Avx512];

    /// The fastest kernel that this CPU can run.
    #[must_use]
    pub fn detect() -> Self {
        Self::ALL.into_iter().rev().find(|kernel| kernel.is_available()).unwrap_or(Self::Scalar)
    }

    /// Whether this CPU can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// The kernel of this [`Isa::name`], in any case of letters.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kernel| kernel.name().eq_ignore_ascii_case(name))
    }

    /// `scalar`, `avx2` or `avx512`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }
}

impl std::fmt::Display for Isa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// An [`Isa`] that this CPU is known to run: the only way to the kernels' functions, so that safe
/// code can't reach instructions that the CPU lacks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernels(Isa);

impl Kernels {
    /// Checks that the CPU can run `kernel`.
    pub(crate) fn new(kernel: Isa) -> Result<Self> {
        if kernel.is_available() {
            return Ok(Self(kernel));
        }
        Err(ModelError::Run(format!(
            "the {kernel} kernel was asked for, but this CPU lacks its instructions; the fastest it can run is {}",
            Isa::detect()
        ))
        .into())
    }

    pub(crate) fn kernel(self) -> Isa {
        self.0
    }

    /// The most pixels that one [`Tile`] of `width` output channels may have.
    pub(crate) fn max_pixels(self, shape: Shape, width: usize) -> usize {
        match self.0 {
            Isa::Scalar => scalar::PIXELS,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => avx2::max_pixels(shape),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => avx512::max_pixels(shape, width),
            #[cfg(not(target_arch = "x86_64"))]
            Isa::Avx2 | Isa::Avx512 => unreachable!("not on this CPU, for {shape:?} x {width}"),
        }
    }

    /// Computes one tile of a convolution.
    pub(crate) fn run(self, tile: &mut Tile<'_>) {
        tile.check();
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `Kernels::new` found the CPU's features; `check` has proven all bounds.
            Isa::Avx2 => unsafe { avx2::tile(tile) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Isa::Avx512 => unsafe { avx512::tile(tile) },
            _ => scalar::tile(tile),
        }
    }
}

/// Declares methods of [`Kernels`] that run one plain Rust function compiled three times: as it is, for
/// AVX2 and for AVX-512. The compiler vectorises each with what it may use.
macro_rules! multiversion {
    ($($(#[$doc:meta])* $name:ident = $body:path, ($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)?;)*) => {
        impl Kernels {
            $($(#[$doc])*
            pub(crate) fn $name(self, $($arg: $ty),*) $(-> $ret)? {
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $ty),*) $(-> $ret)? {
                    $body($($arg),*)
                }
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
                fn avx512($($arg: $ty),*) $(-> $ret)? {
                    $body($($arg),*)
                }
                match self.0 {
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: `Kernels::new` found the CPU's features; the function itself is safe.
                    Isa::Avx2 => unsafe { avx2($($arg),*) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: as above.
                    Isa::Avx512 => unsafe { avx512($($arg),*) },
                    _ => $body($($arg),*),
                }
            })*
        }
    };
}

multiversion! {
    /// See [`rows::add_rows`].
    add_rows_u16 = rows::add_rows::<u16>, (data: &[u8], stride: usize, rows: usize, sums: &mut [u16]);
    /// See [`rows::add_rows`].
    add_rows_u32 = rows::add_rows::<u32>, (data: &[u8], stride: usize, rows: usize, sums: &mut [u32]);
    /// See [`rows::prefix_sums`].
    prefix_sums_u16 = rows::prefix_sums::<u16>, (sums: &[u16], prefix: &mut [[u32; 4]]);
    /// See [`rows::prefix_sums`].
    prefix_sums_u32 = rows::prefix_sums::<u32>, (sums: &[u32], prefix: &mut [[u32; 4]]);
    /// See [`rows::span_means`].
    span_means = rows::span_means, (prefix: &[[u32; 4]], spans: &ColumnSpans, rows: usize, out: &mut [f32]);
    /// See [`rows::max_pool`].
    max_pool = rows::max_pool, (input: PoolInput<'_>, pool: Pool, out: &mut [f32], out_stride: usize);
    /// See [`rows::pool_pairs`].
    pool_pairs = rows::pool_pairs, (upper: &[f32], lower: &[f32], out: &mut [f32]);
    /// See [`rows::dot32`].
    dot32 = rows::dot32, (pixels: &[f32], weights: &[f32; 32], bias: f32, out: &mut [f32]);
    /// See [`im2col::im2col`].
    im2col = im2col::im2col, (maps: Maps<'_>, window: ConvParams, first: usize, count: usize, columns: &mut [f32]);
}
