//! Ids of sessions, messages and people who are not in the gallery.

/// A new id: a ULID, sortable by the time of its making.
pub(super) fn new_id() -> String {
    ulid::Ulid::generate().to_string()
}
