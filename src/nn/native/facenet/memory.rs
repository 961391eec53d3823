//! Memory planning: feature maps that are never live at the same time share a buffer.

use std::ops::RangeInclusive;

use super::steps::{MapId, MapSize, Step};

/// The buffer of each feature map, and the size of each buffer.
#[derive(Debug)]
pub(super) struct Assignment {
    /// Index of the buffer of each map.
    pub(super) buffer_of: Vec<usize>,
    /// Floats of each buffer, a face.
    pub(super) buffer_floats: Vec<usize>,
}

/// Assigns the maps to buffers, greedily by size: the largest map first, each to the first buffer none of whose maps is live at the
/// same time. A buffer is as large as its first map. `last` is read after all steps.
pub(super) fn assign(maps: &[MapSize], steps: &[Step], last: MapId) -> Assignment {
    let live = liveness(maps.len(), steps, last);
    let mut largest_first: Vec<MapId> = (0..maps.len()).filter(|&map| !live[map].is_empty()).collect();
    largest_first.sort_by_key(|&map| std::cmp::Reverse(maps[map].floats()));
    let mut buffer_of = vec![usize::MAX; maps.len()];
    let mut buffers: Vec<Vec<MapId>> = Vec::new();
    for map in largest_first {
        let is_free = |buffer: &Vec<MapId>| buffer.iter().all(|&other| !overlap(&live[map], &live[other]));
        let buffer = buffers.iter().position(is_free).unwrap_or_else(|| {
            buffers.push(Vec::new());
            buffers.len() - 1
        });
        buffers[buffer].push(map);
        buffer_of[map] = buffer;
    }
    Assignment { buffer_of, buffer_floats: buffers.iter().map(|buffer| maps[buffer[0]].floats()).collect() }
}

/// Of each map the steps from the first that writes it to the last that reads or writes it; empty for one that no step
/// writes.
fn liveness(maps: usize, steps: &[Step], last: MapId) -> Vec<RangeInclusive<usize>> {
    let mut live = vec![RangeInclusive::new(1, 0); maps];
    for (index, step) in steps.iter().enumerate() {
        let map = step.to().map;
        let first = if live[map].is_empty() { index } else { *live[map].start() };
        live[map] = first..=index;
        for map in step.reads() {
            live[map] = *live[map].start()..=index;
        }
    }
    live[last] = *live[last].start()..=steps.len();
    live
}

fn overlap(a: &RangeInclusive<usize>, b: &RangeInclusive<usize>) -> bool {
    a.start() <= b.end() && b.start() <= a.end()
}

#[cfg(test)]
mod tests {
    use super::super::steps::{MapSlice, Method};
    use super::*;
    use crate::nn::native::kernels::Pool;

    fn step(from: MapId, to: MapId) -> Step {
        let pool = Pool { size: 1, stride: 1, ceil: false };
        Step::Pool { pool, from, to: MapSlice { map: to, channel: 0 } }
    }

    fn size(channels: usize) -> MapSize {
        MapSize { height: 1, width: 1, channels }
    }

    #[test]
    fn maps_in_use_never_share_and_ended_ones_are_used_again() {
        // Map 4 (written first here) -> 0 -> 1 -> 2, and 3 from 0 and later.
        let maps = [size(16), size(32), size(16), size(64), size(16)];
        let steps = [step(4, 0), step(0, 1), step(1, 2), step(0, 3)];
        let mut first = vec![step(4, 4)];
        first.extend(steps);
        let Assignment { buffer_of, buffer_floats: floats } = assign(&maps, &first, 3);
        assert_ne!(buffer_of[0], buffer_of[1]);
        assert_ne!(buffer_of[0], buffer_of[2]);
        assert_ne!(buffer_of[1], buffer_of[2]);
        assert_ne!(buffer_of[0], buffer_of[3]);
        assert!(floats.len() <= 3, "three maps are in use at most: {floats:?}");
        for (map, size) in maps.iter().enumerate() {
            assert!(floats[buffer_of[map]] >= size.floats());
        }
    }

    #[test]
    fn the_buffers_of_the_network_are_little_larger_than_the_maps_that_are_live_at_once() {
        let model = concat!(env!("CARGO_MANIFEST_DIR"), "/models/facenet-casia-f16.onnx");
        let plan = super::super::plan::plan(&std::fs::read(model).unwrap(), Method::Winograd).unwrap();
        let live = liveness(plan.maps.len(), &plan.steps, plan.last);
        let live_at = |step: usize| -> usize {
            let maps = plan.maps.iter().zip(&live).filter(|(_, live)| live.contains(&step));
            maps.map(|(map, _)| map.floats()).sum()
        };
        let most = (0..plan.steps.len()).map(live_at).max().unwrap();
        let floats: usize = assign(&plan.maps, &plan.steps, plan.last).buffer_floats.iter().sum();
        assert!(
            floats >= most && floats <= most * 4 / 3,
            "{floats} floats of buffers for {most} live at once"
        );
    }
}
