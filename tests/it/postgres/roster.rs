//! The roster in the database.

use facerec::gallery::backend::PeopleBackend;
use facerec::roster::Roster;
use facerec::roster::backend::RosterBackend;

use super::{enrol, people};
use crate::support::postgres::database;
use crate::support::server::wait_until;

fn csv(id: u32) -> Vec<u8> {
    format!("Name,ID\nAda Example,{id}\nGrace Example,7\n").into_bytes()
}

fn replace(roster: &impl RosterBackend, bytes: &[u8]) -> usize {
    let (old, new) = roster.replace(bytes, Roster::from_bytes(bytes).unwrap()).unwrap();
    assert_eq!(*new, *roster.current());
    old.len()
}

#[test]
fn a_roster_is_in_use_everywhere_and_the_last_ten_come_back() {
    let Some(database) = database() else { return };
    let (a, b) = (people(database.open()), people(database.open()));
    assert!(a.roster().current().is_empty() && a.roster().file().unwrap().is_none());
    assert_eq!(replace(&a.roster(), &csv(1)), 0);
    wait_until("the other has it", || b.roster().current().len() == 2);
    assert_eq!(*a.roster().current(), *b.roster().current());
    assert_eq!(replace(&b.roster(), &csv(1)), 2);
    assert!(b.roster().versions().unwrap().is_empty(), "the same one again is no version");
    for id in 2..14 {
        // In turn: each sees the other's as the old one, and ULIDs of one millisecond are in no order.
        std::thread::sleep(std::time::Duration::from_millis(2));
        let roster = if id % 2 == 0 { a.roster() } else { b.roster() };
        assert_eq!(replace(&roster, &csv(id)), 2);
    }
    let versions = a.roster().versions().unwrap();
    assert_eq!(versions.len(), 10);
    assert_eq!((versions[0].names, versions[0].format.extension()), (2, "csv"));
    assert_eq!(b.roster().version(&versions[0].id).unwrap(), Some(csv(12)));
    assert_eq!(b.roster().version("../roster").unwrap(), None);
    assert_eq!(people(database.open()).roster().file().unwrap(), Some(csv(13)));
    assert!(a.roster().reloads().0 > 0 && a.roster().error().is_none());
}

#[test]
fn a_roster_that_can_not_be_read_stops_nothing_else() {
    let Some(database) = database() else { return };
    let store = people(database.open());
    replace(&store.roster(), &csv(1));
    database.sql("update facerec.roster set revision = 9, file = '\\x00'");
    wait_until("it is noticed", || store.roster().error().is_some());
    assert_eq!(store.roster().current().len(), 2, "the one before is in use");
    enrol(&store, "Ada", 1).unwrap();
    assert!(store.status().error.is_none());
    assert!(people(database.open()).roster().current().is_empty());
    replace(&store.roster(), &csv(2));
    assert!(store.roster().error().is_none());
}
