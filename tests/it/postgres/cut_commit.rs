//! Connections that end during a commit.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::thread;

use facerec::error::Error;
use facerec::gallery::backend::PeopleBackend;
use facerec::postgres::PostgresPeople;

use super::{enrol, has, people};
use crate::support::postgres::{Cluster, open};
use crate::support::server::wait_until;

/// A simple query as the client sends it: type, length, text, end.
const COMMIT: &[u8] = b"Q\0\0\0\x0bcommit\0";
/// What only a connection sends that changes people.
const CHANGE: &[u8] = b"insert into commits";

/// What happens to the next commit of a change.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Next {
    Passes,
    /// The server makes it; its answer is swallowed and the connection cut.
    AnswerIsLost,
    /// The connection is cut before it reaches the server.
    IsLost,
}

/// Stands between facerec and the server.
struct Proxy {
    port: u16,
    next: Arc<AtomicU8>,
}

impl Proxy {
    fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let next = Arc::new(AtomicU8::new(Next::Passes as u8));
        let of_connections = Arc::clone(&next);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                let next = Arc::clone(&of_connections);
                let swallow = Arc::new(AtomicBool::new(false));
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap(), Arc::clone(&swallow));
                thread::spawn(move || pass_back(back.0, back.1, &back.2));
                thread::spawn(move || pass_on(client, server, &swallow, &next));
            }
        });
        Self { port, next }
    }

    fn set(&self, next: Next) {
        self.next.store(next as u8, Ordering::SeqCst);
    }

    /// Whether a commit was dealt with since.
    fn is_used(&self) -> bool {
        self.next.load(Ordering::SeqCst) == Next::Passes as u8
    }

    fn store(&self) -> PostgresPeople {
        people(open(&format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", self.port)))
    }
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

/// From facerec to the server.
fn pass_on(mut client: TcpStream, mut server: TcpStream, swallow: &AtomicBool, next: &AtomicU8) {
    let mut buffer = vec![0; 65536];
    // A statement is prepared once; each change after it goes on the same connection.
    let mut changes = false;
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let bytes = &buffer[..read];
        changes |= contains(bytes, CHANGE);
        if changes && contains(bytes, COMMIT) {
            let what = next.swap(Next::Passes as u8, Ordering::SeqCst);
            if what == Next::IsLost as u8 {
                break;
            }
            swallow.store(what == Next::AnswerIsLost as u8, Ordering::SeqCst);
        }
        if server.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
}

/// From the server to facerec.
fn pass_back(mut server: TcpStream, mut client: TcpStream, swallow: &AtomicBool) {
    let mut buffer = vec![0; 65536];
    while let Ok(read @ 1..) = server.read(&mut buffer) {
        if swallow.load(Ordering::SeqCst) || client.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

fn count(cluster: &Cluster, name: &str) -> String {
    cluster.sql("postgres", &format!("select count(*) from facerec.people where name = '{name}'"))
}

#[test]
fn a_change_whose_commit_was_made_and_not_answered_is_acknowledged_and_there_once() {
    let Some(cluster) = Cluster::start() else { return };
    let proxy = Proxy::start(cluster.port);
    let store = proxy.store();
    let other = people(open(&cluster.url("postgres")));
    enrol(&store, "Ada", 1).unwrap();
    for number in 0..10 {
        let name = format!("Grace {number}");
        wait_until("it is followed", || store.status().error.is_none());
        // So that this connection has sent what tells it.
        enrol(&store, &format!("Before {number}"), 200 + number).unwrap();
        proxy.set(Next::AnswerIsLost);
        enrol(&store, &name, 100 + number).unwrap();
        assert!(proxy.is_used(), "the answer was swallowed");
        assert!(has(&store, &name));
        assert_eq!(count(&cluster, &name), "1");
    }
    wait_until("the other has all", || *other.current() == *store.current());
}

#[test]
fn a_change_whose_commit_did_not_arrive_is_refused_and_not_there() {
    let Some(cluster) = Cluster::start() else { return };
    let proxy = Proxy::start(cluster.port);
    let store = proxy.store();
    for number in 0..5 {
        wait_until("it is followed", || store.status().error.is_none());
        enrol(&store, &format!("Before {number}"), 200 + number).unwrap();
        proxy.set(Next::IsLost);
        let error = enrol(&store, "Grace", 1).unwrap_err();
        assert!(proxy.is_used() && matches!(error, Error::Unavailable(_)), "{error:?}");
        assert!(!has(&store, "Grace"));
        assert_eq!(count(&cluster, "Grace"), "0");
    }
    wait_until("it is back", || store.status().error.is_none());
    enrol(&store, "Grace", 1).unwrap();
    assert_eq!(count(&cluster, "Grace"), "1");
}
