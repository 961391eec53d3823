//! A strict reader of Prometheus's text format, version 0.0.4: what the format allows and this
//! project does not want is refused as well.

use std::collections::{BTreeMap, BTreeSet};

type LabelSet = BTreeMap<String, String>;

/// Samples of one name with their help and type.
struct Family {
    name: String,
    kind: String,
    samples: Vec<Sample>,
}

struct Sample {
    name: String,
    labels: LabelSet,
    value: f64,
}

#[derive(Default)]
struct Histogram {
    /// Upper bound and count.
    buckets: Vec<(f64, f64)>,
    sum: Option<f64>,
    count: Option<f64>,
}

/// All that a service said.
pub struct Exposition(Vec<Family>);

impl Exposition {
    /// Reads the whole text; panics on whatever is wrong with it.
    pub fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut families: Vec<Family> = Vec::new();
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a help text");
                assert!(help.len() > 5 && help.ends_with('.') && !help.ends_with(".."), "{line}");
                let kind = lines.next().and_then(|line| line.strip_prefix(&format!("# TYPE {name} ")));
                let kind = kind.unwrap_or_else(|| panic!("no type after {line}")).to_owned();
                assert!(families.iter().all(|family| family.name != name), "{name} comes twice");
                families.push(Family { name: name.to_owned(), kind, samples: Vec::new() });
            } else {
                let family = families.last_mut().expect("help and type come first");
                family.samples.push(sample(line));
            }
        }
        families.iter().for_each(Family::check);
        Self(families)
    }

    /// The value of one series; `labels` must be all of its labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let wanted: LabelSet = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let samples = self.0.iter().flat_map(|family| &family.samples);
        samples.into_iter().find(|s| s.name == name && s.labels == wanted).map(|s| s.value)
    }

    /// The values of a label in all samples.
    pub fn label_values(&self, label: &str) -> BTreeSet<String> {
        let samples = self.0.iter().flat_map(|family| &family.samples);
        samples.filter_map(|sample| sample.labels.get(label).cloned()).collect()
    }

    /// Names and types of all families.
    pub fn families(&self) -> BTreeMap<&str, &str> {
        self.0.iter().map(|family| (family.name.as_str(), family.kind.as_str())).collect()
    }
}

impl Family {
    fn check(&self) {
        let name = &self.name;
        assert!(is_name(name) && name == &name.to_lowercase(), "{name}");
        assert!(name.starts_with("facerec_") || name.starts_with("process_"), "{name}");
        let mut seen = BTreeSet::new();
        for sample in &self.samples {
            let new = seen.insert((&sample.name, &sample.labels));
            assert!(new, "{} {:?} comes twice", sample.name, sample.labels);
        }
        assert_eq!(self.kind == "counter", name.ends_with("_total"), "{name} is a {}", self.kind);
        match self.kind.as_str() {
            "counter" => {
                assert!(self.samples.iter().all(|s| s.name == *name && s.value >= 0.0), "{name}");
            }
            "gauge" => assert!(self.samples.iter().all(|s| s.name == *name), "{name}"),
            "histogram" => self.check_histogram(),
            other => panic!("{name}: {other} is no type that is used here"),
        }
    }

    fn check_histogram(&self) {
        let name = &self.name;
        assert!(name.ends_with("_seconds") || name.ends_with("_bytes"), "{name} has no unit");
        let mut series: BTreeMap<LabelSet, Histogram> = BTreeMap::new();
        for sample in &self.samples {
            let mut labels = sample.labels.clone();
            let bound = labels.remove("le").map(|bound| number(&bound));
            let Histogram { buckets, sum, count } = series.entry(labels).or_default();
            match (sample.name.strip_prefix(name.as_str()), bound) {
                (Some("_bucket"), Some(bound)) => buckets.push((bound, sample.value)),
                (Some("_sum"), None) => *sum = Some(sample.value),
                (Some("_count"), None) => *count = Some(sample.value),
                _ => panic!("{name}: {} is no part of a histogram", sample.name),
            }
        }
        for (labels, Histogram { buckets, sum, count }) in series {
            let rising = |pair: &[(f64, f64)]| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1;
            assert!(buckets.windows(2).all(rising), "{name} {labels:?}: {buckets:?}");
            assert_eq!(buckets.last().copied(), Some((f64::INFINITY, count.unwrap())), "{name} {labels:?}");
            assert!(sum.unwrap() >= 0.0 && (count != Some(0.0) || sum == Some(0.0)), "{name} {labels:?}");
        }
    }
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no value: {line:?}"));
    let (name, rest) = line.split_at(end);
    assert!(is_name(name), "{line:?}");
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest),
        None => (LabelSet::new(), rest),
    };
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no space before the value: {line:?}"));
    Sample { name: name.to_owned(), labels, value: number(value) }
}

/// The labels and what follows their closing brace.
fn labels(mut rest: &str) -> (LabelSet, &str) {
    let mut found = LabelSet::new();
    loop {
        let (name, value) = rest.split_once("=\"").expect("a label's name and value");
        assert!(is_name(name) && !name.contains(':'), "{name}");
        let mut text = String::new();
        let mut characters = value.chars();
        loop {
            match characters.next().expect("a closing quote") {
                '"' => break,
                '\\' => text.push(match characters.next() {
                    Some('n') => '\n',
                    Some(escaped @ ('\\' | '"')) => escaped,
                    other => panic!("no such escape: {other:?}"),
                }),
                character => text.push(character),
            }
        }
        assert!(found.insert(name.to_owned(), text).is_none(), "the label {name} comes twice");
        rest = characters.as_str();
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return (found, rest.strip_prefix('}').expect("a closing brace")),
        }
    }
}

fn number(text: &str) -> f64 {
    if text == "+Inf" {
        return f64::INFINITY;
    }
    let value = text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"));
    assert!(f64::is_finite(value), "{text}");
    value
}

fn is_name(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    text.starts_with(letter) && text.chars().all(|c| letter(c) || c.is_ascii_digit())
}

#[test]
fn the_reader_sees_faults() {
    let of = |kind: &str, name: &str, rest: &str| {
        format!("# HELP {name} What it is.\n# TYPE {name} {kind}\n{rest}")
    };
    let good = of("counter", "facerec_a_total", "facerec_a_total{x=\"a\\\"b\\\\\"} 1\n");
    assert_eq!(Exposition::parse(&good).value("facerec_a_total", &[("x", "a\"b\\")]), Some(1.0));
    let histogram = |buckets: &str| of("histogram", "facerec_h_seconds", buckets);
    let (sum, count) = ("facerec_h_seconds_sum 1\n", "facerec_h_seconds_count 3\n");
    let bucket = |bound: &str, value: u8| format!("facerec_h_seconds_bucket{{le=\"{bound}\"}} {value}\n");
    let whole =
        [&bucket("0.5", 1), &bucket("1.0", 3), &bucket("+Inf", 3), sum, count].map(String::from).concat();
    Exposition::parse(&histogram(&whole));
    for fault in [
        of("counter", "facerec_a", "facerec_a 1\n"),
        of("gauge", "facerec_a_total", "facerec_a_total 1\n"),
        of("gauge", "facerec_a", "facerec_b 1\n"),
        of("gauge", "facerec_a", "facerec_a 1\nfacerec_a 2\n"),
        of("gauge", "facerec_a", "facerec_a{x=\"1\" 2\n"),
        of("gauge", "facerec_a", "facerec_a NaN\n"),
        of("gauge", "facerec_a", "facerec_a 1"),
        of("info", "facerec_a", "facerec_a 1\n"),
        "facerec_a 1\n".to_owned(),
        "# HELP facerec_a What it is.\nfacerec_a 1\n".to_owned(),
        good.repeat(2),
        histogram(&whole.replace("_count 3", "_count 4")),
        histogram(&whole.replace("le=\"0.5\"} 1", "le=\"0.5\"} 4")),
        histogram(&whole.replace("le=\"0.5\"", "le=\"2\"")),
        histogram(&whole.replace(&bucket("+Inf", 3), "")),
    ] {
        assert!(std::panic::catch_unwind(|| Exposition::parse(&fault)).is_err(), "taken: {fault}");
    }
}
