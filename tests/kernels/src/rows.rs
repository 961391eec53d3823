//! The kernels over rows of pixels: all versions give the same results.

use crate::checker::Checker;
use crate::native::kernels::{CHANNELS, ColumnSpans, ConvParams, Maps, Pool, PoolInput};
use crate::noise::noise;

/// Pixels of a row.
const WIDTH: usize = 61;

pub(crate) fn check(checker: &mut Checker) {
    sums_of_bytes(checker);
    means(checker);
    pooling(checker);
    dot_products(checker);
    integers(checker);
    gathering(checker);
}

fn bytes(seed: u32, len: usize) -> Vec<u8> {
    noise(seed, len).iter().map(|value| (value * 127.0 + 128.0) as u8).collect()
}

fn sums_of_bytes(checker: &mut Checker) {
    let (len, stride) = (CHANNELS * WIDTH, CHANNELS * WIDTH + 5);
    for rows in [1, 2, 3, 256, 257] {
        let data = bytes(rows as u32, rows * stride);
        checker.same(&format!("sums of {rows} rows"), |kernels| {
            let (mut narrow, mut wide) = (vec![0u16; len], vec![0u32; len]);
            kernels.add_rows_u16(&data, stride, rows, &mut narrow);
            kernels.add_rows_u32(&data, stride, rows, &mut wide);
            assert!(narrow.iter().zip(&wide).all(|(&narrow, &wide)| u32::from(narrow) == wide));
            wide
        });
    }
    let data = vec![255; 257 * stride];
    checker.same("the largest sums", |kernels| {
        let mut sums = vec![0u16; len];
        kernels.add_rows_u16(&data, stride, 257, &mut sums);
        assert!(sums.iter().all(|&sum| sum == u16::MAX), "257 * 255");
        sums
    });
}

fn means(checker: &mut Checker) {
    let sums: Vec<u16> =
        noise(1, CHANNELS * WIDTH + 1).iter().map(|v| (v * 9000.0 + 9000.0) as u16).collect();
    let wide: Vec<u32> = sums.iter().map(|&sum| u32::from(sum)).collect();
    let bounds: Vec<(u32, u32)> = (0..WIDTH as u32 / 2).map(|x| (2 * x, 2 * x + 2 + x % 2)).collect();
    let inverse = bounds.iter().map(|(left, right)| 1.0 / (right - left) as f32).collect();
    let spans = ColumnSpans { bounds, inverse };
    checker.same("prefix sums", |kernels| {
        let (mut narrow, mut prefix) = (vec![[0; 4]; WIDTH + 1], vec![[0; 4]; WIDTH + 1]);
        kernels.prefix_sums_u16(&sums, &mut narrow);
        kernels.prefix_sums_u32(&wide, &mut prefix);
        assert_eq!(narrow, prefix);
        prefix.into_flattened()
    });
    checker.same("means of spans", |kernels| {
        let (mut prefix, mut out) = (vec![[0; 4]; WIDTH + 1], vec![0.0; CHANNELS * spans.bounds.len() + 1]);
        kernels.prefix_sums_u16(&sums, &mut prefix);
        kernels.span_means(&prefix, &spans, 71, &mut out);
        out
    });
}

fn pooling(checker: &mut Checker) {
    let (height, width, channels, stride) = (9, 8, 32, 48);
    let data = noise(2, height * width * stride);
    for (size, ceil) in [(2, false), (2, true), (3, false), (3, true)] {
        let pool = Pool { size, stride: 2, ceil };
        checker.same(&format!("{pool:?}"), |kernels| {
            let mut out = vec![0.0; pool.output(height) * pool.output(width) * channels];
            kernels.max_pool(
                PoolInput { data: &data, height, width, stride, channels },
                pool,
                &mut out,
                channels,
            );
            out
        });
    }
    let (upper, lower) = (noise(3, 32 * 14), noise(4, 32 * 14));
    checker.same("P-Net's pooling", |kernels| {
        let mut out = vec![0.0; 14 * 10 + 6];
        kernels.pool_pairs(&upper, &lower, &mut out);
        out
    });
}

fn dot_products(checker: &mut Checker) {
    let (pixels, weights) = (noise(5, 32 * 14), noise(6, 32));
    let weights: &[f32; 32] = weights.first_chunk().expect("32 weights");
    checker.same("P-Net's heads", |kernels| {
        let mut out = vec![0.0; 14];
        kernels.dot32(&pixels, weights, 0.25, &mut out);
        out
    });
}

fn integers(checker: &mut Checker) {
    for len in [1, 16, 37, 1792] {
        let values: Vec<f32> = noise(len as u32, len).iter().map(|value| value * 3.0).collect();
        checker.same("the largest magnitude", |kernels| vec![kernels.max_abs(&values)]);
        checker.same("quantisation", |kernels| {
            let mut out = vec![0i16; len];
            kernels.quantise(&values, 4095.0 / 3.0, &mut out);
            out
        });
    }
}

fn gathering(checker: &mut Checker) {
    let (height, width, channels, stride) = (5, 4, 32, 48);
    let params = ConvParams { height: 3, width: 3, stride: 1, pad_height: 1, pad_width: 1 };
    let data = noise(7, 2 * height * width * stride);
    let whole: Vec<i16> = data.iter().map(|value| (value * 4095.0) as i16).collect();
    let (first, count) = (13, 20); // pixels of both maps
    let taps = 9 * channels;
    checker.same("im2col", |kernels| {
        let mut matrix = vec![7.0; taps * count];
        kernels.im2col(
            Maps { data: &data, height, width, channels, stride },
            params,
            first,
            count,
            &mut matrix,
        );
        matrix
    });
    checker.same("im2col of integers", |kernels| {
        let mut matrix = vec![7; taps * count];
        let maps = Maps { data: &whole[..], height, width, channels, stride };
        kernels.im2col_i16(maps, params, first, count, &mut matrix);
        matrix
    });
}
