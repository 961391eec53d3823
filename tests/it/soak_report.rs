//! What the soak driver (`tests/soak`) tells of a run.

#[path = "../soak/report/mod.rs"]
mod report;

use report::figures::{mean, median, percentile, slope};
use report::memory::{Memory, SHORTEST_JUDGED_S};
use report::{HEADING, Latency, Process, Sample, csv, row, svg};

/// A sample each 10 seconds, with the memory that `memory_mib` says.
fn run(seconds: u32, memory_mib: impl Fn(f64) -> f64) -> Vec<Sample> {
    let sample = |number: u32| {
        let at_s = f64::from(number) * 10.0;
        let memory_mib = memory_mib(at_s);
        let process = Process { memory_mib, peak_mib: memory_mib + 50.0, threads: 9, open_files: 12 };
        let latency = Latency { p50_ms: 80.0, p95_ms: 120.0 };
        let (process, latency) = (Some(process), Some(latency));
        Sample { at_s, seconds: 10.0, process, requests: 250, busy: 1, errors: 0, latency }
    };
    (1..=seconds / 10).map(sample).collect()
}

#[test]
fn statistics_of_a_few_numbers() {
    assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
    assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), Some(2.5));
    assert_eq!(mean([1.0, 2.0, 6.0].into_iter()), Some(3.0));
    assert_eq!((median(std::iter::empty()), mean(std::iter::empty())), (None, None));
    let twenty: Vec<f64> = (1..=20).map(f64::from).collect();
    assert_eq!((percentile(&twenty, 50), percentile(&twenty, 95)), (Some(10.0), Some(19.0)));
    assert_eq!((percentile(&twenty[..1], 95), percentile(&[], 50)), (Some(1.0), None));
    assert_eq!(slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]), Some(2.0));
    assert_eq!((slope(&[(1.0, 1.0), (1.0, 3.0)]), slope(&[])), (None, None));
    assert_eq!(Latency::of(vec![30.0, 10.0, 20.0]), Some(Latency { p50_ms: 20.0, p95_ms: 30.0 }));
    assert_eq!(Latency::of(Vec::new()), None);
}

#[test]
fn memory_that_grows_is_no_flat_memory() {
    let judged = SHORTEST_JUDGED_S as u32;
    // What happens in the warm-up does not count.
    let flat = Memory::of(&run(judged, |at| if at < 100.0 { 50.0 } else { 200.0 })).unwrap();
    assert_eq!((flat.warm_mib, flat.end_mib, flat.peak_mib), (200.0, 200.0, 250.0));
    assert!(flat.is_flat() && !flat.is_fault() && flat.trend_percent.abs() < 1e-9, "{flat:?}");
    assert!(flat.to_string().ends_with("verdict: flat within 5 %"), "{flat}");

    // 10 % in all: 6 % between the middles of the parts that are compared.
    let grows = |at: f64| 200.0 + 20.0 * at / f64::from(judged);
    let grown = Memory::of(&run(judged, grows)).unwrap();
    assert!((5.0..7.0).contains(&grown.change_percent()), "{grown:?}");
    assert!((7.0..8.0).contains(&grown.trend_percent), "8 % of the time after the warm-up's: {grown:?}");
    assert!(grown.is_fault() && grown.to_string().ends_with("verdict: not flat within 5 %"), "{grown}");
    let shrunk = Memory::of(&run(judged, |at| 400.0 - grows(at))).unwrap();
    assert!(shrunk.change_percent() < -5.0 && shrunk.is_fault(), "{shrunk:?}");

    let short = Memory::of(&run(judged - 10, grows)).unwrap();
    assert!(!short.is_flat() && !short.is_fault(), "{short:?}");
    assert!(short.to_string().contains("verdict: too short to judge memory"), "{short}");
    assert_eq!(Memory::of(&[]), None);
    assert_eq!(Memory::of(&[Sample { at_s: 1.0, ..Sample::default() }]), None);
}

#[test]
fn tables_hold_what_was_measured_and_say_where_nothing_was() {
    let mut samples = run(80, |_| 123.4);
    samples.push(Sample { at_s: 90.0, seconds: 10.0, ..Sample::default() });
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        words(&row(&samples[7])),
        ["1:20", "123.4", "173.4", "9", "12", "25.0", "80", "120", "1", "0"]
    );
    assert_eq!(words(&row(&samples[8])), ["1:30", "-", "-", "-", "-", "0.0", "-", "-", "0", "0"]);
    let width = HEADING.lines().next().unwrap().len();
    assert!(samples.iter().all(|sample| row(sample).len() == width), "columns stand under their names");
    let csv = csv(&samples);
    let lines: Vec<&str> = csv.lines().collect();
    let columns = lines[0].split(',').count();
    assert!(lines.iter().all(|line| line.split(',').count() == columns), "{csv}");
    assert_eq!(lines[8], "80.0,10.0,123.40,173.40,9,12,250,25.00,80.0,120.0,1,0");
    assert_eq!(lines[9], "90.0,10.0,,,,,0,0.00,,,0,0");
}

#[test]
fn the_graph_has_both_panels_with_units_and_every_point_in_its_frame() {
    for (seconds, unit) in [(100, "time, s"), (3600, "time, min")] {
        let graph = svg::graph("a title", &run(seconds, |at| 100.0 + at / 100.0));
        for part in
            ["a title", "memory, MiB", "latency, ms", "requests/s", unit, "prefers-color-scheme: dark"]
        {
            assert!(graph.contains(part), "{part:?} is missing in {graph}");
        }
        let curves: Vec<&str> = graph.lines().filter(|line| line.contains(" L")).collect();
        assert_eq!(curves.len(), 5);
        for curve in curves {
            let points = curve.split("d=\"M").nth(1).unwrap().trim_end_matches("\"/>");
            let points: Vec<(f64, f64)> = points.split(" L").map(point).collect();
            assert_eq!(points.len(), seconds as usize / 10);
            let inside = |(x, y): &(f64, f64)| (70.0..=890.0).contains(x) && (80.0..=600.0).contains(y);
            assert!(points.iter().all(inside), "{curve}");
            assert_eq!(points.last().unwrap().0, 890.0, "the last sample is at the right edge");
        }
    }
    assert!(svg::graph("nothing", &[]).trim_end().ends_with("</svg>"));
}

fn point(text: &str) -> (f64, f64) {
    let (x, y) = text.split_once(',').unwrap();
    (x.parse().unwrap(), y.parse().unwrap())
}
