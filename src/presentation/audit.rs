//! The result of an audit.

use serde::Serialize;
use utoipa::ToSchema;

use crate::audit::{Action, AlikePair, Audit, Finding, PersonRef, RateEffect};
use crate::gallery::EnrolledPhoto;
use crate::service::snapshot::Snapshot;

/// What is odd about the enrolled people.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Audit)]
pub struct AuditReport {
    /// How many people are enrolled.
    #[schema(example = 30)]
    people: usize,
    /// How many photos they have.
    #[schema(example = 90)]
    photos: usize,
    /// Share of strangers that may get a name; thresholds of the audit follow from it.
    #[schema(example = 0.01)]
    false_name_rate: f64,
    /// Sorted by kind, then by id or name; dismissed ones, where asked for, after the others.
    findings: Vec<ListedFinding>,
    /// How many findings are dismissed, listed or not.
    #[schema(example = 0)]
    dismissed: usize,
    /// The most alike pairs of people, most alike first, at most 20; no finding by themselves.
    alike: Vec<AlikeEntry>,
    /// What rates of false names mean for these people.
    rates: Vec<RateEntry>,
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditPerson {
    /// Of the person.
    #[schema(example = "01JDK5Q2W7C1Z8N4T6R0YB3MXA")]
    id: String,
    /// As it is shown.
    #[schema(example = "Barack Obama")]
    name: String,
}

/// A finding with its key and what can be done about it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditListedFinding)]
pub struct ListedFinding {
    /// Identifies the finding from one audit to the next.
    #[schema(example = "5f0c1d0b6c2e4a7f9b3d8e1a2c4f6071")]
    key: String,
    /// Whether it was dismissed.
    dismissed: bool,
    /// What can be done about it, the most likely correction first.
    actions: Vec<FindingAction>,
    /// What was found.
    #[serde(flatten)]
    finding: FindingEntry,
}

/// What can be done about a finding.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AuditAction)]
pub enum FindingAction {
    /// `DELETE /v1/people/{person_id}/photos/{photo_id}`.
    RemovePhoto,
    /// `POST /v1/people/{person_id}/photos/{photo_id}/move`.
    MovePhoto,
    /// `POST /v1/people/{person_id}/merge`.
    Merge,
    /// `POST /v1/people/{person_id}/photos`.
    AddPhotos,
    /// `PUT /v1/audit/dismissals/{key}`.
    Keep,
}

/// Something to look at.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[schema(as = AuditFinding)]
pub enum FindingEntry {
    /// Two people whose photos are as alike as one person's.
    SameFace {
        /// In the order of their ids.
        people: [AuditPerson; 2],
        /// Probability that two different people are this alike.
        false_match_probability: f64,
    },
    /// A photo that is unlike the person's others: remove it, or enrol it for whom it shows.
    UnlikePhoto {
        /// For whom it is enrolled.
        person: AuditPerson,
        /// Of the photo, within the person.
        photo_id: String,
        /// What its file was called; null where that is not known.
        #[schema(required, example = "IMG_0044.jpg")]
        file_name: Option<String>,
        /// Whether it has a thumbnail.
        thumbnail: bool,
        /// Whether it is set aside: kept, and not used to recognise the person.
        set_aside: bool,
        /// Whom it would be recognised as; null when nobody.
        #[schema(required)]
        looks_like: Option<AuditPerson>,
    },
    /// Fewer than two photos count.
    FewPhotos {
        /// The person.
        person: AuditPerson,
        /// Photos that count.
        counting: usize,
        /// Photos that are set aside.
        set_aside: usize,
        /// Photos that count and were enrolled although their quality is low.
        weak: usize,
    },
    /// Fewer than half of the photos would be recognised by the person's others, or all of them were enrolled although
    /// their quality is low.
    WeakPhotos {
        /// The person.
        person: AuditPerson,
        /// Photos that would be recognised.
        recognised: usize,
        /// Photos that count.
        counting: usize,
        /// Those of them that were enrolled although their quality is low.
        weak: usize,
    },
    /// A name of the roster of which no face is enrolled.
    NameWithoutFace {
        /// As in the roster.
        name: String,
    },
    /// A person whose name is not in the roster, where that has names.
    FaceWithoutName {
        /// The person.
        person: AuditPerson,
    },
}

/// Two people and how often one would be taken for the other.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditAlikePair)]
struct AlikeEntry {
    /// In the order of their ids.
    people: [AuditPerson; 2],
    /// Probability that two different people are this alike.
    #[schema(example = 0.0004)]
    false_match_probability: f64,
    /// Share of the photos of one that reach the threshold with the other, at most.
    #[schema(example = 0.12)]
    confusion_rate: f64,
}

/// What a rate of false names means for the enrolled people.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditRate)]
struct RateEntry {
    /// Share of strangers that may get a name.
    #[schema(example = 0.01)]
    false_name_rate: f64,
    /// Probability that a stranger gets the name of one given person.
    #[schema(example = 0.0001)]
    false_match_probability: f64,
    /// Photos that are recognised when they are left out of what is known of their person.
    #[schema(example = 88)]
    recognised: usize,
    /// Photos of people with others.
    #[schema(example = 90)]
    of: usize,
}

impl From<PersonRef> for AuditPerson {
    fn from(person: PersonRef) -> Self {
        Self { id: person.id, name: person.name.to_string() }
    }
}

impl FindingEntry {
    fn new(finding: Finding, snapshot: &Snapshot) -> Self {
        match finding {
            Finding::SameFace { people, false_match_probability } => {
                Self::SameFace { people: people.map(AuditPerson::from), false_match_probability }
            }
            Finding::UnlikePhoto { person, photo_id, set_aside, looks_like } => Self::UnlikePhoto {
                file_name: snapshot.photo(&person.id, &photo_id).and_then(file_name),
                thumbnail: snapshot.thumbnails.contains(&photo_id),
                person: person.into(),
                photo_id,
                set_aside,
                looks_like: looks_like.map(AuditPerson::from),
            },
            Finding::FewPhotos { person, counting, set_aside, weak } => {
                Self::FewPhotos { person: person.into(), counting, set_aside, weak }
            }
            Finding::WeakPhotos { person, recognised, counting, weak } => {
                Self::WeakPhotos { person: person.into(), recognised, counting, weak }
            }
            Finding::NameWithoutFace { name } => Self::NameWithoutFace { name: name.to_string() },
            Finding::FaceWithoutName { person } => Self::FaceWithoutName { person: person.into() },
        }
    }
}

fn file_name(photo: &EnrolledPhoto) -> Option<String> {
    photo.file_name.as_ref().map(|name| name.as_str().to_owned())
}

impl From<Action> for FindingAction {
    fn from(action: Action) -> Self {
        match action {
            Action::RemovePhoto => Self::RemovePhoto,
            Action::MovePhoto => Self::MovePhoto,
            Action::Merge => Self::Merge,
            Action::AddPhotos => Self::AddPhotos,
            Action::Keep => Self::Keep,
        }
    }
}

impl ListedFinding {
    fn new(finding: Finding, dismissed: bool, snapshot: &Snapshot) -> Self {
        let actions = finding.actions().iter().copied().map(FindingAction::from).collect();
        Self { key: finding.key(), dismissed, actions, finding: FindingEntry::new(finding, snapshot) }
    }
}

impl AuditReport {
    /// The report about the people of `snapshot`; `all` lists dismissed findings, too.
    #[must_use]
    pub fn new(audit: Audit, all: bool, snapshot: &Snapshot) -> Self {
        let alike = |AlikePair { people, false_match_probability, confusion_rate }| AlikeEntry {
            people: people.map(AuditPerson::from),
            false_match_probability,
            confusion_rate,
        };
        let rate = |RateEffect { false_name_rate, false_match_probability, recognised, of }| RateEntry {
            false_name_rate,
            false_match_probability,
            recognised,
            of,
        };
        let dismissed = audit.dismissed.len();
        let listed = |dismissed| move |finding| ListedFinding::new(finding, dismissed, snapshot);
        let kept = audit.dismissed.into_iter().filter(|_| all).map(listed(true));
        let open = audit.findings.into_iter().map(listed(false));
        Self {
            people: audit.people,
            photos: audit.photos,
            false_name_rate: audit.false_name_rate,
            findings: open.chain(kept).collect(),
            dismissed,
            alike: audit.alike.into_iter().map(alike).collect(),
            rates: audit.rates.into_iter().map(rate).collect(),
        }
    }
}
