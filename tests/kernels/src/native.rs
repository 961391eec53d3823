//! The kernels and the layers on them, from the main package's own files.

#![allow(dead_code, reason = "the networks use more of these files than this program")]
#![allow(clippy::useless_conversion, reason = "the main package has errors of other kinds, too")]

#[path = "../../../src/nn/native/conv.rs"]
pub(crate) mod conv;
#[path = "../../../src/nn/native/gemm.rs"]
pub(crate) mod gemm;
#[path = "../../../src/nn/native/kernels/mod.rs"]
pub(crate) mod kernels;
#[path = "../../../src/nn/native/points.rs"]
pub(crate) mod points;
#[path = "../../../src/nn/native/precision.rs"]
pub(crate) mod precision;
#[path = "../../../src/nn/native/quantised.rs"]
pub(crate) mod quantised;
#[path = "../../../src/nn/native/winograd.rs"]
pub(crate) mod winograd;
