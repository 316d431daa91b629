//! Receives bodies, in bounded memory that slow senders cannot keep from the others.
//!
//! A small body has room as soon as its connection has. A larger one takes all its room at once, so that no two wait for
//! each other's, and has to arrive at a pace while others wait.

use super::intake::Refusal;
use super::limits::Limits;
use super::server::stopping;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::StatusCode;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// How often a body that does not come on is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// Of a body that is too large so many times the largest is read on, unkept: a client that is still sending when the
/// connection closes would see a reset and not the answer.
const PATIENCE: usize = 8;

/// The room of one body; a body that is not kept has none.
pub(super) type Room = Option<OwnedSemaphorePermit>;

/// The room that bodies have. What was received keeps its room until it is dropped.
#[derive(Debug)]
pub(super) struct Bodies {
    /// In KiB, as is the other.
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
    /// Bodies that wait for room among the larger.
    waiting: AtomicUsize,
    limits: Limits,
}

impl Bodies {
    pub(super) fn new(limits: Limits) -> Self {
        let room = |bytes| Arc::new(Semaphore::new(usize::div_ceil(bytes, 1024)));
        Self {
            small: room(limits.small_body * limits.max_connections),
            large: room(limits.max_bodies),
            waiting: AtomicUsize::new(0),
            limits,
        }
    }

    /// Receives a whole body.
    pub(super) async fn receive(&self, body: Body) -> Result<(Bytes, Room), Refusal> {
        let late = |_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive");
        timeout(self.limits.body_timeout, self.whole(body)).await.map_err(late)?
    }

    async fn whole(&self, body: Body) -> Result<(Bytes, Room), Refusal> {
        let Limits { max_body, small_body, .. } = self.limits;
        // One that is announced as too large needs none.
        let size = body.size_hint().exact().map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        let mut keep = size.is_none_or(|size| size <= max_body);
        let small = if keep { size.unwrap_or(small_body).min(small_body) } else { 0 };
        let mut room = take(&self.small, small).await?;
        let mut body = pin!(body);
        let mut bytes = Vec::new();
        let mut total = 0usize;
        let mut since = None;
        loop {
            if keep && since.is_none() && total.max(size.unwrap_or(0)) > small_body {
                let _waiting = Waiting::new(&self.waiting);
                room = take(&self.large, size.unwrap_or(max_body)).await?;
                since = Some(Instant::now());
            }
            if since.is_some_and(|since| self.is_in_the_way(since, total)) {
                let sentence = "the body came too slowly, while others waited";
                return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, sentence));
            }
            let Ok(frame) = timeout(LOOK, poll_fn(|context| body.as_mut().poll_frame(context))).await else { continue };
            let Some(frame) = frame else { break };
            let failed = |error| format!("the body could not be received: {error}");
            let frame = frame.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, failed(error)))?;
            let Ok(data) = frame.into_data() else { continue };
            total = total.saturating_add(data.len());
            keep &= total <= max_body;
            if keep {
                bytes.extend_from_slice(&data);
            } else {
                (bytes, since, room) = (Vec::new(), None, None);
            }
            if total > max_body.saturating_mul(PATIENCE) {
                break;
            }
        }
        if keep {
            return Ok((bytes.into(), room));
        }
        Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {max_body} bytes")))
    }

    /// Whether others wait for the room of a body that is slow.
    fn is_in_the_way(&self, since: Instant, received: usize) -> bool {
        let time = self.limits.body_pace.mul_f64(1.0 + received as f64 / f64::from(1 << 20));
        self.waiting.load(Ordering::Relaxed) > 0 && since.elapsed() > time
    }
}

async fn take(room: &Arc<Semaphore>, bytes: usize) -> Result<Room, Refusal> {
    let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
    room.clone().acquire_many_owned(kib).await.map(Some).map_err(|_| stopping())
}

/// Counted until it is dropped, also when its client has gone.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
