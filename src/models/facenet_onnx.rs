//! From the state dict of facenet-pytorch's `InceptionResnetV1` to ONNX: the same graph, with each
//! batch normalisation folded into the layer before it.
//!
//! Layers, kernel sizes, strides, paddings and residual scales are those of
//! `facenet_pytorch/models/inception_resnet_v1.py`; names are the state dict's. `logits.*`, the
//! classifier of the training, is left out.

mod builder;
mod fold;

use crate::error::Result;
use crate::models::checkpoint::Checkpoint;

use builder::{ConvShape, OnnxBuilder, Value, same, square};

const POINT: ConvShape = square(1, 1, 0);
const SAME_3X3: ConvShape = square(3, 1, 1);
const VALID_3X3: ConvShape = square(3, 1, 0);
const HALVE_3X3: ConvShape = square(3, 2, 0);

/// Residual scale of the five `Block35`.
const BLOCK35_SCALE: f32 = 0.17;
/// Residual scale of the ten `Block17`.
const BLOCK17_SCALE: f32 = 0.10;
/// Residual scale of the five `Block8` in `repeat_3`.
const BLOCK8_SCALE: f32 = 0.20;
/// Residual scale of the last block, which has no `ReLU` after it.
const LAST_BLOCK8_SCALE: f32 = 1.0;

/// A chain of `BasicConv2d`: name below its parent, channels out, shape.
type Chain<'a> = &'a [(&'a str, usize, ConvShape)];

/// Writes the network as an ONNX file: input `input` (n x 3 x 160 x 160), output `embedding`
/// (n x 512, norm 1).
///
/// # Errors
/// [`crate::error::Error::Model`] naming the tensor that is missing, of another shape, or holds
/// numbers that no trained network has.
pub fn convert(checkpoint: &mut Checkpoint<'_>) -> Result<Vec<u8>> {
    let mut net = OnnxBuilder::new(checkpoint);
    let x = net.input();
    let stem: Chain<'_> =
        &[("conv2d_1a", 32, HALVE_3X3), ("conv2d_2a", 32, VALID_3X3), ("conv2d_2b", 64, SAME_3X3)];
    let x = chain(&mut net, &x, "", stem)?;
    let x = net.max_pool("maxpool_3a", &x);
    let stem: Chain<'_> =
        &[("conv2d_3b", 80, POINT), ("conv2d_4a", 192, VALID_3X3), ("conv2d_4b", 256, HALVE_3X3)];
    let mut x = chain(&mut net, &x, "", stem)?;
    for block in 0..5 {
        x = block35(&mut net, &x, &format!("repeat_1.{block}."))?;
    }
    x = mixed_6a(&mut net, &x)?;
    for block in 0..10 {
        x = block17(&mut net, &x, &format!("repeat_2.{block}."))?;
    }
    x = mixed_7a(&mut net, &x)?;
    for block in 0..5 {
        x = block8(&mut net, &x, &format!("repeat_3.{block}."), BLOCK8_SCALE)?;
        x = net.relu(&format!("repeat_3.{block}"), &x);
    }
    x = block8(&mut net, &x, "block8.", LAST_BLOCK8_SCALE)?;
    let x = net.global_average_pool("avgpool_1a", &x);
    let x = net.linear("last_linear", "last_bn", &x, crate::nn::EMBEDDING_LEN)?;
    net.normalise(&x);
    Ok(net.finish())
}

/// Convolution, folded batch normalisation and `ReLU`, one after the other.
fn chain(net: &mut OnnxBuilder<'_, '_>, x: &Value, parent: &str, layers: Chain<'_>) -> Result<Value> {
    let mut x = x.clone();
    for (name, channels, shape) in layers {
        let name = format!("{parent}{name}");
        x = net.basic_conv(&name, &x, *channels, *shape)?;
        x = net.relu(&name, &x);
    }
    Ok(x)
}

/// Concatenates the branches, projects them to the channels of `x` and adds `scale` times that to it.
fn residual(
    net: &mut OnnxBuilder<'_, '_>,
    x: &Value,
    block: &str,
    branches: &[Value],
    scale: f32,
) -> Result<Value> {
    let joined = net.concat(block, branches);
    let name = format!("{block}conv2d");
    let projected = net.conv(&name, &joined, x.channels, POINT)?;
    let scaled = net.scale(&name, &projected, scale);
    Ok(net.add(&name, &scaled, x))
}

fn block35(net: &mut OnnxBuilder<'_, '_>, x: &Value, block: &str) -> Result<Value> {
    let branches = [
        chain(net, x, block, &[("branch0", 32, POINT)])?,
        chain(net, x, block, &[("branch1.0", 32, POINT), ("branch1.1", 32, SAME_3X3)])?,
        chain(
            net,
            x,
            block,
            &[("branch2.0", 32, POINT), ("branch2.1", 32, SAME_3X3), ("branch2.2", 32, SAME_3X3)],
        )?,
    ];
    let x = residual(net, x, block, &branches, BLOCK35_SCALE)?;
    Ok(net.relu(block, &x))
}

fn mixed_6a(net: &mut OnnxBuilder<'_, '_>, x: &Value) -> Result<Value> {
    let block = "mixed_6a.";
    let branches = [
        chain(net, x, block, &[("branch0", 384, HALVE_3X3)])?,
        chain(
            net,
            x,
            block,
            &[("branch1.0", 192, POINT), ("branch1.1", 192, SAME_3X3), ("branch1.2", 256, HALVE_3X3)],
        )?,
        net.max_pool("mixed_6a.branch2", x),
    ];
    Ok(net.concat(block, &branches))
}

fn block17(net: &mut OnnxBuilder<'_, '_>, x: &Value, block: &str) -> Result<Value> {
    let branches = [
        chain(net, x, block, &[("branch0", 128, POINT)])?,
        chain(
            net,
            x,
            block,
            &[("branch1.0", 128, POINT), ("branch1.1", 128, same(1, 7)), ("branch1.2", 128, same(7, 1))],
        )?,
    ];
    let x = residual(net, x, block, &branches, BLOCK17_SCALE)?;
    Ok(net.relu(block, &x))
}

fn mixed_7a(net: &mut OnnxBuilder<'_, '_>, x: &Value) -> Result<Value> {
    let block = "mixed_7a.";
    let branches = [
        chain(net, x, block, &[("branch0.0", 256, POINT), ("branch0.1", 384, HALVE_3X3)])?,
        chain(net, x, block, &[("branch1.0", 256, POINT), ("branch1.1", 256, HALVE_3X3)])?,
        chain(
            net,
            x,
            block,
            &[("branch2.0", 256, POINT), ("branch2.1", 256, SAME_3X3), ("branch2.2", 256, HALVE_3X3)],
        )?,
        net.max_pool("mixed_7a.branch3", x),
    ];
    Ok(net.concat(block, &branches))
}

/// Without the `ReLU`, which the last one lacks.
fn block8(net: &mut OnnxBuilder<'_, '_>, x: &Value, block: &str, scale: f32) -> Result<Value> {
    let branches = [
        chain(net, x, block, &[("branch0", 192, POINT)])?,
        chain(
            net,
            x,
            block,
            &[("branch1.0", 192, POINT), ("branch1.1", 192, same(1, 3)), ("branch1.2", 192, same(3, 1))],
        )?,
    ];
    residual(net, x, block, &branches, scale)
}
