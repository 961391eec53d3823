//! Compute kernels: one GEMM microkernel for every convolution and dense layer, and a few kernels over rows of
//! pixels. Each has a scalar version ([`scalar`], the reference) and versions for AVX2, AVX-512 and NEON. The version
//! is selected once, when the networks are loaded.
//!
//! The summation order of an output value does not depend on its tile or thread: with one instruction set, results
//! are bit-identical from run to run. All versions sum the taps in the order of the weights. The scalar version
//! starts from the bias; the others add it after the taps, so results of different instruction sets differ in
//! the last bits.
#![allow(unsafe_code)] // calls functions compiled for CPU features that `Kernels::new` has checked

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx2_integer;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod im2col;
mod integer;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod narrow;
#[cfg(target_arch = "aarch64")]
mod neon;
mod pair_lanes;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod pair_lanes_128;
mod pairs;
mod rows;
mod scalar;
mod tile;
mod transforms;
#[cfg(target_arch = "x86_64")]
mod vnni;
mod winograd;

use crate::error::{ModelError, Result};

pub(crate) use im2col::{ConvParams, Maps};
pub(crate) use integer::IntegerTile;
pub(crate) use pairs::{PairLayer, PairLayout, PairOutput, PairRows, Pooled, ROWS, plane_len};
pub(crate) use rows::{CHANNELS, ColumnSpans, Pool, PoolInput};
pub(crate) use tile::{Activation, LANES, SourceLayout, SourceRows, Tile};
pub(crate) use winograd::{FAR, NEAR, POINTS_4X4, TileOutput};

/// Instruction set of the compute kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Scalar Rust: runs on every CPU. On x86-64 P-Net's first pass takes SSE2, which every such CPU has.
    Scalar,
    /// NEON (every 64-bit ARM CPU).
    Neon,
    /// AVX2 and FMA (Intel from 2013, AMD from 2015).
    Avx2,
    /// AVX-512 F, BW, DQ and VL (Intel servers from 2017, AMD from 2022).
    Avx512,
}

impl Isa {
    /// All instruction sets, slowest first.
    pub const ALL: [Self; 4] = [Self::Scalar, Self::Neon, Self::Avx2, Self::Avx512];

    /// The fastest instruction set that this CPU supports.
    #[must_use]
    pub fn detect() -> Self {
        Self::ALL.into_iter().rev().find(|isa| isa.is_available()).unwrap_or(Self::Scalar)
    }

    /// Whether this CPU supports it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            Self::Neon => cfg!(target_arch = "aarch64"),
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

    /// The instruction set with this [`Isa::name`], ignoring ASCII case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|isa| isa.name().eq_ignore_ascii_case(name))
    }

    /// `scalar`, `neon`, `avx2` or `avx512`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Neon => "neon",
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

/// The kernels of an [`Isa`] that this CPU has been checked to support. Kernels can be called only through this
/// type, so safe code cannot execute unsupported instructions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernels(Isa);

impl Kernels {
    /// Checks that the CPU supports `isa`.
    pub(crate) fn new(isa: Isa) -> Result<Self> {
        if isa.is_available() {
            return Ok(Self(isa));
        }
        Err(ModelError::Run(format!(
            "the {isa} kernels were asked for, but this CPU lacks its instructions; the fastest it can run is {}",
            Isa::detect()
        ))
        .into())
    }

    /// The instruction set.
    pub(crate) fn isa(self) -> Isa {
        self.0
    }

    /// Largest number of pixels of a [`Tile`] with `width` output channels.
    pub(crate) fn max_pixels(self, layout: SourceLayout, width: usize) -> usize {
        match self.0 {
            Isa::Scalar => scalar::PIXELS,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => narrow::max_pixels(layout),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => narrow::max_pixels(layout),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => avx512::max_pixels(layout, width),
            other => unreachable!("`Kernels::new` refuses {other} on this CPU: {layout:?} x {width}"),
        }
    }

    /// The fewest pixels of a [`Tile`] that hold `wanted`, or as many as a tile may have: for short runs of pixels.
    pub(crate) fn fitting_pixels(self, layout: SourceLayout, width: usize, wanted: usize) -> usize {
        match self.0 {
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => narrow::fitting_pixels(layout, wanted),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => narrow::fitting_pixels(layout, wanted),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => avx512::fitting_pixels(layout, width, wanted),
            _ => self.max_pixels(layout, width),
        }
    }

    /// Computes one tile of a convolution.
    pub(crate) fn run(self, tile: &mut Tile<'_>) {
        tile.check();
        match self.0 {
            #[cfg(target_arch = "aarch64")]
            // SAFETY: `Kernels::new` found the CPU's features; `check` has proven all bounds.
            Isa::Neon => unsafe { neon::tile(tile) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Isa::Avx2 => unsafe { avx2::tile(tile) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Isa::Avx512 => unsafe { avx512::tile(tile) },
            _ => scalar::tile(tile),
        }
    }
}

/// The integer microkernels. AVX-512 without VNNI takes that for AVX2, and NEON the scalar one: integer sums are the
/// same.
impl Kernels {
    #[cfg(target_arch = "x86_64")]
    fn has_vnni(self) -> bool {
        self.0 == Isa::Avx512 && is_x86_feature_detected!("avx512vnni")
    }

    /// Largest number of pixels of an [`IntegerTile`].
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(unused_variables, reason = "the scalar kernel takes any layout alike")
    )]
    pub(crate) fn max_integer_pixels(self, layout: SourceLayout) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            _ if self.has_vnni() => vnni::max_pixels(layout),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 | Isa::Avx512 => avx2_integer::PIXELS,
            _ => scalar::PIXELS,
        }
    }

    /// Computes one tile of a convolution of integers.
    pub(crate) fn run_integer(self, tile: &mut IntegerTile<'_>) {
        tile.check();
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the CPU's features have been found; `check` has proven all bounds.
            _ if self.has_vnni() => unsafe { vnni::tile(tile) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Isa::Avx2 | Isa::Avx512 => unsafe { avx2_integer::tile(tile) },
            _ => integer::tile(tile),
        }
    }
}

/// Function multiversioning: declares methods of [`Kernels`], each of which dispatches to one Rust function compiled
/// three times: for the baseline CPU (which has NEON on ARM64), for AVX2 and for AVX-512.
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
    /// See [`integer::max_abs`].
    max_abs = integer::max_abs, (values: &[f32]) -> f32;
    /// See [`integer::quantise`].
    quantise = integer::quantise, (values: &[f32], factor: f32, out: &mut [i16]);
    /// See [`rows::split_rgb`].
    split_rgb = rows::split_rgb, (row: &[f32], factor: f32, plane: usize, out: &mut [i16]);
    /// See [`im2col::im2col`].
    im2col_i16 = im2col::im2col, (maps: Maps<'_, i16>, params: ConvParams, first: usize, count: usize, matrix: &mut [i16]);
    /// See [`im2col::im2col`].
    im2col = im2col::im2col, (maps: Maps<'_>, params: ConvParams, first: usize, count: usize, matrix: &mut [f32]);
}
