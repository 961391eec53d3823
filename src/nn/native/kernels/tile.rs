//! What the inner kernel computes: a tile of adjacent output pixels times 16 or 32 output channels.

/// Output channels are packed in blocks of 16 or 32: one or two 512-bit vectors.
pub(crate) const LANES: usize = 16;

/// Gathered layers have large weights that come from memory once a photo: floats by which they are
/// fetched ahead. The CPU's own prefetching stops at each page, 1024 floats.
pub(crate) const PREFETCH: usize = 1024;

/// How the source of a tile lies in memory. Each pixel of a tile reads `rows` runs of `run()`
/// consecutive floats; pixel `j` reads `j * step()` floats further on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A 3-wide window over 3 channels, stride 1: first layer of P-Net, R-Net and O-Net.
    Rgb,
    /// The same with stride 2: first layer of `FaceNet`.
    RgbStride2,
    /// A 3-wide window over 10 channels: P-Net's second layer.
    Ten,
    /// A 3-wide window over 16 channels: P-Net's third layer.
    Sixteen,
    /// A 3-wide window over 28 channels: R-Net's second layer.
    TwentyEight,
    /// Gathered columns: blocks of 16 values of the pixel's window, pixels next to each other.
    Columns,
}

impl Shape {
    /// Floats from one pixel of the tile to the next.
    pub(crate) const fn step(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::RgbStride2 => 6,
            Self::Ten => 10,
            Self::Sixteen | Self::Columns => 16,
            Self::TwentyEight => 28,
        }
    }

    /// Consecutive floats that a pixel reads from each row.
    pub(crate) const fn run(self) -> usize {
        match self {
            Self::Rgb | Self::RgbStride2 => 9,
            Self::Ten => 30,
            Self::Sixteen => 48,
            Self::TwentyEight => 84,
            Self::Columns => 16,
        }
    }
}

/// The rows that a tile reads: `count` of them, `stride` floats apart, out of a ring: before row
/// `wrap` (if it is below `count`) the source jumps back by `ring` floats.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SourceRows {
    /// Number of rows.
    pub(crate) count: usize,
    /// Floats from a row to the next.
    pub(crate) stride: usize,
    /// Index of the row before which the source jumps back; `usize::MAX` for never.
    pub(crate) wrap: usize,
    /// Floats by which it jumps.
    pub(crate) ring: usize,
}

impl SourceRows {
    /// Rows that don't lie in a ring.
    pub(crate) fn straight(count: usize, stride: usize) -> Self {
        Self { count, stride, wrap: usize::MAX, ring: 0 }
    }

    /// `count` rows of a ring of `slots` rows, from slot `first` on.
    pub(crate) fn in_ring(count: usize, stride: usize, first: usize, slots: usize) -> Self {
        Self { count, stride, wrap: slots - first, ring: slots * stride }
    }

    /// Offset of row `index` from row 0; negative after the jump.
    pub(crate) fn offset(self, index: usize) -> isize {
        let forward = (index * self.stride) as isize;
        if index >= self.wrap { forward - self.ring as isize } else { forward }
    }
}

/// What is done to each sum before it is stored. Slopes are as many as the tile has channels.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Activation<'a> {
    /// Nothing.
    None,
    /// Negative values become 0.
    Relu,
    /// Negative values are multiplied by the channel's slope.
    PRelu(&'a [f32]),
}

/// One tile: for each pixel `j` and channel `c`,
/// `dst[j * dst_stride + c] = act(bias[c] + sum over rows r, taps t of source[j, r, t] * weights[r, t, c] (+ residual))`.
pub(crate) struct Tile<'a> {
    /// How the source lies in memory.
    pub(crate) shape: Shape,
    /// Output pixels, 1 to [`super::Kernels::max_pixels`].
    pub(crate) pixels: usize,
    /// Output channels: 16 or 32.
    pub(crate) width: usize,
    /// The source, and where pixel 0's row 0 starts in it.
    pub(crate) src: &'a [f32],
    /// Start of pixel 0's row 0.
    pub(crate) start: usize,
    /// The rows to read.
    pub(crate) rows: SourceRows,
    /// `rows x run x width` weights.
    pub(crate) weights: &'a [f32],
    /// `width` numbers.
    pub(crate) bias: &'a [f32],
    /// What is done to the sums.
    pub(crate) activation: Activation<'a>,
    /// Added before the activation: numbers and the stride from pixel to pixel.
    pub(crate) residual: Option<(&'a [f32], usize)>,
    /// Where the result goes. All `width` channels of a pixel are written.
    pub(crate) dst: &'a mut [f32],
    /// Floats from pixel to pixel in `dst`, at least `width`.
    pub(crate) dst_stride: usize,
}

impl Tile<'_> {
    /// Proves that every access of a kernel is inside its slice.
    ///
    /// # Panics
    /// When one is not: a fault in the calling layer, never in a photo.
    pub(crate) fn check(&self) {
        let last = self.pixels - 1;
        assert!(self.pixels > 0 && (self.width == LANES || self.width == 2 * LANES), "no such tile");
        assert!(self.rows.count > 0 && self.rows.wrap > 0, "a tile reads at least one row");
        let reach = last * self.shape.step() + self.shape.run();
        let before = self.rows.count.min(self.rows.wrap) - 1;
        let end = self.start + before * self.rows.stride + reach;
        assert!(end <= self.src.len(), "the tile reads to {end} of {}", self.src.len());
        if self.rows.wrap < self.rows.count {
            let jumped = self.start as isize + self.rows.offset(self.rows.wrap);
            let end = self.start as isize + self.rows.offset(self.rows.count - 1) + reach as isize;
            assert!(jumped >= 0 && end <= self.src.len() as isize, "the tile's ring leaves its source");
        }
        assert!(self.weights.len() >= self.rows.count * self.shape.run() * self.width, "weights are missing");
        assert!(self.bias.len() >= self.width, "biases are missing");
        if let Activation::PRelu(slopes) = self.activation {
            assert!(slopes.len() >= self.width, "slopes are missing");
        }
        if let Some((residual, stride)) = self.residual {
            assert!(residual.len() >= last * stride + self.width, "the residual is too short");
        }
        assert!(self.dst_stride >= self.width, "pixels would overwrite each other");
        assert!(self.dst.len() >= last * self.dst_stride + self.width, "the tile writes past its end");
    }
}
