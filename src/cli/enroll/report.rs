//! The report of an enrolment: who ended without a photo, the totals, then each photo.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use crate::atomic_file;
use crate::attendance::export::{self, Cell, Table};
use crate::cli::output::{self, printable};
use crate::enroll::directory::{EnrollmentReport, PhotoReport, Skipped};
use crate::enroll::{Outcome, Reason};
use crate::geometry::BBox;
use crate::presentation::reason::WireReason;

/// What became of a photo.
struct Row<'a> {
    person: &'a str,
    path: &'a Path,
    outcome: &'static str,
    reasons: &'a [Reason],
    bystanders: &'a [BBox],
}

impl<'a> Row<'a> {
    fn of(report: &'a PhotoReport) -> Self {
        let (person, path) = (report.photo.name.as_str(), report.photo.path.as_path());
        match &report.outcome {
            Outcome::Rejected { reasons } => {
                Self { person, path, outcome: "refused", reasons, bystanders: &[] }
            }
            Outcome::Accepted { photo, overridden, bystanders } => {
                let outcome = match (photo.weak, overridden.is_empty()) {
                    (true, _) => "weak",
                    (false, false) => "forced",
                    (false, true) => "enrolled",
                };
                Self { person, path, outcome, reasons: overridden, bystanders }
            }
        }
    }

    fn is_enrolled(&self) -> bool {
        self.outcome != "refused"
    }

    /// Whom a refused photo looks like.
    fn looks_like(&self) -> Option<&'a str> {
        self.reasons.iter().find_map(|reason| match reason {
            Reason::UnlikeOwnPhotos { name, .. } | Reason::LooksLikeAnotherPerson { name, .. } => {
                Some(name.as_str())
            }
            _ => None,
        })
    }

    fn details(&self) -> String {
        let details: Vec<String> = self.reasons.iter().map(ToString::to_string).collect();
        details.join("; ")
    }
}

/// Photos of a person, enrolled and refused.
#[derive(Default)]
struct Tally {
    enrolled: usize,
    refused: usize,
}

/// The numbers of a report.
struct Totals {
    people: usize,
    enrolled_people: usize,
    photos: usize,
    enrolled_photos: usize,
    weak_photos: usize,
}

impl Totals {
    fn of(report: &EnrollmentReport) -> Self {
        let gallery = &report.gallery;
        Self {
            people: report.people.len(),
            enrolled_people: gallery.len(),
            photos: report.photos.len(),
            enrolled_photos: gallery.photo_count(),
            weak_photos: gallery.people().iter().map(|person| person.weak_photos()).sum(),
        }
    }
}

fn rows(report: &EnrollmentReport) -> impl Iterator<Item = Row<'_>> {
    report.photos.iter().map(Row::of)
}

fn tallies(report: &EnrollmentReport) -> HashMap<&str, Tally> {
    let mut tallies: HashMap<&str, Tally> = HashMap::new();
    for row in rows(report) {
        let tally = tallies.entry(row.person).or_default();
        *(if row.is_enrolled() { &mut tally.enrolled } else { &mut tally.refused }) += 1;
    }
    tallies
}

/// Prints it for people.
///
/// # Errors
/// Those of [`output::line`].
pub(super) fn print(report: &EnrollmentReport) -> anyhow::Result<()> {
    let tallies = tallies(report);
    let tally = |name: &str| tallies.get(name).map_or((0, 0), |tally| (tally.enrolled, tally.refused));
    for name in report.left_out() {
        let (_, refused) = tally(name.as_str());
        output::line(format_args!("left out  {name}: none of {refused} photos could be enrolled"))?;
    }
    let Totals { people, enrolled_people, photos, enrolled_photos, weak_photos } = Totals::of(report);
    output::line(format_args!(
        "{enrolled_people} of {people} people enrolled, with {enrolled_photos} of {photos} photos; weak ones among \
         them: {weak_photos}"
    ))?;
    output::line(format_args!("{:>8}  {:>7}  person", "enrolled", "refused"))?;
    for name in &report.people {
        let (enrolled, refused) = tally(name.as_str());
        output::line(format_args!("{enrolled:>8}  {refused:>7}  {name}"))?;
    }
    for row in rows(report) {
        let path = printable(row.path);
        if !row.reasons.is_empty() {
            output::line(format_args!("{}  {path}: {}", row.outcome, row.details()))?;
        }
        if !row.bystanders.is_empty() {
            output::line(format_args!("others  {path}: {}", places(row.bystanders)))?;
        }
    }
    for Skipped { path, why } in &report.skipped {
        output::line(format_args!("skipped  {}: {why}", printable(path)))?;
    }
    Ok(())
}

/// Where the faces are that were not taken for the person.
fn places(bystanders: &[BBox]) -> String {
    let place = |bbox: &BBox| {
        let (x, y) = bbox.center();
        format!("{:.0} pixels wide at {x:.0}, {y:.0}", bbox.width())
    };
    let places: Vec<String> = bystanders.iter().map(place).collect();
    format!("not taken for the person: faces {}", places.join("; "))
}

/// Prints it for programs.
///
/// # Errors
/// Those of [`output::line`].
pub(super) fn print_json(model: &str, is_written: bool, report: &EnrollmentReport) -> anyhow::Result<()> {
    let Totals { people, enrolled_people, photos, enrolled_photos, weak_photos } = Totals::of(report);
    let tallies = tallies(report);
    let left_out = report.left_out().map(|name| {
        let photos = tallies.get(name.as_str()).map_or(0, |tally| tally.refused);
        json!({ "name": name.as_str(), "photos": photos })
    });
    let skipped = report
        .skipped
        .iter()
        .map(|Skipped { path, why }| json!({ "path": path.to_string_lossy(), "why": why }));
    output::line(json!({
        "left_out": left_out.collect::<Vec<_>>(),
        "people": people,
        "enrolled_people": enrolled_people,
        "photos": photos,
        "enrolled_photos": enrolled_photos,
        "weak_photos": weak_photos,
        "model": model,
        "written": is_written,
        "outcomes": rows(report).map(|row| outcome_json(&row)).collect::<Vec<_>>(),
        "skipped": skipped.collect::<Vec<_>>(),
    }))
}

fn outcome_json(row: &Row<'_>) -> Value {
    let reasons: Vec<WireReason> = row.reasons.iter().map(WireReason::from).collect();
    let bystander =
        |bbox: &BBox| json!({ "x": bbox.x1, "y": bbox.y1, "width": bbox.width(), "height": bbox.height() });
    json!({
        "person": row.person,
        "photo": row.path.to_string_lossy(),
        "outcome": row.outcome,
        "reasons": reasons,
        "bystanders": row.bystanders.iter().map(bystander).collect::<Vec<_>>(),
    })
}

/// Writes a row for each photo and for each person's directory without one.
///
/// # Errors
/// When the file can't be written.
pub(super) fn write_csv(path: &Path, report: &EnrollmentReport) -> anyhow::Result<()> {
    let header = ["person", "photo", "outcome", "reasons", "looks_like", "other_faces", "details"];
    let rows: Vec<Vec<Cell<'_>>> = rows(report).map(|row| csv_row(&row)).collect();
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

fn csv_row<'a>(row: &Row<'a>) -> Vec<Cell<'a>> {
    let codes: Vec<&str> = row.reasons.iter().map(Reason::code).collect();
    vec![
        Cell::Text(row.person.into()),
        Cell::Text(row.path.to_string_lossy()),
        Cell::Text(row.outcome.into()),
        Cell::Text(codes.join(" ").into()),
        row.looks_like().map_or(Cell::Empty, |name| Cell::Text(name.into())),
        Cell::Integer(row.bystanders.len() as i64),
        Cell::Text(row.details().into()),
    ]
}
