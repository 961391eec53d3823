//! Several stores on one database.

use std::sync::Arc;
use std::thread;

use facerec::error::{Error, InputError};
use facerec::gallery::backend::PeopleBackend;

use super::{enrol, has, people};
use crate::support::faces::{embedding, person};
use crate::support::postgres::database;
use crate::support::server::wait_until;

#[test]
fn a_change_is_seen_by_others_who_read_only_that() {
    let Some(database) = database() else { return };
    let (a, b) = (people(database.open()), people(database.open()));
    enrol(&a, "Ada", 1).unwrap();
    wait_until("b has Ada", || has(&b, "Ada"));
    let ada = Arc::clone(&b.current().people()[0]);
    enrol(&a, "Grace", 2).unwrap();
    wait_until("b has Grace", || has(&b, "Grace"));
    assert!(Arc::ptr_eq(&ada, &b.current().people()[0]), "Ada was not read again");
    let id = ada.id.clone();
    a.edit(Box::new(move |gallery| {
        gallery.with_person(person("Mary", &[embedding(3)]))?.without_person(&id)
    }))
    .unwrap();
    wait_until("b has Mary and no Ada", || has(&b, "Mary") && !has(&b, "Ada"));
    assert_eq!(*a.current(), *b.current());
    assert!(b.status().reloads.0 >= 3);
}

#[test]
fn a_change_without_a_notification_is_seen() {
    let Some(database) = database() else { return };
    let store = people(database.open());
    enrol(&store, "Ada", 1).unwrap();
    database.sql(
        "begin; set search_path to facerec;
         update people set name = 'Grace';
         update state set revision = 2, token = 7;
         insert into commits (revision, token) values (2, 7);
         insert into changes select 2, id from people;
         commit",
    );
    wait_until("it is noticed", || has(&store, "Grace"));
}

#[test]
fn an_edit_sees_what_others_have_committed_before_it() {
    let Some(database) = database() else { return };
    let (a, b) = (people(database.open()), people(database.open()));
    for at in 0..20 {
        enrol(&a, &format!("Person {at}"), at).unwrap();
        // Without waiting for the notification.
        let twice = enrol(&b, &format!("Person {at}"), at);
        assert!(matches!(twice, Err(Error::Input(InputError::NameTaken { .. }))), "{twice:?}");
    }
}

#[test]
fn many_edits_of_several_stores_are_made_each_once_in_one_order() {
    const EACH: u64 = 25;
    let Some(database) = database() else { return };
    let stores: Vec<_> = (0..3).map(|_| people(database.open())).collect();
    thread::scope(|scope| {
        for (at, store) in (0_u64..).zip(&stores) {
            for editor in 0..2 {
                scope.spawn(move || {
                    for edit in 0..EACH {
                        let seed = (at * 2 + editor) * EACH + edit;
                        enrol(store, &format!("Person {seed}"), seed).unwrap();
                    }
                });
            }
        }
    });
    let expected = usize::try_from(EACH).unwrap() * 6;
    wait_until("all have all", || stores.iter().all(|store| store.current().len() == expected));
    let again = people(database.open());
    for store in &stores {
        assert_eq!(*store.current(), *again.current());
    }
    assert_eq!(
        database.sql("select count(*) = (select revision + 1 from facerec.state) from facerec.commits"),
        "t"
    );
}
