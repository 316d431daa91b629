//! What can be read: the map, pathways, charts and lags of a range of time.

use super::events::Events;
use super::intake::Refusal;
use super::server::{Shared, answer};
use crate::history::ReadError;
use crate::view::{Asked, Needs, View};
use crate::{between, clock, graph, lag, lag_series, pathways, series, store};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/graph", get(get_graph))
        .route("/api/pathways", get(get_pathways))
        .route("/api/series", get(get_series))
        .route("/api/lag", get(get_lag))
        .route("/api/lag/series", get(get_lag_series))
        .route("/api/between", get(get_between))
        .route("/api/events", get(get_events))
}

/// All parameters of all requests. Each takes some of them: another is a mistake that must be seen.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    from: Option<i64>,
    to: Option<i64>,
    last: Option<u32>,
    env: Option<String>,
    all: Option<bool>,
    edge: Option<String>,
    node: Option<String>,
    pathway: Option<String>,
    group: Option<String>,
    source: Option<String>,
    target: Option<String>,
    step: Option<u32>,
}

/// The last millisecond that can be asked for: that of JavaScript's dates.
const LAST_MS: i64 = 8_640_000_000_000_000;

impl Wanted {
    /// Refuses parameters that a request does not take.
    fn only(&self, taken: &[&str]) -> Result<(), Refusal> {
        let Self { from: _, to: _, last: _, env, all, edge, node, pathway, group, source, target, step } = self;
        let given = [
            ("env", env.is_some()),
            ("all", all.is_some()),
            ("edge", edge.is_some()),
            ("node", node.is_some()),
            ("pathway", pathway.is_some()),
            ("group", group.is_some()),
            ("source", source.is_some()),
            ("target", target.is_some()),
            ("step", step.is_some()),
        ];
        match given.iter().find(|(name, given)| *given && !taken.contains(name)) {
            Some((name, _)) => Err(bad(format!("this takes no parameter {name}"))),
            None => Ok(()),
        }
    }

    fn asked(&self, now_ns: i64) -> Result<Asked, Refusal> {
        match *self {
            Self { last: Some(0), .. } => Err(bad("last is a number of seconds, from 1 on")),
            Self { last: Some(last), from: None, to: None, .. } => Ok(Asked::last(last.into(), now_ns)),
            Self { last: Some(_), .. } => Err(bad("give from and to, or last, not both")),
            Self { from: Some(from), to: Some(to), .. } if from >= to => Err(bad("from must be before to")),
            Self { from, to, .. } if [from, to].into_iter().flatten().any(|ms| !(0..=LAST_MS).contains(&ms)) => {
                Err(bad("from and to are milliseconds since 1970"))
            }
            Self { from: from_ms, to: to_ms, .. } => Ok(Asked { from_ms, to_ms }),
        }
    }

    fn env(&self) -> Option<&str> {
        self.env.as_deref()
    }
}

fn bad(sentence: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, sentence)
}

fn unreadable(error: ReadError) -> Refusal {
    let status = match error {
        ReadError::TooMuch => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Refusal::new(status, store::unreadable(&error))
}

/// The text of an answer.
pub(crate) fn json(answer: &impl Serialize) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec(answer).map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))
}

pub(crate) type Parameters = Result<Query<Wanted>, axum::extract::rejection::QueryRejection>;

/// Puts an answer together on a thread for blocking work, one at a time.
pub(crate) async fn put_together(
    shared: Arc<Shared>,
    wanted: Parameters,
    taken: &'static [&'static str],
    work: impl FnOnce(&Shared, &Wanted, Asked, i64) -> Result<Vec<u8>, Refusal> + Send + 'static,
) -> Response {
    let done = async {
        let Query(wanted) = wanted.map_err(|error| bad(error.body_text()))?;
        wanted.only(taken)?;
        let now_ns = clock::now_ns();
        let asked = wanted.asked(now_ns)?;
        let failed = || Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "putting the answer together failed");
        let _turn = shared.answers.acquire().await.map_err(|_| failed())?;
        let shared = shared.clone();
        let work = tokio::task::spawn_blocking(move || work(&shared, &wanted, asked, now_ns));
        work.await.map_err(|_| failed())?
    };
    match done.await {
        Ok(json) => {
            ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], json).into_response()
        }
        Err(refusal) => answer(&refusal),
    }
}

async fn get_graph(State(shared): State<Arc<Shared>>, wanted: Parameters) -> Response {
    put_together(shared, wanted, &["env"], |shared, wanted, asked, now_ns| {
        read_graph(shared, wanted, asked, now_ns, |graph| json(graph))
    })
    .await
}

/// The map of a range, as `shape` puts it.
pub(crate) fn read_graph(
    shared: &Shared,
    wanted: &Wanted,
    asked: Asked,
    now_ns: i64,
    shape: impl FnOnce(&graph::Graph<'_>) -> Result<Vec<u8>, Refusal>,
) -> Result<Vec<u8>, Refusal> {
    let needs = Needs { edges: true, lags: true, ..Needs::default() };
    let view = View::read(&shared.store, asked, wanted.env(), needs, now_ns).map_err(unreadable)?;
    shape(&graph::graph(&view))
}

async fn get_pathways(State(shared): State<Arc<Shared>>, wanted: Parameters) -> Response {
    put_together(shared, wanted, &["env", "all"], |shared, wanted, asked, now_ns| {
        // What passed other environments belongs to pathways that pass the one asked for.
        let needs = Needs { hops: true, ..Needs::default() };
        let mut view = View::read(&shared.store, asked, None, needs, now_ns).map_err(unreadable)?;
        view.env = wanted.env.clone();
        json(&pathways::list(&view, wanted.all.unwrap_or(false)))
    })
    .await
}

async fn get_series(State(shared): State<Arc<Shared>>, wanted: Parameters) -> Response {
    put_together(shared, wanted, &["edge", "node", "pathway", "step"], |shared, wanted, asked, now_ns| {
        let of = match (&wanted.edge, &wanted.node, &wanted.pathway) {
            (Some(edge), None, None) => series::Of::Edge(edge),
            (None, Some(node), None) => series::Of::Node(node),
            (None, None, Some(pathway)) => series::Of::Pathway(pathway),
            _ => return Err(bad("give one of edge, node and pathway, by its id")),
        };
        let series = series::read(&shared.store, of, asked, wanted.step, now_ns).map_err(refuse)?;
        json(&series)
    })
    .await
}

async fn get_lag(State(shared): State<Arc<Shared>>, wanted: Parameters) -> Response {
    put_together(shared, wanted, &["env"], |shared, wanted, asked, now_ns| {
        let needs = Needs { lags: true, ..Needs::default() };
        let view = View::read(&shared.store, asked, wanted.env(), needs, now_ns).map_err(unreadable)?;
        json(&lag::list(&view))
    })
    .await
}

async fn get_lag_series(State(shared): State<Arc<Shared>>, wanted: Parameters) -> Response {
    put_together(shared, wanted, &["group", "step"], |shared, wanted, asked, now_ns| {
        let Some(group) = &wanted.group else { return Err(bad("give group, by its id in /api/lag")) };
        let series = lag_series::read(&shared.store, group, asked, wanted.step, now_ns).map_err(refuse)?;
        json(&series)
    })
    .await
}

async fn get_between(State(shared): State<Arc<Shared>>, wanted: Parameters) -> Response {
    put_together(shared, wanted, &["source", "target"], |shared, wanted, asked, now_ns| {
        let (Some(source), Some(target)) = (&wanted.source, &wanted.target) else {
            return Err(bad("give source and target, edges by their id in /api/graph"));
        };
        let needs = Needs { hops: true, ..Needs::default() };
        let view = View::read(&shared.store, asked, None, needs, now_ns).map_err(unreadable)?;
        match between::between(&view, source, target) {
            Some(between) => json(&between),
            None => Err(Refusal::new(StatusCode::NOT_FOUND, "no pathway leads from source to target in this time")),
        }
    })
    .await
}

fn refuse(error: series::Failed) -> Refusal {
    match error {
        series::Failed::Unknown(what) => Refusal::new(StatusCode::NOT_FOUND, format!("there is no {what} of this id")),
        series::Failed::Step(sentence) => bad(sentence),
        series::Failed::Read(error) => unreadable(error),
    }
}

async fn get_events(State(shared): State<Arc<Shared>>) -> Response {
    let Ok(listener) = shared.listeners.clone().try_acquire_owned() else {
        return answer(&Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "too many listen to changes already"));
    };
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, Events::body(shared, listener)).into_response()
}
