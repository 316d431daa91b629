//! The HTTP interface.

use super::access::Access;
use super::bodies::Bodies;
use super::intake::{self, Refusal};
use super::limits::Limits;
use super::repeats::Claims;
use super::upstream::Upstream;
use super::{guard, reading, upstream};
use crate::export::routes;
use crate::store::Store;
use crate::{clock, page};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Semaphore;

/// The header by which a client names a payload, so that a repeat can be told.
pub(crate) const PAYLOAD_ID: &str = datastreams_core::request::PAYLOAD_ID;
/// The endpoint of agents, and that of the intake behind them.
pub(crate) const ENDPOINTS: [&str; 2] = ["/v0.1/pipeline_stats", "/api/v0.1/pipeline_stats"];

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    limits: Limits,
    pub(crate) store: Store,
    claims: Claims,
    pub(crate) access: Access,
    upstream: Option<Upstream>,
    bodies: Bodies,
    readers: Semaphore,
    /// Answers that are put together: one at a time, so that threads are left for payloads.
    pub(super) answers: Semaphore,
    /// Answers to whoever fetches all metrics, which nobody has to wait for either.
    pub(crate) scrapes: Semaphore,
    /// Those who are told of changes.
    pub(super) listeners: Arc<Semaphore>,
    ending: AtomicBool,
}

impl Shared {
    pub(crate) fn new(limits: Limits, store: Store, access: Access, upstream: Option<Upstream>) -> Self {
        Self {
            limits,
            store,
            claims: Claims::default(),
            access,
            upstream,
            bodies: Bodies::new(limits),
            readers: Semaphore::new(limits.max_readers),
            answers: Semaphore::new(1),
            scrapes: Semaphore::new(1),
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

/// All routes. A route among `reading` is guarded by the token; one among `posting` only if those who post need it.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let reading = reading::routes()
        .merge(routes::routes())
        .merge(page::routes())
        .route_layer(from_fn_with_state(shared.clone(), guard::reading));
    let (mut asking, mut stats) = (get(info), post(take_stats).put(take_stats));
    if shared.upstream.is_some() {
        // `any` adds no `Allow` to what the agent answers.
        (asking, stats) = (any(elsewhere).get(info), any(elsewhere).post(take_stats).put(take_stats));
    }
    let mut posting = Router::new().route("/info", asking);
    for endpoint in ENDPOINTS {
        posting = posting.route(endpoint, stats.clone());
    }
    posting
        .fallback(elsewhere)
        .layer(from_fn_with_state(shared.clone(), guard::posting))
        .merge(reading)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(shared.clone(), guard::every))
        .with_state(shared)
}

/// What tracers ask before they send. dd-trace-java and -dotnet look for the endpoint with and without its slash,
/// data-streams-go with it. Of an agent behind it is the agent's own answer, of which they also take the hash of their
/// container's tags.
async fn info(State(shared): State<Arc<Shared>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if let Some(upstream) = &shared.upstream {
        let timeout = shared.limits.upstream_timeout;
        let passed = upstream.pass(method, &uri, &headers, Body::empty(), timeout).await;
        return passed.unwrap_or_else(|refusal| answer(&refusal));
    }
    let [endpoint, _] = ENDPOINTS;
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "endpoints": [endpoint, endpoint.trim_start_matches('/')],
        "config": {"max_request_bytes": shared.limits.max_body},
    }))
    .into_response()
}

async fn take_stats(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let taken = take(&shared, Post { method, uri, headers }, body).await;
    let response = taken.unwrap_or_else(|refusal| answer(&refusal));
    if !response.status().is_success() {
        shared.store.refuse();
    }
    response
}

/// The head of a request with statistics.
struct Post {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

async fn take(shared: &Arc<Shared>, post: Post, body: Body) -> Result<Response, Refusal> {
    if shared.upstream.is_none() {
        // What will be refused is not received first.
        intake::encoding(&post.headers)?;
        intake::id(&post.headers, PAYLOAD_ID)?;
    }
    let (bytes, room) = shared.bodies.receive(body).await?;
    let shared = shared.clone();
    // On its own: a client that hangs up does not undo what an agent behind has taken already.
    let settling = tokio::spawn(async move {
        let _room = room;
        settle(&shared, &post, bytes).await
    });
    settling.await.map_err(|_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "taking the payload failed"))?
}

/// Takes a payload that is here as a whole: once, and with an agent behind only when that has taken it.
async fn settle(shared: &Arc<Shared>, post: &Post, bytes: Bytes) -> Result<Response, Refusal> {
    let accepted = || (StatusCode::ACCEPTED, Json(json!({}))).into_response();
    // An id that we would refuse is the agent's to judge.
    let id = intake::id(&post.headers, PAYLOAD_ID).unwrap_or_default().map(String::from);
    let _claim = match &id {
        Some(id) => Some(shared.claims.claim(id.clone()).await),
        None => None,
    };
    if id.as_deref().is_some_and(|id| shared.store.is_known(id)) {
        shared.store.repeat();
        return Ok(accepted());
    }
    let Some(upstream) = &shared.upstream else {
        read(shared, &post.headers, bytes, id).await?;
        return Ok(accepted());
    };
    let answer = upstream.deliver(post.method.clone(), &post.uri, &post.headers, bytes.clone()).await?;
    if answer.status().is_success() {
        // The agent has it, so that it must not come again, whatever we make of it.
        if let Some(id) = &id {
            shared.store.remember(id);
        }
        if read(shared, &post.headers, bytes, None).await.is_err() {
            shared.store.unread();
        }
    }
    Ok(answer.map(Body::from))
}

/// Reads a payload and adds it, in one step with its id.
async fn read(shared: &Arc<Shared>, headers: &HeaderMap, bytes: Bytes, id: Option<String>) -> Result<(), Refusal> {
    let encoding = intake::encoding(headers)?;
    let _reader = shared.readers.acquire().await.map_err(|_| stopping())?;
    let shared = shared.clone();
    let reading = tokio::task::spawn_blocking(move || {
        intake::read(&bytes, encoding, shared.limits.max_payload, |parsed| {
            shared.store.take(id.as_deref(), parsed, clock::now_ns())
        })
        .map(drop)
    });
    reading.await.map_err(|_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "reading the payload failed"))?
}

pub(super) fn stopping() -> Refusal {
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the collector is stopping")
}

/// What is not ours is the agent's, if there is one behind: a tracer sends it more than statistics, and it all comes here.
async fn elsewhere(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let Some(upstream) = &shared.upstream else {
        let sentence = "there is nothing here: see /info, /v0.1/pipeline_stats, /api/graph and /api/pathways";
        return answer(&Refusal::new(StatusCode::NOT_FOUND, sentence));
    };
    let (head, body) = request.into_parts();
    let passed = upstream.pass(head.method, &head.uri, &head.headers, body, upstream::PATIENCE).await;
    passed.unwrap_or_else(|refusal| answer(&refusal))
}

async fn wrong_method(method: Method) -> Response {
    answer(&Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not possible here")))
}

pub(crate) fn answer(refusal: &Refusal) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (refusal.status, kind, format!("{}\n", refusal.sentence)).into_response()
}
