//! Few file descriptors, and many clients that take them.

use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use super::{enrollment, people, portrait, recognized};
use crate::support::http::{Client, get};
use crate::support::say;
use crate::support::server::{Server, facerec_after, sample_data, wait_until};

/// More than 64 descriptors have room for.
const CROWD: usize = 100;

fn descriptors(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}

/// Processor time used so far, in ticks of a hundredth of a second.
fn ticks(server: &Server) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
    // The name, which ends with the last bracket, may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// A loop that spins uses a whole core; one that waits uses next to nothing.
fn assert_idle(server: &Server) {
    let before = ticks(server);
    std::thread::sleep(Duration::from_secs(1));
    let used = ticks(server) - before;
    assert!(used < 50, "{used} ticks of 100 used while nothing is done");
}

#[test]
fn more_clients_than_file_descriptors_wait_and_are_answered_later() {
    let all = ["--max-connections-per-client", "32"];
    let server = Server::start_as(facerec_after("ulimit -n 64"), sample_data(), &all);
    let mut early = Client::sending(server.socket(), &get("/healthz", &[]));
    assert_eq!(early.answer().status, 200);
    let before = descriptors(&server);
    let crowd: Vec<TcpStream> = (0..CROWD).map(|_| TcpStream::connect(server.socket()).unwrap()).collect();
    let mut late = Client::sending(server.socket(), &get("/healthz", &[]));
    // Requests again and again: a connection that waits too long for its next one is cut.
    let mut asks = || assert_eq!(early.exchange(&get("/healthz", &[])).status, 200);
    wait_until("all places are taken", || {
        asks();
        descriptors(&server) >= before + 31
    });
    assert_idle(&server);
    asks();
    // Descriptors are left for the files: those who are in can change them.
    early.send(&enrollment("Ada", &std::fs::read(portrait()).unwrap()));
    let ada = early.answer();
    assert_eq!(ada.status, 201, "{}", ada.body);
    drop(crowd);
    assert_eq!(late.answer().status, 200);
    recognized(&server);
    assert_eq!(people(&server).pop().as_deref(), ada.json()["id"].as_str());
    assert!(!server.log().contains("can't be accepted"), "{}", server.log());
}

#[test]
fn the_idle_connections_of_one_client_leave_others_their_place() {
    // Room for 32 connections, a quarter of them for one client.
    let server = Server::start_as(facerec_after("ulimit -n 64"), sample_data(), &[]);
    let crowd: Vec<TcpStream> = (0..CROWD).map(|_| TcpStream::connect(server.socket()).unwrap()).collect();
    let mut other = Client::connect_from([127, 0, 0, 2], server.socket());
    assert_eq!(other.exchange(&get("/healthz", &[])).status, 200);
    // Those before the other client have all been taken or closed by now.
    let open = crowd.iter().filter(|connection| {
        connection.set_nonblocking(true).unwrap();
        let read = connection.peek(&mut [0]);
        read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    });
    assert_eq!(open.count(), 8);
    let said = || server.log().matches("a client has all that one client may have").count();
    wait_until("it is said", || said() > 0);
    assert_eq!(said(), 1, "and not for each connection");
    drop(crowd);
    wait_until("its places are free again", || {
        let mut one = Client::connect(server.socket());
        one.try_send(&get("/healthz", &[])).is_ok() && one.try_answer().is_some()
    });
}

#[test]
fn without_any_file_descriptor_left_the_service_waits_for_one() {
    let server = Server::start_as(facerec_after("ulimit -n 64"), sample_data(), &[]);
    let limit = |descriptors: usize| {
        let mut prlimit = Command::new("prlimit");
        prlimit.arg(format!("--pid={}", server.pid())).arg(format!("--nofile={descriptors}:64"));
        prlimit.status().is_ok_and(|status| status.success())
    };
    if !limit(64) {
        say("NOTE: prlimit can't be used here; a service without a file descriptor left is NOT tested.");
        return;
    }
    assert!(limit(1), "fewer than are open already");
    let mut waiting = Client::sending(server.socket(), &get("/healthz", &[]));
    wait_until("it is said", || server.log().contains("a connection can't be accepted"));
    assert_idle(&server);
    assert_eq!(server.log().matches("a connection can't be accepted").count(), 1, "and not again and again");
    assert!(limit(64));
    assert_eq!(waiting.answer().status, 200);
    recognized(&server);
}
