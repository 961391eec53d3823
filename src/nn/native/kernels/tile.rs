//! The unit of work of the microkernels: a register tile of adjacent output pixels times 16 or 32 output channels.

/// Output channels are packed in blocks of 16 or 32: one or two 512-bit vectors.
pub(crate) const LANES: usize = 16;

/// Prefetch distance of weights in im2col layers, floats. Their weights are large and read from memory once a
/// photo. The hardware prefetcher stops at each 4 KiB page, 1024 floats.
#[cfg(target_arch = "x86_64")] // prefetching is not yet among the stable intrinsics of ARM64
pub(crate) const PREFETCH: usize = 1024;

/// Memory layout of the source of a tile. A pixel reads [`Self::row_taps`] consecutive floats from each source
/// row; pixel `j` starts `j *` [`Self::pixel_stride`] floats after pixel 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceLayout {
    /// 3-wide kernel over 3 channels, stride 1, in place: first layer of P-Net, R-Net and O-Net.
    Rgb,
    /// 3-wide kernel over 3 channels, stride 2, in place: first layer of `FaceNet`.
    RgbStride2,
    /// 3-wide kernel over 10 channels, in place: P-Net's second layer.
    Channels10,
    /// 3-wide kernel over 16 channels, in place: P-Net's third layer.
    Channels16,
    /// 3-wide kernel over 28 channels, in place: R-Net's second layer.
    Channels28,
    /// An im2col matrix: 16 taps of one pixel, then 16 taps of the next.
    Im2col,
}

impl SourceLayout {
    /// Floats from one pixel of the tile to the next.
    pub(crate) const fn pixel_stride(self) -> usize {
        match self {
            Self::Rgb => 3,
            Self::RgbStride2 => 6,
            Self::Channels10 => 10,
            Self::Channels16 | Self::Im2col => 16,
            Self::Channels28 => 28,
        }
    }

    /// Consecutive floats that a pixel reads from each source row: kernel width times channels.
    pub(crate) const fn row_taps(self) -> usize {
        match self {
            Self::Rgb | Self::RgbStride2 => 9,
            Self::Channels10 => 30,
            Self::Channels16 => 48,
            Self::Channels28 => 84,
            Self::Im2col => 16,
        }
    }
}

/// The source rows that a tile reads: `count` rows, `stride` floats apart. In a ring buffer, row `wrap` and those
/// after it lie `ring` floats earlier.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SourceRows {
    /// Number of rows.
    pub(crate) count: usize,
    /// Floats from one row to the next.
    pub(crate) stride: usize,
    /// Index of the first row that wraps around; `usize::MAX` for none.
    pub(crate) wrap: usize,
    /// Size of the ring buffer, floats.
    pub(crate) ring: usize,
}

impl SourceRows {
    /// Rows outside a ring buffer.
    pub(crate) fn straight(count: usize, stride: usize) -> Self {
        Self { count, stride, wrap: usize::MAX, ring: 0 }
    }

    /// `count` rows of a ring buffer of `slots` rows, from slot `first` on.
    pub(crate) fn in_ring(count: usize, stride: usize, first: usize, slots: usize) -> Self {
        Self { count, stride, wrap: slots - first, ring: slots * stride }
    }

    /// Offset of row `index` from row 0, floats; negative after wrapping.
    pub(crate) fn offset(self, index: usize) -> isize {
        let forward = (index * self.stride) as isize;
        if index >= self.wrap { forward - self.ring as isize } else { forward }
    }
}

/// Activation applied to each accumulator before it is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Activation<'a> {
    /// Identity.
    None,
    /// `max(x, 0)`.
    Relu,
    /// `x` if positive, else `x` times the slope of the channel; one slope per channel of the tile.
    PRelu(&'a [f32]),
}

/// One tile: for each pixel `j` and channel `c`,
/// `dst[j * dst_stride + c] = act(bias[c] + sum over rows r, taps t of source[j, r, t] * weights[r, t, c] (+ residual))`.
pub(crate) struct Tile<'a> {
    /// Memory layout of `src`.
    pub(crate) layout: SourceLayout,
    /// Output pixels, 1 to [`super::Kernels::max_pixels`].
    pub(crate) pixels: usize,
    /// Output channels: 16 or 32.
    pub(crate) width: usize,
    /// The source.
    pub(crate) src: &'a [f32],
    /// Index in `src` at which row 0 of pixel 0 starts.
    pub(crate) start: usize,
    /// The rows to read.
    pub(crate) rows: SourceRows,
    /// `rows x row_taps x width` weights.
    pub(crate) weights: &'a [f32],
    /// `width` biases.
    pub(crate) bias: &'a [f32],
    /// Applied to the sums.
    pub(crate) activation: Activation<'a>,
    /// Added before the activation: values, and floats from one pixel to the next.
    pub(crate) residual: Option<(&'a [f32], usize)>,
    /// Output. All `width` channels of each pixel are written.
    pub(crate) dst: &'a mut [f32],
    /// Floats from one pixel to the next in `dst`, at least `width`.
    pub(crate) dst_stride: usize,
}

impl Tile<'_> {
    /// Checks that every access of a microkernel is within its slice. The `unsafe` code relies on it.
    ///
    /// # Panics
    /// When an access is out of bounds: a bug in the calling layer, independent of the photo.
    pub(crate) fn check(&self) {
        let last = self.pixels - 1;
        assert!(
            self.pixels > 0 && (self.width == LANES || self.width == 2 * LANES),
            "a tile has at least one pixel, and 16 or 32 channels"
        );
        assert!(self.rows.count > 0 && self.rows.wrap > 0, "a tile reads at least one row");
        let reach = last * self.layout.pixel_stride() + self.layout.row_taps();
        let before = self.rows.count.min(self.rows.wrap) - 1;
        let end = self.start + before * self.rows.stride + reach;
        assert!(end <= self.src.len(), "the tile reads to {end} of {}", self.src.len());
        if self.rows.wrap < self.rows.count {
            let jumped = self.start as isize + self.rows.offset(self.rows.wrap);
            let end = self.start as isize + self.rows.offset(self.rows.count - 1) + reach as isize;
            assert!(jumped >= 0 && end <= self.src.len() as isize, "the tile's ring leaves its source");
        }
        assert!(
            self.weights.len() >= self.rows.count * self.layout.row_taps() * self.width,
            "weights are missing"
        );
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
