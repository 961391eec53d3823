//! Adding people and photos through a running service, whose gate judges them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::report::{Report, Row, outcome_name};
use crate::cli::client::{Client, JsonResponse};
use crate::cli::multipart::Form;
use crate::enroll::known::ENROLLED_ALREADY;
use crate::enroll::listing::{PeopleListing, Skipped};
use crate::person_name::PersonName;
use crate::photo_file;

/// Most photos of a request; the service takes 20.
const MAX_PHOTOS: usize = 10;
/// A request of this many bytes gets no further photo.
const ENOUGH_BYTES: usize = 32 << 20;

/// Error code when the gallery changed while the request was processed.
const CONFLICT: &str = "conflict";

/// A photo that was read.
struct Photo {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Photo {
    fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// Adds everybody in the listing. What was enrolled before an error stays, and is skipped the next time. `progress` is told how many
/// photos are done.
///
/// # Errors
/// When the service can't be reached, stays busy, or refuses the key.
pub(super) fn add(
    client: &Client,
    listing: PeopleListing,
    force: bool,
    mut progress: impl FnMut(usize),
) -> anyhow::Result<Report> {
    let mut adding = Adding { client, force, ids: HashMap::new(), report: Report::default() };
    for person in client.people()? {
        let text = |member: &str| person[member].as_str().unwrap_or_default();
        if let Ok(name) = PersonName::parse(text("name")) {
            adding.ids.insert(name.key().to_owned(), text("id").to_owned());
        }
    }
    adding.report.skipped = listing.skipped;
    let mut photos = listing.photos.into_iter().peekable();
    let mut done = 0;
    while let Some(first) = photos.next() {
        progress(done);
        let name = first.name;
        let mut chunk = Vec::new();
        adding.read(&name, &first.path, &mut chunk);
        done += 1;
        while chunk.len() < MAX_PHOTOS
            && chunk.iter().map(|photo| photo.bytes.len()).sum::<usize>() < ENOUGH_BYTES
        {
            let Some(next) = photos.next_if(|photo| photo.name == name) else { break };
            adding.read(&name, &next.path, &mut chunk);
            done += 1;
        }
        if !chunk.is_empty() {
            adding.send(&name, &chunk.iter().collect::<Vec<_>>())?;
        }
    }
    progress(done);
    let left_out = listing.people.iter().filter(|name| !adding.ids.contains_key(name.key()));
    adding.report.left_out = left_out.map(ToString::to_string).collect();
    adding.report.people = listing.people.iter().map(ToString::to_string).collect();
    Ok(adding.report)
}

/// An addition in progress.
struct Adding<'a> {
    client: &'a Client,
    force: bool,
    /// Ids of everybody who is enrolled, by the key of the name.
    ids: HashMap<String, String>,
    report: Report,
}

impl Adding<'_> {
    fn read(&mut self, name: &PersonName, path: &Path, chunk: &mut Vec<Photo>) {
        match photo_file::read(path) {
            Ok(bytes) => chunk.push(Photo { path: path.to_path_buf(), bytes }),
            Err(why) => self.refuse(name, path, vec![json!({ "reason": "not_an_image", "detail": why })]),
        }
    }

    fn refuse(&mut self, name: &PersonName, path: &Path, reasons: Vec<Value>) {
        let (person, path) = (name.to_string(), path.to_path_buf());
        self.report.rows.push(Row { person, path, outcome: "refused", reasons, bystanders: Vec::new() });
    }

    /// Sends photos of one person. With `force`, those that are refused are sent a second time with the field `force`, except
    /// photos that are enrolled already: with that field in the first request they would be enrolled again.
    fn send(&mut self, name: &PersonName, photos: &[&Photo]) -> anyhow::Result<()> {
        let response = self.post(name, photos, false)?;
        if response.status == 413 && photos.len() > 1 {
            // They are too large together: each for itself may not be.
            return photos.iter().try_for_each(|photo| self.send(name, &[*photo]));
        }
        let Some(outcomes) = outcomes_of(&response, photos.len()) else {
            self.refuse_all(name, photos, &response);
            return Ok(());
        };
        let mut again = Vec::new();
        for (photo, outcome) in photos.iter().zip(outcomes) {
            if self.force && outcome["outcome"] != "accepted" && !is_known(outcome) {
                again.push(*photo);
            } else {
                self.note(name, &photo.path, outcome);
            }
        }
        if again.is_empty() {
            return Ok(());
        }
        let response = self.post(name, &again, true)?;
        match outcomes_of(&response, again.len()) {
            Some(outcomes) => {
                again.iter().zip(outcomes).for_each(|(photo, outcome)| self.note(name, &photo.path, outcome));
            }
            None => self.refuse_all(name, &again, &response),
        }
        Ok(())
    }

    /// Sends a form for the person, who may have been enrolled by somebody else meanwhile.
    fn post(&mut self, name: &PersonName, photos: &[&Photo], force: bool) -> anyhow::Result<JsonResponse> {
        let mut response = self.post_once(name, photos, force)?;
        if response.status == 409 && response.body["code"] == CONFLICT {
            // The gallery changed while the photos were assessed: they are judged anew.
            response = self.post_once(name, photos, force)?;
        }
        let owner = response.body["person_id"].as_str().filter(|_| response.body["code"] == "name_taken");
        if let Some(owner) = owner {
            self.ids.insert(name.key().to_owned(), owner.to_owned());
            response = self.post_once(name, photos, force)?;
        }
        if let Some(id) = response.body["id"].as_str().filter(|_| response.status == 201) {
            self.ids.insert(name.key().to_owned(), id.to_owned());
        }
        Ok(response)
    }

    fn post_once(&self, name: &PersonName, photos: &[&Photo], force: bool) -> anyhow::Result<JsonResponse> {
        let (path, mut form) = match self.ids.get(name.key()) {
            Some(id) => (format!("/v1/people/{id}/photos"), Form::default()),
            None => ("/v1/people".to_owned(), Form::default().text("name", name.as_str())),
        };
        if force {
            form = form.text("force", "true");
        }
        for photo in photos {
            form = form.file("photos", &photo.name(), &photo.bytes);
        }
        self.client.post(&path, form, force)
    }

    /// Notes the photos of a request that was refused as a whole, for its size or its name, for example.
    fn refuse_all(&mut self, name: &PersonName, photos: &[&Photo], response: &JsonResponse) {
        let member = |name: &str| response.body[name].as_str().map(str::to_owned);
        let code = member("code").unwrap_or_else(|| format!("status {}", response.status));
        let reason = json!({ "reason": code, "detail": member("detail").unwrap_or_default() });
        for photo in photos {
            self.refuse(name, &photo.path, vec![reason.clone()]);
        }
    }

    /// Notes the outcome of a photo.
    fn note(&mut self, name: &PersonName, path: &Path, outcome: &Value) {
        if is_known(outcome) {
            let (path, why) = (path.to_path_buf(), ENROLLED_ALREADY.to_owned());
            self.report.skipped.push(Skipped { path, why });
            return;
        }
        if outcome["outcome"] != "accepted" {
            self.refuse(name, path, list(outcome, "reasons"));
            return;
        }
        let reasons = list(outcome, "overridden");
        self.report.rows.push(Row {
            person: name.to_string(),
            path: path.to_path_buf(),
            outcome: outcome_name(outcome["weak"] == true, !reasons.is_empty()),
            reasons,
            bystanders: list(outcome, "bystanders"),
        });
    }
}

/// One outcome a photo, in the order in which they were sent.
fn outcomes_of(response: &JsonResponse, photos: usize) -> Option<&Vec<Value>> {
    response.body["photos"].as_array().filter(|outcomes| outcomes.len() == photos)
}

fn list(outcome: &Value, member: &str) -> Vec<Value> {
    outcome[member].as_array().cloned().unwrap_or_default()
}

/// Whether it was refused since the person has it already, from an earlier request.
fn is_known(outcome: &Value) -> bool {
    let is_enrolled =
        |reason: &Value| reason["reason"] == "same_photo_again" && reason["photo_id"].is_string();
    outcome["outcome"] != "accepted" && list(outcome, "reasons").iter().any(is_enrolled)
}
