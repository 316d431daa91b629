//! https: with a certificate authority of our own in `SSL_CERT_FILE`, in child processes whose environment says so.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, clippy::print_stdout)] // helpers of tests fail like tests

mod agent;

use agent::{Agent, answer};
use datastreams_core::config::{Config, Secret, Settings};
use datastreams_core::endpoint::INTAKE_PATH;
use datastreams_core::machine::Machine;
use datastreams_core::transport::Transport;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// An agent whose certificate, for `name`, the authority signed.
fn agent(authority: &Issuer, name: &str) -> Agent {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    Agent::wrapped(
        vec![answer(202, "")],
        Arc::new(move |stream| Box::new(StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream))),
    )
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("datastreams-tls-{}-{name}.pem", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

/// Posts to `port` in a child process that trusts what is in `roots`, and returns the outcome's name.
fn post(port: u16, roots: &PathBuf) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env("SSL_CERT_FILE", roots)
        .env_remove("SSL_CERT_DIR")
        .env("TEST_PORT", port.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let outcome = text.lines().find_map(|line| line.split_once("outcome ")).unwrap().1;
    outcome.to_owned()
}

fn settings(port: &str) -> Settings {
    let url = format!("https://localhost:{port}");
    let config = Config { agent_url: Some(url), api_key: Some(Secret::new("0123456789abcdef")), ..Config::default() };
    let mut settings = config.resolve_on(&|_| None, &Machine::default()).unwrap();
    settings.endpoint.agentless = true;
    settings.endpoint.path = INTAKE_PATH.to_owned();
    settings
}

#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn child() {
    let settings = settings(&std::env::var("TEST_PORT").unwrap());
    let transport = Transport::new(&settings).unwrap();
    let start = Instant::now();
    let first = transport.open().map(drop);
    let (first, start) = (first.map(|()| start.elapsed()), Instant::now());
    println!(
        "\nmeasured first open, reading the roots: {first:?}; next: {:?}",
        transport.open().map(|_| start.elapsed())
    );
    match transport.open() {
        Err(error) => println!("\noutcome {error}"),
        Ok(session) => {
            let outcome = session.post(&Arc::from(&b"payload"[..]), "1", Duration::from_secs(2));
            println!("\noutcome {outcome:?}");
        }
    }
}

const TAKEN: &str = "Answer { status: 202, retry_after: None }";

#[test]
fn a_trusted_intake_gets_the_payload_and_the_key() {
    let authority = authority();
    let agent = agent(&authority, "localhost");
    let roots = file("trusted", &authority.pem());
    assert_eq!(post(agent.address.unwrap().port(), &roots), TAKEN);
    let request = agent.request().unwrap();
    assert_eq!(request.line, "POST /api/v0.1/pipeline_stats HTTP/1.1");
    assert_eq!(request.header("dd-api-key"), Some("0123456789abcdef"));
    assert_eq!(request.body, b"payload");
    std::fs::remove_file(roots).unwrap();
}

#[test]
fn nothing_is_sent_to_whom_the_roots_do_not_vouch_for() {
    let authority = authority();
    let roots = file("wrong", &authority.pem());
    let others = [agent(&self::authority(), "localhost"), agent(&authority, "elsewhere.example")];
    for agent in others {
        assert_eq!(post(agent.address.unwrap().port(), &roots), "NotSent");
        assert!(agent.request().is_none());
    }
    std::fs::remove_file(roots).unwrap();
}

#[test]
fn an_agent_that_never_shakes_hands_was_sent_nothing() {
    let roots = file("silent", &authority().pem());
    let silent = Agent::tcp(vec![answer(202, "")]);
    assert_eq!(post(silent.address.unwrap().port(), &roots), "NotSent");
    std::fs::remove_file(roots).unwrap();
}

#[test]
fn without_roots_a_session_does_not_open() {
    let roots = file("empty", "");
    assert_eq!(post(1, &roots), "no root certificate was found for https");
    std::fs::remove_file(roots).unwrap();
}
