//! Connections: how many, and how long one may take to say what it wants.

use super::guard::Via;
use super::intake::Refusal;
use super::limits::Limits;
use super::{server, until};
use axum::Router;
use axum::extract::Extension;
use axum::http::{HeaderValue, StatusCode, header};
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Connections beyond the limit that are told so at a time; of yet more, each is closed without a word.
const TOLD: usize = 64;
/// Bytes of a request's head, and of what is read or written at a time.
const BUFFER: usize = 64 << 10;

/// The places that connections take, on whatever they come.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    served: Arc<Semaphore>,
    told: Arc<Semaphore>,
    limits: Limits,
}

impl Places {
    pub(crate) fn new(limits: Limits) -> Self {
        let places = |places| Arc::new(Semaphore::new(places));
        Self { served: places(limits.max_connections), told: places(TOLD), limits }
    }
}

/// Serves until `stop` is gone, and then until all requests are answered.
pub(crate) async fn serve<L: Listener>(
    mut listener: L,
    via: Via,
    router: Router,
    places: Places,
    stop: watch::Receiver<()>,
) {
    let router = router.layer(Extension(via));
    let full = full(places.limits.max_connections);
    let mut stopped = pin!(until(stop.clone()));
    let mut connections = JoinSet::new();
    loop {
        // What the system cannot give now (descriptors) is waited for in there.
        let (stream, _) = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = &mut stopped => break,
        };
        let (router, place) = match places.served.clone().try_acquire_owned() {
            Ok(place) => (&router, place),
            Err(_) => match places.told.clone().try_acquire_owned() {
                Ok(place) => (&full, place),
                Err(_) => continue,
            },
        };
        let talk = talk(stream, router.clone(), places.limits, stop.clone());
        connections.spawn(async move {
            talk.await;
            drop(place);
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Serves one connection. One that takes too long for the head of a request, the next one included, is closed.
async fn talk<S>(stream: S, router: Router, limits: Limits, stop: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_header_size(BUFFER)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let mut stopped = pin!(until(stop));
    let mut stopping = false;
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            () = &mut stopped, if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// What connections beyond the limit are told.
fn full(max: usize) -> Router {
    Router::new().fallback(move || async move {
        let sentence = format!("the collector serves {max} connections already");
        let mut response = server::answer(&Refusal::new(StatusCode::SERVICE_UNAVAILABLE, sentence));
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    })
}
