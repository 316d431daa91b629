//! The routes of other engines: `/metrics`, and the graph API of Grafana's node graph.

use super::prometheus::{self, Format};
use super::{grafana, source};
use crate::clock;
use crate::collect::reading::{Parameters, json, put_together, read_graph};
use crate::collect::server::Shared;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use datastreams_core::payload::gzip;
use serde_json::json;
use std::sync::Arc;

/// All of them.
pub(crate) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/api/health", get(health))
        .route("/api/graph/fields", get(fields))
        .route("/api/graph/data", get(data))
}

async fn metrics(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let format = Format::of(text(header::ACCEPT));
    let compressed = takes_gzip(text(header::ACCEPT_ENCODING));
    // One at a time: many would take all threads, and payloads would wait.
    let exporting = shared.clone();
    let _turn = exporting.scrapes.acquire().await;
    let rendering = tokio::task::spawn_blocking(move || {
        let now_ns = clock::now_ns();
        let about = source::about(&shared, now_ns);
        let body = prometheus::render(&source::exports(&shared), &about, format, now_ns);
        match compressed.then(|| gzip(&body)) {
            Some(Ok(body)) => (body, "gzip"),
            _ => (body, "identity"),
        }
    });
    match rendering.await {
        Ok((body, coding)) => {
            let headers = [
                (header::CONTENT_TYPE, format.media_type()),
                (header::CONTENT_ENCODING, coding),
                (header::VARY, "Accept, Accept-Encoding"),
            ];
            (headers, body).into_response()
        }
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "rendering failed\n").into_response(),
    }
}

fn takes_gzip(accepted: &str) -> bool {
    accepted.split(',').any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let refused = parts.any(|part| part.strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0));
        named && !refused
    })
}

async fn health() -> Response {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")})).into_response()
}

async fn fields() -> Response {
    Json(grafana::fields()).into_response()
}

async fn data(State(shared): State<Arc<Shared>>, wanted: Parameters) -> Response {
    put_together(shared, wanted, &["env"], |shared, wanted, asked, now_ns| {
        read_graph(shared, wanted, asked, now_ns, |graph| json(&grafana::data(graph)))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::takes_gzip;

    #[test]
    fn codings() {
        assert!(takes_gzip("gzip") && takes_gzip("zstd, GZIP;q=0.5") && takes_gzip("deflate,gzip; q=1"));
        assert!(!takes_gzip("") && !takes_gzip("zstd") && !takes_gzip("gzip;q=0") && !takes_gzip("gzip;q=0.0, br"));
    }
}
