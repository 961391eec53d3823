//! JSON of version 1, made from domain types.

pub mod faces;
pub mod files;
pub mod outcomes;
pub mod people;
pub mod roster;
pub mod timestamps;
