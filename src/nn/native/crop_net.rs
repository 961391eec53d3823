//! R-Net and O-Net: small convolutional networks over batches of candidate windows, each area-resampled from the
//! photo to the input size of the network.

use rayon::prelude::*;

use super::conv::{Conv, LayerActivation, RawConv, Target};
use super::kernels::{CHANNELS, Kernels, Maps, Pool, PoolInput, SourceLayout};
use super::layers::{LayerReader, LayerSize};
use super::precision::Precision;
use super::quantised::{IntegerConv, IntegerMaps};
use super::resample::{AreaRows, RowBuffers};
use crate::error::Result;
use crate::imaging::{RgbView, Window};

/// 3x3 max-pooling with stride 2, `ceil_mode`.
const POOL_3: Pool = Pool { size: 3, stride: 2, ceil: true };
/// 2x2 max-pooling with stride 2, `ceil_mode`: O-Net's last.
const POOL_2: Pool = Pool { size: 2, stride: 2, ceil: true };
/// Padding after a map, floats: the last tile reads past the end.
const SLACK: usize = 16 * 32;

/// R-Net or O-Net, weights packed.
#[derive(Debug)]
pub(crate) struct CropNet {
    /// Input size, pixels along both axes.
    side: usize,
    /// First convolution, and the number of channels after its pooling.
    stem: Products,
    stem_channels: usize,
    layers: Vec<Layer>,
    /// Number of outputs per candidate, over all heads.
    outputs: usize,
    /// Batch size: the activations of so many candidates stay in the L2 cache.
    group: usize,
}

#[derive(Debug)]
enum Layer {
    /// A convolution by im2col.
    Im2col(Products),
    /// A convolution that reads each map in place, without im2col.
    InPlace(SourceLayout, Products),
    /// Max-pooling.
    Pool(Pool),
}

/// A convolution of floats, or of integers into which the maps are quantised.
#[derive(Debug)]
enum Products {
    Float(Conv),
    Integer(IntegerConv),
}

impl Products {
    /// Packs the weights of a layer and the slopes of its PReLU.
    fn new(precision: Precision, (raw, slopes): (RawConv, Vec<f32>)) -> Self {
        let activation = LayerActivation::PRelu(slopes);
        match precision {
            Precision::F32 => Self::Float(Conv::new(&raw, activation)),
            Precision::Int16 => Self::Integer(IntegerConv::new(&raw, &activation)),
        }
    }

    /// Size of the output for a square map.
    fn output(&self, input: SquareMap) -> SquareMap {
        let (params, stride) = match self {
            Self::Float(conv) => (conv.params, conv.channels()),
            Self::Integer(conv) => (conv.params(), conv.channels()),
        };
        SquareMap { side: params.output(input.side, input.side).0, stride }
    }

    /// Runs the layer over `batch` maps by im2col.
    fn run(
        &self,
        kernels: Kernels,
        (data, size): (&[f32], SquareMap),
        batch: usize,
        data_out: &mut [f32],
        integers: &mut IntegerMaps,
    ) {
        let target = Target { data: data_out, stride: self.output(size).stride, channel: 0 };
        match self {
            Self::Float(conv) => conv.run(kernels, map(data, size), batch, target, None, false),
            Self::Integer(conv) => {
                integers.quantise(kernels, data, size.floats(), batch);
                conv.run(kernels, integers.read_as(map(data, size)), batch, target, None, false);
            }
        }
    }

    /// Runs the layer over `batch` maps in place. They are followed by one tile of padding.
    fn run_in_place(
        &self,
        kernels: Kernels,
        layout: SourceLayout,
        (data, size): (&[f32], SquareMap),
        batch: usize,
        data_out: &mut [f32],
        integers: &mut IntegerMaps,
    ) {
        let out = self.output(size);
        match self {
            Self::Float(conv) => {
                for index in 0..batch {
                    let maps = map(&data[index * size.floats()..], size);
                    let data = &mut data_out[index * out.floats()..];
                    conv.run_in_place(kernels, layout, maps, Target { data, stride: out.stride, channel: 0 });
                }
            }
            Self::Integer(conv) => {
                integers.quantise(kernels, data, size.floats(), batch);
                let target = Target { data: data_out, stride: out.stride, channel: 0 };
                conv.run_in_place(kernels, layout, integers.read_as(map(data, size)), target);
            }
        }
    }
}

/// Size of a square feature map: `side x side` pixels of `stride` floats.
#[derive(Debug, Clone, Copy)]
struct SquareMap {
    side: usize,
    stride: usize,
}

impl SquareMap {
    fn floats(self) -> usize {
        self.side * self.side * self.stride
    }
}

/// Buffers of one thread, reused between batches.
#[derive(Debug, Default)]
struct Buffers {
    resampling: RowBuffers,
    crop: Vec<f32>,
    stem: Vec<f32>,
    maps: Vec<f32>,
    next: Vec<f32>,
    integers: IntegerMaps,
}

/// Joins the heads (score, regression and, for O-Net, landmarks) into one dense layer.
fn heads(graph: &mut LayerReader, in_channels: usize, outputs: &[usize]) -> Result<Products> {
    let mut joined: Option<RawConv> = None;
    for &out_channels in outputs {
        let (head, _) = graph.layer(LayerSize { out_channels, in_channels, side: 1 })?;
        match &mut joined {
            None => joined = Some(head),
            Some(all) => {
                all.weights.extend(head.weights);
                all.bias.extend(head.bias);
                all.out_channels += head.out_channels;
            }
        }
    }
    let joined = joined.ok_or_else(|| crate::error::ModelError::Run("a network without heads".to_owned()))?;
    Ok(Products::Float(Conv::new(&joined, LayerActivation::None)))
}

impl CropNet {
    /// Loads R-Net. Its 6 outputs: the logits of "no face" and "face", and 4 regressions. The heads are of floats.
    pub(crate) fn load_rnet(onnx: &[u8], precision: Precision) -> Result<Self> {
        let mut graph = LayerReader::read("R-Net", onnx)?;
        let mut layer = |in_channels, out_channels, side| {
            graph
                .layer(LayerSize { out_channels, in_channels, side })
                .map(|layer| Products::new(precision, layer))
        };
        let stem = layer(CHANNELS, 28, 3)?;
        let mut layers = vec![
            Layer::InPlace(SourceLayout::Channels28, layer(28, 48, 3)?),
            Layer::Pool(POOL_3),
            Layer::Im2col(layer(48, 64, 2)?),
            Layer::Im2col(layer(64, 128, 3)?),
        ];
        layers.push(Layer::Im2col(heads(&mut graph, 128, &[2, 4])?));
        Ok(Self { side: crate::nn::RNET_SIDE, stem, stem_channels: 28, layers, outputs: 6, group: 12 })
    }

    /// Loads O-Net. Its 16 outputs: those of R-Net, then 5 x and 5 y of the landmarks.
    pub(crate) fn load_onet(onnx: &[u8]) -> Result<Self> {
        let mut graph = LayerReader::read("O-Net", onnx)?;
        let mut layer = |in_channels, out_channels, side| {
            graph
                .layer(LayerSize { out_channels, in_channels, side })
                .map(|layer| Products::new(Precision::F32, layer))
        };
        let stem = layer(CHANNELS, 32, 3)?;
        let mut layers = vec![
            Layer::Im2col(layer(32, 64, 3)?),
            Layer::Pool(POOL_3),
            Layer::Im2col(layer(64, 64, 3)?),
            Layer::Pool(POOL_2),
            Layer::Im2col(layer(64, 128, 2)?),
            Layer::Im2col(layer(128, 256, 3)?),
        ];
        layers.push(Layer::Im2col(heads(&mut graph, 256, &[2, 4, 10])?));
        Ok(Self { side: crate::nn::ONET_SIDE, stem, stem_channels: 32, layers, outputs: 16, group: 4 })
    }

    /// Runs the network on each window of the photo. `decode` turns the outputs of a candidate into a result; results
    /// are in the order of the windows.
    pub(crate) fn run<T: Send>(
        &self,
        kernels: Kernels,
        photo: RgbView<'_>,
        windows: &[Window],
        decode: impl Fn(&[f32]) -> T + Sync,
    ) -> Vec<T> {
        let group = windows.len().div_ceil(rayon::current_num_threads()).clamp(1, self.group);
        let run = |buffers: &mut Buffers, windows: &[Window]| -> Vec<T> {
            let stride = self.run_group(kernels, photo, windows, buffers);
            buffers
                .maps
                .chunks(stride)
                .take(windows.len())
                .map(|values| decode(&values[..self.outputs]))
                .collect()
        };
        let results: Vec<Vec<T>> = windows.par_chunks(group).map_init(Buffers::default, run).collect();
        results.into_iter().flatten().collect()
    }

    /// Runs one batch. The outputs are left in `buffers.maps`; returns the floats from one candidate to the next.
    fn run_group(
        &self,
        kernels: Kernels,
        photo: RgbView<'_>,
        windows: &[Window],
        buffers: &mut Buffers,
    ) -> usize {
        let mut size = self.run_stems(kernels, photo, windows, buffers);
        let batch = windows.len();
        for layer in &self.layers {
            let Buffers { maps, next, integers, .. } = &mut *buffers;
            let out = match layer {
                Layer::Im2col(conv) | Layer::InPlace(_, conv) => conv.output(size),
                Layer::Pool(pool) => SquareMap { side: pool.output(size.side), stride: size.stride },
            };
            grow(next, batch * out.floats() + SLACK);
            match layer {
                Layer::Im2col(conv) => conv.run(kernels, (maps, size), batch, next, integers),
                Layer::InPlace(layout, conv) => {
                    conv.run_in_place(kernels, *layout, (maps, size), batch, next, integers);
                }
                Layer::Pool(pool) => {
                    for index in 0..batch {
                        let input = pool_input(&maps[index * size.floats()..], size);
                        kernels.max_pool(input, *pool, &mut next[index * out.floats()..], out.stride);
                    }
                }
            }
            std::mem::swap(maps, next);
            size = out;
        }
        size.floats()
    }

    /// Resamples each window, and runs the first convolution and its pooling.
    fn run_stems(
        &self,
        kernels: Kernels,
        photo: RgbView<'_>,
        windows: &[Window],
        buffers: &mut Buffers,
    ) -> SquareMap {
        let Buffers { resampling, crop, stem, maps, integers, .. } = buffers;
        let input = SquareMap { side: self.side, stride: CHANNELS };
        let conv = self.stem.output(input);
        let out = SquareMap { side: POOL_3.output(conv.side), stride: self.stem_channels };
        grow(crop, input.floats() + SLACK);
        grow(stem, conv.floats());
        grow(maps, windows.len() * out.floats() + SLACK);
        let mut rows: Option<AreaRows<'_>> = None;
        for (index, &window) in windows.iter().enumerate() {
            let rows = rows.get_or_insert_with(|| AreaRows::new(photo, window, self.side, self.side));
            rows.set_window(window);
            for y in 0..self.side {
                rows.row(kernels, y, resampling, &mut crop[y * self.side * CHANNELS..]);
            }
            self.stem.run_in_place(kernels, SourceLayout::Rgb, (crop, input), 1, stem, integers);
            let pooled = &mut maps[index * out.floats()..];
            kernels.max_pool(pool_input(stem, conv), POOL_3, pooled, out.stride);
        }
        out
    }
}

fn grow(buffer: &mut Vec<f32>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
}

fn map(data: &[f32], size: SquareMap) -> Maps<'_> {
    Maps { data, height: size.side, width: size.side, channels: size.stride, stride: size.stride }
}

fn pool_input(data: &[f32], size: SquareMap) -> PoolInput<'_> {
    PoolInput { data, height: size.side, width: size.side, stride: size.stride, channels: size.stride }
}

/// `N` outputs from `start` on. The network has been checked to have them.
pub(crate) fn part<const N: usize>(values: &[f32], start: usize) -> [f32; N] {
    std::array::from_fn(|i| values[start + i])
}
