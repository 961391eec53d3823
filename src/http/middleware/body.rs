//! Bodies of requests: stalled and slow ones are ended, unread ones are drained.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::Version;
use axum::http::header::EXPECT;
use axum::middleware::Next;
use axum::response::Response;
use http_body::Frame;
use tower_http::timeout::TimeoutBody;

use crate::config::UploadRate;
use crate::http::extract::body::next_chunk;
use crate::upload::steady_body::SteadyBody;

/// How long, and how far, the rest of an unread body is drained so that the client sees the response.
const LINGER_TIME: Duration = Duration::from_secs(3);
const LINGER_BYTES: usize = 64 << 20;

/// How a body must arrive.
#[derive(Clone, Copy)]
pub struct Pace {
    /// Longest pause.
    pub idle: Duration,
    /// Minimum speed.
    pub rate: UploadRate,
}

/// Middleware: ends bodies that don't keep the pace. Where a response is ready before its body was read, reads on
/// for a moment: many clients read no response before they have sent the whole body.
pub async fn guard(State(pace): State<Pace>, request: Request, next: Next) -> Response {
    // In HTTP/2 dropping the body resets the stream and loses the response; reading it sends no 100-continue.
    let waits = request.version() < Version::HTTP_2 && request.headers().contains_key(EXPECT);
    next.run(request.map(|body| {
        let body = SteadyBody::new(Lingering { inner: Some(body), waits }, pace.rate);
        Body::new(Box::pin(TimeoutBody::new(pace.idle, body)))
    }))
    .await
}

/// A body whose rest is read when it is dropped.
struct Lingering {
    inner: Option<Body>,
    /// The client sends nothing before it is asked to (`Expect: 100-continue`), and has not been.
    waits: bool,
}

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.waits = false;
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let frame = Pin::new(inner).poll_frame(context);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.inner = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let Some(body) = self.inner.take().filter(|body| !self.waits && !body.is_end_stream()) else {
            return;
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LINGER_TIME, drain(body)));
        }
    }
}

async fn drain(mut body: Body) {
    let mut left = LINGER_BYTES;
    while let Some(Ok(chunk)) = next_chunk(&mut body).await {
        match left.checked_sub(chunk.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}
