//! Delivering the outbox to receivers that answer in every way.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use facerec::attendance::delivery::{Deliverer, DeliveryTotals, Receiver, ReceiverOptions, WebhookSecret};
use facerec::attendance::{AttendanceStore, Channel, SqliteStore};
use jiff::{Timestamp, ToSpan};

use super::receiver::{ReceiverServer, wait};
use super::{class_7a, enrolled, matched, minutes, photo, sqlite};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const LOCAL: ReceiverOptions = ReceiverOptions { allow_private: true, timeout: Duration::from_secs(2) };

pub fn secret() -> WebhookSecret {
    WebhookSecret::parse(SECRET).unwrap()
}

/// A store with a message about each of `people`, written long ago.
fn store_with(people: i64) -> (tempfile::TempDir, Arc<SqliteStore>) {
    let directory = tempfile::tempdir().unwrap();
    let store = sqlite(directory.path());
    let session = class_7a(&*store);
    let records: Vec<_> = (4..=people).map(|who| enrolled(who, &[])).collect();
    store.sync_people(&records, false).unwrap();
    let faces: Vec<_> = (1..=people).map(|who| matched(who as u32, who, 0.8)).collect();
    store.mark(&session.id, &photo(1, minutes(1)), &faces, Timestamp::UNIX_EPOCH).unwrap();
    (directory, store)
}

fn deliver(store: &Arc<SqliteStore>, url: &str) -> Deliverer {
    let receiver = Receiver::webhook(url, vec![secret()], LOCAL).unwrap();
    let store: Arc<dyn AttendanceStore> = Arc::<SqliteStore>::clone(store);
    Deliverer::start(&store, vec![receiver]).unwrap()
}

/// Pending and dead webhooks, not counting the old service's messages.
fn left(store: &SqliteStore) -> (u64, u64) {
    let counts = store.outbox_counts().unwrap();
    let legacy = store.due(Channel::Legacy, Timestamp::now(), 1000).unwrap().len() as u64;
    (counts.pending - legacy, counts.dead)
}

/// Waits until so many messages of the store wait for another attempt.
fn wait_for_retries(deliverer: &Deliverer, count: u64) {
    wait(|| deliverer.metrics().totals().retried >= count, "nothing was put off");
}

#[test]
fn messages_arrive_signed_and_leave_the_outbox() {
    let (_directory, store) = store_with(5);
    let server = ReceiverServer::start(|_, _| "204 No Content".into());
    let deliverer = deliver(&store, &server.url);
    wait(|| left(&store) == (0, 0), "messages were left");
    let secret = secret();
    let received = server.received();
    assert_eq!(received.len(), 5);
    for request in &received {
        let seconds: i64 = request.header("webhook-timestamp").parse().unwrap();
        assert!((Timestamp::now().as_second() - seconds).abs() < 600, "the time of the attempt");
        let signature = secret.sign(request.header("webhook-id"), seconds, &request.body);
        assert_eq!(request.header("webhook-signature"), signature);
        assert_eq!(request.header("content-type"), "application/json");
        assert!(request.body.contains("attendance.marked"));
    }
    assert_eq!(deliverer.metrics().totals(), DeliveryTotals { delivered: 5, retried: 0, dead: 0 });
    deliverer.stop();
}

#[test]
fn the_old_receiver_gets_its_own_message_unsigned() {
    let (_directory, store) = store_with(2);
    let server = ReceiverServer::start(|_, _| "200 OK".into());
    let receiver = Receiver::legacy(&server.url, LOCAL).unwrap();
    let shared: Arc<dyn AttendanceStore> = Arc::<SqliteStore>::clone(&store);
    let deliverer = Deliverer::start(&shared, vec![receiver]).unwrap();
    let received = server.wait_for(2);
    assert!(received.iter().all(|request| request.header("webhook-signature").is_empty()));
    assert!(received.iter().all(|request| request.body.contains("\"studentId\":")));
    deliverer.stop();
    assert_eq!(left(&store), (2, 0), "webhooks wait for their own receiver");
}

#[test]
fn an_error_is_tried_again_and_another_person_does_not_wait_for_it() {
    let (_directory, store) = store_with(2);
    let server = ReceiverServer::start(|_, request| {
        let failing = request.body.contains("Pupil 00001");
        if failing { "500 Internal Server Error".into() } else { "200 OK".into() }
    });
    let deliverer = deliver(&store, &server.url);
    wait(
        || deliverer.metrics().totals() == DeliveryTotals { delivered: 1, retried: 1, dead: 0 },
        "not settled",
    );
    assert_eq!(left(&store), (1, 0));
    let soon = store.due(Channel::Webhook, Timestamp::now() + 1.minute(), 10).unwrap();
    assert_eq!((soon.len(), soon[0].attempts), (1, 1));
    // The second attempt comes by itself, under the same id.
    let received = server.wait_for(3);
    let mut attempts: BTreeMap<&str, u32> = BTreeMap::new();
    for request in &received {
        *attempts.entry(request.header("webhook-id")).or_default() += 1;
    }
    assert_eq!(attempts.get(soon[0].id.as_str()), Some(&2));
    deliverer.stop();
}

#[test]
fn gone_is_final_and_lands_among_the_dead_letters() {
    let (_directory, store) = store_with(1);
    let server = ReceiverServer::start(|number, _| if number == 0 { "410 Gone" } else { "200 OK" }.into());
    let deliverer = deliver(&store, &server.url);
    wait(|| left(&store) == (0, 1), "it was not given up on");
    let letter = &store.dead_letters(10).unwrap()[0];
    assert_eq!(letter.last_error, "the receiver responds with 410 Gone");
    store.resend(&letter.id, Timestamp::now()).unwrap();
    deliverer.wake();
    wait(|| left(&store) == (0, 0), "it was not sent again");
    assert_eq!(deliverer.metrics().totals(), DeliveryTotals { delivered: 1, retried: 0, dead: 1 });
}

#[test]
fn a_redirect_is_not_followed() {
    let (_directory, store) = store_with(1);
    let elsewhere = ReceiverServer::start(|_, _| "200 OK".into());
    let location = elsewhere.url.clone();
    let server = ReceiverServer::start(move |_, _| format!("301 Moved Permanently\r\nlocation: {location}"));
    let deliverer = deliver(&store, &server.url);
    wait_for_retries(&deliverer, 1);
    deliverer.stop();
    assert_eq!((left(&store), elsewhere.received().len()), ((1, 0), 0));
}

#[test]
fn a_slow_receiver_times_out_and_blocks_nobody_who_marks() {
    let (_directory, store) = store_with(1);
    let server = ReceiverServer::start(|_, _| {
        std::thread::sleep(Duration::from_mins(2));
        "200 OK".into()
    });
    let deliverer = deliver(&store, &server.url);
    server.wait_for(1);
    // The attempt is under way; a mark does not wait for it.
    let session = store
        .sessions(&facerec::attendance::SessionFilter::default(), facerec::attendance::Page::ALL)
        .unwrap()
        .sessions
        .remove(0);
    store.mark(&session.id, &photo(2, minutes(2)), &[matched(0, 2, 0.8)], minutes(2)).unwrap();
    assert_eq!(deliverer.metrics().totals(), DeliveryTotals::default());
    wait_for_retries(&deliverer, 1);
    assert_eq!(left(&store).1, 0);
}

#[test]
fn a_dead_receiver_loses_nothing_and_gets_all_when_it_is_back() {
    let (_directory, store) = store_with(3);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let deliverer = deliver(&store, &format!("http://{closed}/"));
    wait_for_retries(&deliverer, 3);
    deliverer.stop();
    assert_eq!(left(&store), (3, 0));
    let server = ReceiverServer::start(|_, _| "200 OK".into());
    let deliverer = deliver(&store, &server.url);
    wait(|| left(&store) == (0, 0), "messages were left");
    assert_eq!(server.received().len(), 3);
    deliverer.stop();
}

#[test]
fn a_private_address_is_never_connected_to_unless_allowed() {
    let (_directory, store) = store_with(1);
    let server = ReceiverServer::start(|_, _| "200 OK".into());
    let by_name = server.url.replace("127.0.0.1", "localhost");
    let receiver = Receiver::webhook(&by_name, vec![secret()], ReceiverOptions::default()).unwrap();
    let shared: Arc<dyn AttendanceStore> = Arc::<SqliteStore>::clone(&store);
    let deliverer = Deliverer::start(&shared, vec![receiver]).unwrap();
    wait_for_retries(&deliverer, 1);
    deliverer.stop();
    assert_eq!((left(&store), server.received().len()), ((1, 0), 0));
}
