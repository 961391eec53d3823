//! Entries of the access log, on behalf of whoever calls.

use std::sync::Arc;

use jiff::Timestamp;

use super::Service;
use super::caller::{self, Caller};
use super::disclosure::Disclosure;
use super::recognized::Recognized;
use crate::access_log::{AccessLog, Action, Entry};

/// Records what one caller does. Made in the request's task, it may be used in another thread, too: work that goes on
/// when its request was dropped is recorded all the same.
#[derive(Clone)]
pub(super) struct Recorder {
    /// `None` where no log is kept.
    log: Option<Arc<AccessLog>>,
    caller: Arc<Caller>,
}

impl Service {
    /// Records on behalf of the caller of this request.
    pub(super) fn recorder(&self) -> Recorder {
        Recorder { log: self.0.access_log.clone(), caller: caller::current() }
    }

    /// Records what a command did with data of these people; none where it concerned nobody or everybody.
    pub fn record<'a>(&self, action: Action, people: impl IntoIterator<Item = &'a str>) {
        self.recorder().record(action, people);
    }

    /// Records on behalf of `caller`.
    pub(super) fn recorder_for(&self, caller: Caller) -> Recorder {
        Recorder { log: self.0.access_log.clone(), caller: Arc::new(caller) }
    }
}

impl Recorder {
    /// Records that `action` concerned these people; none where it concerned nobody or everybody.
    pub(super) fn record<'a>(&self, action: Action, people: impl IntoIterator<Item = &'a str>) {
        self.write(action, || (people.into_iter().map(str::to_owned).collect(), Vec::new()));
    }

    /// Records who was recognised, and who was told as a candidate.
    pub(super) fn record_recognized(&self, recognized: &Recognized, candidates: Option<Disclosure>) {
        self.write(Action::Recognize, || people_of(recognized, candidates));
    }

    /// Records that `action` concerned these people, and that the response names others.
    pub(super) fn record_naming(&self, action: Action, people: &[String], named: &[String]) {
        self.write(action, || (people.to_vec(), named.to_vec()));
    }

    /// Records that nothing was enrolled for `person`, a new one where it is `None`, and whom the response names.
    pub(super) fn record_refused(&self, person: Option<&str>, named: &[String]) {
        let people: Vec<String> = person.map(str::to_owned).into_iter().collect();
        self.record_naming(Action::RefuseEnrollment, &people, named);
    }

    fn write(&self, action: Action, people: impl FnOnce() -> (Vec<String>, Vec<String>)) {
        let Some(log) = &self.log else { return };
        let (people, candidates) = people();
        let Caller { request_id, key, client } = &*self.caller;
        log.record(Entry {
            time: Timestamp::now(),
            request_id: request_id.clone(),
            key: key.clone(),
            client: client.map_or_else(|| "local".to_owned(), |client| client.to_canonical().to_string()),
            action,
            people,
            candidates,
        });
    }
}

/// Ids of those recognised, and of those who are told as candidates only; each once.
fn people_of(recognized: &Recognized, disclosure: Option<Disclosure>) -> (Vec<String>, Vec<String>) {
    let people = recognized.snapshot.gallery.people();
    let (mut matched, mut candidates) = (Vec::new(), Vec::new());
    for face in &recognized.recognition.faces {
        matched.extend(face.found.matched.as_ref().map(|candidate| candidate.person));
        let told = disclosure.map(|disclosure| disclosure.candidates(&face.found)).unwrap_or_default();
        candidates.extend(told.iter().map(|candidate| candidate.person));
    }
    matched.sort_unstable();
    matched.dedup();
    candidates.sort_unstable();
    candidates.dedup();
    candidates.retain(|person| matched.binary_search(person).is_err());
    let ids = |indices: Vec<usize>| {
        indices.into_iter().filter_map(|at| people.get(at)).map(|person| person.id.clone()).collect()
    };
    (ids(matched), ids(candidates))
}
