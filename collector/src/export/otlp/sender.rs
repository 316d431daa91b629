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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::otlp::config::Temporality;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use reqwest::header::HeaderMap;
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    use rustls::{ServerConfig, ServerConnection, StreamOwned};
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::path::PathBuf;
    use std::time::Instant;

    fn config(url: &str) -> Config {
        Config {
            url: Url::parse(url).unwrap(),
            headers: HeaderMap::new(),
            timeout: Duration::from_secs(10),
            interval: Duration::from_secs(10),
            gzip: false,
            temporality: Temporality::Delta,
            certificate: None,
            resource: Vec::new(),
        }
    }

    fn post(config: &Config) -> Answer {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(Sender::new(config).unwrap().post(b"body".as_slice().into()))
    }

    /// A port where `serve` answers one connection.
    fn server(serve: impl FnOnce(TcpStream) + Send + 'static) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || serve(listener.accept().unwrap().0));
        port
    }

    /// Reads a request up to its body, and answers.
    fn exchange(mut stream: impl Read + Write, answer: &str) {
        let mut read = Vec::new();
        let mut byte = [0];
        while !read.ends_with(b"body") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
            read.extend(byte);
        }
        let _ = stream.write_all(answer.as_bytes()).and_then(|()| stream.flush());
    }

    fn answered(answer: &'static str) -> Answer {
        let port = server(move |stream| exchange(stream, answer));
        post(&config(&format!("http://127.0.0.1:{port}/v1/metrics")))
    }

    #[test]
    fn what_answers_mean() {
        let later = |after, uncertain, reason: &str| Answer::Later { after, uncertain, reason: reason.into() };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let empty = "\r\nContent-Length: 0\r\n\r\n";
        let of = |head: &str| answered(Box::leak([head, empty].concat().into_boxed_str()));
        assert_eq!(of("HTTP/1.1 200 OK"), Answer::Taken { rejected: 0, reason: String::new() });
        assert_eq!(of("HTTP/1.1 503 Busy\r\nRetry-After: 7"), later(seconds(7), false, "503 Service Unavailable"));
        assert_eq!(of("HTTP/1.1 429 Slow\r\nRetry-After: 99999"), later(seconds(300), false, "429 Too Many Requests"));
        assert_eq!(of("HTTP/1.1 502 Bad\r\nRetry-After: Wed, 21 Oct"), later(None, false, "502 Bad Gateway"));
        assert_eq!(of("HTTP/1.1 504 Late"), later(None, true, "504 Gateway Timeout"));
        for head in ["HTTP/1.1 400 No", "HTTP/1.1 500 No", "HTTP/1.1 413 No", "HTTP/1.1 307 No\r\nLocation: /x"] {
            assert!(matches!(of(head), Answer::Refused { .. }), "{head}");
        }
        let Answer::Later { uncertain: true, .. } = answered("HTTP/1.1 2") else { panic!("it may have been taken") };
    }

    #[test]
    fn who_is_not_there_and_who_is_slow() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let Answer::Later { uncertain: false, .. } = post(&config(&format!("http://127.0.0.1:{port}"))) else {
            panic!("nothing was sent")
        };
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let port = server(move |stream| {
            let _ = held.recv();
            drop(stream);
        });
        let patient = Config { timeout: Duration::from_millis(300), ..config(&format!("http://127.0.0.1:{port}")) };
        let start = Instant::now();
        let answer = post(&patient);
        drop(hold);
        assert_eq!(answer, Answer::Later { after: None, uncertain: true, reason: "it took too long".into() });
        assert!(start.elapsed() >= Duration::from_millis(300));
    }

    /// https with a certificate that an authority signed, which is in a file.
    fn secure(file: &str) -> (u16, PathBuf) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let own = CertificateParams::new(vec!["localhost".into()]).unwrap().signed_by(&key, &authority).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.der().clone()], key)
            .unwrap();
        let path = std::env::temp_dir().join(format!("datastreams-otlp-{}-{file}.pem", std::process::id()));
        std::fs::write(&path, authority.pem()).unwrap();
        let port = server(move |stream| {
            let connection = ServerConnection::new(Arc::new(tls)).unwrap();
            exchange(StreamOwned::new(connection, stream), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        });
        (port, path)
    }

    #[test]
    fn https_trusts_the_certificate_that_is_named_and_no_other() {
        let (port, own) = secure("own");
        let (other_port, other) = secure("other");
        let with = |port: u16, certificate: &Path| {
            let config = config(&format!("https://localhost:{port}/v1/metrics"));
            post(&Config { certificate: Some(certificate.into()), ..config })
        };
        assert_eq!(with(port, &own), Answer::Taken { rejected: 0, reason: String::new() });
        assert!(matches!(with(other_port, &own), Answer::Later { uncertain: false, .. }), "nothing was sent");
        [own, other].iter().for_each(|path| std::fs::remove_file(path).unwrap());
    }

    #[test]
    fn secrets_are_not_shown() {
        let config = config("https://user:secret@h:4318/v1/metrics?key=secret");
        assert_eq!(shown(&config.url), "https://h:4318/v1/metrics");
    }
}
