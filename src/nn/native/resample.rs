//! Area resampling row by row, in exact integer arithmetic: column sums over the source rows, then differences of
//! prefix sums along the row. [`crate::imaging::resample`] defines the result.

use super::kernels::{CHANNELS, ColumnSpans, Kernels};
use crate::imaging::resample::area_span;
use crate::imaging::{RgbView, Window};

/// Largest number of rows whose byte sums fit 16 bits: 65535 / 255.
const ROWS_IN_U16: usize = 257;

/// Intermediate sums of one row; one set per thread, reused between rows.
#[derive(Debug, Default)]
pub(crate) struct RowBuffers {
    narrow: Vec<u16>,
    wide: Vec<u32>,
    prefix: Vec<[u32; 4]>,
}

/// Resampling of one window of a photo to `out_width x out_height`.
#[derive(Debug)]
pub(crate) struct AreaRows<'a> {
    photo: RgbView<'a>,
    window: Window,
    out_height: usize,
    spans: ColumnSpans,
}

impl<'a> AreaRows<'a> {
    /// Plans the resampling of `window` to `out_width x out_height`.
    pub(crate) fn new(photo: RgbView<'a>, window: Window, out_width: usize, out_height: usize) -> Self {
        let mut rows = Self { photo, window, out_height, spans: ColumnSpans::default() };
        rows.plan_columns(out_width);
        rows
    }

    /// Switches to another window of the same photo; keeps the output size and reuses the allocations.
    pub(crate) fn set_window(&mut self, window: Window) {
        self.window = window;
        self.plan_columns(self.spans.bounds.len());
    }

    fn plan_columns(&mut self, out_width: usize) {
        let width = self.window.x1 - self.window.x0;
        self.spans.bounds.clear();
        self.spans.inverse.clear();
        for x in 0..out_width {
            let (left, right) = area_span(x, width, out_width);
            self.spans.bounds.push((left as u32, right as u32));
            self.spans.inverse.push(1.0 / (right - left) as f32);
        }
    }

    /// Computes output row `y`: 3 standardised floats per pixel. `out` has one more float of padding.
    pub(crate) fn row(&self, kernels: Kernels, y: usize, buffers: &mut RowBuffers, out: &mut [f32]) {
        let (top, bottom) = area_span(y, self.window.y1 - self.window.y0, self.out_height);
        let (rows, width) = (bottom - top, self.window.x1 - self.window.x0);
        let stride = self.photo.width * CHANNELS;
        let data = &self.photo.data[(self.window.y0 + top) * stride + self.window.x0 * CHANNELS..];
        let (len, prefix) = (width * CHANNELS, &mut buffers.prefix);
        prefix.resize(width + 1, [0; 4]);
        if rows <= ROWS_IN_U16 {
            buffers.narrow.resize(len + 1, 0);
            kernels.add_rows_u16(data, stride, rows, &mut buffers.narrow[..len]);
            kernels.prefix_sums_u16(&buffers.narrow, prefix);
        } else {
            buffers.wide.resize(len + 1, 0);
            kernels.add_rows_u32(data, stride, rows, &mut buffers.wide[..len]);
            kernels.prefix_sums_u32(&buffers.wide, prefix);
        }
        kernels.span_means(prefix, &self.spans, rows, out);
    }
}
