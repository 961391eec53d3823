//! Bodies of requests: how much of them may be in memory, and what happens to the rest of a body
//! that nobody wants.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::EXPECT;
use axum::http::{StatusCode, Version};
use axum::middleware::Next;
use axum::response::Response;
use http_body::Frame;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tower_http::timeout::TimeoutBody;

use super::error::ApiError;
use super::state::AppState;

/// How long, and how far, the rest of a refused body is read so that the client sees the answer.
const LINGER_TIME: Duration = Duration::from_secs(3);
const LINGER_BYTES: usize = 64 << 20;
/// How long an upload waits for a permit to be read, and how long its permit lasts: slow ones are not waited for.
const TURN: Duration = Duration::from_millis(500);
/// Unit in which bytes are counted: a semaphore holds at most 2^61 permits, and takes u32 at a time.
const UNIT: usize = 1024;

/// The bytes of uploads that may be in memory at a time, in all requests together.
pub struct UploadBudget {
    units: Arc<Semaphore>,
    total: usize,
    refused: AtomicU64,
}

/// A share of the budget, given back when dropped.
#[derive(Debug, Default)]
pub struct Reservation {
    permit: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl UploadBudget {
    /// Room for `photos` photos of `photo_bytes` each, their share of a form included.
    #[must_use]
    pub fn new(photos: usize, photo_bytes: u64) -> Self {
        let bytes = usize::try_from(photo_bytes).unwrap_or(usize::MAX).saturating_mul(photos);
        let total = (bytes / UNIT).clamp(1, Semaphore::MAX_PERMITS);
        Self { units: Arc::new(Semaphore::new(total)), total, refused: AtomicU64::new(0) }
    }

    /// Bytes of uploads that are in memory now, to the next unit of 1024.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.total.saturating_sub(self.units.available_permits()) * UNIT
    }

    /// How often there was no room.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Takes room for `more` bytes on top of what `held` has.
    ///
    /// # Errors
    /// 503 `busy` when there is none.
    pub fn grow(&self, held: &mut Reservation, more: usize) -> Result<(), ApiError> {
        let bytes = held.bytes + more;
        let missing = bytes.div_ceil(UNIT) - held.bytes.div_ceil(UNIT);
        if missing == 0 {
            held.bytes = bytes;
            return Ok(());
        }
        let permit = u32::try_from(missing)
            .ok()
            .and_then(|units| Arc::clone(&self.units).try_acquire_many_owned(units).ok())
            .ok_or_else(|| {
                self.refused.fetch_add(1, Ordering::Relaxed);
                no_room()
            })?;
        match &mut held.permit {
            Some(all) => all.merge(permit),
            none => *none = Some(permit),
        }
        held.bytes = bytes;
        Ok(())
    }
}

impl Reservation {
    /// Gives back room for `bytes` of what it has.
    fn shrink(&mut self, bytes: usize) {
        let before = self.bytes.div_ceil(UNIT);
        self.bytes = self.bytes.saturating_sub(bytes);
        let surplus = before - self.bytes.div_ceil(UNIT);
        drop(self.permit.as_mut().and_then(|permit| permit.split(surplus)));
    }
}

/// 503: the budget is used up.
#[must_use]
pub fn no_room() -> ApiError {
    let detail = "too many uploads are under way; none of them may wait here for memory";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail)
}

/// What the reader of a form was given and has not given on: it takes all that has come, and keeps what lies
/// before a part, or is the headers of one, until that ends.
#[derive(Debug, Clone, Default)]
pub struct BufferedBytes(Arc<Mutex<Reservation>>);

impl BufferedBytes {
    fn held(&self) -> MutexGuard<'_, Reservation> {
        // Nothing panics while it is locked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So much of it has been given on.
    pub fn given_on(&self, bytes: usize) {
        self.held().shrink(bytes);
    }
}

/// The budget has no room for more of a form.
#[derive(Debug, thiserror::Error)]
#[error("there is no room for more of the form")]
pub struct NoRoom;

/// A form's body that takes room in the budget for what comes.
pub struct FormBody {
    /// Read from.
    pub body: Body,
    /// What is in memory.
    pub buffered: BufferedBytes,
    /// Whose budget it is.
    pub app: AppState,
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
            && self.app.uploads.grow(&mut self.buffered.held(), data.len()).is_err()
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

/// Whose body is read first, where many come at once: of all that are read side by side, the first would be
/// whole, and the queue full, only when nearly all have been sent.
pub struct ReadPermits(Arc<Semaphore>);

/// The permit of an upload. It ends with this, or by itself when it has lasted long enough.
pub struct ReadPermit {
    _ends: Option<oneshot::Sender<()>>,
}

impl ReadPermits {
    /// Permits for `uploads` at a time.
    #[must_use]
    pub fn new(uploads: usize) -> Self {
        Self(Arc::new(Semaphore::new(uploads.min(Semaphore::MAX_PERMITS))))
    }

    /// Waits for a permit, but not for long: an upload without one is read all the same.
    pub async fn take(&self) -> ReadPermit {
        let permit = tokio::time::timeout(TURN, Arc::clone(&self.0).acquire_owned()).await;
        let ends = permit.ok().and_then(Result::ok).map(|permit| {
            let (ends, ended) = oneshot::channel();
            tokio::spawn(async move {
                // Either way it is over.
                drop(tokio::time::timeout(TURN, ended).await);
                drop(permit);
            });
            ends
        });
        ReadPermit { _ends: ends }
    }
}

/// Middleware: cuts bodies that stand still, and reads on for a moment where an answer is ready
/// before the body has been read, since many clients read no answer before they have sent it all.
pub async fn guard(State(app): State<AppState>, request: Request, next: Next) -> Response {
    // In HTTP/2 dropping the body resets the stream, with the answer that was on its way; reading it asks
    // for nothing.
    let waits = request.version() < Version::HTTP_2 && request.headers().contains_key(EXPECT);
    next.run(request.map(|body| {
        let body = Lingering { inner: Some(body), waits };
        Body::new(Box::pin(TimeoutBody::new(app.config.timeouts.body_idle, body)))
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

/// The next bytes of a body; none of a frame that has no data, `None` at the end.
pub async fn next_chunk(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    let frame = std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
    Some(frame.map(|frame| frame.into_data().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_turn_ends_with_its_upload_and_a_slow_one_is_not_waited_for() {
        let read_permits = ReadPermits::new(1);
        let first = read_permits.take().await;
        let start = std::time::Instant::now();
        let second = read_permits.take().await;
        assert!(start.elapsed() >= TURN / 2, "one at a time");
        drop((first, second));
        tokio::time::timeout(TURN * 20, read_permits.0.acquire())
            .await
            .expect("given back")
            .unwrap()
            .forget();
        drop(tokio::time::timeout(TURN * 20, read_permits.take()).await.expect("nobody waits for ever"));
    }

    #[test]
    fn the_budget_is_shared_and_given_back() {
        let budget = UploadBudget::new(2, 10 * 1024);
        let (mut first, mut second) = (Reservation::default(), Reservation::default());
        for _ in 0..15 {
            budget.grow(&mut first, 1000).unwrap();
        }
        budget.grow(&mut second, 5 * 1024).unwrap();
        let refused = budget.grow(&mut second, 1).unwrap_err();
        assert_eq!((refused.status, refused.code), (StatusCode::SERVICE_UNAVAILABLE, "busy"));
        assert_eq!((budget.held_bytes(), budget.refused()), (20 * 1024, 1));
        drop(first);
        assert_eq!(budget.held_bytes(), 5 * 1024);
        budget.grow(&mut second, 14 * 1024).unwrap();
        for _ in 0..10 {
            second.shrink(1000);
        }
        assert_eq!(budget.held_bytes(), 10 * 1024, "9456 bytes are left");
        second.shrink(usize::MAX);
        assert_eq!(budget.held_bytes(), 0);
    }
}
