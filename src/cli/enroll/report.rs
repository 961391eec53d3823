//! The report of an enrolment: who ended without a photo, the totals, then each photo.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::{Value, json};

use crate::atomic_file;
use crate::attendance::export::{self, Cell, Table};
use crate::cli::output::{self, printable};
use crate::enroll::Outcome;
use crate::enroll::directory::{EnrollmentReport, PhotoReport};
use crate::enroll::listing::Skipped;
use crate::geometry::BBox;
use crate::presentation::reason::WireReason;

/// What became of the photos, whether they were judged here or by a service.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Everyone with a directory.
    pub(super) people: Vec<String>,
    /// Those of them who ended without a photo.
    pub(super) left_out: Vec<String>,
    /// A row a photo that was assessed.
    pub(super) rows: Vec<Row>,
    /// What was left out, hidden files apart.
    pub(super) skipped: Vec<Skipped>,
}

/// What became of a photo.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) person: String,
    pub(super) path: PathBuf,
    /// `enrolled`, `weak`, `forced` or `refused`.
    pub(super) outcome: &'static str,
    /// As the API has them.
    pub(super) reasons: Vec<Value>,
    /// Boxes of other faces, as the API has them.
    pub(super) bystanders: Vec<Value>,
}

impl Report {
    /// Of an enrolment here.
    pub(super) fn of(report: &EnrollmentReport) -> Self {
        Self {
            people: report.people.iter().map(ToString::to_string).collect(),
            left_out: report.left_out().map(ToString::to_string).collect(),
            rows: report.photos.iter().map(Row::of).collect(),
            skipped: report.skipped.clone(),
        }
    }

    /// How many photos were enrolled.
    pub(super) fn enrolled_photos(&self) -> usize {
        self.rows.iter().filter(|row| row.is_enrolled()).count()
    }

    fn weak_photos(&self) -> usize {
        self.rows.iter().filter(|row| row.outcome == "weak").count()
    }

    fn enrolled_people(&self) -> usize {
        self.people.len() - self.left_out.len()
    }
}

impl Row {
    fn of(report: &PhotoReport) -> Self {
        let (outcome, reasons, bystanders): (_, _, &[BBox]) = match &report.outcome {
            Outcome::Rejected { reasons } => ("refused", reasons, &[]),
            Outcome::Accepted { photo, overridden, bystanders } => {
                (outcome_name(photo.weak, !overridden.is_empty()), overridden, bystanders)
            }
        };
        let bystander = |bbox: &BBox| json!({ "x": bbox.x1, "y": bbox.y1, "width": bbox.width(), "height": bbox.height() });
        Self {
            person: report.photo.name.to_string(),
            path: report.photo.path.clone(),
            outcome,
            reasons: reasons.iter().map(|reason| json!(WireReason::from(reason))).collect(),
            bystanders: bystanders.iter().map(bystander).collect(),
        }
    }

    fn is_enrolled(&self) -> bool {
        self.outcome != "refused"
    }

    /// Whom a refused photo looks like.
    fn looks_like(&self) -> Option<&str> {
        self.reasons.iter().find_map(|reason| reason["person"]["name"].as_str())
    }

    fn codes(&self) -> Vec<&str> {
        self.reasons.iter().map(|reason| text(reason, "reason")).collect()
    }

    fn details(&self) -> String {
        let details: Vec<String> = self.reasons.iter().map(words).collect();
        details.join("; ")
    }
}

/// What became of a photo that was enrolled.
pub(super) fn outcome_name(is_weak: bool, is_forced: bool) -> &'static str {
    match (is_weak, is_forced) {
        (true, _) => "weak",
        (false, true) => "forced",
        (false, false) => "enrolled",
    }
}

fn text<'a>(reason: &'a Value, member: &str) -> &'a str {
    reason[member].as_str().unwrap_or_default()
}

/// Code and sentence; some reasons are their code alone.
fn words(reason: &Value) -> String {
    let (code, detail) = (text(reason, "reason"), text(reason, "detail"));
    if detail.is_empty() || detail == code { code.to_owned() } else { format!("{code}: {detail}") }
}

/// Photos of a person, enrolled and refused.
#[derive(Default)]
struct Tally {
    enrolled: usize,
    refused: usize,
}

fn tallies(report: &Report) -> HashMap<&str, Tally> {
    let mut tallies: HashMap<&str, Tally> = HashMap::new();
    for row in &report.rows {
        let tally = tallies.entry(&row.person).or_default();
        *(if row.is_enrolled() { &mut tally.enrolled } else { &mut tally.refused }) += 1;
    }
    tallies
}

/// Prints it for people.
///
/// # Errors
/// Those of [`output::line`].
pub(super) fn print(report: &Report) -> anyhow::Result<()> {
    let tallies = tallies(report);
    let tally = |name: &str| tallies.get(name).map_or((0, 0), |tally| (tally.enrolled, tally.refused));
    for name in &report.left_out {
        let (_, refused) = tally(name);
        output::line(format_args!("left out  {name}: none of {refused} photos could be enrolled"))?;
    }
    output::line(format_args!(
        "{} of {} people enrolled, with {} of {} photos; weak ones among them: {}",
        report.enrolled_people(),
        report.people.len(),
        report.enrolled_photos(),
        report.rows.len(),
        report.weak_photos()
    ))?;
    output::line(format_args!("{:>8}  {:>7}  person", "enrolled", "refused"))?;
    for name in &report.people {
        let (enrolled, refused) = tally(name);
        output::line(format_args!("{enrolled:>8}  {refused:>7}  {name}"))?;
    }
    for row in &report.rows {
        let path = printable(&row.path);
        if !row.reasons.is_empty() {
            output::line(format_args!("{}  {path}: {}", row.outcome, row.details()))?;
        }
        if !row.bystanders.is_empty() {
            output::line(format_args!("others  {path}: {}", places(&row.bystanders)))?;
        }
    }
    for Skipped { path, why } in &report.skipped {
        output::line(format_args!("skipped  {}: {why}", printable(path)))?;
    }
    Ok(())
}

/// Where the faces are that were not taken for the person.
fn places(bystanders: &[Value]) -> String {
    let place = |bbox: &Value| {
        let [x, y, width, height] =
            ["x", "y", "width", "height"].map(|member| bbox[member].as_f64().unwrap_or_default());
        format!("{width:.0} pixels wide at {:.0}, {:.0}", x + width / 2.0, y + height / 2.0)
    };
    let places: Vec<String> = bystanders.iter().map(place).collect();
    format!("not taken for the person: faces {}", places.join("; "))
}

/// Prints it for programs. `model` is `None` for one that a service has.
///
/// # Errors
/// Those of [`output::line`].
pub(super) fn print_json(model: Option<&str>, is_written: bool, report: &Report) -> anyhow::Result<()> {
    let tallies = tallies(report);
    let left_out = report.left_out.iter().map(|name| {
        let photos = tallies.get(name.as_str()).map_or(0, |tally| tally.refused);
        json!({ "name": name, "photos": photos })
    });
    let skipped = report
        .skipped
        .iter()
        .map(|Skipped { path, why }| json!({ "path": path.to_string_lossy(), "why": why }));
    let outcome = |row: &Row| {
        json!({
            "person": row.person,
            "photo": row.path.to_string_lossy(),
            "outcome": row.outcome,
            "reasons": row.reasons,
            "bystanders": row.bystanders,
        })
    };
    output::json(&json!({
        "left_out": left_out.collect::<Vec<_>>(),
        "people": report.people.len(),
        "enrolled_people": report.enrolled_people(),
        "photos": report.rows.len(),
        "enrolled_photos": report.enrolled_photos(),
        "weak_photos": report.weak_photos(),
        "model": model,
        "written": is_written,
        "outcomes": report.rows.iter().map(outcome).collect::<Vec<_>>(),
        "skipped": skipped.collect::<Vec<_>>(),
    }))
}

/// Writes a row for each photo and for each person's directory without one.
///
/// # Errors
/// When the file can't be written.
pub(super) fn write_csv(path: &Path, report: &Report) -> anyhow::Result<()> {
    let header = ["person", "photo", "outcome", "reasons", "looks_like", "other_faces", "details"];
    let rows: Vec<Vec<Cell<'_>>> = report.rows.iter().map(csv_row).collect();
    let skipped = report.skipped.iter().map(|Skipped { path, why }| {
        let text = |text: Cow<'static, str>| Cell::Text(text);
        let photo = Cell::Text(path.to_string_lossy());
        vec![
            Cell::Empty,
            photo,
            text("skipped".into()),
            Cell::Empty,
            Cell::Empty,
            Cell::Empty,
            text(why.clone().into()),
        ]
    });
    let rows: Vec<Vec<Cell<'_>>> = rows.into_iter().chain(skipped).collect();
    let table = Table {
        title: "Enrolment".to_owned(),
        header: header.map(Cow::Borrowed).to_vec(),
        fixed_columns: 1,
        rows: Box::new(rows.into_iter()),
    };
    let mut bytes = Vec::new();
    export::write_csv(table, true, &mut bytes)?;
    atomic_file::replace(path, |to| to.write_all(&bytes))
        .with_context(|| format!("{} can't be written", path.display()))?;
    Ok(())
}

fn csv_row(row: &Row) -> Vec<Cell<'_>> {
    vec![
        Cell::Text(row.person.as_str().into()),
        Cell::Text(row.path.to_string_lossy()),
        Cell::Text(row.outcome.into()),
        Cell::Text(row.codes().join(" ").into()),
        row.looks_like().map_or(Cell::Empty, |name| Cell::Text(name.into())),
        Cell::Integer(row.bystanders.len() as i64),
        Cell::Text(row.details().into()),
    ]
}
