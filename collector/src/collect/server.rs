//! The HTTP interface.

use super::intake::{self, Refusal};
use super::limits::Limits;
use super::repeats::Repeats;
use crate::model::Model;
use crate::model::stats::Window;
use crate::{clock, graph, page, pathways};
use axum::body::{Body, HttpBody};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// The header by which a client names a payload, so that a repeat can be told.
pub(crate) const PAYLOAD_ID: &str = datastreams_core::request::PAYLOAD_ID;
/// The endpoint of agents, and that of the intake behind them.
const ENDPOINTS: [&str; 2] = ["/v0.1/pipeline_stats", "/api/v0.1/pipeline_stats"];

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    limits: Limits,
    known: Mutex<Known>,
    /// KiB of bodies that are being received.
    bodies: Semaphore,
    readers: Semaphore,
}

/// What is known; changed in one step, so that an id is remembered exactly with its payload.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) model: Model,
    repeats: Repeats,
}

impl Shared {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            known: Mutex::new(Known {
                model: Model::new(limits, clock::now_ns()),
                repeats: Repeats::new(limits.max_ids),
            }),
            bodies: Semaphore::new(limits.max_bodies >> 10),
            readers: Semaphore::new(limits.max_readers),
        }
    }

    /// A panic while it was held left sums that are right up to one payload: better than none.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All routes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let stats = post(take_stats).put(take_stats);
    let mut router = Router::new()
        .route("/info", get(info))
        .route("/api/graph", get(get_graph))
        .route("/api/pathways", get(get_pathways));
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
            shared.lock().model.received.refused += 1;
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
        let is_repeat = |known: &Known| id.as_deref().is_some_and(|id| known.repeats.contains(id));
        if is_repeat(&shared.lock()) {
            shared.lock().model.received.repeats += 1;
            return Ok(());
        }
        let payload = intake::read(&bytes, encoding, limits.max_payload)?;
        let known = &mut *shared.lock();
        // The same payload may have come twice at once.
        if is_repeat(known) {
            known.model.received.repeats += 1;
            return Ok(());
        }
        if let Some(id) = &id {
            known.repeats.insert(id);
        }
        known.model.add(&payload, clock::now_ns());
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(default)]
    window: Window,
    /// Pathways that go on are listed too.
    #[serde(default)]
    all: bool,
}

async fn get_graph(State(shared): State<Arc<Shared>>, wanted: Query<Wanted>) -> Response {
    Json(graph::graph(&shared.lock().model, wanted.window, clock::now_ns())).into_response()
}

async fn get_pathways(State(shared): State<Arc<Shared>>, wanted: Query<Wanted>) -> Response {
    Json(pathways::list(&shared.lock().model, wanted.window, wanted.all, clock::now_ns())).into_response()
}

async fn nothing_here() -> Response {
    let sentence = "there is nothing here: see /info, /v0.1/pipeline_stats, /api/graph and /api/pathways";
    answer(&Refusal::new(StatusCode::NOT_FOUND, sentence))
}

async fn wrong_method(method: Method) -> Response {
    answer(&Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not possible here")))
}

fn answer(refusal: &Refusal) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (refusal.status, kind, format!("{}\n", refusal.sentence)).into_response()
}
