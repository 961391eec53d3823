//! People, thumbnails, roster, attendance and API keys in PostgreSQL, which several processes share.
//!
//! Each process has all people in memory and searches there. An edit locks the row of the newest revision, catches up with
//! what others have committed, and is then checked against exactly the people that it changes. Other processes learn of it
//! by a notification, or, where that is lost, by asking for the revision once a second, and read the changed people only.

mod access_log;
mod attendance;
mod connection;
mod dismissals;
mod examine;
mod fault;
mod follow;
mod hosts;
mod in_use;
mod keys;
mod live;
mod load;
mod people;
mod roster;
mod rows;
mod schema;
mod stored_keys;
mod stored_roster;
mod stored_thumbnails;
mod thumbnails;
mod tls;

pub use access_log::PostgresLog;
pub use attendance::PostgresAttendance;
pub use connection::Database;
pub use dismissals::PostgresDismissals;
pub use examine::{Contents, analyze, examine, is_enrolled};
pub use keys::{PostgresKeyList, PostgresKeys};
pub use people::{PostgresPeople, stored_recipe};
pub use roster::PostgresRoster;
pub use thumbnails::PostgresThumbnails;
