//! What an input may cost: processor time of the thread, and memory of the process, as the system counts them.

use std::fs;
use std::time::Duration;

/// Limits on one input.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Processor time.
    pub time: Duration,
    /// Memory beyond what the process held before; `None` where other threads make that meaningless.
    pub kib: Option<u64>,
}

impl Budget {
    /// Does the work and panics where it costs more. What the system does not count is not held.
    pub fn hold(&self, work: impl FnOnce()) {
        let start = processor_time();
        // Lets the peak start anew.
        let held = self
            .kib
            .and_then(|_| fs::write("/proc/self/clear_refs", "5").ok())
            .and_then(|()| status("VmRSS"));
        work();
        if let (Some(start), Some(end)) = (start, processor_time()) {
            let took = end.saturating_sub(start);
            assert!(took <= self.time, "it took {took:?} of processor time, {:?} are allowed", self.time);
        }
        if let (Some(limit), Some(held), Some(peak)) = (self.kib, held, status("VmHWM")) {
            let took = peak.saturating_sub(held);
            assert!(took <= limit, "it took {took} KiB of memory, {limit} are allowed");
        }
    }
}

/// Time that this thread has run.
fn processor_time() -> Option<Duration> {
    let counters = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    counters.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// A row of the process's status, KiB.
fn status(row: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(row)?.strip_prefix(':'))?;
    value.split_whitespace().next()?.parse().ok()
}
