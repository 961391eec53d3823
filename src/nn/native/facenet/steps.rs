//! The execution plan of InceptionResnetV1: its feature maps and the layers in the order in which they run.

use super::super::conv::{Conv, LayerActivation, RawConv};
use super::super::kernels::Pool;
use super::super::quantised::IntegerConv;
use super::super::winograd::WinogradConv;
use crate::nn::native::precision::Precision;

/// The network as a sequence of layers, weights packed.
#[derive(Debug)]
pub(super) struct Plan {
    /// Size of each feature map.
    pub(super) maps: Vec<MapSize>,
    /// The layers, each after those whose output it reads.
    pub(super) steps: Vec<Step>,
    /// The map whose mean over all pixels is the input of `linear`.
    pub(super) last: MapId,
    /// The last linear layer as a 1x1 convolution.
    pub(super) linear: Conv,
}

/// Index of a feature map in [`Plan::maps`].
pub(super) type MapId = usize;

/// Size of a feature map: `height x width x channels` floats, channels last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MapSize {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
}

impl MapSize {
    /// Height times width.
    pub(super) fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Number of floats of one face.
    pub(super) fn floats(self) -> usize {
        self.pixels() * self.channels
    }
}

/// Where a step writes: the channels of a map from `channel` on. A branch of a concatenation writes a slice of
/// its map.
#[derive(Debug, Clone, Copy)]
pub(super) struct MapSlice {
    pub(super) map: MapId,
    pub(super) channel: usize,
}

/// How convolutions are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Floats, by the direct sums.
    Direct,
    /// Floats, by Winograd's minimal filtering where it saves products.
    Winograd,
    /// 16-bit integers.
    Integer,
}

impl From<Precision> for Method {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::Winograd,
            Precision::Int16 => Self::Integer,
        }
    }
}

/// A convolution by one of the methods.
#[derive(Debug)]
pub(super) enum Layer {
    /// Of floats.
    Float(Conv),
    /// Of floats, by minimal filtering.
    Winograd(WinogradConv),
    /// Of 16-bit integers.
    Integer(IntegerConv),
}

impl Layer {
    /// Packs the weights. Minimal filtering leaves layers with a residual to the direct sums.
    pub(super) fn new(
        method: Method,
        raw: &RawConv,
        activation: LayerActivation,
        has_residual: bool,
    ) -> Self {
        match method {
            Method::Integer => Self::Integer(IntegerConv::new(raw, &activation)),
            Method::Winograd if !has_residual && WinogradConv::fits(raw, &activation) => {
                Self::Winograd(WinogradConv::new(raw))
            }
            Method::Direct | Method::Winograd => Self::Float(Conv::new(raw, activation)),
        }
    }
}

/// One layer of the network.
#[derive(Debug)]
pub(super) enum Step {
    /// The first convolution. Its input is the face.
    Stem { conv: Conv, to: MapSlice },
    /// Any other convolution, with an optional map that is added before the activation.
    Conv { conv: Layer, from: MapId, to: MapSlice, residual: Option<MapId> },
    /// Max-pooling.
    Pool { pool: Pool, from: MapId, to: MapSlice },
}

impl Step {
    /// Where the step writes.
    pub(super) fn to(&self) -> MapSlice {
        match self {
            Self::Stem { to, .. } | Self::Conv { to, .. } | Self::Pool { to, .. } => *to,
        }
    }

    /// The map that the step multiplies as integers.
    pub(super) fn reads_integers(&self) -> Option<MapId> {
        match self {
            Self::Conv { conv: Layer::Integer(_), from, .. } => Some(*from),
            _ => None,
        }
    }

    /// The maps that the step reads.
    pub(super) fn reads(&self) -> impl Iterator<Item = MapId> {
        let (from, residual) = match self {
            Self::Stem { .. } => (None, None),
            Self::Conv { from, residual, .. } => (Some(*from), *residual),
            Self::Pool { from, .. } => (Some(*from), None),
        };
        from.into_iter().chain(residual)
    }
}
