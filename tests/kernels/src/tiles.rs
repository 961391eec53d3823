//! The GEMM microkernel: register tiles of every layout and size, from a ring buffer.

use crate::checker::Checker;
use crate::native::kernels::{Activation, Kernels, LANES, SourceLayout, SourceRows, Tile};
use crate::noise::noise;

const LAYOUTS: [SourceLayout; 6] = [
    SourceLayout::Rgb,
    SourceLayout::RgbStride2,
    SourceLayout::Channels10,
    SourceLayout::Channels16,
    SourceLayout::Channels28,
    SourceLayout::Im2col,
];
/// Pixels that are compared: no tile has more.
const PIXELS: usize = 16;
/// Rows that a tile reads, of a ring buffer of [`SLOTS`], from slot [`FIRST`] on: the third row is the buffer's first.
const ROWS: usize = 3;
const SLOTS: usize = 4;
const FIRST: usize = 2;

/// The input of a tile.
struct Case {
    layout: SourceLayout,
    width: usize,
    /// Floats of a row.
    row: usize,
    src: Vec<f32>,
    weights: Vec<f32>,
    bias: Vec<f32>,
    slopes: Vec<f32>,
    residual: Vec<f32>,
    /// 0: none, 1: ReLU, 2: PReLU.
    activation: usize,
    with_residual: bool,
}

pub(crate) fn check(checker: &mut Checker) {
    for layout in LAYOUTS {
        for width in [LANES, 2 * LANES] {
            for activation in 0..3 {
                let case = Case::new(layout, width, activation);
                let expected = case.expected();
                for wanted in 1..PIXELS {
                    let what =
                        format!("{layout:?}, {width} channels, {wanted} pixels, activation {activation}");
                    checker.near(&what, &expected[..wanted * width], |kernels| case.run(kernels, wanted));
                }
            }
        }
    }
}

impl Case {
    fn new(layout: SourceLayout, width: usize, activation: usize) -> Self {
        let row = PIXELS * layout.pixel_stride() + layout.row_taps();
        let weights = noise(2, ROWS * layout.row_taps() * width).iter().map(|weight| weight * 0.1).collect();
        Self {
            layout,
            width,
            row,
            src: noise(1, SLOTS * row),
            weights,
            bias: noise(3, width),
            slopes: noise(4, width),
            residual: noise(5, 2 * PIXELS * (width + 3)),
            activation,
            with_residual: activation < 2,
        }
    }

    /// The first `wanted` pixels: in one tile as short runs of P-Net have it, or in several.
    fn run(&self, kernels: Kernels, wanted: usize) -> Vec<f32> {
        let tile = match self.layout {
            SourceLayout::Im2col => kernels.max_pixels(self.layout, self.width).min(wanted),
            layout => kernels.fitting_pixels(layout, self.width, wanted),
        };
        let mut out = vec![0.0; 2 * PIXELS * self.width];
        for pixel in (0..wanted).step_by(tile) {
            let pixels = if self.layout == SourceLayout::Im2col { tile.min(wanted - pixel) } else { tile };
            self.tile(kernels, pixel, pixels, &mut out[pixel * self.width..]);
        }
        out.truncate(wanted * self.width);
        out
    }

    fn tile(&self, kernels: Kernels, pixel: usize, pixels: usize, dst: &mut [f32]) {
        let stride = self.width + 3;
        // Whole tiles read past the last pixel, as a layer's rows allow.
        let src: Vec<f32> = self.src.iter().copied().chain(vec![0.0; PIXELS * 28]).collect();
        kernels.run(&mut Tile {
            layout: self.layout,
            pixels,
            width: self.width,
            src: &src,
            start: FIRST * self.row + pixel * self.layout.pixel_stride(),
            rows: SourceRows::in_ring(ROWS, self.row, FIRST, SLOTS),
            weights: &self.weights,
            bias: &self.bias,
            activation: match self.activation {
                0 => Activation::None,
                1 => Activation::Relu,
                _ => Activation::PRelu(&self.slopes),
            },
            residual: self.with_residual.then(|| (&self.residual[pixel * stride..], stride)),
            dst,
            dst_stride: self.width,
        });
    }

    /// The same for all pixels, by plain sums.
    fn expected(&self) -> Vec<f64> {
        let mut out = Vec::with_capacity(PIXELS * self.width);
        for pixel in 0..PIXELS {
            out.extend((0..self.width).map(|channel| self.output(pixel, channel)));
        }
        out
    }

    fn output(&self, pixel: usize, channel: usize) -> f64 {
        let taps = self.layout.row_taps();
        let mut sum = f64::from(self.bias[channel]);
        for row in 0..ROWS {
            let source = (FIRST + row) % SLOTS * self.row + pixel * self.layout.pixel_stride();
            for tap in 0..taps {
                let weight = self.weights[(row * taps + tap) * self.width + channel];
                sum += f64::from(self.src[source + tap]) * f64::from(weight);
            }
        }
        if self.with_residual {
            sum += f64::from(self.residual[pixel * (self.width + 3) + channel]);
        }
        match self.activation {
            1 => sum.max(0.0),
            2 if sum < 0.0 => sum * f64::from(self.slopes[channel]),
            _ => sum,
        }
    }
}
