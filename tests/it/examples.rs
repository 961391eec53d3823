//! `examples/`, held against the program as far as that goes without the programs they are for: settings, flags, paths,
//! limits, timeouts and names of metrics.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use clap::CommandFactory;
use facerec::cli::Cli;
use facerec::config::{Config, DatabaseParams};
use facerec::postgres::Database;
use serde_json::Value;

use crate::support::app::{Form, Service, config};
use crate::support::exposition::Exposition;
use crate::support::postgres::params;
use crate::support::{photo, repository_file as read};

/// Suffixes of a histogram's series.
const HISTOGRAM: [&str; 3] = ["_bucket", "_sum", "_count"];
/// Labels that Prometheus adds or that histograms have.
const OTHER_LABELS: [&str; 2] = ["job", "le"];

/// What follows `key` in the lines of `text` that begin with it, indented or not.
fn values<'a>(text: &'a str, key: &'a str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.trim_start().strip_prefix(key)).map(str::trim).collect()
}

/// The only value of `key`.
fn value<'a>(text: &'a str, key: &'a str) -> &'a str {
    let found = values(text, key);
    let [value] = found[..] else { panic!("expected one {key:?}, found {}", found.len()) };
    value
}

/// The settings of the service with the defaults and two workers.
fn defaults() -> Config {
    config(Path::new("data"), &["--workers", "2"])
}

/// Every environment variable of every command, and those that logging reads.
fn variables() -> BTreeSet<String> {
    fn collect(command: &clap::Command, found: &mut BTreeSet<String>) {
        let own = command.get_arguments().filter_map(|arg| arg.get_env());
        found.extend(own.map(|name| name.to_str().unwrap().to_owned()));
        command.get_subcommands().for_each(|command| collect(command, found));
    }
    let mut found = BTreeSet::from(["FACEREC_LOG".to_owned()]);
    collect(&Cli::command(), &mut found);
    found
}

/// Words of `[A-Za-z0-9_]` that begin with one of `prefixes`.
fn words<'a>(text: &'a str, prefixes: &'a [&'a str]) -> BTreeSet<&'a str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| prefixes.iter().any(|prefix| word.starts_with(prefix) && word != prefix)).collect()
}

/// What a service says that has looked at a photo and been asked for what is not there.
fn exposition() -> Exposition {
    let service = Service::empty(&[]);
    service.post_form("/recognize_faces", Form::new().file("file", "a.jpg", &photo("obama.jpg"))).expect(200);
    service.get("/nothing").expect(404);
    Exposition::parse(service.get("/metrics").expect(200).as_str().unwrap())
}

/// Holds the names of metrics in `text` against those of the service.
fn check_metrics(metrics: &Exposition, name: &str, text: &str) {
    let families = metrics.families();
    let used = words(text, &["facerec_", "process_"]);
    assert!(!used.is_empty(), "{name}: no metric was found");
    for metric in used {
        let of_histogram = HISTOGRAM.iter().filter_map(|suffix| metric.strip_suffix(suffix));
        let known = families.get(metric).is_some_and(|kind| *kind != "histogram")
            || of_histogram.into_iter().any(|family| families.get(family) == Some(&"histogram"))
            // Prose may name a histogram as a whole.
            || (name.starts_with("docs/") && families.contains_key(metric));
        assert!(known, "{name}: the service has no metric {metric}; it has {:?}", families.keys());
    }
}

/// The labels that a query or a legend names: in `{a="b"}`, `by (a, b)` and `{{a}}`.
fn labels(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for operator in ["=~\"", "!=\"", "!~\"", "=\""] {
        for (at, _) in text.match_indices(operator) {
            let before = &text[..at];
            let start = before.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_').map_or(0, |at| at + 1);
            found.insert(before[start..].to_owned());
        }
    }
    for rest in text.split("by (").skip(1) {
        found.extend(rest.split(')').next().unwrap().split(',').map(|label| label.trim().to_owned()));
    }
    for rest in text.split("{{").skip(1) {
        let label = rest.split("}}").next().unwrap().trim();
        found.extend(
            label.strip_prefix("$labels.").or((!label.starts_with('$')).then_some(label)).map(str::to_owned),
        );
    }
    found.remove("");
    found
}

fn check_labels(metrics: &Exposition, name: &str, text: &str) {
    for label in labels(text).iter().filter(|label| !OTHER_LABELS.contains(&label.as_str())) {
        assert!(!metrics.label_values(label).is_empty(), "{name}: no metric has the label {label}: {text}");
    }
}

#[test]
fn the_dashboard_shows_metrics_that_the_service_has() {
    let name = "examples/grafana-dashboard.json";
    let dashboard: Value = serde_json::from_str(&read(name)).unwrap();
    let metrics = exposition();
    let mut ids = BTreeSet::new();
    let mut expressions = 0;
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "the id of {} comes twice", panel["title"]);
        for target in panel["targets"].as_array().into_iter().flatten() {
            expressions += 1;
            let (expression, legend) =
                (target["expr"].as_str().unwrap(), target["legendFormat"].as_str().unwrap());
            check_metrics(&metrics, name, expression);
            check_labels(&metrics, name, expression);
            check_labels(&metrics, name, legend);
            let open = |c| expression.matches(c).count();
            assert_eq!((open('('), open('{'), open('[')), (open(')'), open('}'), open(']')), "{expression}");
        }
    }
    assert!(expressions > 25, "only {expressions} expressions were found");
    let shown = dashboard.to_string();
    for metric in metrics.families().keys().filter(|metric| metric.starts_with("facerec_")) {
        assert!(shown.contains(metric), "the dashboard does not show {metric}");
    }
}

#[test]
fn scraping_and_alerts_name_what_the_service_has() {
    let metrics = exposition();
    for name in ["examples/prometheus-alerts.yml", "docs/operations.md"] {
        check_metrics(&metrics, name, &read(name));
    }
    let alerts = read("examples/prometheus-alerts.yml");
    let expressions = values(&alerts, "expr: ");
    assert_eq!(expressions.len(), values(&alerts, "- alert: ").len());
    for expression in expressions.into_iter().chain(values(&alerts, "summary: ")) {
        check_labels(&metrics, "examples/prometheus-alerts.yml", expression);
    }
    let scrape = read("examples/prometheus.yml");
    assert_eq!(value(&scrape, "metrics_path: "), "/metrics");
    assert_eq!(value(&scrape, "- targets: "), format!("[\"localhost:{}\"]", defaults().port));
    assert_eq!(value(&scrape, "- prometheus"), "-alerts.yml", "the file of rules is the one beside it");
}

#[test]
fn routes_in_queries_are_routes_of_the_service() {
    let api = Service::empty(&[]).get("/openapi.json").expect(200);
    let text =
        read("examples/prometheus-alerts.yml") + &read("examples/grafana-dashboard.json").replace('\\', "");
    let mut count = 0;
    for rest in text.split("route=~\"").skip(1) {
        for route in rest.split('"').next().unwrap().split('|') {
            count += 1;
            assert!(api["paths"].get(route).is_some(), "{route} is no route");
        }
    }
    assert!(count >= 2, "{count}");
}

#[test]
fn compose_fits_the_image_and_the_settings() {
    let (compose, dockerfile) = (read("examples/compose.yaml"), read("Dockerfile"));
    let known = variables();
    for variable in words(&compose, &["FACEREC_"]) {
        assert!(known.contains(variable), "compose.yaml: {variable} is no setting");
    }
    let instruction = |name: &str| value(&dockerfile, name).to_owned();
    assert_eq!(value(&compose, "user: "), format!("{:?}", instruction("USER ")));
    assert_eq!(value(&compose, "- ./data:"), instruction("VOLUME "));
    let port = instruction("EXPOSE ");
    assert_eq!(value(&compose, "- \"127.0.0.1:").split('"').next(), Some(&*format!("{port}:{port}")));
    assert_eq!(port, defaults().port.to_string());
    assert_eq!(value(&compose, "command: "), instruction("CMD "));
    let program = instruction("ENTRYPOINT ");
    let program = program.trim_matches(['[', ']']).trim_matches('"');
    assert!(compose.contains(&format!("exec facerec {program} models install")), "{program}");
    let features = value(&compose, "FEATURES: ").split_whitespace().next().unwrap();
    assert!(dockerfile.contains(&format!("ARG FEATURES={features}\n")), "{features}");
    assert!(read("Cargo.toml").contains(&format!("\n{features} = [")), "{features} is no feature");
    let grace = value(&compose, "stop_grace_period: ").split('s').next().unwrap();
    assert!(Duration::from_secs(grace.parse().unwrap()) > defaults().timeouts.drain, "{grace}");
}

/// Seconds of the only value of `key`, which ends with `end`.
fn seconds(text: &str, key: &str, end: char) -> Duration {
    Duration::from_secs(value(text, key).split(end).next().unwrap().trim().parse().unwrap())
}

#[test]
fn replicas_share_a_database_with_settings_that_the_service_has() {
    let [compose, kubernetes] = ["examples/compose-replicas.yaml", "examples/kubernetes.yaml"].map(read);
    let (known, drain) = (variables(), defaults().timeouts.drain);
    for text in [&compose, &kubernetes] {
        for variable in words(text, &["FACEREC_"]) {
            assert!(known.contains(variable), "{variable} is no setting");
        }
        let url = text.split_once("postgres://").unwrap().1.split(['"', '\n']).next().unwrap();
        let names_ca = text.contains("FACEREC_DATABASE_CA_FILE");
        let ca_file = names_ca.then(|| crate::support::tls::file("first.pem"));
        let params = DatabaseParams { ca_file, ..params(&format!("postgres://{url}")) };
        assert!(Database::new(&params).unwrap().shown().ends_with("/facerec"), "{url}");
    }
    assert!(seconds(&compose, "stop_grace_period: 3", 's') + Duration::from_secs(30) > drain);
    assert!(seconds(&kubernetes, "terminationGracePeriodSeconds: ", '#') > drain + Duration::from_secs(5));
    let api = Service::empty(&[]).get("/openapi.json").expect(200);
    for path in values(&kubernetes, "httpGet: {path: ") {
        assert!(api["paths"].get(path.split(',').next().unwrap()).is_some(), "{path} is no route");
    }
}

#[test]
fn the_proxy_of_replicas_lets_through_what_they_accept() {
    let (proxy, config) = (read("examples/nginx-replicas.conf"), defaults());
    let size: u64 = value(&proxy, "client_max_body_size ").strip_suffix("m;").unwrap().parse().unwrap();
    assert!(size << 20 >= config.max_enrollment_bytes() + (512 << 10));
    for timeout in ["proxy_read_timeout ", "proxy_send_timeout "] {
        assert!(seconds(&proxy, timeout, 's') > config.request_timeout, "{timeout}");
    }
    assert!(seconds(&proxy, "client_body_timeout ", 's') > config.timeouts.body_idle);
    let compose = read("examples/compose-replicas.yaml");
    for server in values(&proxy, "server facerec-") {
        let (replica, port) = server.split(' ').next().unwrap().split_once(':').unwrap();
        assert!(compose.contains(&format!("\n  facerec-{replica}: *facerec\n")), "{replica}");
        assert_eq!(port, config.port.to_string());
    }
}

#[test]
fn the_unit_starts_the_service_with_flags_it_has_and_stops_it_late_enough() {
    let unit = read("examples/facerec.service");
    let start: Vec<&str> = value(&unit, "ExecStart=").split_whitespace().collect();
    let matches = Cli::command().try_get_matches_from(&start).unwrap();
    let (command, serve) = matches.subcommand().unwrap();
    assert_eq!(command, "serve");
    let flag = |name: &str| serve.get_raw(name).unwrap().next().unwrap().to_str().unwrap().to_owned();
    assert_eq!(flag("data"), format!("/var/lib/{}", value(&unit, "StateDirectory=")));
    // What the steps in the head of the file install is what the unit uses.
    let head: String = unit.lines().take_while(|line| line.starts_with('#')).collect();
    for used in [start[0], &flag("api_keys_file"), "/etc/systemd/system/", "--home-dir /var/lib/facerec"] {
        assert!(head.contains(used), "{used} is not installed");
    }
    let stop: u64 = value(&unit, "TimeoutStopSec=").parse().unwrap();
    assert!(Duration::from_secs(stop) > defaults().timeouts.drain);
    let files: u64 = value(&unit, "LimitNOFILE=").parse().unwrap();
    assert!(files > 1024, "fewer than the connections that the service accepts");
}

#[test]
fn the_proxy_lets_through_what_the_service_accepts() {
    /// More than the service allows the rest of a form.
    const FORM_BYTES: u64 = 512 << 10;
    let (proxy, config) = (read("examples/nginx.conf"), defaults());
    let sizes = values(&proxy, "client_max_body_size ");
    let sizes: Vec<u64> =
        sizes.iter().map(|size| size.strip_suffix("m;").unwrap().parse::<u64>().unwrap() << 20).collect();
    let needed = [config.max_upload_bytes, 2 * config.max_upload_bytes, config.max_enrollment_bytes()];
    assert_eq!(sizes.len(), needed.len());
    for (size, needed) in sizes.into_iter().zip(needed) {
        assert!(size >= needed + FORM_BYTES, "{size} bytes are less than {needed} and the rest of the form");
    }
    for timeout in ["proxy_read_timeout ", "proxy_send_timeout "] {
        let seconds: u64 = value(&proxy, timeout).strip_suffix("s;").unwrap().parse().unwrap();
        assert!(Duration::from_secs(seconds) > config.request_timeout, "{timeout}{seconds}");
    }
    let idle: u64 = value(&proxy, "client_body_timeout ").strip_suffix("s;").unwrap().parse().unwrap();
    assert!(
        Duration::from_secs(idle) > config.timeouts.body_idle,
        "the service's own 408 reaches the client"
    );
    assert_eq!(value(&proxy, "server 127.0.0.1:"), format!("{};", config.port));
    let api = Service::empty(&[]).get("/openapi.json").expect(200);
    for location in values(&proxy, "location ") {
        let path = location.trim_start_matches("= ").split(' ').next().unwrap();
        assert!(path == "/" || api["paths"].get(path).is_some(), "{path} is no route");
    }
}

#[test]
fn labels_are_found_however_a_query_names_them() {
    let names = |text: &str| labels(text).into_iter().collect::<Vec<_>>();
    assert_eq!(names(r#"sum by (le, stage) (x{job="$job",route=~"a|b"})"#), ["job", "le", "route", "stage"]);
    assert_eq!(names("{{file}} {{ $labels.reason }} {{ $value | humanize }}"), ["file", "reason"]);
    assert_eq!(names("x == 1"), Vec::<String>::new());
    assert_eq!(words("a FACEREC_X=1 FACEREC_", &["FACEREC_"]), BTreeSet::from(["FACEREC_X"]));
}
