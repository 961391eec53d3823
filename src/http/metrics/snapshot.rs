//! The state at the time of a scrape: queue, uploads, gallery, files, process.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::http::state::App;
use crate::process::ProcessStats;
use crate::service::attendance::webhooks::DeliveryStatus;
use crate::service::file_status::FileStatus;
use crate::service::metrics::PREFIX;
use crate::service::status::Status;

/// Labels of a metric with `N` of them.
type Labels<const N: usize> = [(&'static str, &'static str); N];

/// The state of the service and of its process.
pub(super) fn registry(app: &App) -> Registry {
    let mut all = Registry::default();
    let own = all.sub_registry_with_prefix(PREFIX);
    let status = app.service.status();
    about(own, &status);
    work(own, app, &status);
    data(own, app, &status);
    access(own, app);
    access_log(own, &status);
    attendance(own, app);
    if let Some(stats) = ProcessStats::read() {
        process(&mut all, &stats);
    }
    all
}

fn about(to: &mut Registry, status: &Status) {
    let model = Info::new([("model", status.model.clone())]);
    to.register("model", "Face embedder of the gallery in use", model);
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    to.register("build", "Version of the program", build);
}

fn work(to: &mut Registry, app: &App, status: &Status) {
    gauge(to, "queue_depth", "Photos waiting for a worker", status.waiting);
    gauge(to, "queue_limit", "Maximum of photos waiting for a worker", app.config.queue);
    gauge(to, "jobs_running", "Jobs running on worker threads", status.running);
    gauge(to, "workers", "Worker threads", app.config.workers.get());
    let budget = &app.uploads.budget;
    gauge(to, "upload_held_bytes", "Bytes of uploads in memory", budget.held_bytes());
    let refused = [
        ([("reason", "queue_full")], status.refused),
        ([("reason", "upload_memory")], budget.refused()),
        ([("reason", "client_share")], app.uploads.shares.refused() + budget.refused_to_clients()),
        ([("reason", "timeout")], app.metrics.timeouts()),
    ];
    counters(to, "requests_refused", "Requests rejected with 503, by reason", refused);
}

fn data(to: &mut Registry, app: &App, status: &Status) {
    gauge(to, "gallery_people", "Enrolled people", status.people);
    gauge(to, "gallery_photos", "Enrolled photos of all people", status.photos);
    gauge(to, "roster_entries", "Names in the roster", status.roster_entries);
    let mut files: Vec<FileStatus> = status.files.to_vec();
    files.extend(app.access.keys_status());
    let reloads = files.iter().flat_map(|file| {
        let labels = |outcome| [("file", file.name), ("outcome", outcome)];
        [(labels("ok"), file.reloads_ok), (labels("failed"), file.reloads_failed)]
    });
    counters(to, "reloads", "Reloads of changed files, by outcome", reloads);
    let broken = Family::<Labels<1>, Gauge<u64, AtomicU64>>::default();
    for file in &files {
        broken.get_or_create(&[("file", file.name)]).set(u64::from(file.error().is_some()));
    }
    broken.get_or_create(&[("file", "thumbnails")]).set(u64::from(status.thumbnails_error.is_some()));
    to.register(
        "file_broken",
        "1 while a file is broken or missing and its previous content is in use, or thumbnails of deleted photos can't be removed",
        broken,
    );
}

fn access(to: &mut Registry, app: &App) {
    let refused = app.access.refused().map(|(reason, count)| ([("reason", reason)], count));
    counters(to, "access_refused", "Requests rejected with 401 or 403, by reason", refused);
}

fn access_log(to: &mut Registry, status: &Status) {
    let log = status.access_log.as_ref();
    let broken = u64::from(log.is_some_and(|log| log.error.is_some()));
    gauge(to, "access_log_broken", "1 while the access log can't be written", broken);
    counters(
        to,
        "access_log_lost",
        "Entries of the access log that were lost",
        [([], log.map_or(0, |log| log.lost))],
    );
}

/// Zeros where the database can't be read: what else there is to tell is told.
fn attendance(to: &mut Registry, app: &App) {
    let DeliveryStatus { outbox, totals, photos_lost } = app.service.delivery_status().unwrap_or_default();
    gauge(to, "attendance_messages_pending", "Messages that wait for their receivers", outbox.pending);
    gauge(to, "attendance_messages_dead", "Messages given up on", outbox.dead);
    let deliveries = [
        ([("outcome", "delivered")], totals.delivered),
        ([("outcome", "retried")], totals.retried),
        ([("outcome", "dead")], totals.dead),
    ];
    counters(to, "attendance_deliveries", "Deliveries of messages, by outcome", deliveries);
    counters(
        to,
        "attendance_photos_lost",
        "Photos of the old endpoint that were not recorded, since the queue was full",
        [([], photos_lost)],
    );
}

/// Under the names of Prometheus's client libraries.
fn process(to: &mut Registry, stats: &ProcessStats) {
    let memory = "Resident memory size, bytes";
    gauge(to, "process_resident_memory_bytes", memory, stats.resident_bytes);
    gauge(to, "process_open_fds", "Open file descriptors", stats.open_fds);
    if let Some(max_fds) = stats.max_fds {
        gauge(to, "process_max_fds", "Maximum of open file descriptors", max_fds);
    }
    let seconds = |value| {
        let gauge = Gauge::<f64, AtomicU64>::default();
        gauge.set(value);
        gauge
    };
    let start = "Start time of the process, seconds since the Unix epoch";
    to.register("process_start_time_seconds", start, seconds(stats.start_time_s));
    let cpu = Counter::<f64, AtomicU64>::default();
    cpu.inc_by(stats.cpu_s);
    to.register("process_cpu_seconds", "CPU time of the process, user and system, seconds", cpu);
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
