//! `facerec import-pickle`: converts the Flask service's model file to a gallery.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::output;
use super::place::{DataArgs, Place};
use super::target::{Mode, Target};
use crate::audit::audit;
use crate::config::{AccessLogArgs, DEFAULT_FALSE_NAME_RATE, DEFAULT_MIN_PROBABILITY, FaceArgs};
use crate::gallery::{Gallery, pickle};
use crate::person_name::PersonName;
use crate::roster::Roster;
use crate::service::strangers::StrangerStatistics;

/// The arguments of `facerec import-pickle`.
#[derive(Debug, Args)]
pub struct ImportPickleArgs {
    #[arg(value_name = "FILE", help = "The Flask service's face_model.pkl")]
    file: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// Replace a gallery that has people; they are lost. Without this flag it is an error
    #[arg(long, env = "FACEREC_REPLACE", value_parser = BoolishValueParser::new())]
    replace: bool,
    #[command(flatten)]
    access_log: AccessLogArgs,
}

/// Imports the file.
///
/// # Errors
/// When the pickle is refused, there are people in the old gallery and `--replace` was not given, or the gallery can't be written.
pub fn run(args: &ImportPickleArgs) -> anyhow::Result<ExitCode> {
    let place = args.data.place(&args.access_log)?;
    let gallery = pickle::import_file(&args.file)?;
    let (target, replaced) = Target::open(&place, Mode::of(args.replace))?;
    let log = place.log(&args.access_log)?;
    let written = target.shown();
    target.write(&gallery, &log)?;
    output::line(format_args!(
        "wrote {written} ({}, {} people, {} photos)",
        gallery.recipe().model,
        gallery.len(),
        gallery.photo_count()
    ))?;
    replaced.print()?;
    print_names(&gallery)?;
    print_audit(gallery, &place)?;
    Ok(ExitCode::SUCCESS)
}

/// The names that the service would not take for somebody new. They are kept, since the old service knows the people by
/// them.
fn print_names(gallery: &Gallery) -> anyhow::Result<()> {
    let mut spellings: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for person in gallery.people() {
        let shown = format!("\"{}\"", person.name.as_str().escape_debug());
        if let Err(reason) = PersonName::parse_new(person.name.as_str()) {
            output::line(format_args!(
                "{shown}: {reason}; imported all the same: rename the person, on the page or by PATCH /v1/people/PERSON_ID"
            ))?;
        }
        spellings.entry(person.name.key()).or_default().push(shown);
    }
    for names in spellings.values().filter(|names| names.len() > 1) {
        output::line(format_args!(
            "{}: one name in several spellings, to which the roster gives one ID; imported as {} people: merge them, on the \
             page or by POST /v1/people/PERSON_ID/merge, or rename all but one",
            names.join(" and "),
            names.len()
        ))?;
    }
    Ok(())
}

/// What is odd about the imported people: the Flask service enrolled every face of a photo, bystanders included.
fn print_audit(gallery: Gallery, place: &Place) -> anyhow::Result<()> {
    let faces = FaceArgs {
        false_name_rate: None,
        threshold: None,
        strangers: None,
        min_probability: DEFAULT_MIN_PROBABILITY,
    };
    let statistics = StrangerStatistics::load(&faces, None, &gallery.recipe().model)?;
    let gallery = statistics.attach(gallery)?;
    // The roster is another file, and may come later.
    let audit = match audit(&gallery, &Roster::default(), DEFAULT_FALSE_NAME_RATE) {
        Ok(audit) => audit,
        Err(error) => return output::line(format_args!("not audited: {error}")),
    };
    print_set_aside(&gallery)?;
    let place = match place {
        Place::Directory(data) => format!("--data {}", data.directory().display()),
        Place::Database(_) => "--database-url URL".to_owned(),
    };
    match audit.findings.len() {
        0 => output::line("audit: no findings"),
        findings => {
            output::line(format_args!("audit: {findings} findings; `facerec audit {place}` lists them"))
        }
    }
}

/// For each person how many photos don't count for the template.
fn print_set_aside(gallery: &Gallery) -> anyhow::Result<()> {
    for (at, person) in gallery.people().iter().enumerate() {
        let counts = gallery.template(at).map_or(&[][..], |template| &template.counts);
        let set_aside = counts.iter().filter(|counts| !**counts).count();
        if set_aside > 0 {
            output::line(format_args!(
                "{}: {set_aside} of {} photos are unlike the others: kept, and not used to recognise anybody",
                person.name,
                counts.len()
            ))?;
        }
    }
    Ok(())
}
