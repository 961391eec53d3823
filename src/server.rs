//! The accept loop, with timeouts and graceful shutdown.
//!
//! Slow clients are disconnected: a connection has [`Timeouts::head`] for its first request, as long for each further
//! request head in HTTP/1.1, and [`Timeouts::idle`] from the start of a request to the start of the next, in which
//! the client must read the response. Bodies have their own limits (`http::middleware::body`). A client that has its share
//! of the connections gets no further one: what it opens is closed.

use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::clients::shares::Shares;
use crate::config::{ClientLimits, Timeouts};
use crate::process::max_open_files;
use stream::Stream;
use tls::Tls;

mod stream;
pub mod tls;

/// Connections at a time, where file descriptors are plenty; more wait in the system's backlog.
const MAX_CONNECTIONS: usize = 1024;
/// File descriptors that connections leave to the rest of the process: log, sockets of the runtime, and
/// the files of the data directory, which must be readable and writable whatever clients do.
const SPARE_DESCRIPTORS: usize = 32;
/// Pause after a connection that can't be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Minimum time between two log lines about the same kind of connections that are not taken.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);
/// Maximum bytes of a request head; the buffer of an HTTP/1.1 connection, too, so that unfinished heads hold no more.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Maximum bytes of the headers of a request in HTTP/2, unpacked.
const H2_MAX_HEADER_BYTES: u32 = 16 * 1024;
/// Requests at a time in one HTTP/2 connection.
const H2_MAX_STREAMS: u32 = 16;
/// Bytes that a client may send in HTTP/2 before they are read, of a request and of all in its connection.
const H2_WINDOW_BYTES: u32 = 64 * 1024;
/// Bytes of a response in HTTP/2 that wait to be sent. With the headers and the window a connection holds 384 KiB at most.
const H2_SEND_BYTES: usize = 4 * 1024;
/// Interval of keep-alive pings on idle HTTP/2 connections.
const H2_PING_INTERVAL: Duration = Duration::from_secs(20);

/// Serves `router`, within `tls` where it is given, until `stop` completes, then waits for open requests, [`Timeouts::drain`] at most. Returns whether
/// all of them ended.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<Arc<Tls>>,
    timeouts: Timeouts,
    clients: &ClientLimits,
    stop: impl Future<Output = ()>,
) -> bool {
    let graceful = GracefulShutdown::new();
    tokio::select! {
        never = accept_all(&listener, &router, tls.as_deref(), timeouts, clients, &graceful) => match never {},
        () = stop => {}
    }
    drop(listener);
    tracing::info!(connections = graceful.count(), "stopping: finishing what runs");
    tokio::time::timeout(timeouts.drain, graceful.shutdown()).await.is_ok()
}

async fn accept_all(
    listener: &TcpListener,
    router: &Router,
    tls: Option<&Tls>,
    timeouts: Timeouts,
    clients: &ClientLimits,
    graceful: &GracefulShutdown,
) -> std::convert::Infallible {
    let max_connections = max_connections(max_open_files());
    let places = Arc::new(Semaphore::new(max_connections));
    let shares = Shares::new(clients.max_connections.map_or(max_connections / 4, NonZeroUsize::get));
    let (mut failed, mut refused) = (Warning::default(), Warning::default());
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, peer)) => {
                let of_client = shares.try_take(peer.ip().into(), 1);
                if of_client.is_none() && !clients.trusted_proxies.trusts(peer.ip()) {
                    let connections = shares.size();
                    refused.say(|| tracing::warn!(connections, "a client has all that one client may have"));
                    continue;
                }
                // Responses are small and complete: Nagle's algorithm would only delay them.
                drop(stream.set_nodelay(true));
                let stream = Stream::new(stream, tls.map(Tls::acceptor));
                let connection = connection(stream, peer, router.clone(), timeouts, graceful.watcher());
                tokio::spawn(async move {
                    connection.await;
                    // The share first: who takes the place may be the same client, whose share would still be full.
                    drop(of_client);
                    drop(place);
                });
            }
            // Out of file descriptors, or a client that left: the next may work.
            Err(error) => {
                failed.say(|| tracing::warn!(%error, "a connection can't be accepted"));
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A log line that is not repeated within [`WARNING_INTERVAL`].
#[derive(Default)]
struct Warning {
    said: Option<Instant>,
}

impl Warning {
    fn say(&mut self, log: impl FnOnce()) {
        if self.said.is_none_or(|at| at.elapsed() >= WARNING_INTERVAL) {
            log();
            self.said = Some(Instant::now());
        }
    }
}

/// How many connections the limit of open files leaves room for.
fn max_connections(max_open_files: Option<u64>) -> usize {
    let max_open_files = max_open_files.and_then(|max| usize::try_from(max).ok()).unwrap_or(usize::MAX);
    max_open_files.saturating_sub(SPARE_DESCRIPTORS).clamp(1, MAX_CONNECTIONS)
}

/// One connection, HTTP/1.1 or HTTP/2 by prior knowledge, until it ends or is cut.
async fn connection(stream: Stream, peer: SocketAddr, router: Router, timeouts: Timeouts, watcher: Watcher) {
    let last_request = Arc::new(Mutex::new(None));
    let begun = Arc::clone(&last_request);
    let service = router.map_request(move |mut request: axum::http::Request<Incoming>| {
        *begun.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(Body::new)
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(timeouts.head).max_buf_size(MAX_HEAD_BYTES);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(H2_PING_INTERVAL)
        .max_header_list_size(H2_MAX_HEADER_BYTES)
        .max_concurrent_streams(H2_MAX_STREAMS)
        .initial_stream_window_size(H2_WINDOW_BYTES)
        .initial_connection_window_size(H2_WINDOW_BYTES)
        .max_send_buf_size(H2_SEND_BYTES);
    let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let connection = watcher.watch(connection.into_owned());
    tokio::pin!(connection);
    tokio::select! {
        ended = &mut connection => if let Err(error) = ended {
            tracing::debug!(error, "a connection broke");
        },
        () = idle(&last_request, timeouts) => tracing::debug!("a connection was idle"),
    }
}

/// Completes when no request has started within the timeouts.
async fn idle(last_request: &Mutex<Option<Instant>>, timeouts: Timeouts) {
    let accepted = Instant::now();
    // A first request brings its own end forward, so nothing is slept through.
    let longest_sleep = timeouts.head.min(timeouts.idle);
    loop {
        let end = match *last_request.lock().unwrap_or_else(PoisonError::into_inner) {
            None => accepted + timeouts.head,
            Some(begun) => begun + timeouts.idle,
        };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(longest_sleep)).await;
    }
}

/// Completes on SIGTERM or SIGINT.
///
/// # Errors
/// When the system gives no signal handler.
pub fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_file_descriptors_to_the_rest() {
        for (max, connections) in [(64, 32), (33, 1), (3, 1), (1024, 992), (1_048_576, 1024)] {
            assert_eq!(max_connections(Some(max)), connections, "{max}");
        }
        assert_eq!(max_connections(None), MAX_CONNECTIONS, "no limit");
    }
}
