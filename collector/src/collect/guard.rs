//! Puts [`super::access`] in front of the routes.

use super::intake::Refusal;
use super::server::{self, Shared};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Tcp,
    /// No browser comes this way, and `Host` says nothing: who may is decided by the socket's file.
    Unix,
}

/// What browsers must not do with an answer.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // The token may be in an address.
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Every request: the host, and the page that it came from.
pub(crate) async fn every(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let checked = match request.extensions().get::<Via>() {
        Some(Via::Unix) => Ok(()),
        _ => shared.access.check(request.method(), request.uri(), request.headers()),
    };
    match checked {
        Ok(()) => next.run(request).await,
        Err(refusal) => refused(&shared, &request, &refusal),
    }
}

/// What people and programs read.
pub(crate) async fn reading(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let mut response = match (enter(&shared, &request), shared.access.may_read(request.uri(), request.headers())) {
        (Some(response), _) => response,
        (None, Ok(())) => next.run(request).await,
        (None, Err(refusal)) => unauthorized(&refusal),
    };
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// The answer to one who brings the token in the address.
fn enter(shared: &Shared, request: &Request) -> Option<Response> {
    if request.method() != Method::GET {
        return None;
    }
    Some(match shared.access.enter(request.uri(), request.headers())? {
        Ok((cookie, place)) => {
            let headers =
                [(header::SET_COOKIE, cookie), (header::LOCATION, place), (header::CACHE_CONTROL, "no-store".into())];
            (StatusCode::SEE_OTHER, headers).into_response()
        }
        Err(refusal) => unauthorized(&refusal),
    })
}

/// What tracers send.
pub(crate) async fn posting(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    match shared.access.may_post(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            let _ = refused(&shared, &request, &refusal);
            unauthorized(&refusal)
        }
    }
}

/// Counts statistics that were turned away.
fn refused(shared: &Shared, request: &Request, refusal: &Refusal) -> Response {
    if server::ENDPOINTS.contains(&request.uri().path()) {
        shared.store.refuse();
    }
    server::answer(refusal)
}

fn unauthorized(refusal: &Refusal) -> Response {
    let mut response = server::answer(refusal);
    let ask = HeaderValue::from_static("Bearer realm=\"datastreams\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, ask);
    response
}
