//! What is so at the moment somebody asks: queue, uploads, gallery, files, process.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::PREFIX;
use crate::http::state::App;
use crate::process::ProcessStats;
use crate::reloadable::Reloadable;

/// Labels of a metric with `N` of them.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// The state of the service and of its process.
pub(super) fn registry(app: &App) -> Registry {
    let mut all = Registry::default();
    let own = all.sub_registry_with_prefix(PREFIX);
    about(own, app);
    work(own, app);
    data(own, app);
    access(own, app);
    if let Some(stats) = ProcessStats::read() {
        process(&mut all, &stats);
    }
    all
}

fn about(to: &mut Registry, app: &App) {
    let model = app.gallery.current().recipe().model.clone();
    to.register("model", "The face embedder of the gallery in use", Info::new([("model", model)]));
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    to.register("build", "The program", build);
}

fn work(to: &mut Registry, app: &App) {
    gauge(to, "queue_depth", "Photos that wait for a worker", app.workers.waiting());
    gauge(to, "queue_limit", "Photos that may wait for a worker", app.config.queue);
    gauge(to, "jobs_running", "Jobs that workers are busy with", app.workers.running());
    gauge(to, "workers", "Jobs that may run at a time", app.config.workers.get());
    gauge(to, "upload_held_bytes", "Bytes of uploads in memory", app.uploads.held_bytes());
    let refused = [
        ([("reason", "queue_full")], app.workers.refused()),
        ([("reason", "upload_memory")], app.uploads.refused()),
        ([("reason", "timeout")], app.metrics.timeouts.get()),
    ];
    counters(to, "requests_refused", "Requests answered 503, by what there was too little of", refused);
}

fn data(to: &mut Registry, app: &App) {
    let gallery = app.gallery.current();
    gauge(to, "gallery_people", "People enrolled", gallery.len());
    gauge(to, "gallery_photos", "Photos of all people enrolled", gallery.photo_count());
    gauge(to, "roster_entries", "Names in the roster", app.roster.current().len());
    let mut roster = FileState::of("roster", &app.roster);
    // As for /readyz: only the roster may be absent.
    roster.broken = app.roster.reload_error().is_some_and(|trouble| trouble.file_exists);
    let mut files = vec![FileState::of("gallery", &app.gallery), roster];
    files.extend(app.access.keys().map(|keys| FileState::of("keys", keys)));
    let reloads = files.iter().flat_map(|file| {
        let labels = |outcome| [("file", file.name), ("outcome", outcome)];
        [(labels("ok"), file.reloads.0), (labels("failed"), file.reloads.1)]
    });
    counters(to, "reloads", "How often a changed file was read again", reloads);
    let broken = Family::<Labels<1>, Gauge<u64, AtomicU64>>::default();
    for file in &files {
        broken.get_or_create(&[("file", file.name)]).set(u64::from(file.broken));
    }
    to.register(
        "file_broken",
        "1 where a file can't be used, being broken or gone, and the old content is",
        broken,
    );
}

/// A file that is read again when it changes.
struct FileState {
    name: &'static str,
    reloads: (u64, u64),
    broken: bool,
}

impl FileState {
    fn of<T>(name: &'static str, live: &Reloadable<T>) -> Self {
        Self { name, reloads: live.reloads(), broken: live.reload_error().is_some() }
    }
}

fn access(to: &mut Registry, app: &App) {
    let refused = app.access.refused().map(|(reason, count)| ([("reason", reason)], count));
    let help =
        "Requests answered 401 or 403, by what was wrong with the API key or, without keys, the caller";
    counters(to, "access_refused", help, refused);
}

/// Under the names that Prometheus's own libraries give them.
fn process(to: &mut Registry, stats: &ProcessStats) {
    let memory = "Memory of the process that is in RAM";
    gauge(to, "process_resident_memory_bytes", memory, stats.resident_bytes);
    gauge(to, "process_open_fds", "Open file descriptors", stats.open_fds);
    if let Some(max_fds) = stats.max_fds {
        gauge(to, "process_max_fds", "Most file descriptors that may be open", max_fds);
    }
    let seconds = |value| {
        let gauge = Gauge::<f64, AtomicU64>::default();
        gauge.set(value);
        gauge
    };
    let start = "When the process started, seconds since 1970";
    to.register("process_start_time_seconds", start, seconds(stats.start_time_s));
    let cpu = Counter::<f64, AtomicU64>::default();
    cpu.inc_by(stats.cpu_s);
    to.register("process_cpu_seconds", "Time that all cores together spent on the process", cpu);
}

fn gauge(to: &mut Registry, name: &str, help: &str, value: impl TryInto<u64>) {
    let gauge = Gauge::<u64, AtomicU64>::default();
    gauge.set(value.try_into().unwrap_or(u64::MAX));
    to.register(name, help, gauge);
}

fn counters<const N: usize>(
    to: &mut Registry,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (Labels<N>, u64)>,
) {
    let family = Family::<Labels<N>, Counter>::default();
    for (labels, value) in values {
        family.get_or_create(&labels).inc_by(value);
    }
    to.register(name, help, family);
}
