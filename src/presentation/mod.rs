//! JSON forms that HTTP and the command line share. Domain types know no serde; these are made from them.

pub mod attendance;
pub mod audit;
pub mod dead_letters;
pub mod detection;
pub mod faces;
pub mod groups;
pub mod json_id;
pub mod legacy;
pub mod outcomes;
pub mod people;
pub mod reason;
pub mod recognition;
pub mod roster;
pub mod session_list;
pub mod timestamps;
