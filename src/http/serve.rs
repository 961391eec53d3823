//! Accepts connections and lets them end in peace.
//!
//! Slow clients are cut: a connection has [`Timeouts::head`] for its first request and for the head
//! of each further one; bodies have their own limits ([`super::upload`]).

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

use crate::config::Timeouts;

/// Connections at a time; more wait in the system's backlog.
const MAX_CONNECTIONS: usize = 1024;
/// How often a silent HTTP/2 client is asked whether it is still there.
const H2_PING_INTERVAL: Duration = Duration::from_secs(20);

/// Serves `router` until `stop` completes, then finishes what runs, [`Timeouts::drain`] at most.
/// Whether all of it was finished.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    timeouts: Timeouts,
    stop: impl Future<Output = ()>,
) -> bool {
    let graceful = GracefulShutdown::new();
    tokio::select! {
        never = accept_all(&listener, &router, timeouts, &graceful) => match never {},
        () = stop => {}
    }
    drop(listener);
    tracing::info!(connections = graceful.count(), "stopping: finishing what runs");
    tokio::time::timeout(timeouts.drain, graceful.shutdown()).await.is_ok()
}

async fn accept_all(
    listener: &TcpListener,
    router: &Router,
    timeouts: Timeouts,
    graceful: &GracefulShutdown,
) -> std::convert::Infallible {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, peer)) => {
                let connection = connection(stream, peer, router.clone(), timeouts, graceful.watcher());
                tokio::spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            // Out of file descriptors, or a client that left: the next may work.
            Err(error) => {
                tracing::warn!(%error, "a connection can't be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// One connection, HTTP/1.1 or HTTP/2 by prior knowledge, until it ends or is cut.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    timeouts: Timeouts,
    watcher: Watcher,
) {
    // Answers are small and complete: nothing is won by waiting for more.
    drop(stream.set_nodelay(true));
    let alive = Arc::new(AtomicBool::new(false));
    let sign = Arc::clone(&alive);
    let service = router.map_request(move |mut request: axum::http::Request<Incoming>| {
        sign.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(Body::new)
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(timeouts.head);
    server.http2().timer(TokioTimer::new()).keep_alive_interval(H2_PING_INTERVAL);
    let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let connection = watcher.watch(connection.into_owned());
    tokio::pin!(connection);
    let silent = async {
        tokio::time::sleep(timeouts.head).await;
        if alive.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        ended = &mut connection => if let Err(error) = ended {
            tracing::debug!(error, "a connection broke");
        },
        () = silent => tracing::debug!("a connection was silent"),
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
