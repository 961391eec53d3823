//! Progress of long operations: a bar on a terminal, elsewhere a line every ten seconds.

use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::models::install::Step;

/// Time between two lines, where there is no terminal.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);

/// Limits an action to once per interval; the first is due after one interval.
#[derive(Debug)]
pub(super) struct Throttle {
    interval: Duration,
    last: Instant,
}

impl Throttle {
    pub(super) fn new(interval: Duration, now: Instant) -> Self {
        Self { interval, last: now }
    }

    /// Whether the interval has passed; if so, the next one begins.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let due = now.saturating_duration_since(self.last) >= self.interval;
        if due {
            self.last = now;
        }
        due
    }
}

/// Progress of reading photos.
pub(super) struct Photos<'a> {
    bar: ProgressBar,
    total: usize,
    throttle: Throttle,
    report: &'a dyn Fn(usize, usize),
}

impl<'a> Photos<'a> {
    /// Without a terminal, `report` is called with photos done and `total` every [`INTERVAL`].
    pub(super) fn new(total: usize, report: &'a dyn Fn(usize, usize)) -> Self {
        let bar = ProgressBar::new(total as u64).with_style(style("{bar:40} {pos}/{len} photos, {eta} left"));
        Self { bar, total, throttle: Throttle::new(INTERVAL, Instant::now()), report }
    }

    pub(super) fn show(&mut self, done: usize) {
        self.bar.set_position(done as u64);
        if self.bar.is_hidden() && self.throttle.is_due(Instant::now()) {
            (self.report)(done, self.total);
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Progress of the installation of a model.
pub(super) struct Installation<'a> {
    bar: ProgressBar,
    throttle: Throttle,
    last: Option<Step>,
    report: &'a dyn Fn(String),
}

impl<'a> Installation<'a> {
    /// Without a terminal, `report` is called for each step, and every [`INTERVAL`] with the bytes downloaded.
    pub(super) fn new(report: &'a dyn Fn(String)) -> Self {
        // The length is unknown until the download begins, and always for a local file.
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, throttle: Throttle::new(INTERVAL, Instant::now()), last: None, report }
    }

    pub(super) fn show(&mut self, step: Step) {
        match step {
            Step::Downloading(got, total) => self.show_download(got, total),
            Step::Converting => self.show_step("converting"),
            Step::Testing => self.show_step("testing"),
        }
        self.last = Some(step);
    }

    fn show_download(&mut self, got: u64, total: Option<u64>) {
        let template = match total {
            Some(_) => "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
            None => "{spinner} {msg} {bytes} {bytes_per_sec}",
        };
        if self.last.is_none() || total != self.bar.length() {
            self.bar.set_style(style(template));
            match total {
                Some(total) => self.bar.set_length(total),
                None => self.bar.unset_length(),
            }
            self.bar.set_message("fetching");
        }
        self.bar.set_position(got);
        let all = total.is_some_and(|total| got >= total);
        if self.bar.is_hidden() && (self.throttle.is_due(Instant::now()) || all) {
            let of = total.map_or(String::new(), |total| format!(" of {}", HumanBytes(total)));
            (self.report)(format!("fetching: {}{of}", HumanBytes(got)));
        }
    }

    fn show_step(&self, words: &'static str) {
        self.bar.set_style(style("{spinner} {msg}"));
        self.bar.set_message(words);
        if self.bar.is_hidden() {
            (self.report)(words.to_owned());
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn a_throttle_opens_once_an_interval() {
        let start = Instant::now();
        let mut throttle = Throttle::new(Duration::from_secs(10), start);
        let due =
            [0, 9, 10, 11, 19, 20, 55, 56, 64, 65].map(|s| throttle.is_due(start + Duration::from_secs(s)));
        assert_eq!(due, [false, false, true, false, false, true, true, false, false, true]);
    }

    #[test]
    fn without_a_terminal_the_count_of_photos_is_reported() {
        let reports = RefCell::new(Vec::new());
        let report = |done, total| reports.borrow_mut().push((done, total));
        let mut photos = Photos::new(3, &report);
        photos.bar = ProgressBar::hidden();
        photos.show(0);
        photos.throttle.interval = Duration::ZERO;
        photos.show(2);
        assert_eq!(*reports.borrow(), [(2, 3)]);
    }

    #[test]
    fn an_installation_has_a_length_only_where_it_is_known() {
        let reports = RefCell::new(Vec::new());
        let report = |words| reports.borrow_mut().push(words);
        let mut progress = Installation::new(&report);
        progress.bar = ProgressBar::hidden();
        progress.throttle.interval = Duration::ZERO;
        progress.show(Step::Downloading(1024, None));
        assert_eq!((progress.bar.length(), progress.bar.position()), (None, 1024));
        progress.show(Step::Downloading(2048, Some(4096)));
        assert_eq!((progress.bar.length(), progress.bar.position()), (Some(4096), 2048));
        progress.show(Step::Converting);
        progress.show(Step::Testing);
        assert_eq!(
            *reports.borrow(),
            ["fetching: 1.00 KiB", "fetching: 2.00 KiB of 4.00 KiB", "converting", "testing"]
        );
    }
}
