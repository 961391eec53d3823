//! Bodies that must arrive at a least speed.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use http_body::Frame;
use tokio::time::{Instant, Sleep, sleep};

use crate::config::UploadRate;

/// The body arrives too slowly.
#[derive(Debug, thiserror::Error)]
#[error(
    "the upload is too slow: expected at least {expected} bytes within {window_s} s, found {found}; send it faster"
)]
pub struct TooSlow {
    expected: u64,
    window_s: u64,
    found: u64,
}

/// A body that ends with [`TooSlow`] when fewer bytes arrive in a window of time than the least rate asks for. Windows
/// follow each other from the first wait for bytes on.
pub struct SteadyBody<B> {
    inner: B,
    rate: UploadRate,
    /// The end of the window; `None` before the first.
    window: Option<Pin<Box<Sleep>>>,
    /// Bytes that arrived in it.
    received: u64,
}

impl<B> SteadyBody<B> {
    /// `inner` at this rate at least.
    pub fn new(inner: B, rate: UploadRate) -> Self {
        Self { inner, rate, window: None, received: 0 }
    }

    /// Completes when a window ends with too few bytes.
    fn poll_window(&mut self, context: &mut Context<'_>) -> Poll<TooSlow> {
        let (length, expected) = (self.rate.window, self.rate.bytes_in_window());
        let window = self.window.get_or_insert_with(|| Box::pin(sleep(length)));
        while window.as_mut().poll(context).is_ready() {
            if self.received < expected {
                return Poll::Ready(TooSlow { expected, window_s: length.as_secs(), found: self.received });
            }
            self.received = 0;
            window.as_mut().reset(Instant::now() + length);
        }
        Poll::Pending
    }
}

impl<B: HttpBody<Data = Bytes, Error = axum::Error> + Unpin> HttpBody for SteadyBody<B> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(frame) => {
                let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
                self.received += data.map_or(0, |data| data.len() as u64);
                Poll::Ready(frame)
            }
            // Only time spent waiting for the client counts.
            Poll::Pending => self.poll_window(context).map(|slow| Some(Err(axum::Error::new(slow)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}
