//! Sizes of P-Net's layers.

/// Channels of the first layer, and floats of a pooled pixel.
pub(super) const POOLED: usize = 10;
/// Channels of the second layer.
pub(super) const SECOND: usize = 16;
/// Channels of the third layer.
pub(super) const THIRD: usize = 32;
