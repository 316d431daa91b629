//! A real agent behind the collector: what comes is passed on to it as it came, and answered as it answered.

use super::intake::Refusal;
use super::limits::Limits;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri, header};
use datastreams_core::endpoint::{AGENT_PATH, Endpoint};
use hyper_util::client::legacy::{Client, Error, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one is kept for the next request. The agent closes its own after five seconds.
const IDLE: Duration = Duration::from_secs(2);
/// How long the agent may take to begin its answer to what is not ours.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What two neighbours say to each other, and not to those behind them (RFC 9110, 7.6.1); and what is said anew.
const HOP: [HeaderName; 11] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    header::HOST,
    header::EXPECT,
    HeaderName::from_static("keep-alive"),
];

/// The agent.
#[derive(Debug)]
pub(crate) struct Upstream {
    name: String,
    /// None: it is reached over TCP.
    socket: Option<PathBuf>,
    authority: Authority,
    /// In front of every path; mostly empty.
    base: String,
    way: Way,
    places: Semaphore,
    limits: Limits,
}

#[derive(Debug)]
enum Way {
    Tcp(Client<HttpConnector, Body>),
    Unix(Client<UnixConnector, Body>),
}

impl Upstream {
    /// An agent at `http://host:port[/base]` or `unix:///path`. Connects to nothing yet.
    pub(crate) fn new(url: &str, limits: Limits) -> Result<Self, String> {
        let cannot = |reason: &str| format!("{url:?} is not an agent's address: {reason}");
        let endpoint = Endpoint::agent(url).map_err(cannot)?;
        if endpoint.is_https() {
            return Err(cannot("https is not supported here; agents listen on http:// and unix://"));
        }
        let host = endpoint.origin.trim_start_matches("http://");
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE);
        let way = match &endpoint.socket {
            Some(path) => Way::Unix(builder.build(UnixConnector(path.clone()))),
            None => {
                let mut connector = HttpConnector::new();
                connector.set_connect_timeout(Some(CONNECT));
                connector.set_nodelay(true);
                Way::Tcp(builder.build(connector))
            }
        };
        Ok(Self {
            name: endpoint.to_string(),
            socket: endpoint.socket.clone(),
            authority: host.parse().map_err(|_| cannot("the host is not right"))?,
            base: endpoint.path.trim_end_matches(AGENT_PATH).into(),
            way,
            places: Semaphore::new(limits.max_passing),
            limits,
        })
    }

    /// Where it is, unless behind a unix socket: host and port.
    pub(crate) fn tcp(&self) -> Option<(&str, u16)> {
        match self.way {
            Way::Tcp(_) => Some((self.authority.host(), self.authority.port_u16().unwrap_or(80))),
            Way::Unix(_) => None,
        }
    }

    /// Its socket, unless it is reached over TCP.
    pub(crate) fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// Passes a request on. The answer's body is not here yet.
    pub(crate) async fn pass(
        &self,
        method: Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: Body,
        timeout: Duration,
    ) -> Result<Response<Body>, Refusal> {
        let passing = async {
            let _place = self.places.acquire().await;
            let mut request = Request::new(body);
            *request.method_mut() = method.clone();
            *request.uri_mut() = self.uri(uri)?;
            *request.headers_mut() = end_to_end(headers);
            let answer = match &self.way {
                Way::Tcp(client) => client.request(request).await,
                Way::Unix(client) => client.request(request).await,
            };
            answer.map_err(|error| self.failed(&error))
        };
        let answer = tokio::time::timeout(timeout, passing).await.map_err(|_| self.late(timeout))??;
        let (mut head, body) = answer.into_parts();
        let length = head.headers.remove(header::CONTENT_LENGTH);
        head.headers = end_to_end(&head.headers);
        // That of the body which there would be cannot be told anew.
        if let Some(length) = length.filter(|_| method == Method::HEAD) {
            head.headers.insert(header::CONTENT_LENGTH, length);
        }
        Ok(Response::from_parts(head, Body::new(body)))
    }

    /// Passes a whole payload on. The whole answer.
    pub(crate) async fn deliver(
        &self,
        method: Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, Refusal> {
        let timeout = self.limits.upstream_timeout;
        let delivering = async {
            let answer = self.pass(method, uri, headers, Body::from(body), timeout).await?;
            let (head, body) = answer.into_parts();
            Ok(Response::from_parts(head, self.whole(body).await?))
        };
        tokio::time::timeout(timeout, delivering).await.map_err(|_| self.late(timeout))?
    }

    async fn whole(&self, body: Body) -> Result<Bytes, Refusal> {
        let mut body = pin!(body);
        let mut bytes = Vec::new();
        while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
            let frame = frame.map_err(|_| self.bad("broke off its answer"))?;
            if let Ok(data) = frame.into_data() {
                bytes.extend_from_slice(&data);
            }
            if bytes.len() > self.limits.max_upstream_answer {
                return Err(self.bad(&format!("answered with more than {} bytes", self.limits.max_upstream_answer)));
            }
        }
        Ok(bytes.into())
    }

    fn uri(&self, uri: &Uri) -> Result<Uri, Refusal> {
        let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(self.authority.clone());
        let uri = uri.path_and_query(format!("{}{path}", self.base)).build();
        uri.map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the path cannot be passed on"))
    }

    fn failed(&self, error: &Error) -> Refusal {
        let mut cause: &dyn std::error::Error = error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        if error.is_connect() {
            self.bad(&format!("cannot be reached: {cause}"))
        } else {
            self.bad(&format!("broke off without an answer: {cause}"))
        }
    }

    fn bad(&self, what: &str) -> Refusal {
        Refusal::new(StatusCode::BAD_GATEWAY, format!("the agent behind, {}, {what}", self.name))
    }

    fn late(&self, timeout: Duration) -> Refusal {
        let sentence = format!("the agent behind, {}, did not answer within {} s", self.name, timeout.as_secs_f32());
        Refusal::new(StatusCode::GATEWAY_TIMEOUT, sentence)
    }
}

/// The headers that go on.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let named = headers.get_all(header::CONNECTION).into_iter().filter_map(|value| value.to_str().ok());
    let named: Vec<&str> = named.flat_map(|names| names.split(',')).map(str::trim).collect();
    let stays =
        |name: &HeaderName| !HOP.contains(name) && !named.iter().any(|hop| name.as_str().eq_ignore_ascii_case(hop));
    headers.iter().filter(|(name, _)| stays(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Connects to a unix socket, whatever the host.
#[derive(Clone, Debug)]
struct UnixConnector(PathBuf);

impl tower_service::Service<Uri> for UnixConnector {
    type Response = TokioIo<UnixStream>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let path = self.0.clone();
        Box::pin(async move { Ok(TokioIo::new(UnixStream::connect(path).await?)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(headers: &HeaderMap) -> Vec<&str> {
        headers.keys().map(HeaderName::as_str).collect()
    }

    #[test]
    fn what_is_between_neighbours_ends_here() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "localhost:8126"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("content-type", "application/msgpack"),
            ("datadog-container-id", "abc"),
            ("x-many", "1"),
        ] {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        headers.append("x-many", "2".parse().unwrap());
        let passed = end_to_end(&headers);
        assert_eq!(names(&passed), ["content-type", "datadog-container-id", "x-many"]);
        assert_eq!(passed.get_all("x-many").iter().count(), 2);
    }

    #[test]
    fn addresses() {
        let of = |url: &str| Upstream::new(url, Limits::DEFAULT);
        let plain = of("http://agent:8126").unwrap();
        assert_eq!(plain.uri(&"/info?a=1".parse().unwrap()).unwrap(), "http://agent:8126/info?a=1");
        assert_eq!(plain.tcp(), Some(("agent", 8126)));
        let based = of("http://[::1]/base/").unwrap();
        assert_eq!(based.uri(&"http://other/info".parse().unwrap()).unwrap(), "http://[::1]/base/info");
        assert!(of("unix:///run/agent.sock").unwrap().tcp().is_none());
        for (url, reason) in [("https://agent", "https is not supported"), ("agent:8126", "must start with")] {
            let error = of(url).unwrap_err();
            assert!(error.contains(reason) && error.contains(url), "{error}");
        }
    }
}
