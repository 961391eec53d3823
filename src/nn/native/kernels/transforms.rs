//! Winograd's transforms ([`super::winograd`]) as methods of [`Kernels`], for each instruction set.
#![allow(unsafe_code)] // calls functions compiled for CPU features that `Kernels::new` has checked

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::__m512;

#[cfg(target_arch = "x86_64")]
use super::Isa;
use super::Kernels;
use super::tile::LANES;
#[cfg(target_arch = "x86_64")]
use super::winograd::Avx2;
use super::winograd::{POINTS_4X4, TileOutput, outputs_4x4, points_4x4};

/// Declares methods of [`Kernels`], each of which dispatches to a function over vectors of one instruction set.
macro_rules! versions {
    ($($(#[$doc:meta])* $name:ident = $body:ident, ($($arg:ident: $ty:ty),* $(,)?);)*) => {
        impl Kernels {
            $($(#[$doc])*
            pub(crate) fn $name(self, $($arg: $ty),*) {
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $ty),*) {
                    $body::<Avx2>($($arg),*);
                }
                #[cfg(target_arch = "x86_64")]
                #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
                fn avx512($($arg: $ty),*) {
                    $body::<__m512>($($arg),*);
                }
                match self.isa() {
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: `Kernels::new` found the CPU's features; the function itself is safe.
                    Isa::Avx2 => unsafe { avx2($($arg),*) },
                    #[cfg(target_arch = "x86_64")]
                    // SAFETY: as above.
                    Isa::Avx512 => unsafe { avx512($($arg),*) },
                    _ => $body::<[f32; LANES]>($($arg),*),
                }
            })*
        }
    };
}

versions! {
    /// See [`points_4x4`].
    winograd_points_4x4 = points_4x4,
        (pixels: &[&[f32]; POINTS_4X4], channels: usize, tiles: usize, points: &mut [f32]);
    /// See [`outputs_4x4`].
    winograd_outputs_4x4 = outputs_4x4, (products: &[f32], step: usize, bias: &[f32], out: TileOutput<'_>);
}
