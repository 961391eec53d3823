//! `facerec evaluate`: TPIR and FPIR of one's own photos.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Args;
use clap::builder::BoolishValueParser;
use serde_json::json;

use super::output;
use super::strangers::{embed_all, list};
use crate::atomic_file;
use crate::cohort::Cohort;
use crate::config::{Compat, DEFAULT_MIN_PROBABILITY, FaceArgs, ModelArgs};
use crate::embed::Embedding;
use crate::evaluate::{MIN_PEOPLE, Share, Trials, check, evaluate, svg};
use crate::gallery::Gallery;
use crate::pipeline::Pipeline;
use crate::service::models;
use crate::service::strangers::StrangerStatistics;

/// Rates of the table.
const RATES: [f64; 6] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3];

/// The arguments of `facerec evaluate`.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// Directory with one subdirectory per person, with photos of one face each; two photos or more
    #[arg(value_name = "PEOPLE_DIR")]
    people: PathBuf,
    /// Directory of photos of people who are not enrolled [default: each person is a stranger to all others]
    #[arg(long, env = "FACEREC_STRANGER_PHOTOS", value_name = "DIR")]
    strangers: Option<PathBuf>,
    /// Statistics of strangers, made by `facerec strangers fit` [default: those of the model, from LFW]
    #[arg(long, env = "FACEREC_STRANGERS", value_name = "FILE")]
    statistics: Option<PathBuf>,
    /// Print JSON
    #[arg(long, env = "FACEREC_JSON", value_parser = BoolishValueParser::new())]
    pub(super) json: bool,
    /// File to which the DET curve is written, as SVG
    #[arg(long, env = "FACEREC_SVG", value_name = "FILE")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    pub(super) models: ModelArgs,
}

/// What was evaluated.
struct Evaluated {
    model: String,
    margin_px: u32,
    people: usize,
    photos: usize,
    trials: Trials,
}

/// Embeds the photos, searches each, and prints the table by rate.
///
/// # Errors
/// When a directory or a model can't be used, there are too few people or photos, or the SVG can't be written.
pub fn run(args: &EvaluateArgs) -> anyhow::Result<ExitCode> {
    let people = list(&args.people)?;
    // Before the work: it takes minutes.
    ensure!(
        people.len() >= MIN_PEOPLE,
        "{}: expected photos of at least {MIN_PEOPLE} people, found {}",
        args.people.display(),
        people.len()
    );
    let strangers = args.strangers.as_deref().map(list).transpose()?;
    let loaded = models::load(&args.models, &models::model_of_new_gallery(&args.models)?, Compat::Standard)?;
    let cohort = cohort(args, Gallery::empty(loaded.new_recipe()))?;
    let margin_px = cohort.origin().margin_px;
    let people = embed(&loaded.pipeline, &people, margin_px)?;
    check(&people).map_err(|reason| anyhow::anyhow!("{}: {reason}", args.people.display()))?;
    let strangers = strangers.map(|photos| embed(&loaded.pipeline, &photos, margin_px)).transpose()?;
    if let (Some(directory), Some(strangers)) = (&args.strangers, &strangers) {
        ensure!(
            strangers.iter().any(|photos| !photos.is_empty()),
            "{}: expected faces, found none",
            directory.display()
        );
    }
    let trials = evaluate(&cohort, &people, strangers.as_deref())?;
    let evaluated = Evaluated {
        model: loaded.model.clone(),
        margin_px,
        people: people.iter().filter(|photos| !photos.is_empty()).count(),
        photos: people.iter().map(Vec::len).sum(),
        trials,
    };
    if let Some(path) = &args.svg {
        write_svg(path, &evaluated)?;
    }
    if args.json {
        print_json(&evaluated, args.strangers.is_some())?;
    } else {
        print_table(&evaluated)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The statistics that go with a new gallery.
fn cohort(args: &EvaluateArgs, empty: Gallery) -> anyhow::Result<Arc<Cohort>> {
    let faces = FaceArgs {
        false_name_rate: None,
        threshold: None,
        strangers: args.statistics.clone(),
        min_probability: DEFAULT_MIN_PROBABILITY,
    };
    let statistics = StrangerStatistics::load(&faces, args.models.models.as_deref(), &empty.recipe().model)?;
    let gallery = statistics.attach(empty)?;
    let cohort = gallery.cohort().context(
        "an evaluation needs statistics of strangers, and there are none for this model: make them with `facerec \
         strangers fit` and pass --statistics FILE",
    )?;
    Ok(Arc::clone(cohort))
}

/// The faces of each person.
fn embed(
    pipeline: &Pipeline,
    people: &[Vec<PathBuf>],
    margin_px: u32,
) -> anyhow::Result<Vec<Vec<Embedding>>> {
    let mut faces = vec![Vec::new(); people.len()];
    for face in embed_all(pipeline, people, margin_px)? {
        if let Some(of) = faces.get_mut(face.person) {
            of.push(face.embedding);
        }
    }
    Ok(faces)
}

fn write_svg(path: &Path, evaluated: &Evaluated) -> anyhow::Result<()> {
    let title = format!(
        "{}, margin {}: {} people, {} photos",
        evaluated.model, evaluated.margin_px, evaluated.people, evaluated.photos
    );
    let picture = svg::render(&title, &evaluated.trials.det());
    atomic_file::replace(path, |to| to.write_all(picture.as_bytes()))
        .with_context(|| format!("{} can't be written", path.display()))?;
    Ok(())
}

fn print_table(evaluated: &Evaluated) -> anyhow::Result<()> {
    let Evaluated { model, margin_px, people, photos, trials } = evaluated;
    output::line(format_args!("{model}, margin {margin_px}: {people} people, {photos} photos"))?;
    output::line(format_args!(
        "{:>10}  {:>22}  {:>22}",
        "rate", "recognised (TPIR)", "strangers named (FPIR)"
    ))?;
    let shown = |share: Share| format!("{:.1} % ({} of {})", 100.0 * share.value(), share.count, share.of);
    for rate in RATES {
        let (tpir, fpir) = (shown(trials.tpir(rate)), shown(trials.fpir(rate)));
        output::line(format_args!("{:>8} %  {tpir:>22}  {fpir:>22}", 100.0 * rate))?;
    }
    Ok(())
}

fn print_json(evaluated: &Evaluated, own_strangers: bool) -> anyhow::Result<()> {
    let Evaluated { model, margin_px, people, photos, trials } = evaluated;
    let share = |share: Share| json!({ "share": share.value(), "count": share.count, "of": share.of });
    let rate = |rate: &f64| json!({ "false_name_rate": rate, "tpir": share(trials.tpir(*rate)), "fpir": share(trials.fpir(*rate)) });
    let point = |point: &crate::evaluate::DetPoint| json!({ "false_name_rate": point.false_name_rate, "fpir": point.fpir, "fnir": point.fnir });
    output::line(json!({
        "model": model,
        "margin_px": margin_px,
        "people": people,
        "photos": photos,
        "strangers": if own_strangers { "photos" } else { "left_out_people" },
        "rates": RATES.iter().map(rate).collect::<Vec<_>>(),
        "det": trials.det().iter().map(point).collect::<Vec<_>>(),
    }))
}
