//! `/metrics`: events are recorded as they happen (`requests`, and the service's own recorder), state is read when
//! scraped (`snapshot`).

pub mod endpoint;
pub mod requests;
mod snapshot;
