//! Sizes of the tiles of AVX2 and NEON: up to 6 pixels times 16 channels are held in registers.

use super::tile::SourceLayout;

/// Largest number of pixels of a tile.
pub(super) fn max_pixels(layout: SourceLayout) -> usize {
    match layout {
        SourceLayout::Channels28 => 5, // R-Net's second layer is 9 pixels wide
        _ => 6,
    }
}

/// The fewest pixels of a tile that hold `wanted`, or as many as a tile may have.
pub(super) fn fitting_pixels(layout: SourceLayout, wanted: usize) -> usize {
    match layout {
        SourceLayout::Channels10 if wanted <= 4 => 4,
        SourceLayout::Channels16 if wanted <= 2 => 2,
        _ => max_pixels(layout),
    }
}

/// Computes `$tile` with `$pixels`, an unsafe function of the tile and a block of 16 channels, which is generic over number of pixels,
/// pixel stride and row taps: monomorphised for each size that a tile may have.
macro_rules! by_size {
    ($tile:ident, $pixels:ident) => {
        by_size!($tile, $pixels, {
            Rgb: 6,
            RgbStride2: 6,
            Channels10: 4 6,
            Channels16: 2 6,
            Channels28: 5,
            Im2col: 1 2 3 4 5 6,
        })
    };
    ($tile:ident, $pixels:ident, { $($layout:ident: $($size:literal)*,)* }) => {{
        use super::tile::SourceLayout;
        match $tile.layout {
            $(SourceLayout::$layout => match $tile.pixels {
                // SAFETY: the caller upholds the contract of this function; `block + 16` is at most the width.
                $($size => for block in (0..$tile.width).step_by(LANES) {
                    unsafe {
                        $pixels::<$size, { SourceLayout::$layout.pixel_stride() }, { SourceLayout::$layout.row_taps() }>($tile, block);
                    }
                },)*
                other => unreachable!("no kernel for {other} pixels of {:?}", $tile.layout),
            },)*
        }
    }};
}

pub(super) use by_size;
