//! To be written.
use super::{DetectParams, Detected};
use crate::error::Result;
use crate::imaging::RgbView;
use crate::nn::DetectorNets;
pub(super) fn run(_nets: &dyn DetectorNets, _photo: RgbView<'_>, _params: &DetectParams) -> Result<Detected> {
    todo!()
}
