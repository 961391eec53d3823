//! Reads P-Net, R-Net and O-Net layer by layer out of their ONNX files, and checks the size of each.

use tract_onnx::pb::NodeProto;

use super::conv::RawConv;
use super::kernels::ConvParams;
use super::onnx::{OnnxReader, argument, integers};
use crate::error::Result;

/// Expected size of a layer of P-Net, R-Net or O-Net.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerSize {
    /// Output channels.
    pub(crate) out_channels: usize,
    /// Input channels.
    pub(crate) in_channels: usize,
    /// Kernel size along both axes; for a dense layer, height and width of the map that it flattens.
    pub(crate) side: usize,
}

/// Reads the layers in the order of the file.
#[derive(Debug)]
pub(crate) struct LayerReader {
    graph: OnnxReader,
    next: usize,
}

impl LayerReader {
    /// Parses the file.
    pub(crate) fn read(name: &'static str, onnx: &[u8]) -> Result<Self> {
        Ok(Self { graph: OnnxReader::read(name, onnx)?, next: 0 })
    }

    /// Reads the next convolution or dense layer, which must have the given size, and the slopes of its PReLU (none
    /// for a head). A dense layer is returned as a convolution whose kernel covers the whole map; facenet-pytorch
    /// flattens the map in the order (width, height, channel).
    pub(crate) fn layer(&mut self, size: LayerSize) -> Result<(RawConv, Vec<f32>)> {
        let LayerSize { out_channels, in_channels, side } = size;
        let is_layer = |node: &NodeProto| matches!(node.op_type.as_str(), "Conv" | "Gemm");
        let found = self.graph.nodes[self.next..].iter().position(is_layer);
        let Some(index) = found.map(|offset| self.next + offset) else {
            return Err(self.graph.error(format_args!("it ends before the layer {size:?}")));
        };
        self.next = index + 1;
        let node = self.graph.nodes[index].clone();
        let raw =
            if node.op_type == "Conv" { self.graph.take_conv(&node)? } else { self.dense(&node, size)? };
        let params = ConvParams { height: side, width: side, stride: 1, pad_height: 0, pad_width: 0 };
        if (raw.out_channels, raw.in_channels, raw.params) != (out_channels, in_channels, params) {
            return Err(self.graph.error(format_args!(
                "expected {size:?}, found {} to {} channels and {:?}",
                raw.in_channels, raw.out_channels, raw.params
            )));
        }
        let slopes = match self.graph.nodes.get(self.next) {
            Some(next) if next.op_type == "PRelu" => {
                let name = argument(next, 1).to_owned();
                let (_, slopes) = self.graph.take_numbers(&name)?;
                if slopes.len() != out_channels {
                    return Err(self.graph.error(format_args!("{size:?} has {} slopes", slopes.len())));
                }
                slopes
            }
            _ => Vec::new(),
        };
        Ok((raw, slopes))
    }

    fn dense(&mut self, node: &NodeProto, size: LayerSize) -> Result<RawConv> {
        let LayerSize { out_channels, in_channels, side } = size;
        let (dims, values) = self.graph.take_numbers(argument(node, 1))?;
        let (_, bias) = self.graph.take_numbers(argument(node, 2))?;
        let inputs = in_channels * side * side;
        if dims != [out_channels, inputs]
            || bias.len() != out_channels
            || integers(node, "transB", &[0]) != [1]
        {
            return Err(self.graph.error(format_args!("expected {size:?}, found weights of {dims:?}")));
        }
        let mut weights = Vec::with_capacity(values.len());
        for row in values.chunks_exact(inputs) {
            for channel in 0..in_channels {
                for y in 0..side {
                    weights.extend((0..side).map(|x| row[(x * side + y) * in_channels + channel]));
                }
            }
        }
        let params = ConvParams { height: side, width: side, stride: 1, pad_height: 0, pad_width: 0 };
        Ok(RawConv { weights, bias, out_channels, in_channels, params })
    }
}
