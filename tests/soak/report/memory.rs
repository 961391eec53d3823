//! Whether memory stayed the same.

use std::fmt;

use super::Sample;
use super::figures::{mean, median, slope};

/// The first part of a run, in which buffers grow to their working size.
pub(crate) const WARM_UP: f64 = 0.2;
/// How far the end may be from the level after the warm-up, per cent.
pub(crate) const MARGIN_PERCENT: f64 = 5.0;
/// Shorter runs say nothing about memory.
pub(crate) const SHORTEST_JUDGED_S: f64 = 600.0;

/// Memory after the warm-up against memory at the end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Memory {
    /// Median of the second fifth of the time, MiB.
    pub(crate) warm_mib: f64,
    /// Median of the last fifth, MiB.
    pub(crate) end_mib: f64,
    /// The most that there ever was, MiB.
    pub(crate) peak_mib: f64,
    /// Growth from the warm-up's end to the end along the straight line nearest to all samples, per cent
    /// of their mean.
    pub(crate) trend_percent: f64,
    /// Whether the run was long enough to judge.
    pub(crate) is_judged: bool,
}

impl Memory {
    /// `None` without samples in the parts that are compared.
    pub(crate) fn of(samples: &[Sample]) -> Option<Self> {
        let end = samples.last()?.at_s;
        let levels: Vec<(f64, f64)> =
            samples.iter().filter_map(|sample| Some((sample.at_s, sample.process?.memory_mib))).collect();
        let part = |from: f64, to: f64| {
            let within = move |(at, _): &&(f64, f64)| *at > from * end && *at <= to * end;
            levels.iter().filter(within)
        };
        let warm: Vec<(f64, f64)> = part(WARM_UP, 1.0).copied().collect();
        let level = mean(warm.iter().map(|(_, mib)| *mib))?;
        Some(Self {
            warm_mib: median(part(WARM_UP, 0.4).map(|(_, mib)| *mib))?,
            end_mib: median(part(0.8, 1.0).map(|(_, mib)| *mib))?,
            peak_mib: samples
                .iter()
                .filter_map(|sample| sample.process)
                .map(|p| p.peak_mib)
                .fold(0.0, f64::max),
            trend_percent: slope(&warm)? * (1.0 - WARM_UP) * end / level * 100.0,
            is_judged: end >= SHORTEST_JUDGED_S,
        })
    }

    /// From the level after the warm-up to the end.
    pub(crate) fn change_percent(&self) -> f64 {
        (self.end_mib / self.warm_mib - 1.0) * 100.0
    }

    /// Whether the end is as near to the level after the warm-up as it must be.
    pub(crate) fn is_flat(&self) -> bool {
        self.change_percent().abs() <= MARGIN_PERCENT
    }

    /// Whether the run fails for its memory.
    pub(crate) fn is_fault(&self) -> bool {
        self.is_judged && !self.is_flat()
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { warm_mib, end_mib, peak_mib, trend_percent, .. } = self;
        let change = self.change_percent();
        writeln!(
            f,
            "memory: {warm_mib:.1} MiB after the warm-up (median of the second fifth), {end_mib:.1} MiB at the end \
             (median of the last fifth): {change:+.1} %; linear trend after the warm-up {trend_percent:+.1} %; peak \
             {peak_mib:.1} MiB"
        )?;
        match (self.is_judged, self.is_flat()) {
            (false, _) => write!(f, "verdict: too short to judge memory, which takes {SHORTEST_JUDGED_S} s"),
            (true, true) => write!(f, "verdict: flat within {MARGIN_PERCENT} %"),
            (true, false) => write!(f, "verdict: not flat within {MARGIN_PERCENT} %"),
        }
    }
}
