//! Responses kept for repeated requests.

use jiff::Timestamp;

use super::value::values;
use super::{Sql, sessions};
use crate::attendance::check;
use crate::attendance::model::{IdempotencyKey, NewSession, Session, StoredResponse};
use crate::error::{InputError, Result};

/// Largest response that is kept, bytes.
const MAX_RESPONSE_BYTES: usize = 1 << 20;

struct Known {
    session_id: Option<String>,
    response: Option<StoredResponse>,
}

/// # Errors
/// [`InputError::Conflict`] when the key was used for another request.
fn find(db: &dyn Sql, key: &IdempotencyKey) -> Result<Option<Known>> {
    check::id("Idempotency-Key", &key.key)?;
    let sql = "SELECT request_sha256, session_id, status, response FROM requests WHERE key = ?1";
    let found = db.row(sql, values![&key.key], |row| {
        let status: Option<u16> = row.get(2)?;
        let response = match status {
            Some(status) => Some(StoredResponse { status, body: row.get(3)? }),
            None => None,
        };
        Ok((row.get::<[u8; 32]>(0)?, Known { session_id: row.get(1)?, response }))
    })?;
    match found {
        Some((sha256, _)) if sha256 != key.request_sha256 => {
            let message = "this Idempotency-Key was used for another request: expected a new key";
            Err(InputError::Conflict(message.to_owned()).into())
        }
        found => Ok(found.map(|(_, known)| known)),
    }
}

pub(super) fn recall(db: &dyn Sql, key: &IdempotencyKey) -> Result<Option<StoredResponse>> {
    Ok(find(db, key)?.and_then(|known| known.response))
}

pub(super) fn remember(
    db: &dyn Sql,
    key: &IdempotencyKey,
    response: &StoredResponse,
    now: Timestamp,
) -> Result<()> {
    find(db, key)?;
    if response.body.len() > MAX_RESPONSE_BYTES {
        return Ok(()); // a repetition is carried out again, which changes nothing
    }
    db.execute(
        "INSERT INTO requests (key, request_sha256, status, response, at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (key) DO UPDATE SET status = excluded.status, response = excluded.response
         WHERE requests.status IS NULL",
        values![&key.key, key.request_sha256, response.status, &response.body, now],
    )?;
    Ok(())
}

pub(super) fn create_session_once(
    db: &dyn Sql,
    new: &NewSession,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Session> {
    if let Some(id) = find(db, key)?.and_then(|known| known.session_id) {
        return Ok(sessions::get(db, &id)?.session);
    }
    let session = sessions::create(db, new, None, now)?;
    db.execute(
        "INSERT INTO requests (key, request_sha256, session_id, at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (key) DO UPDATE SET session_id = excluded.session_id",
        values![&key.key, key.request_sha256, &session.id, now],
    )?;
    Ok(session)
}
