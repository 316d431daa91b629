//! One post, and what its answer means.

use super::config::Config;
use super::message::{ExportMetricsServiceResponse, Status};
use prost::Message;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of an answer that are read.
const MAX_ANSWER: usize = 64 << 10;
/// The longest pause that a receiver may ask for.
const MAX_AFTER: u64 = 300;
const PROTOBUF: &str = "application/x-protobuf";

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It was taken, but for some data points perhaps.
    Taken { rejected: u64, reason: String },
    /// It will never be taken.
    Refused { reason: String },
    /// It may be taken later.
    Later { after: Option<Duration>, uncertain: bool, reason: String },
}

/// Posts to one URL.
#[derive(Debug)]
pub(super) struct Sender {
    client: Client,
    url: Url,
}

impl Sender {
    pub(super) fn new(config: &Config) -> Result<Self, String> {
        let say = |error: &dyn Error| format!("cannot send to {}: {}", shown(&config.url), root(error));
        let mut headers = config.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
        if config.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let client = Client::builder()
            .user_agent(concat!("datastreams/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // Retrying is counted, here.
            .retry(reqwest::retry::never())
            .default_headers(headers)
            .timeout(config.timeout)
            .tls_backend_preconfigured(tls(config).map_err(|error| say(&*error))?);
        Ok(Self { client: client.build().map_err(|error| say(&error))?, url: config.url.clone() })
    }

    /// The URL without what may be secret in it.
    pub(super) fn target(&self) -> String {
        shown(&self.url)
    }

    pub(super) async fn post(&self, body: Arc<[u8]>) -> Answer {
        let body = bytes::Bytes::from_owner(body);
        match self.client.post(self.url.clone()).body(body).send().await {
            Ok(answer) => read(answer).await,
            Err(error) => Answer::Later {
                after: None,
                // What could not even connect was not taken.
                uncertain: !error.is_connect(),
                reason: if error.is_timeout() { "it took too long".into() } else { root(&error) },
            },
        }
    }
}

async fn read(mut answer: Response) -> Answer {
    let status = answer.status();
    let after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    let protobuf =
        answer.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(PROTOBUF.as_bytes()));
    let mut body = Vec::new();
    // The status stands, whatever happens to the rest.
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER {
            break;
        }
    }
    let body = if protobuf { &*body } else { &[] };
    if status.is_success() {
        let read = ExportMetricsServiceResponse::decode(body).ok().and_then(|response| response.partial_success);
        let partial = read.unwrap_or_default();
        return Answer::Taken {
            rejected: u64::try_from(partial.rejected_data_points).unwrap_or_default(),
            reason: line(&partial.error_message),
        };
    }
    let said = Status::decode(body).map(|status| line(&status.message)).unwrap_or_default();
    let reason = if said.is_empty() { status.to_string() } else { format!("{status}: {said}") };
    match status {
        // The only ones that OTLP has tried again.
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => {
            let after = after.map(|seconds| Duration::from_secs(seconds.clamp(1, MAX_AFTER)));
            Answer::Later { after, uncertain: status == StatusCode::GATEWAY_TIMEOUT, reason }
        }
        _ => Answer::Refused { reason },
    }
}

/// One line of what others say.
fn line(text: &str) -> String {
    text.chars().take(300).map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.to_string()
}

/// The innermost cause: the outer ones say that a request failed.
fn root(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// rustls with ring. For plain http it trusts nobody: reqwest wants a configuration there too.
fn tls(config: &Config) -> Result<ClientConfig, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    if config.url.scheme() == "https" {
        match &config.certificate {
            Some(path) => {
                for certificate in certificates(path)? {
                    roots.add(certificate)?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        if roots.is_empty() {
            return Err("no root certificate was found for https".into());
        }
    }
    let mut tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    read.map_err(|error| format!("the certificates in {} cannot be read: {error}", path.display()))
}
