//! The body of a multipart form, whose buffered bytes count against the upload budget.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use http_body::Frame;

use super::budget::{NoRoom, Reservation, UploadBudget};

/// Bytes that the multipart parser has read and not yet returned: it reads all that has arrived, and buffers
/// preambles and part headers until they end.
#[derive(Debug, Clone, Default)]
pub struct BufferedBytes(Arc<Mutex<Reservation>>);

impl BufferedBytes {
    fn held(&self) -> MutexGuard<'_, Reservation> {
        // Nothing panics while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Releases bytes that the parser has returned.
    pub fn release(&self, bytes: usize) {
        self.held().shrink(bytes);
    }
}

/// A form's body that reserves memory for the bytes that arrive.
pub struct FormBody {
    /// The request's body.
    pub body: Body,
    /// Bytes in the parser's buffer.
    pub buffered: BufferedBytes,
    /// The budget of all uploads.
    pub budget: Arc<UploadBudget>,
}

impl HttpBody for FormBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
            && self.budget.grow(&mut self.buffered.held(), data.len()).is_err()
        {
            return Poll::Ready(Some(Err(axum::Error::new(NoRoom))));
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
