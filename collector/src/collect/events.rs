//! `GET /api/events`: tells who listens that something new came.

use super::server::Shared;
use crate::clock;
use axum::body::{Body, Bytes};
use http_body::Frame;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// At most one event in this time.
const EVERY: Duration = Duration::from_secs(1);
/// After so many silent ones comes a comment: what lies between does not take the connection for dead.
const SILENT: u32 = 15;

/// An endless body of events.
pub(super) struct Events {
    shared: Arc<Shared>,
    ticks: Interval,
    told: Option<u64>,
    silent: u32,
    _listener: OwnedSemaphorePermit,
}

impl Events {
    pub(super) fn body(shared: Arc<Shared>, listener: OwnedSemaphorePermit) -> Body {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Body::new(Self { shared, ticks, told: None, silent: 0, _listener: listener })
    }
}

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            ready!(self.ticks.poll_tick(context));
            if self.shared.is_ending() {
                return Poll::Ready(None);
            }
            let changes = self.shared.store.changes();
            let text = if self.told != Some(changes) {
                let now_ms = clock::now_ns() / 1_000_000;
                format!("event: change\ndata: {{\"now_ms\":{now_ms},\"changes\":{changes}}}\n\n")
            } else if self.silent + 1 >= SILENT {
                ":\n\n".into()
            } else {
                self.silent += 1;
                continue;
            };
            self.told = Some(changes);
            self.silent = 0;
            return Poll::Ready(Some(Ok(Frame::data(text.into()))));
        }
    }
}
