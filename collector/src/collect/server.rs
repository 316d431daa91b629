//! The HTTP interface.

use super::intake::{self, Refusal};
use super::limits::Limits;
use super::reading;
use crate::store::Store;
use crate::{clock, page};
use axum::body::{Body, HttpBody};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Semaphore;

/// The header by which a client names a payload, so that a repeat can be told.
pub(crate) const PAYLOAD_ID: &str = datastreams_core::request::PAYLOAD_ID;
/// The endpoint of agents, and that of the intake behind them.
const ENDPOINTS: [&str; 2] = ["/v0.1/pipeline_stats", "/api/v0.1/pipeline_stats"];

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    limits: Limits,
    pub(crate) store: Store,
    /// KiB of bodies that are being received.
    bodies: Semaphore,
    readers: Semaphore,
    /// Answers that are put together: one at a time, so that threads are left for payloads.
    pub(super) answers: Semaphore,
    /// Those who are told of changes.
    pub(super) listeners: Arc<Semaphore>,
    ending: AtomicBool,
}

impl Shared {
    pub(crate) fn new(limits: Limits, store: Store) -> Self {
        Self {
            limits,
            store,
            bodies: Semaphore::new(limits.max_bodies >> 10),
            readers: Semaphore::new(limits.max_readers),
            answers: Semaphore::new(1),
            listeners: Arc::new(Semaphore::new(limits.max_listeners)),
            ending: AtomicBool::new(false),
        }
    }

    /// Ends answers that have no end.
    pub(super) fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }
}

/// All routes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let stats = post(take_stats).put(take_stats);
    let mut router = Router::new().route("/info", get(info)).merge(reading::routes());
    for endpoint in ENDPOINTS {
        router = router.route(endpoint, stats.clone());
    }
    let router = router.merge(page::routes());
    router.fallback(nothing_here).method_not_allowed_fallback(wrong_method).with_state(shared)
}

/// What tracers ask before they send. dd-trace-java and -dotnet look for the endpoint with and without its slash,
/// data-streams-go with it.
async fn info(State(shared): State<Arc<Shared>>) -> Response {
    let [endpoint, _] = ENDPOINTS;
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "endpoints": [endpoint, endpoint.trim_start_matches('/')],
        "config": {"max_request_bytes": shared.limits.max_body},
    }))
    .into_response()
}

async fn take_stats(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Body) -> Response {
    match take(&shared, &headers, body).await {
        Ok(()) => (StatusCode::ACCEPTED, Json(json!({}))).into_response(),
        Err(refusal) => {
            shared.store.refuse();
            answer(&refusal)
        }
    }
}

async fn take(shared: &Arc<Shared>, headers: &HeaderMap, body: Body) -> Result<(), Refusal> {
    let encoding = intake::encoding(headers)?;
    let id = intake::id(headers, PAYLOAD_ID)?.map(String::from);
    let limits = shared.limits;
    // A body takes its announced size, or the largest, before a byte of it is kept.
    let size = body.size_hint().upper().map_or(limits.max_body, |size| limits.max_body.min(size as usize));
    let wanted = u32::try_from(size.div_ceil(1024)).unwrap_or(u32::MAX);
    let receiving = async {
        let room = shared.bodies.acquire_many(wanted).await.map_err(|_| stopping())?;
        Ok::<_, Refusal>((receive(body, limits.max_body).await?, room))
    };
    let late = || Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive");
    let (bytes, _room) = tokio::time::timeout(limits.body_timeout, receiving).await.map_err(|_| late())??;
    let _reader = shared.readers.acquire().await.map_err(|_| stopping())?;
    let shared = shared.clone();
    let reading = tokio::task::spawn_blocking(move || {
        // A repeat need not be read; whether it is one is decided when it is taken.
        if id.as_deref().is_some_and(|id| shared.store.is_known(id)) {
            shared.store.repeat();
            return Ok(());
        }
        let parsed = intake::read(&bytes, encoding, limits.max_payload)?;
        shared.store.take(id.as_deref(), &parsed, clock::now_ns());
        Ok(())
    });
    reading.await.map_err(|_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "reading the payload failed"))?
}

fn stopping() -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the collector is stopping")
}

/// Receives a body. One that is too large is read on for a while, unkept: a client that is still sending when the
/// connection closes would see a reset and not the answer.
async fn receive(body: Body, max: usize) -> Result<Vec<u8>, Refusal> {
    const PATIENCE: usize = 8;
    let mut body = pin!(body);
    let mut bytes = Vec::new();
    let mut total = 0usize;
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        let frame = frame.map_err(|error| {
            Refusal::new(StatusCode::BAD_REQUEST, format!("the body could not be received: {error}"))
        })?;
        let Ok(data) = frame.into_data() else { continue };
        total = total.saturating_add(data.len());
        if total <= max {
            bytes.extend_from_slice(&data);
        } else {
            bytes = Vec::new();
        }
        if total > max.saturating_mul(PATIENCE) {
            break;
        }
    }
    if total <= max {
        return Ok(bytes);
    }
    Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {max} bytes")))
}

async fn nothing_here() -> Response {
    let sentence = "there is nothing here: see /info, /v0.1/pipeline_stats and /api/graph";
    answer(&Refusal::new(StatusCode::NOT_FOUND, sentence))
}

async fn wrong_method(method: Method) -> Response {
    answer(&Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not possible here")))
}

pub(super) fn answer(refusal: &Refusal) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (refusal.status, kind, format!("{}\n", refusal.sentence)).into_response()
}
