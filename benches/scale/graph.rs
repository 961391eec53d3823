//! docs/scale.csv as a picture: a panel for each figure, both axes logarithmic, a line for each store.

use std::fmt::Write;

const WIDTH: f64 = 990.0;
const PANEL: (f64, f64) = (400.0, 180.0);
/// Between panels and around them.
const LEFT: f64 = 70.0;
const TOP: f64 = 80.0;
const PITCH: (f64, f64) = (460.0, 270.0);
/// Both ends of the axis of embeddings, as powers of ten.
const SIZES: (f64, f64) = (3.0, 6.0);

/// In the dark where the reader's system is.
const STYLE: &str = "
  text { font: 13px system-ui, 'DejaVu Sans', sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 } .back { fill: #ffffff } .grid { stroke: #d8dee4 } .frame { stroke: #8c959f; fill: none }
  polyline { fill: none; stroke-width: 1.8 } .file { stroke: #bc4c00 } .database { stroke: #0969da } .goal { stroke: #1a7f37; stroke-dasharray: 5 4 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .back { fill: #0d1117 } .grid { stroke: #2d333b } .frame { stroke: #6e7681 }
    .file { stroke: #f0883e } .database { stroke: #58a6ff } .goal { stroke: #3fb950 }
  }
";

/// A figure: its title, its column, the ends of its axis as powers of ten, and the goal at a million.
struct Figure {
    title: &'static str,
    column: &'static str,
    ends: (f64, f64),
    goal: f64,
}

const FIGURES: [Figure; 6] = [
    Figure { title: "start, s", column: "start_s", ends: (-3.0, 2.0), goal: 15.0 },
    Figure {
        title: "memory, bytes an embedding",
        column: "bytes_an_embedding",
        ends: (3.0, 5.0),
        goal: 2200.0,
    },
    Figure { title: "search by templates, ms", column: "search_rate_ms", ends: (-2.0, 2.0), goal: 60.0 },
    Figure {
        title: "search by nearest photo, ms",
        column: "search_distance_ms",
        ends: (-2.0, 2.0),
        goal: 60.0,
    },
    Figure {
        title: "enrolment while recognising, p95, ms",
        column: "enrol_p95_ms",
        ends: (0.0, 5.0),
        goal: 50.0,
    },
    Figure { title: "changes a second", column: "changes_a_second", ends: (-1.0, 4.0), goal: 100.0 },
];

/// The whole file.
pub(crate) fn draw(csv: &str) -> String {
    let height = TOP + 3.0 * PITCH.1;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"From a thousand to a million embeddings\">\n<style>{STYLE}</style>\n\
         <rect class=\"back\" width=\"{WIDTH}\" height=\"{height}\"/>\n\
         <text class=\"title\" x=\"{LEFT}\" y=\"30\">Embeddings, 20 a person</text>\n"
    );
    for (at, (name, class)) in
        [("file", "file"), ("PostgreSQL", "database"), ("goal at a million", "goal")].iter().enumerate()
    {
        let x = 560.0 + 120.0 * at as f64;
        let _ = writeln!(
            svg,
            "<polyline class=\"{class}\" points=\"{:.0},26 {:.0},26\"/><text x=\"{x:.0}\" y=\"30\">{name}</text>",
            x - 30.0,
            x - 6.0
        );
    }
    for (at, figure) in FIGURES.iter().enumerate() {
        let corner = (LEFT + PITCH.0 * (at % 2) as f64, TOP + PITCH.1 * (at / 2) as f64);
        figure.draw(&mut svg, corner, csv);
    }
    svg.push_str("</svg>\n");
    svg
}

impl Figure {
    fn draw(&self, svg: &mut String, (left, top): (f64, f64), csv: &str) {
        let (width, height) = PANEL;
        let x = |power: f64| left + (power - SIZES.0) / (SIZES.1 - SIZES.0) * width;
        let y = |power: f64| top + (self.ends.1 - power) / (self.ends.1 - self.ends.0) * height;
        // Writing to a string does not fail.
        let _ = writeln!(svg, "<text x=\"{left}\" y=\"{}\">{}</text>", top - 10.0, self.title);
        for power in self.ends.0 as i32..=self.ends.1 as i32 {
            let (at, label) = (y(f64::from(power)), 10_f64.powi(power));
            let _ = writeln!(
                svg,
                "<path class=\"grid\" d=\"M{left} {at:.1}h{width}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                left - 6.0,
                at + 4.0
            );
        }
        for (power, label) in [(3.0, "1,000"), (4.0, "10,000"), (5.0, "100,000"), (6.0, "1,000,000")] {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
                x(power),
                top + height + 18.0
            );
        }
        let _ = writeln!(
            svg,
            "<rect class=\"frame\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>"
        );
        let goal = y(self.goal.log10());
        let _ = writeln!(
            svg,
            "<polyline class=\"goal\" points=\"{left},{goal:.1} {},{goal:.1}\"/>",
            left + width
        );
        for store in ["file", "database"] {
            let point = |(size, value): (f64, f64)| format!("{:.1},{:.1}", x(size.log10()), y(value.log10()));
            let points: Vec<String> = values(csv, store, self.column).into_iter().map(point).collect();
            let _ = writeln!(svg, "<polyline class=\"{store}\" points=\"{}\"/>", points.join(" "));
        }
    }
}

/// Sizes and values of a store in a column.
fn values(csv: &str, store: &str, column: &str) -> Vec<(f64, f64)> {
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let heading = lines.next().unwrap_or_default();
    let at = |name: &str| heading.iter().position(|own| *own == name);
    let (Some(size), Some(value)) = (at("embeddings"), at(column)) else { return Vec::new() };
    let number = |text: Option<&&str>| text.and_then(|text| text.parse().ok());
    lines
        .filter(|line| line.first() == Some(&store))
        .filter_map(|line| Some((number(line.get(size))?, number(line.get(value))?)))
        .collect()
}
