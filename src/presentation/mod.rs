//! JSON forms that HTTP and the command line share. Domain types know no serde; these are made from them.

pub mod attendance;
pub mod audit;
pub mod json_id;
pub mod legacy;
pub mod reason;
