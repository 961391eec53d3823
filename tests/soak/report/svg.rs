//! The graph of a run: memory above; latency and requests below.

use std::fmt::Write;

use super::Sample;
use super::memory::WARM_UP;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 660.0;
/// Left and right edge of the panels.
const LEFT: f64 = 70.0;
const RIGHT: f64 = WIDTH - 70.0;
/// Longer runs have their axis in minutes, shorter ones in seconds.
const MINUTES_FROM_S: f64 = 180.0;

/// In the dark where the reader's system is; the first rules are for readers that know no such thing.
const STYLE: &str = "
  text { font: 13px system-ui, 'DejaVu Sans', sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .back { fill: #ffffff } .warm-up { fill: #f0f2f5 }
  .grid { stroke: #d8dee4 } .frame { stroke: #8c959f; fill: none }
  path { fill: none; stroke-width: 1.8; stroke-linejoin: round }
  .blue { stroke: #0969da } .grey { stroke: #8c959f } .orange { stroke: #bc4c00 } .green { stroke: #1a7f37 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .back { fill: #0d1117 } .warm-up { fill: #1b2129 }
    .grid { stroke: #2d333b } .frame { stroke: #6e7681 }
    .blue { stroke: #58a6ff } .grey { stroke: #8b949e } .orange { stroke: #f0883e } .green { stroke: #3fb950 }
  }
";

/// A curve: its name, its colour's class, and its value of a sample, where that has one.
struct Curve {
    name: &'static str,
    colour: &'static str,
    value: fn(&Sample) -> Option<f64>,
}

const MEMORY: [Curve; 2] = [
    Curve { name: "resident", colour: "blue", value: |s| Some(s.process?.memory_mib) },
    Curve { name: "peak so far", colour: "grey", value: |s| Some(s.process?.peak_mib) },
];
const LATENCY: [Curve; 2] = [
    Curve { name: "group photo p50", colour: "blue", value: |s| Some(s.latency?.p50_ms) },
    Curve { name: "group photo p95", colour: "orange", value: |s| Some(s.latency?.p95_ms) },
];
const REQUESTS: [Curve; 1] =
    [Curve { name: "requests/s (right)", colour: "green", value: |s| Some(s.requests_per_second()) }];

/// The whole file. `title` is plain text without markup.
pub(crate) fn graph(title: &str, samples: &[Sample]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"{title}\">\n<style>{STYLE}</style>\n<rect class=\"back\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n"
    );
    text(&mut svg, LEFT, 30.0, "start", "title", title);
    let time = TimeAxis::of(samples);
    let memory = Panel { top: 80.0, bottom: 320.0, time: &time, samples };
    memory.draw(&mut svg, "memory, MiB", &MEMORY, None);
    let load = Panel { top: 390.0, bottom: 600.0, time: &time, samples };
    load.draw(&mut svg, "latency, ms", &LATENCY, Some(("requests/s", &REQUESTS)));
    let middle = f64::midpoint(LEFT, RIGHT);
    text(&mut svg, middle, HEIGHT - 15.0, "middle", "", &format!("time, {}", time.unit));
    svg + "</svg>\n"
}

/// From 0 to `end`, with a mark each `step`.
struct Scale {
    end: f64,
    step: f64,
}

impl Scale {
    /// At most six steps of 1, 2 or 5 times a power of ten, as far as the values reach.
    fn up_to(largest: f64) -> Self {
        let largest = if largest > 0.0 { largest } else { 1.0 };
        let power = 10_f64.powf((largest / 6.0).log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = steps.into_iter().find(|step| largest / step <= 6.0).unwrap_or(10.0 * power);
        Self { end: (largest / step).ceil() * step, step }
    }

    fn marks(&self) -> impl Iterator<Item = f64> {
        let step = self.step;
        (0..=(self.end / step).round() as u32).map(move |mark| f64::from(mark) * step)
    }

    fn label(&self, mark: f64) -> String {
        let decimals = (-self.step.log10().floor()).max(0.0) as usize;
        format!("{mark:.decimals$}")
    }
}

/// The time, along both panels.
struct TimeAxis {
    unit: &'static str,
    seconds_a_unit: f64,
    /// The end of the run, in units.
    end: f64,
    scale: Scale,
}

impl TimeAxis {
    fn of(samples: &[Sample]) -> Self {
        let end_s = samples.last().map_or(1.0, |sample| sample.at_s);
        let (unit, seconds_a_unit) = if end_s >= MINUTES_FROM_S { ("min", 60.0) } else { ("s", 1.0) };
        let end = end_s / seconds_a_unit;
        Self { unit, seconds_a_unit, end, scale: Scale::up_to(end) }
    }

    /// Where a time of the run is, 0 to `end` units.
    fn x(&self, units: f64) -> f64 {
        LEFT + units / self.end * (RIGHT - LEFT)
    }
}

/// One of the two parts of the graph.
struct Panel<'a> {
    top: f64,
    bottom: f64,
    time: &'a TimeAxis,
    samples: &'a [Sample],
}

impl Panel<'_> {
    /// Frame, marks and curves; those of `right` have an axis of their own, on the right.
    fn draw(&self, svg: &mut String, unit: &str, curves: &[Curve], right: Option<(&str, &[Curve])>) {
        let Self { top, bottom, .. } = self;
        let (warm_up, height) = (self.time.x(WARM_UP * self.time.end) - LEFT, bottom - top);
        line(
            svg,
            &format!(
                "<rect class=\"warm-up\" x=\"{LEFT}\" y=\"{top}\" width=\"{warm_up:.1}\" height=\"{height}\"/>"
            ),
        );
        text(svg, LEFT + 8.0, top + 18.0, "start", "", "warm-up");
        self.draw_time(svg);
        let scale = self.scale(curves);
        for mark in scale.marks() {
            let y = self.y(&scale, mark);
            line(
                svg,
                &format!("<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"),
            );
            text(svg, LEFT - 8.0, y + 4.5, "end", "", &scale.label(mark));
        }
        text(svg, LEFT - 50.0, top - 14.0, "start", "", unit);
        let mut legend = LEFT + 110.0;
        self.draw_curves(svg, &scale, curves, &mut legend);
        if let Some((unit, curves)) = right {
            let scale = self.scale(curves);
            for mark in scale.marks() {
                text(svg, RIGHT + 8.0, self.y(&scale, mark) + 4.5, "start", "", &scale.label(mark));
            }
            text(svg, RIGHT + 60.0, top - 14.0, "end", "", unit);
            self.draw_curves(svg, &scale, curves, &mut legend);
        }
        let width = RIGHT - LEFT;
        line(
            svg,
            &format!(
                "<rect class=\"frame\" x=\"{LEFT}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>"
            ),
        );
    }

    fn draw_time(&self, svg: &mut String) {
        let Self { top, bottom, time, .. } = self;
        for mark in time.scale.marks().filter(|mark| *mark <= time.end) {
            let x = time.x(mark);
            line(
                svg,
                &format!("<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>"),
            );
            text(svg, x, bottom + 18.0, "middle", "", &time.scale.label(mark));
        }
    }

    fn scale(&self, curves: &[Curve]) -> Scale {
        let values = curves.iter().flat_map(|curve| self.samples.iter().filter_map(curve.value));
        Scale::up_to(values.fold(0.0, f64::max))
    }

    fn y(&self, scale: &Scale, value: f64) -> f64 {
        self.bottom - value / scale.end * (self.bottom - self.top)
    }

    /// The curves, and their names in a line above the panel from `legend` on.
    fn draw_curves(&self, svg: &mut String, scale: &Scale, curves: &[Curve], legend: &mut f64) {
        for Curve { name, colour, value } in curves {
            let points = self.samples.iter().filter_map(|sample| {
                let x = self.time.x(sample.at_s / self.time.seconds_a_unit);
                Some(format!("{x:.1},{:.1}", self.y(scale, value(sample)?)))
            });
            let points: Vec<String> = points.collect();
            if !points.is_empty() {
                line(svg, &format!("<path class=\"{colour}\" d=\"M{}\"/>", points.join(" L")));
            }
            let y = self.top - 18.5;
            line(svg, &format!("<path class=\"{colour}\" d=\"M{:.1},{y} h24\"/>", *legend));
            text(svg, *legend + 30.0, y + 4.5, "start", "", name);
            *legend += 60.0 + 7.2 * name.len() as f64;
        }
    }
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, class: &str, content: &str) {
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    line(svg, &format!("<text{class} x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{content}</text>"));
}

fn line(svg: &mut String, element: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(svg, "{element}");
}
