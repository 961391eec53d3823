//! `facerec audit`: data-quality audit of the gallery: mislabelled photos, duplicate people, look-alikes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::command_log::CommandLog;
use super::output;
use super::place::DataArgs;
use crate::access_log::Action;
use crate::audit::dismissals::DismissalStore;
use crate::audit::{Audit, Finding, PersonRef, audit};
use crate::config::range::{FALSE_NAME_RATE, number};
use crate::config::{AccessLogArgs, DEFAULT_FALSE_NAME_RATE, DEFAULT_MIN_PROBABILITY, FaceArgs};
use crate::gallery::Gallery;
use crate::presentation::audit::AuditReport;
use crate::service::snapshot::Snapshot;
use crate::service::strangers::StrangerStatistics;

/// The exit code when there are findings.
const FINDINGS: u8 = 3;

/// The arguments of `facerec audit`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 without findings, 3 with findings, 1 when the audit failed, 2 for wrong usage."
)]
pub struct AuditArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Share of strangers that may get a name, 0.000001 to 0.5; the thresholds of the audit follow from it
    #[arg(long, env = "FACEREC_FALSE_NAME_RATE", value_name = "SHARE", value_parser = number(FALSE_NAME_RATE),
          default_value_t = DEFAULT_FALSE_NAME_RATE)]
    false_name_rate: f64,
    /// Statistics of strangers, made by `facerec strangers fit` [default: those of the model, from LFW]
    #[arg(long, env = "FACEREC_STRANGERS", value_name = "FILE")]
    strangers: Option<PathBuf>,
    /// Directory with the models' files, searched first
    #[arg(long, env = "FACEREC_MODELS", value_name = "DIR")]
    models: Option<PathBuf>,
    /// Print JSON, as `GET /v1/audit` returns
    #[arg(long, env = "FACEREC_JSON", value_parser = BoolishValueParser::new())]
    pub(super) json: bool,
    /// List dismissed findings, too
    #[arg(long, env = "FACEREC_AUDIT_ALL", value_parser = BoolishValueParser::new())]
    all: bool,
    /// Dismiss the finding with this key: it is not listed again. Not while a service runs on a data directory
    #[arg(long, env = "FACEREC_AUDIT_DISMISS", value_name = "KEY", conflicts_with = "undismiss")]
    dismiss: Option<String>,
    /// Withdraw the dismissal of the finding with this key
    #[arg(long, env = "FACEREC_AUDIT_UNDISMISS", value_name = "KEY")]
    undismiss: Option<String>,
    #[command(flatten)]
    access_log: AccessLogArgs,
}

impl AuditArgs {
    /// `--models`.
    pub(super) fn models_directory(&self) -> Option<&Path> {
        self.models.as_deref()
    }
}

/// Audits the enrolled people. Exit code 3 when there are findings.
///
/// # Errors
/// When people or roster can't be read, or there are no statistics of strangers for the gallery.
pub fn run(args: &AuditArgs) -> anyhow::Result<ExitCode> {
    let place = args.data.place(&args.access_log)?;
    let changes = args.dismiss.is_some() || args.undismiss.is_some();
    let kept = if changes { place.open()? } else { place.read()? };
    let log = place.log(&args.access_log)?;
    let snapshot = kept.snapshot()?;
    let statistics = load_statistics(args, &snapshot.gallery.recipe().model)?;
    let gallery = Arc::new(statistics.attach((*snapshot.gallery).clone())?);
    let audit = audit(&gallery, &snapshot.roster, args.false_name_rate)?;
    let dismissals = kept.dismissals();
    change_dismissals(args, &*dismissals, &gallery, &audit, &log)?;
    log.record(Action::Audit, [])?;
    let audit = audit.without_dismissed(&dismissals.read()?);
    let code = if audit.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FINDINGS) };
    if args.json {
        output::json(&AuditReport::new(audit, args.all, &Snapshot { gallery, ..snapshot }))?;
    } else {
        print(&audit, args.all)?;
    }
    Ok(code)
}

/// What `--dismiss` and `--undismiss` say. Of a directory this process holds the lock.
fn change_dismissals(
    args: &AuditArgs,
    kept: &dyn DismissalStore,
    gallery: &Gallery,
    audit: &Audit,
    log: &CommandLog,
) -> anyhow::Result<()> {
    if let Some(key) = &args.dismiss {
        kept.change(Box::new(|dismissals| dismissals.dismiss(gallery, &audit.findings, key)))?;
        log.record(Action::DismissFinding, [])?;
    }
    if let Some(key) = &args.undismiss {
        kept.change(Box::new(|dismissals| dismissals.withdraw(key)))?;
        log.record(Action::RestoreFinding, [])?;
    }
    Ok(())
}

/// The statistics that the arguments name, else those of the model.
fn load_statistics(args: &AuditArgs, model: &str) -> anyhow::Result<StrangerStatistics> {
    let faces = FaceArgs {
        false_name_rate: Some(args.false_name_rate),
        threshold: None,
        strangers: args.strangers.clone(),
        min_probability: DEFAULT_MIN_PROBABILITY,
    };
    let models: Option<&Path> = args.models.as_deref();
    Ok(StrangerStatistics::load(&faces, models, model)?)
}

fn print(audit: &Audit, all: bool) -> anyhow::Result<()> {
    output::line(format_args!(
        "{} people, {} photos: {} findings",
        audit.people,
        audit.photos,
        audit.findings.len()
    ))?;
    for finding in &audit.findings {
        output::line(format_args!("{}  [{}]", describe(finding), finding.key()))?;
    }
    if !audit.dismissed.is_empty() {
        let hint = if all { "" } else { "; --all lists them" };
        output::line(format_args!("dismissed: {} findings{hint}", audit.dismissed.len()))?;
    }
    for finding in audit.dismissed.iter().filter(|_| all) {
        output::line(format_args!("{}  [{}]", describe(finding), finding.key()))?;
    }
    if !audit.alike.is_empty() {
        output::line(
            "people most alike; how often a photo of one reaches the threshold with the other, at most:",
        )?;
    }
    for pair in &audit.alike {
        let [a, b] = &pair.people;
        output::line(format_args!("{:>8.3} %  {} and {}", 100.0 * pair.confusion_rate, a.name, b.name))?;
    }
    output::line("false names  recognised when left out")?;
    for rate in &audit.rates {
        output::line(format_args!(
            "{:>9} %  {} of {}",
            100.0 * rate.false_name_rate,
            rate.recognised,
            rate.of
        ))?;
    }
    Ok(())
}

/// A finding in words, with the ids that its correction needs.
fn describe(finding: &Finding) -> String {
    let who = |person: &PersonRef| format!("{} ({})", person.name, person.id);
    match finding {
        Finding::SameFace { people: [a, b], false_match_probability } => format!(
            "same face      {} and {}: two people are this alike with a probability of {false_match_probability:.1e}",
            who(a),
            who(b)
        ),
        Finding::UnlikePhoto { person, photo_id, set_aside, looks_like } => {
            let like =
                looks_like.as_ref().map_or(String::new(), |other| format!(", looks like {}", who(other)));
            let aside = if *set_aside { "; set aside" } else { "" };
            format!("unlike photo   {}: photo {photo_id} is unlike the others{like}{aside}", who(person))
        }
        Finding::FewPhotos { person, counting, set_aside, weak } => format!(
            "few photos     {}: expected at least {} that count, found {counting}{}, and {set_aside} set aside",
            who(person),
            crate::audit::MIN_PHOTOS,
            of_low_quality(*weak)
        ),
        Finding::WeakPhotos { person, recognised, counting, weak } => format!(
            "weak photos    {}: {recognised} of {counting} would be recognised by the others{}",
            who(person),
            of_low_quality(*weak)
        ),
        Finding::NameWithoutFace { name } => {
            format!("no face        {name} is in the roster and not enrolled")
        }
        Finding::FaceWithoutName { person } => format!("no name        {} is not in the roster", who(person)),
    }
}

/// How many photos were enrolled although their quality is low; nothing for none.
fn of_low_quality(weak: usize) -> String {
    if weak == 0 { String::new() } else { format!(" ({weak} of low quality)") }
}
