//! Statistics of this process: memory, time, open files. From `/proc`; unavailable outside Linux.

use std::path::Path;
use std::{fs, io};

use rustix::fs::statvfs;
use rustix::process::{Resource, getrlimit};

/// Ticks a second of the times in `/proc`, which are in `USER_HZ`: 100 on every machine this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Statistics at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcessStats {
    /// Resident memory, bytes.
    pub resident_bytes: u64,
    /// Start time, seconds since 1970.
    pub start_time_s: f64,
    /// CPU time on all cores, seconds.
    pub cpu_s: f64,
    /// Open file descriptors.
    pub open_fds: u64,
    /// Limit of open file descriptors; `None` without one.
    pub max_fds: Option<u64>,
}

impl ProcessStats {
    /// Reads the statistics of this process; `None` where `/proc` is missing.
    #[must_use]
    pub fn read() -> Option<Self> {
        let text = |path| fs::read_to_string(path).ok();
        let (start_ticks, cpu_ticks) = ticks(&text("/proc/self/stat")?)?;
        let boot_s: f64 = word_after("btime", &text("/proc/stat")?)?.parse().ok()?;
        let resident_kib: u64 = word_after("VmRSS:", &text("/proc/self/status")?)?.parse().ok()?;
        // One descriptor is that of the listing itself.
        let open_fds = (fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1);
        Some(Self {
            resident_bytes: resident_kib * 1024,
            start_time_s: boot_s + start_ticks / TICKS_PER_SECOND,
            cpu_s: cpu_ticks / TICKS_PER_SECOND,
            open_fds,
            max_fds: max_open_files(),
        })
    }
}

/// How many file descriptors this process may have open (`RLIMIT_NOFILE`, soft); `None` for no limit.
#[must_use]
pub fn max_open_files() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Bytes that this process may still write to the disk of `path`.
///
/// # Errors
/// What the operating system says.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let about = statvfs(path)?;
    Ok(about.f_bavail.saturating_mul(about.f_frsize))
}

/// The machine's name; `None` where `/proc` is missing.
#[must_use]
pub fn host_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Start after boot and time on cores, of `/proc/self/stat`.
fn ticks(stat: &str) -> Option<(f64, f64)> {
    // The second field is the program's name in brackets, and may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    // `man 5 proc` counts from 1; these begin with its third.
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    Some((field(22)?, field(14)? + field(15)?))
}

/// The first word after `label` in the line that begins with it.
fn word_after<'a>(label: &str, text: &'a str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(label))?.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn the_usage_of_this_process_is_plausible() {
        let stats = ProcessStats::read().expect("Linux has /proc");
        assert!((1 << 20..1 << 40).contains(&stats.resident_bytes), "{stats:?}");
        let age = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(stats.start_time_s);
        let age = age.elapsed().unwrap_or_default();
        assert!(age < Duration::from_hours(24), "{stats:?}");
        assert!(stats.open_fds >= 3 && stats.max_fds.is_none_or(|max| max >= stats.open_fds), "{stats:?}");
        let held: Vec<_> = (0..50).map(|_| fs::File::open("/proc/self/stat").unwrap()).collect();
        assert!(ProcessStats::read().unwrap().open_fds >= held.len() as u64 + 3);
    }

    #[test]
    fn a_programs_odd_name_moves_no_field() {
        let rest = "S 1 1 1 0 -1 4194560 100 0 0 0 250 150 0 0 20 0 4 0 8000 1000000 500";
        for name in ["facerec", "a b) S 9", "((("] {
            assert_eq!(ticks(&format!("77 ({name}) {rest}")), Some((8000.0, 400.0)), "{name}");
        }
        assert_eq!(ticks("77 (facerec) S 1"), None);
    }
}
