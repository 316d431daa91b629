//! Posts payloads over HTTP/1.1: TCP, a unix socket, or (feature `tls`) https.
//!
//! A [`Transport`] only remembers where and how. Each round of deliveries opens a [`Session`], which holds a
//! single-threaded runtime and a client, and drops it: between rounds there is no socket, no timer, no epoll
//! descriptor and no thread, so nothing wakes an idle process and a fork inherits nothing but an open round.
//! Proxies and redirects are never followed: an agent is a neighbour, and a payload must not wander.

use crate::config::{ConfigError, Settings};
use crate::delivery::Outcome;
use crate::endpoint::AGENT_PATH;
use crate::request::{self, PAYLOAD_ID};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, Url};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::timeout_at;

/// Bytes of an answer's body that are read, so that its connection can serve the next post, and ignored.
const DRAIN_MAX: usize = 64 * 1024;
/// How long the rest of an answer is waited for: its status is known by then.
const DRAIN_TIME: Duration = Duration::from_millis(500);

/// Where and how to post. Immutable, without locks or descriptors: any thread may open sessions, and a forked child
/// may go on using it.
#[derive(Debug)]
pub struct Transport {
    url: Url,
    /// What stands before the agent's own paths.
    base: String,
    socket: Option<PathBuf>,
    headers: HeaderMap,
    timeout: Duration,
    #[cfg(feature = "tls")]
    tls: crate::tls::Tls,
}

impl Transport {
    /// Prepares posts to the settings' endpoint. Opens and reads nothing.
    pub fn new(settings: &Settings) -> Result<Self, ConfigError> {
        let url = settings.endpoint.url();
        let unusable = |why: &str| ConfigError::new("the agent's address", &url, why);
        if settings.endpoint.is_https() && !cfg!(feature = "tls") {
            return Err(unusable("this library was built without https"));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in request::headers(settings) {
            if let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                value.set_sensitive(name == "dd-api-key");
                headers.insert(name, value);
            }
        }
        Ok(Self {
            url: Url::parse(&url).map_err(|_| unusable("it is not a URL"))?,
            base: settings.endpoint.path.strip_suffix(AGENT_PATH).unwrap_or_default().to_owned(),
            socket: settings.endpoint.socket.clone(),
            headers,
            timeout: settings.timeout,
            #[cfg(feature = "tls")]
            tls: crate::tls::Tls::new(settings.endpoint.is_https()),
        })
    }

    /// Makes the runtime and the client for one round of deliveries; it connects with the first post. Fails when
    /// descriptors are exhausted, or (https) when no root certificate is found; then nothing was sent.
    pub fn open(&self) -> io::Result<Session<'_>> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let mut builder = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .http1_only()
            .dns_resolver(Arc::new(CallingThread));
        #[cfg(feature = "tls")]
        {
            builder = builder.tls_backend_preconfigured(self.tls.config()?);
        }
        if let Some(socket) = &self.socket {
            builder = builder.unix_socket(socket.as_path());
        }
        let client = builder.build().map_err(io::Error::other)?;
        Ok(Session { transport: self, client, runtime: Some(runtime) })
    }
}

/// What was answered to a question ([`Session::get`]).
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: Vec<u8>,
    headers: HeaderMap,
}

impl Answer {
    /// The header of this name, if it is there once at least and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why there is no answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// Nothing was sent: the name, the connection or the handshake failed. The cause.
    NotSent(String),
    /// The time was over.
    Timeout,
    /// The answer is larger than it may be.
    TooLarge,
    /// What came is no HTTP, or ended too early. The cause.
    Broken(String),
}

/// One round of deliveries: its posts share a connection when the agent keeps it open. Dropping it closes everything,
/// without waiting.
#[derive(Debug)]
pub struct Session<'a> {
    transport: &'a Transport,
    client: Client,
    runtime: Option<Runtime>,
}

impl Session<'_> {
    /// Posts a gzip-compressed payload and waits for the answer's status, at most `timeout` or the settings' timeout,
    /// whichever is shorter. Resolving a host name is not interrupted by it: libc's resolver runs on this thread.
    #[must_use]
    pub fn post(&self, body: &Arc<[u8]>, payload_id: &str, timeout: Duration) -> Outcome {
        let Some(runtime) = &self.runtime else { return Outcome::NotSent };
        let timeout = timeout.min(self.transport.timeout);
        if timeout.is_zero() {
            return Outcome::NotSent; // the timer would still let a quick agent through
        }
        if Handle::try_current().is_ok() {
            // A host that polls from inside its own tokio runtime, which another one must not block: a thread for it.
            let post = || runtime.block_on(self.exchange(body, payload_id, timeout));
            return std::thread::scope(|scope| scope.spawn(post).join()).unwrap_or(Outcome::Lost);
        }
        runtime.block_on(self.exchange(body, payload_id, timeout))
    }

    /// Asks for `path` (such as `/info`, with its query) of the same host in the same way, with these headers alone, and
    /// waits for the whole answer: at most `timeout`, and `most` bytes. For programs that look at what an agent says; the
    /// reporter never asks.
    ///
    /// # Errors
    /// Why there is no answer. An answer of any status is one.
    pub fn get(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        most: usize,
        timeout: Duration,
    ) -> Result<Answer, Unanswered> {
        let Some(runtime) = &self.runtime else { return Err(Unanswered::Timeout) };
        let ask = async { tokio::time::timeout(timeout, self.ask(path, headers, most)).await };
        let answered = if Handle::try_current().is_ok() {
            std::thread::scope(|scope| scope.spawn(|| runtime.block_on(ask)).join())
        } else {
            Ok(runtime.block_on(ask))
        };
        let broken = |_| Err(Unanswered::Broken("asking failed".to_owned()));
        answered.map_or_else(broken, |answer| answer.unwrap_or(Err(Unanswered::Timeout)))
    }

    async fn ask(&self, path: &str, headers: &[(&str, &str)], most: usize) -> Result<Answer, Unanswered> {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let mut url = self.transport.url.clone();
        url.set_path(&format!("{}{path}", self.transport.base));
        url.set_query(query);
        let mut request = self.client.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = request.send().await.map_err(|error| {
            let cause = innermost(&error);
            if error.is_connect() || error.is_builder() {
                Unanswered::NotSent(cause)
            } else {
                Unanswered::Broken(cause)
            }
        })?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| Unanswered::Broken(innermost(&error)))? {
            if body.len() + chunk.len() > most {
                return Err(Unanswered::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: answer.status().as_u16(), body, headers: answer.headers().clone() })
    }

    async fn exchange(&self, body: &Arc<[u8]>, payload_id: &str, timeout: Duration) -> Outcome {
        let deadline = tokio::time::Instant::now() + timeout;
        // The runtime looks at its sockets only while it runs. Two turns, so that a connection which the agent closed
        // since the last post is seen to be closed, and not taken for this one.
        for _ in 0..2 {
            tokio::task::yield_now().await;
        }
        let taken = Arc::new(AtomicBool::new(false));
        let body = Once { bytes: Some(Bytes::from_owner(body.clone())), taken: taken.clone() };
        let request = self
            .client
            .post(self.transport.url.clone())
            .headers(self.transport.headers.clone())
            .header(PAYLOAD_ID, payload_id)
            .body(reqwest::Body::wrap(body));
        match timeout_at(deadline, request.send()).await {
            Ok(Ok(answer)) => {
                let status = answer.status().as_u16();
                let retry_after = answer.headers().get(RETRY_AFTER).and_then(seconds);
                let patience = deadline.min(tokio::time::Instant::now() + DRAIN_TIME);
                // Whatever happens to the rest of the answer, its status stands.
                let _ = timeout_at(patience, drain(answer)).await;
                Outcome::Answer { status, retry_after }
            }
            _ if taken.load(Ordering::Relaxed) => Outcome::Lost,
            _ => Outcome::NotSent,
        }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // Unlike a plain drop, this one does not panic inside another runtime. There are no blocking tasks to leave.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What was the matter in the first place: the outer errors only say in which step.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

async fn drain(mut answer: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = answer.chunk().await {
        read += chunk.len();
        if read > DRAIN_MAX {
            return;
        }
    }
}

/// `Retry-After` in seconds. The other form, a date, would need the wall clock of both sides to agree: it is left to
/// the ordinary backoff.
fn seconds(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
}

/// The body, in one piece, and whether HTTP took it. It takes it once connected, after it has queued the request's head and before
/// it writes anything: not taken means that not a byte was sent, whatever the error says.
struct Once {
    bytes: Option<Bytes>,
    taken: Arc<AtomicBool>,
}

impl Body for Once {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.taken.store(true, Ordering::Relaxed);
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

/// Resolves names with libc on the calling thread. The default resolver would start a thread for it.
struct CallingThread;

impl Resolve for CallingThread {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = (name.as_str(), 0).to_socket_addrs()?.collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
