//! `facerec attend`: from photos to the list of who was there, without a server.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Args;
use clap::builder::BoolishValueParser;
use jiff::Timestamp;

use super::command_log;
use super::failure::UnusablePhoto;
use super::output;
use super::place::{DataArgs, Kept};
use super::progress::Photos;
use super::recognize;
use crate::access_log::Action;
use crate::atomic_file;
use crate::attendance::export::{write_csv, xlsx};
use crate::attendance::{Entry, NewSession, Photo, Session, Status, time};
use crate::config::range::whole;
use crate::config::{AccessLogArgs, FaceArgs, ModelArgs};
use crate::error::Error;
use crate::photo_file;
use crate::presentation::attendance::SessionList;
use crate::presentation::json_id::JsonId;
use crate::service::Service;
use crate::service::attendance::Attendance;
use crate::service::attendance::photos::photo_of;
use crate::service::attendance::sessions::{LOCAL, SessionDetail};
use crate::service::recognized::{GroupMembers, Recognized};

/// Endings of the files that are written.
const ENDINGS: [&str; 3] = ["csv", "json", "xlsx"];

/// The arguments of `facerec attend`.
#[derive(Debug, Args)]
pub struct AttendArgs {
    /// The photos
    #[arg(value_name = "PHOTO", required = true)]
    photos: Vec<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
    /// What the list is headed with
    #[arg(long, env = "FACEREC_TITLE", value_name = "TITLE")]
    title: String,
    /// Group of the roster's column Class or Group [default: everybody]
    #[arg(long, env = "FACEREC_GROUP", value_name = "NAME")]
    group: Option<String>,
    /// File for the list; its ending says as what: .xlsx, .csv or .json
    #[arg(long, env = "FACEREC_OUT", value_name = "FILE", value_parser = out)]
    out: Option<PathBuf>,
    /// Start of the session, such as 2026-11-26T08:00 [default: now]
    #[arg(long, env = "FACEREC_START", value_name = "TIME")]
    start: Option<String>,
    /// When the photos were taken [default: now]
    #[arg(long, env = "FACEREC_TAKEN", value_name = "TIME")]
    taken: Option<String>,
    /// First seen later than this many minutes after the start is late [default: nobody is late]
    #[arg(long, env = "FACEREC_LATE_AFTER_MINUTES", value_name = "MINUTES", value_parser = whole(0..=1440_u32))]
    late_after_minutes: Option<u32>,
    /// Time zone of the session, such as Europe/Berlin [default: the system's]
    #[arg(long, env = "FACEREC_TIME_ZONE", value_name = "NAME")]
    time_zone: Option<String>,
    /// Leave the session open for further photos; nobody is absent yet
    #[arg(long, env = "FACEREC_KEEP_OPEN", value_parser = BoolishValueParser::new())]
    keep_open: bool,
    /// Print JSON, as in a list that ends with .json
    #[arg(long, env = "FACEREC_JSON", value_parser = BoolishValueParser::new())]
    pub(super) json: bool,
    #[command(flatten)]
    access_log: AccessLogArgs,
    #[command(flatten)]
    faces: FaceArgs,
    #[command(flatten)]
    pub(super) models: ModelArgs,
}

fn out(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let ending = path.extension().and_then(|ending| ending.to_str());
    if ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
        return Ok(path);
    }
    Err(format!("expected a file that ends with .{}, found {text:?}", ENDINGS.join(", .")))
}

/// Recognises the photos, begins a session, records them, closes it and prints the list. Exit code 1 when a photo could not
/// be used; the others are recorded all the same.
///
/// # Errors
/// When gallery, roster, models or the database can't be used, there is no such group, none of the photos can be used, or
/// the list can't be written. Before the first photo is recorded nothing is written.
pub fn run(args: &AttendArgs) -> anyhow::Result<ExitCode> {
    let (new, taken) = session(args)?;
    let place = args.data.place(&args.access_log)?;
    let kept = place.read()?;
    let service = recognize::start(&place, &*kept, &args.faces, &args.models, &args.access_log)?;
    let attended = attend(args, &service, &*kept, (new, taken));
    // Also where it failed: by then people may have been recognised.
    command_log::finish(&service)?;
    let (detail, recorded) = attended?;
    if let Some(path) = &args.out {
        write(path, &detail).with_context(|| format!("{} can't be written", path.display()))?;
    }
    if args.json {
        output::json(&SessionList::from(&detail))?;
    } else {
        print(&detail)?;
    }
    Ok(if recorded == args.photos.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Recognises the photos and records them in a new session; also how many were recorded.
fn attend(
    args: &AttendArgs,
    service: &Service,
    kept: &dyn Kept,
    (new, taken): (NewSession, Timestamp),
) -> anyhow::Result<(SessionDetail, usize)> {
    let attendance = Attendance::open_alone(kept.attendance()?);
    let people = service.recognized_people();
    attendance.sync(|| people.clone(), false)?;
    let group = new.group.as_deref().map(|name| attendance.group_members(&people, name)).transpose()?;
    let photos = recognised(args, service, group.as_ref(), taken);
    let count = args.photos.len();
    ensure!(
        !photos.is_empty(),
        "expected a photo that can be used, found none in {count}: nothing is recorded"
    );
    let session = attendance.begin(|| people.clone(), &new, None)?;
    service.record(Action::ChangeSession, []);
    let recorded = record(service, &attendance, &session, &photos)?;
    if !args.keep_open {
        attendance.store().close_session(&session.id, LOCAL, Timestamp::now())?;
        service.record(Action::ChangeSession, []);
    }
    Ok((attendance.detail(&session.id)?, recorded))
}

/// What the session is, and when its photos were taken.
fn session(args: &AttendArgs) -> anyhow::Result<(NewSession, Timestamp)> {
    let zone = args.time_zone.clone().unwrap_or_else(time::system_zone);
    let now = time::to_millis(Timestamp::now())?;
    let instant = |text: &Option<String>| match text {
        Some(text) => time::parse(text, &zone),
        None => Ok(now),
    };
    let (start, taken) = (instant(&args.start)?, instant(&args.taken)?);
    let (title, group) = (args.title.clone(), args.group.clone());
    let late_after_minutes = args.late_after_minutes;
    let new = NewSession { title, group, zone, start, late_after_minutes, end: None };
    new.check_photo(taken)?;
    Ok((new, taken))
}

/// A photo that can be used, and who is in it.
struct Taken<'a> {
    path: &'a Path,
    photo: Photo,
    recognized: Recognized,
}

/// Who is in the photos; those that can't be used are reported and left out.
fn recognised<'a>(
    args: &'a AttendArgs,
    service: &Service,
    group: Option<&Arc<GroupMembers>>,
    taken: Timestamp,
) -> Vec<Taken<'a>> {
    let params = service.default_params();
    let recognise = |path: &'a Path| -> anyhow::Result<Taken<'a>> {
        let bytes = photo_file::read(path).map_err(anyhow::Error::msg)?;
        let recognized = service.recognize_blocking(&bytes, &params, group.cloned())?;
        Ok(Taken { path, photo: photo_of(&bytes, taken), recognized })
    };
    let report = |done, total| output::note(format_args!("recognising: {done} of {total} photos"));
    let mut progress = Photos::new(args.photos.len(), &report);
    let mut photos = Vec::with_capacity(args.photos.len());
    for (done, path) in args.photos.iter().enumerate() {
        progress.show(done);
        match recognise(path) {
            Ok(photo) => photos.push(photo),
            Err(error) => {
                UnusablePhoto::report(path, path.display().to_string(), &error);
            }
        }
    }
    progress.finish();
    photos
}

/// Records each photo; how many could be.
fn record(
    service: &Service,
    attendance: &Attendance,
    session: &Session,
    photos: &[Taken<'_>],
) -> anyhow::Result<usize> {
    let (mut recorded, now) = (0, Timestamp::now());
    for Taken { path, photo, recognized } in photos {
        match attendance.mark(&session.id, photo, recognized, now, || service.people().current()) {
            Ok(marked) => {
                let people = marked.changes.iter().map(|change| change.person.person_id.as_str());
                service.record(Action::MarkAttendance, people);
                recorded += 1;
            }
            Err(Error::Input(error)) => {
                UnusablePhoto::report(path, path.display().to_string(), &error.into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(recorded)
}

fn write(path: &Path, detail: &SessionDetail) -> anyhow::Result<()> {
    let bytes = match path.extension().and_then(|ending| ending.to_str()) {
        Some("xlsx") => xlsx(detail.table())?,
        Some("json") => serde_json::to_vec_pretty(&SessionList::from(detail))?,
        _ => {
            let mut bytes = Vec::new();
            write_csv(detail.table(), false, &mut bytes)?;
            bytes
        }
    };
    atomic_file::replace(path, |to| to.write_all(&bytes))?;
    Ok(())
}

/// Who is there, who is missing, who is neither, and how many faces are nobody's.
fn print(detail: &SessionDetail) -> anyhow::Result<()> {
    let SessionDetail { session, entries, .. } = detail;
    let group = session.what.group.as_deref().unwrap_or("everybody");
    output::line(format_args!("{}, {group}, {}", session.what.title, session.date))?;
    for status in Status::ALL {
        for entry in entries.iter().filter(|entry| entry.status == status) {
            print_entry(entry)?;
        }
    }
    let of = |statuses: &[Status]| {
        entries.iter().filter(|entry| entry.member && statuses.contains(&entry.status)).count()
    };
    output::line(format_args!(
        "{} present, {} missing, {} unsure or not enrolled; {} unknown faces",
        of(&[Status::Present, Status::Late]),
        of(&[Status::Absent, Status::Excused]),
        of(&[Status::Unsure, Status::NotEnrolled]),
        session.unknown_faces
    ))
}

fn print_entry(entry: &Entry) -> anyhow::Result<()> {
    let id = entry.person.student_id.as_ref().map(JsonId::from);
    let id = id.map(|id| serde_json::to_string(&id)).transpose()?.unwrap_or_default();
    let visitor = if entry.member { "" } else { "  (visitor)" };
    let line = format!("  {:<12}  {}  {id}{visitor}", entry.status.as_str(), entry.person.name);
    output::line(line.trim_end())
}
