//! Memory planning: feature maps that are never live at the same time share a buffer.

use super::steps::{MapId, MapSize, Step};

/// The buffer of each feature map, and the size of each buffer.
#[derive(Debug)]
pub(super) struct Assignment {
    /// Index of the buffer of each map.
    pub(super) buffer_of: Vec<usize>,
    /// Floats of each buffer, a face.
    pub(super) buffer_floats: Vec<usize>,
}

/// Assigns the maps to buffers by liveness: a buffer is free again after the last step that reads its map.
/// `last` is read after all steps. Linear scan, best fit.
pub(super) fn assign(maps: &[MapSize], steps: &[Step], last: MapId) -> Assignment {
    let mut ends = vec![0; maps.len()];
    for (index, step) in steps.iter().enumerate() {
        for map in step.reads().chain([step.to().map]) {
            ends[map] = index;
        }
    }
    ends[last] = usize::MAX;
    let mut buffer_of = vec![usize::MAX; maps.len()];
    let mut floats: Vec<usize> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let map = step.to().map;
        if buffer_of[map] == usize::MAX {
            let need = maps[map].floats();
            // Best fit: the smallest free buffer that is large enough, else the largest one, which grows.
            let best = (0..free.len()).min_by_key(|&i| {
                let size = floats[free[i]];
                if size >= need { (false, size) } else { (true, usize::MAX - size) }
            });
            buffer_of[map] = best.map_or_else(
                || {
                    floats.push(0);
                    floats.len() - 1
                },
                |i| free.swap_remove(i),
            );
            let buffer = buffer_of[map];
            floats[buffer] = floats[buffer].max(need);
        }
        let mut ended: Vec<MapId> = step.reads().filter(|&map| ends[map] == index).collect();
        ended.dedup();
        free.extend(ended.into_iter().map(|map| buffer_of[map]));
    }
    Assignment { buffer_of, buffer_floats: floats }
}

#[cfg(test)]
mod tests {
    use super::super::steps::MapSlice;
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
}
