//! The data folder's files, changed under the running service: by others, and through it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use facerec::embed::Embedding;
use facerec::gallery::{EnrolledPhoto, Gallery, Person, store};
use facerec::nn::EMBEDDING_LEN;
use facerec::person_name::PersonName;
use facerec::roster::Roster;
use facerec::student_id::StudentId;
use rust_xlsxwriter::Workbook;

use crate::common::client::request;
use crate::common::random::Random;
use crate::common::server::sample;
use crate::session::{Fault, Session, same};
use crate::tally::Kind;

/// Strangers in the larger gallery: enough to show in memory if an old one stayed.
const CROWD: u64 = 400;
/// Names in the larger roster besides those of the sample.
const MORE_NAMES: u32 = 300;
/// Longest time from a changed file to its use; the service looks each second.
const RELOAD_LIMIT: Duration = Duration::from_secs(15);

/// Two versions of a file, one of which is in place.
struct Versions {
    /// Content, and how many people or names that is.
    files: [(Vec<u8>, usize); 2],
    in_place: usize,
}

impl Versions {
    fn other(&mut self) -> (&[u8], usize) {
        self.in_place = 1 - self.in_place;
        let (bytes, count) = &self.files[self.in_place];
        (bytes, *count)
    }
}

/// The folder of a running service.
pub(crate) struct Folder {
    path: PathBuf,
    gallery: Mutex<Versions>,
    roster: Mutex<Versions>,
}

impl Folder {
    /// Of a service that has enrolled the sample's people in it.
    pub(crate) fn open(path: PathBuf) -> Self {
        let gallery = galleries(&path);
        Self { path, gallery: Mutex::new(gallery), roster: Mutex::new(rosters()) }
    }

    /// As others replace a file: written beside it, then renamed.
    fn put(&self, name: &str, bytes: &[u8]) {
        let mut file = tempfile::NamedTempFile::new_in(&self.path).unwrap();
        file.write_all(bytes).unwrap();
        file.persist(self.path.join(name)).unwrap();
    }
}

/// The sample's people, and the same with a crowd of strangers.
fn galleries(folder: &Path) -> Versions {
    let path = folder.join(store::FILE_NAME);
    let few = store::read(&path).unwrap();
    let mut people = few.people().iter().cloned().collect::<Vec<_>>();
    people.extend((0..CROWD).map(|number| Arc::new(stranger(number))));
    let many = Gallery::new(few.recipe().clone(), people).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    store::write(file.path(), &many).unwrap();
    let files =
        [(std::fs::read(path).unwrap(), few.len()), (std::fs::read(file.path()).unwrap(), many.len())];
    Versions { files, in_place: 0 }
}

/// Somebody who looks like nobody.
fn stranger(number: u64) -> Person {
    let mut random = Random::new(number, 0);
    let values = (0..EMBEDDING_LEN).map(|_| random.below(2000) as f32 - 1000.0).collect();
    let photo = EnrolledPhoto::new(Embedding::new(values).unwrap(), None);
    Person::new(PersonName::parse(&format!("Stranger {number}")).unwrap(), None, vec![photo])
}

/// The sample's names, and the same with many others.
fn rosters() -> Versions {
    let small = sample("roster.xlsx");
    let count = |workbook: &[u8]| Roster::from_bytes(workbook).unwrap().len();
    let large = larger(&small);
    let counts = (count(&small), count(&large));
    Versions { files: [(small, counts.0), (large, counts.1)], in_place: 0 }
}

fn larger(workbook: &[u8]) -> Vec<u8> {
    let roster = Roster::from_bytes(workbook).unwrap();
    let known = roster.rows().iter().map(|row| (row.name.to_string(), row.id.clone()));
    let more = (0..MORE_NAMES)
        .map(|number| (format!("Pupil {number}"), Some(StudentId::Text(format!("{number:05}")))));
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let head = ("Name".to_owned(), Some(StudentId::Text("ID".to_owned())));
    for (row, (name, id)) in (0..).zip(std::iter::once(head).chain(known).chain(more)) {
        sheet.write(row, 0, name).unwrap();
        match id {
            Some(StudentId::Integer(id)) => sheet.write(row, 1, id as f64).map(drop).unwrap(),
            Some(StudentId::Number(id)) => sheet.write(row, 1, id).map(drop).unwrap(),
            Some(StudentId::Text(id)) => sheet.write(row, 1, id).map(drop).unwrap(),
            None => {}
        }
    }
    book.save_to_buffer().unwrap()
}

/// Another gallery is put into place and taken into use.
pub(crate) fn replace_gallery(session: &Session, _random: &mut Random) -> Result<(), Fault> {
    // Whoever is enrolled meanwhile would be lost with the old file.
    let _nobody = session.visitors.keep_away();
    let mut versions = session.folder.gallery.lock().unwrap();
    let (bytes, people) = versions.other();
    session.folder.put(store::FILE_NAME, bytes);
    wait_for(session, "people", people)?;
    session.tally.request(Kind::GalleryReload, Duration::ZERO);
    Ok(())
}

/// Another roster is put into place and taken into use.
pub(crate) fn replace_roster(session: &Session, _random: &mut Random) -> Result<(), Fault> {
    let mut versions = session.folder.roster.lock().unwrap();
    let (bytes, names) = versions.other();
    session.folder.put("roster.xlsx", bytes);
    wait_for(session, "roster", names)?;
    session.tally.request(Kind::RosterReload, Duration::ZERO);
    Ok(())
}

/// Another roster is uploaded, and in use when the response comes.
pub(crate) fn upload_roster(session: &Session, _random: &mut Random) -> Result<(), Fault> {
    const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let mut versions = session.folder.roster.lock().unwrap();
    let (bytes, names) = versions.other();
    let upload = request("PUT", "/v1/roster", XLSX, bytes.to_vec());
    let response = session.expect_json(Kind::RosterUpload, &upload, 200)?;
    same("names of the uploaded roster", &names.into(), &response["total"])?;
    same("names of the roster in use", &names.into(), &session.readiness()?["roster"])
}

/// Waits until `/readyz` tells this number of them.
fn wait_for(session: &Session, what: &str, count: usize) -> Result<(), Fault> {
    let deadline = Instant::now() + RELOAD_LIMIT;
    loop {
        let readiness = session.readiness()?;
        if readiness[what] == count {
            return Ok(());
        }
        if Instant::now() > deadline {
            return same(&format!("/readyz: {what} after a reload"), &count.into(), &readiness[what]);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}
