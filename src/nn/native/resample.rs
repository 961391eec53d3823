//! Area resampling row by row: exact integer sums, first down the columns, then as differences of
//! prefix sums along the row. [`crate::imaging::resample`] says what is computed.

use super::kernels::{CHANNELS, ColumnSpans, Kernels};
use crate::imaging::resample::area_span;
use crate::imaging::{RgbView, Window};

/// Rows whose bytes can be summed in 16 bits.
const ROWS_IN_U16: usize = 257;

/// Buffers of a row in the making; one for each thread, reused from row to row.
#[derive(Debug, Default)]
pub(crate) struct RowBuffers {
    narrow: Vec<u16>,
    wide: Vec<u32>,
    prefix: Vec<[u32; 4]>,
}

/// A window of a photo on its way to another size.
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

    /// The same size from another window of the same photo, with the memory of this plan.
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

    /// Computes output row `y`: 3 standardised floats a pixel. `out` is one float longer than that.
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
