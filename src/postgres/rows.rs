//! People as rows: what is read and written, and how.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{GenericClient, Row};

use super::fault::Fault;
use crate::embed::Embedding;
use crate::error::{Error, InputError, Result};
use crate::file_name::FileName;
use crate::gallery::store::unit_embedding;
use crate::gallery::{Changes, EnrolledPhoto, Gallery, Person, Recipe};
use crate::nn::EMBEDDING_LEN;
use crate::person_name::PersonName;
use crate::student_id::StudentId;

/// Where a change is announced.
pub(super) const CHANNEL: &str = "facerec_people";
/// People read at a time, with all photos.
pub(super) const PAGE: usize = 128;
/// Revisions whose changes are listed. Who is further behind reads all people.
const LISTED_REVISIONS: i64 = 10_000;

const PERSON: &str = "select id, position, name, student_integer, student_number, student_text, \
                      to_char(expires, 'YYYY-MM-DD') from people";

/// Until the end of the transaction. Without statistics, as after many people came at once, the planner would scan the table for
/// each page of people.
pub(super) const BY_INDEX: &str = "set local enable_seqscan to off";

/// A state of the people: its number, and what tells it from another one of that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) revision: i64,
    pub(super) token: i64,
}

impl Known {
    /// The state after this one, with a token of its own.
    pub(super) fn next(self) -> Result<Self> {
        let random =
            getrandom::u64().map_err(|error| Error::Internal(format!("no random numbers: {error}")))?;
        Ok(Self { revision: self.revision + 1, token: (random >> 1) as i64 })
    }
}

/// The newest state. With `to_change` nobody else may change it before the end of the transaction.
pub(super) async fn state(client: &(impl GenericClient + Sync), to_change: bool) -> Result<Known, Fault> {
    let plain = "select revision, token from state";
    let locking = "select revision, token from state for update";
    let row = client.query_typed_one(if to_change { locking } else { plain }, &[]).await?;
    Ok(Known { revision: row.try_get(0)?, token: row.try_get(1)? })
}

/// Whether the state `known` is listed: all that happened since is, too. It is not after very many changes, nor when another
/// history took its place.
pub(super) async fn is_ancestor(client: &(impl GenericClient + Sync), known: Known) -> Result<bool, Fault> {
    let listed = "select exists (select from commits where revision = $1 and token = $2)";
    Ok(client.query_one(listed, &[&known.revision, &known.token]).await?.try_get(0)?)
}

/// What happened since the state `known`, which is listed. Within one transaction.
pub(super) async fn changes(client: &(impl GenericClient + Sync), known: Known) -> Result<Changes, Fault> {
    client.batch_execute(BY_INDEX).await?;
    let listed = "select distinct person_id from changes where revision > $1";
    let rows = client.query(listed, &[&known.revision]).await?;
    let ids = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
    let mut found: Vec<(i64, Arc<Person>)> = Vec::with_capacity(ids.len());
    for ids in ids.chunks(PAGE) {
        found.extend(
            people(client, &client.query(&format!("{PERSON} where id = any($1)"), &[&ids]).await?).await?,
        );
    }
    found.sort_unstable_by_key(|(position, _)| *position);
    let saved: Vec<Arc<Person>> = found.into_iter().map(|(_, person)| person).collect();
    let there: HashSet<&str> = saved.iter().map(|person| person.id.as_str()).collect();
    let removed = ids.iter().filter(|id| !there.contains(id.as_str())).cloned().collect();
    Ok(Changes { saved, removed })
}

/// The first and the last place that somebody has, if anybody.
pub(super) async fn places(client: &(impl GenericClient + Sync)) -> Result<Option<(i64, i64)>, Fault> {
    let row = client.query_one("select min(position), max(position) from people", &[]).await?;
    Ok(row.try_get::<_, Option<i64>>(0)?.zip(row.try_get(1)?))
}

/// The people at the places from `first` to before `end`, in order. Within one transaction.
pub(super) async fn people_between(
    client: &(impl GenericClient + Sync),
    first: i64,
    end: i64,
) -> Result<Vec<Arc<Person>>, Fault> {
    let select = format!("{PERSON} where position >= $1 and position < $2 order by position");
    let read = people(client, &client.query(&select, &[&first, &end]).await?).await?;
    Ok(read.into_iter().map(|(_, person)| person).collect())
}

/// The recipe of the embeddings; `None` in a database that is new.
pub(super) async fn recipe(client: &(impl GenericClient + Sync)) -> Result<Option<Recipe>, Fault> {
    let row = client.query_opt("select model, model_sha256, margin_px from recipe", &[]).await?;
    let read = |row: Row| -> Result<Recipe, Fault> {
        let margin_px: i32 = row.try_get(2)?;
        Ok(Recipe {
            model: row.try_get(0)?,
            model_sha256: sha256(row.try_get(1)?)?,
            margin_px: u32::try_from(margin_px).map_err(broken)?,
        })
    };
    row.map(read).transpose()
}

/// Writes the recipe of a database that is new.
pub(super) async fn begin_with(client: &(impl GenericClient + Sync), recipe: &Recipe) -> Result<(), Fault> {
    let margin_px = i32::try_from(recipe.margin_px).map_err(broken)?;
    let sha256 = recipe.model_sha256.as_ref().map(<[u8; 32]>::as_slice);
    let insert =
        "insert into recipe (model, model_sha256, margin_px) values ($1, $2, $3) on conflict do nothing";
    client.execute(insert, &[&recipe.model, &sha256, &margin_px]).await?;
    Ok(())
}

/// The people of the rows with their photos, and their positions, in the order of the rows.
async fn people(
    client: &(impl GenericClient + Sync),
    rows: &[Row],
) -> Result<Vec<(i64, Arc<Person>)>, Fault> {
    let ids = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<&str>, _>>()?;
    let select = "select person_id, id, embedding, source_sha256, weak, file_name from photos where person_id = any($1) \
                  order by person_id, position";
    let mut photos: HashMap<&str, Vec<EnrolledPhoto>> = HashMap::with_capacity(ids.len());
    let stored = client.query(select, &[&ids]).await?;
    for row in &stored {
        photos.entry(row.try_get(0)?).or_default().push(photo(row)?);
    }
    let read = rows.iter().map(|row| person(row, &mut photos));
    let mut read = read.collect::<Result<Vec<(i64, Person)>, Fault>>()?;
    Person::pack(read.iter_mut().map(|(_, person)| person));
    Ok(read.into_iter().map(|(position, person)| (position, Arc::new(person))).collect())
}

fn person(row: &Row, photos: &mut HashMap<&str, Vec<EnrolledPhoto>>) -> Result<(i64, Person), Fault> {
    let id: String = row.try_get(0)?;
    let student_id = match (row.try_get(3)?, row.try_get(4)?, row.try_get::<_, Option<&str>>(5)?) {
        (Some(integer), None, None) => Some(StudentId::Integer(integer)),
        (None, Some(number), None) => Some(StudentId::Number(number)),
        (None, None, Some(text)) => Some(StudentId::from_text(text).ok_or_else(|| broken("an ID is empty"))?),
        _ => None,
    };
    let expires = row.try_get::<_, Option<&str>>(6)?.map(str::parse).transpose().map_err(broken)?;
    let name = PersonName::parse(row.try_get(2)?).map_err(broken)?;
    let photos = photos.remove(id.as_str()).unwrap_or_default();
    Ok((row.try_get(1)?, Person { id, name, student_id, expires, photos }))
}

fn photo(row: &Row) -> Result<EnrolledPhoto, Fault> {
    Ok(EnrolledPhoto {
        id: row.try_get::<_, &str>(1)?.into(),
        embedding: embedding(row.try_get(2)?)?,
        source_sha256: sha256(row.try_get(3)?)?,
        weak: row.try_get(4)?,
        file_name: row.try_get::<_, Option<&str>>(5)?.and_then(FileName::of),
    })
}

fn embedding(bytes: &[u8]) -> Result<Embedding, Fault> {
    let bytes: &[[u8; 4]; EMBEDDING_LEN] = bytes.as_chunks::<4>().0.try_into().map_err(broken)?;
    unit_embedding(&bytes.map(f32::from_le_bytes)).map_err(Fault::Content)
}

fn embedding_bytes(embedding: &Embedding) -> Vec<u8> {
    embedding.values().iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn sha256(bytes: Option<&[u8]>) -> Result<Option<[u8; 32]>, Fault> {
    bytes.map(<[u8; 32]>::try_from).transpose().map_err(broken)
}

/// What is stored is not what was expected.
pub(super) fn broken(reason: impl std::fmt::Display) -> Fault {
    Fault::Content(format!("what is stored can't be used: {reason}"))
}

/// Checks that the people can be stored, so that one edit does not spoil the commit of others.
///
/// # Errors
/// [`InputError::Invalid`] for an ID that PostgreSQL does not take as text, and a last day before the year 1.
pub(super) fn check(changes: &Changes) -> Result<()> {
    let has_zero = |person: &Arc<Person>| matches!(&person.student_id, Some(StudentId::Text(text)) if text.contains('\0'));
    if changes.saved.iter().any(has_zero) {
        let message = "expected an ID without the character U+0000, found one with it";
        return Err(Error::Input(InputError::Invalid(message.to_owned())));
    }
    let mut last_days = changes.saved.iter().filter_map(|person| person.expires);
    if let Some(day) = last_days.find(|day| day.year() < 1) {
        let message = format!("expected a last day of the years 1 to 9999, found {day}");
        return Err(Error::Input(InputError::Invalid(message)));
    }
    Ok(())
}

/// Checks that an edit keeps the recipe: one database holds embeddings of one.
///
/// # Errors
/// [`InputError::Conflict`] for another model or margin.
pub(super) fn check_recipe(stored: &Recipe, edited: &Recipe) -> Result<()> {
    if (&stored.model, stored.margin_px) == (&edited.model, edited.margin_px) {
        return Ok(());
    }
    let message = format!(
        "expected people of the model {} at margin {}, which the database was made for, found {} at margin {}",
        stored.model, stored.margin_px, edited.model, edited.margin_px
    );
    Err(InputError::Conflict(message).into())
}

/// Writes the changes from the gallery `old` as the state `next`, and announces it with the end of the transaction. The statements are
/// sent in this order without waiting for one another: a round trip takes longer than most of them.
pub(super) async fn save(
    client: &(impl GenericClient + Sync),
    old: &Gallery,
    changes: &Changes,
    next: Known,
) -> Result<(), Fault> {
    let ids: Vec<&str> =
        changes.saved.iter().map(|person| &person.id).chain(&changes.removed).map(String::as_str).collect();
    tokio::try_join!(
        biased; // the order in which they are polled is the one in which they are sent
        save_people(client, &changes.saved),
        async {
            save_photos(client, old, &changes.saved).await?;
            remove_people(client, &changes.removed).await
        },
        announce(client, next, &ids),
    )?;
    Ok(())
}

/// After those to whom their photos went have them: a thumbnail goes with the last photo that it is of.
async fn remove_people(client: &(impl GenericClient + Sync), ids: &[String]) -> Result<(), Fault> {
    if ids.len() > PAGE {
        // The thumbnails of many people would make the commit take longer than a statement may.
        client.batch_execute("set constraints delete_thumbnail immediate").await?;
    }
    // In parts: a statement has a time limit.
    for ids in ids.chunks(PAGE) {
        client.execute_typed("delete from people where id = any($1)", &[(&ids, Type::TEXT_ARRAY)]).await?;
    }
    Ok(())
}

/// Makes `next` the newest state, in which these people are others than before, and announces it with the end of the transaction.
/// Which ones states of long ago changed is forgotten.
pub(super) async fn announce(
    client: &(impl GenericClient + Sync),
    next: Known,
    ids: &[&str],
) -> Result<(), Fault> {
    let Known { revision, token } = next;
    let state = [(&revision as &(dyn ToSql + Sync), Type::INT8), (&token, Type::INT8)];
    let listed = [(&revision as &(dyn ToSql + Sync), Type::INT8), (&ids, Type::TEXT_ARRAY)];
    let forgotten = revision - LISTED_REVISIONS;
    let forgotten = [(&forgotten as &(dyn ToSql + Sync), Type::INT8)];
    let text = revision.to_string();
    let notified = [(&CHANNEL as &(dyn ToSql + Sync), Type::TEXT), (&text, Type::TEXT)];
    let list = "insert into changes (revision, person_id) select $1::bigint, unnest($2::text[])";
    tokio::try_join!(
        biased;
        client.execute_typed("update state set revision = $1, token = $2", &state),
        client.execute_typed("insert into commits (revision, token) values ($1, $2)", &state),
        client.execute_typed(list, &listed),
        client.execute_typed("delete from commits where revision <= $1", &forgotten),
        client.execute_typed("select pg_notify($1, $2)", &notified),
    )?;
    Ok(())
}

/// New people stand behind all others, in this order; known ones keep their places.
async fn save_people(client: &(impl GenericClient + Sync), people: &[Arc<Person>]) -> Result<(), Fault> {
    if people.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = people.iter().map(|person| person.id.as_str()).collect();
    let names: Vec<&str> = people.iter().map(|person| person.name.as_str()).collect();
    let student = people.iter().map(|person| person.student_id.as_ref());
    let integers: Vec<Option<i64>> = student
        .clone()
        .map(|id| if let Some(StudentId::Integer(id)) = id { Some(*id) } else { None })
        .collect();
    let numbers: Vec<Option<f64>> = student
        .clone()
        .map(|id| if let Some(StudentId::Number(id)) = id { Some(*id) } else { None })
        .collect();
    let texts: Vec<Option<&str>> =
        student.map(|id| if let Some(StudentId::Text(id)) = id { Some(id.as_str()) } else { None }).collect();
    let expires: Vec<Option<String>> =
        people.iter().map(|person| person.expires.map(|day| day.to_string())).collect();
    let upsert = "
        insert into people (id, position, name, student_integer, student_number, student_text, expires)
        select id, (select coalesce(max(position), 0) from people) + place, name, student_integer, student_number, student_text,
            expires::date
        from unnest($1::text[], $2::text[], $3::bigint[], $4::double precision[], $5::text[], $6::text[]) with ordinality
            as new (id, name, student_integer, student_number, student_text, expires, place)
        order by place
        on conflict (id) do update set name = excluded.name, student_integer = excluded.student_integer,
            student_number = excluded.student_number, student_text = excluded.student_text, expires = excluded.expires";
    let params: [(&(dyn ToSql + Sync), Type); 6] = [
        (&ids, Type::TEXT_ARRAY),
        (&names, Type::TEXT_ARRAY),
        (&integers, Type::INT8_ARRAY),
        (&numbers, Type::FLOAT8_ARRAY),
        (&texts, Type::TEXT_ARRAY),
        (&expires, Type::TEXT_ARRAY),
    ];
    client.execute_typed(upsert, &params).await?;
    Ok(())
}

/// The photos of people whose photos have changed, all of them again: few people have many.
async fn save_photos(
    client: &(impl GenericClient + Sync),
    old: &Gallery,
    people: &[Arc<Person>],
) -> Result<(), Fault> {
    let before = |person: &Arc<Person>| old.person(&person.id).map(|known| known.photos.as_slice());
    let changed: Vec<&Arc<Person>> =
        people.iter().filter(|person| before(person) != Some(person.photos.as_slice())).collect();
    let replaced = changed.iter().filter(|person| before(person).is_some());
    let replaced: Vec<&str> = replaced.map(|person| person.id.as_str()).collect();
    if !replaced.is_empty() {
        let delete = "delete from photos where person_id = any($1)";
        client.execute_typed(delete, &[(&replaced, Type::TEXT_ARRAY)]).await?;
    }
    for people in changed.chunks(PAGE) {
        write_photos(client, people).await?;
    }
    Ok(())
}

async fn write_photos(client: &(impl GenericClient + Sync), people: &[&Arc<Person>]) -> Result<(), Fault> {
    let rows = people.iter().flat_map(|person| {
        person.photos.iter().zip(0_i32..).map(|(photo, position)| (person.id.as_str(), position, photo))
    });
    let owners: Vec<&str> = rows.clone().map(|(owner, ..)| owner).collect();
    let positions: Vec<i32> = rows.clone().map(|(_, position, _)| position).collect();
    let photos: Vec<&EnrolledPhoto> = rows.map(|(.., photo)| photo).collect();
    let photo_ids: Vec<&str> = photos.iter().map(|photo| photo.id.as_str()).collect();
    let embeddings: Vec<Vec<u8>> = photos.iter().map(|photo| embedding_bytes(&photo.embedding)).collect();
    let sources: Vec<Option<&[u8]>> =
        photos.iter().map(|photo| photo.source_sha256.as_ref().map(<[u8; 32]>::as_slice)).collect();
    let weak: Vec<bool> = photos.iter().map(|photo| photo.weak).collect();
    let file_names: Vec<Option<&str>> =
        photos.iter().map(|photo| photo.file_name.as_ref().map(FileName::as_str)).collect();
    let insert = "
        insert into photos (person_id, position, id, embedding, source_sha256, weak, file_name)
        select * from unnest($1::text[], $2::integer[], $3::text[], $4::bytea[], $5::bytea[], $6::boolean[], $7::text[])";
    let params: [(&(dyn ToSql + Sync), Type); 7] = [
        (&owners, Type::TEXT_ARRAY),
        (&positions, Type::INT4_ARRAY),
        (&photo_ids, Type::TEXT_ARRAY),
        (&embeddings, Type::BYTEA_ARRAY),
        (&sources, Type::BYTEA_ARRAY),
        (&weak, Type::BOOL_ARRAY),
        (&file_names, Type::TEXT_ARRAY),
    ];
    client.execute_typed(insert, &params).await?;
    Ok(())
}
