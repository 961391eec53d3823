//! A DET curve as SVG, both axes logarithmic.

use std::fmt::Write;

use super::DetPoint;

/// Size of the picture, pixels.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 480.0;
/// Space for labels: left and below, right and above.
const LABELS: f64 = 70.0;
const EDGE: f64 = 30.0;
/// Both axes go from this share to 1.
const LEAST: f64 = 1e-3;
/// The labelled shares.
const TICKS: [(f64, &str); 7] = [
    (0.001, "0.1 %"),
    (0.003, "0.3 %"),
    (0.01, "1 %"),
    (0.03, "3 %"),
    (0.1, "10 %"),
    (0.3, "30 %"),
    (1.0, "100 %"),
];

/// The picture. `title` stands above the curve.
#[must_use]
pub fn render(title: &str, curve: &[DetPoint]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<title>{0}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LABELS}\" y=\"20\">{0}</text>\n",
        escape(title)
    );
    for (share, label) in TICKS {
        grid(&mut svg, share, label);
    }
    // Shares of 0 have no place on a logarithmic axis: they are drawn on its end.
    let points: Vec<String> =
        curve.iter().map(|point| format!("{:.1},{:.1}", x(point.fpir), y(point.fnir))).collect();
    let _ = write!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#0b5cad\" stroke-width=\"2\"/>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">strangers who get a name (FPIR)</text>\n\
         <text transform=\"translate(16 {}) rotate(-90)\" text-anchor=\"middle\">enrolled people missed (FNIR)</text>\n\
         </svg>\n",
        points.join(" "),
        f64::midpoint(LABELS, WIDTH - EDGE),
        HEIGHT - 20.0,
        f64::midpoint(EDGE, HEIGHT - LABELS),
    );
    svg
}

fn grid(svg: &mut String, share: f64, label: &str) {
    let (left, right, top, bottom) = (LABELS, WIDTH - EDGE, EDGE, HEIGHT - LABELS);
    let (x, y) = (x(share), y(share));
    // Writing to a string does not fail.
    let _ = write!(
        svg,
        "<path d=\"M{x:.1} {top}V{bottom}M{left} {y:.1}H{right}\" stroke=\"#ddd\" fill=\"none\"/>\n\
         <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>\n\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n",
        bottom + 18.0,
        left - 6.0,
        y + 4.0
    );
}

fn x(share: f64) -> f64 {
    LABELS + position(share) * (WIDTH - EDGE - LABELS)
}

fn y(share: f64) -> f64 {
    HEIGHT - LABELS - position(share) * (HEIGHT - LABELS - EDGE)
}

/// Where a share lies on an axis, 0 to 1.
fn position(share: f64) -> f64 {
    1.0 - share.clamp(LEAST, 1.0).log10() / LEAST.log10()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of open elements are closed in order, and attributes are quoted in pairs.
    fn assert_well_formed(svg: &str) {
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1) {
            let (tag, text) = tag.split_once('>').expect("a tag ends");
            assert!(!text.contains('>') && tag.matches('"').count() % 2 == 0, "{tag}");
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name));
            } else if !tag.ends_with('/') {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "left open: {open:?}");
    }

    #[test]
    fn the_picture_is_well_formed_and_stays_inside_its_axes() {
        let point = |fpir, fnir| DetPoint { false_name_rate: 0.01, fpir, fnir };
        let svg = render("30 < 40 & more", &[point(0.0, 1.0), point(0.01, 0.1), point(1.0, 0.0)]);
        assert_well_formed(&svg);
        assert!(svg.contains("<title>30 &lt; 40 &amp; more</title>"), "{svg}");
        assert!(svg.contains("points=\"70.0,30.0 250.0,156.7 610.0,410.0\""), "{svg}");
    }
}
