//! The transport against a scripted agent: every way an attempt can end.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::print_stdout)] // helpers of tests fail like tests

mod agent;

use agent::{Act, Agent, answer};
use datastreams_core::config::{Config, Secret, Settings};
use datastreams_core::container::Ids;
use datastreams_core::delivery::Outcome;
use datastreams_core::machine::Machine;
use datastreams_core::transport::{Transport, Unanswered};
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(5);

fn settings(url: &str) -> Settings {
    let config = Config { agent_url: Some(url.into()), ..Config::default() };
    config.resolve_on(&|_| None, &Machine::default()).unwrap()
}

fn body() -> Arc<[u8]> {
    Arc::from(&b"a compressed payload"[..])
}

/// More than the sockets of both sides hold, so that a write waits for the agent to read.
fn large() -> Arc<[u8]> {
    static LARGE: LazyLock<Arc<[u8]>> =
        LazyLock::new(|| (0..16 << 20).map(|index: u32| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect());
    LARGE.clone()
}

fn post_to(url: &str, body: &Arc<[u8]>, timeout: Duration) -> Outcome {
    Transport::new(&settings(url)).unwrap().open().unwrap().post(body, "1", timeout)
}

fn status(status: u16) -> Outcome {
    Outcome::Answer { status, retry_after: None }
}

/// Runs one of the tests below that are ignored, in a process of its own.
fn in_own_process(test: &str, environment: &[(&str, &str)]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    print!(
        "{}",
        text.lines().filter(|line| line.starts_with("measured")).fold(String::new(), |all, line| all + line + "\n")
    );
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("1 passed"), "{text}");
}

#[test]
fn a_request_is_complete() {
    let agent = Agent::tcp(vec![answer(202, "")]);
    let config = Config {
        agent_url: Some(format!("{}/base/", agent.url())),
        language: Some("go".into()),
        language_version: Some("1.26".into()),
        external_env: Some("it-false,cn-web".into()),
        api_key: Some(Secret::new("0123456789abcdef")),
        ..Config::default()
    };
    let container = Ids { container: Some("c0ffee".into()), entity: Some("ci-c0ffee".into()) };
    let settings = config.resolve_on(&|_| None, &Machine { container, ..Machine::default() }).unwrap();
    let transport = Transport::new(&settings).unwrap();
    assert!(!format!("{transport:?}{settings:?}").contains("0123456789abcdef"));
    let outcome = transport.open().unwrap().post(&body(), "77-1", PATIENCE);
    assert_eq!(outcome, status(202));

    let request = agent.request().unwrap();
    assert_eq!(request.line, "POST /base/v0.1/pipeline_stats HTTP/1.1");
    assert_eq!(request.body, &body()[..]);
    let expected = [
        ("content-type", "application/msgpack"),
        ("content-encoding", "gzip"),
        ("content-length", "20"),
        ("datadog-meta-lang", "go"),
        ("datadog-meta-lang-version", "1.26"),
        ("datadog-meta-tracer-version", env!("CARGO_PKG_VERSION")),
        ("datadog-container-id", "c0ffee"),
        ("datadog-entity-id", "ci-c0ffee"),
        ("datadog-external-env", "it-false,cn-web"),
        ("datastreams-payload-id", "77-1"),
    ];
    for (name, value) in expected {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    for absent in ["dd-api-key", "transfer-encoding", "expect", "accept-encoding"] {
        assert_eq!(request.header(absent), None, "{absent}");
    }
}

#[test]
fn answers_are_reported_as_they_are_over_one_connection() {
    let retry_after = |value: &str| answer(429, &format!("Retry-After: {value}\r\n"));
    let script = [
        (answer(202, ""), status(202)),
        (answer(404, ""), status(404)),
        (answer(413, ""), status(413)),
        (answer(500, ""), status(500)),
        (answer(301, "Location: /elsewhere\r\n"), status(301)),
        (retry_after("7"), Outcome::Answer { status: 429, retry_after: Some(Duration::from_secs(7)) }),
        (retry_after("0"), Outcome::Answer { status: 429, retry_after: Some(Duration::ZERO) }),
        (
            retry_after("99999999999999999999999"),
            Outcome::Answer { status: 429, retry_after: Some(Duration::from_secs(u64::MAX)) },
        ),
        (retry_after("-1"), status(429)),
        (retry_after("Fri, 31 Dec 1999 23:59:59 GMT"), status(429)),
        (retry_after(""), status(429)),
    ];
    let agent = Agent::tcp(script.iter().map(|(act, _)| act.clone()).collect());
    let transport = Transport::new(&settings(&agent.url())).unwrap();
    let session = transport.open().unwrap();
    for (act, expected) in &script {
        assert_eq!(session.post(&body(), "1", PATIENCE), *expected, "{act:?}");
        let request = agent.request().unwrap();
        assert_eq!((request.connection, request.line.as_str()), (1, "POST /v0.1/pipeline_stats HTTP/1.1"));
    }
    assert!(agent.request().is_none(), "a redirect was followed");
}

#[test]
fn a_large_payload_arrives_whole() {
    let agent = Agent::tcp(vec![answer(202, "")]);
    assert_eq!(post_to(&agent.url(), &large(), PATIENCE), status(202));
    assert!(agent.request().unwrap().body == large()[..]);
}

#[test]
fn an_answer_before_the_body_was_read_is_heard() {
    let directory = std::env::temp_dir().join(format!("datastreams-early-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let refusal = Act::Early(b"HTTP/1.1 413 Too large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec());
    for number in 0..5 {
        let agent = Agent::tcp(vec![refusal.clone()]);
        assert_eq!(post_to(&agent.url(), &large(), PATIENCE), status(413), "{number} tcp");
        let path = directory.join(format!("{number}.socket"));
        let _agent = Agent::unix(&path, vec![refusal.clone()]);
        let url = format!("unix://{}", path.display());
        assert_eq!(post_to(&url, &large(), PATIENCE), status(413), "{number} unix");
    }
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn what_may_have_been_sent_is_lost() {
    let lost = [
        Act::Reset,
        Act::WriteAndClose(Vec::new()),
        Act::WriteAndClose(b"HTTP/1.1 20".to_vec()),
        Act::WriteAndClose(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        Act::Write(vec![0xff; 1000]),
    ];
    for act in lost {
        for body in [body(), large()] {
            let agent = Agent::tcp(vec![act.clone()]);
            assert_eq!(post_to(&agent.url(), &body, PATIENCE), Outcome::Lost, "{act:?}");
        }
    }
}

#[test]
fn a_slow_agent_is_left_after_the_timeout() {
    for act in [Act::Hang(PATIENCE), Act::Deaf(PATIENCE)] {
        let agent = Agent::tcp(vec![act]);
        let start = Instant::now();
        assert_eq!(post_to(&agent.url(), &large(), Duration::from_millis(200)), Outcome::Lost);
        assert!(start.elapsed() >= Duration::from_millis(200) && start.elapsed() < PATIENCE);
    }
    // The settings' timeout bounds the caller's.
    let agent = Agent::tcp(vec![Act::Hang(PATIENCE)]);
    let config =
        Config { agent_url: Some(agent.url()), timeout: Some(Duration::from_millis(100)), ..Config::default() };
    let transport = Transport::new(&config.resolve_on(&|_| None, &Machine::default()).unwrap()).unwrap();
    let start = Instant::now();
    assert_eq!(transport.open().unwrap().post(&body(), "1", Duration::MAX), Outcome::Lost);
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn a_status_stands_whatever_its_body_does() {
    let cut = Act::WriteAndClose(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc".to_vec());
    assert_eq!(post_to(&Agent::tcp(vec![cut]).url(), &body(), PATIENCE), status(200));
    let start = Instant::now();
    assert_eq!(post_to(&Agent::tcp(vec![Act::Drip(PATIENCE)]).url(), &body(), PATIENCE), status(202));
    assert!(start.elapsed() < PATIENCE);
    let mut long = b"HTTP/1.1 400 Bad\r\nContent-Length: 10000000\r\n\r\n".to_vec();
    long.resize(long.len() + 10_000_000, b'x');
    assert_eq!(post_to(&Agent::tcp(vec![Act::Write(long)]).url(), &body(), PATIENCE), status(400));
}

#[test]
fn without_a_connection_nothing_was_sent() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(post_to(&format!("http://{closed}"), &body(), PATIENCE), Outcome::NotSent);
    assert_eq!(post_to("unix:///nonexistent/agent.socket", &body(), PATIENCE), Outcome::NotSent);
    assert_eq!(post_to("http://agent.invalid:8126", &body(), PATIENCE), Outcome::NotSent);
    let agent = Agent::tcp(vec![answer(202, "")]);
    assert_eq!(post_to(&agent.url(), &body(), Duration::ZERO), Outcome::NotSent);
}

#[test]
fn host_names_are_resolved() {
    let agent = Agent::tcp(vec![answer(202, "")]);
    let url = format!("http://localhost:{}", agent.address.unwrap().port());
    assert_eq!(post_to(&url, &body(), PATIENCE), status(202));
    assert_eq!(agent.request().unwrap().header("host"), Some(&url["http://".len()..]));
}

#[test]
fn a_connection_that_the_agent_closed_between_two_posts_is_replaced() {
    let agent =
        Agent::tcp(vec![Act::WriteAndClose(b"HTTP/1.1 202 Ok\r\nContent-Length: 0\r\n\r\n".to_vec()), answer(200, "")]);
    let transport = Transport::new(&settings(&agent.url())).unwrap();
    let session = transport.open().unwrap();
    assert_eq!(session.post(&body(), "1", PATIENCE), status(202));
    assert_eq!(agent.request().unwrap().connection, 1); // and it is closed
    assert_eq!(session.post(&body(), "2", PATIENCE), status(200));
    assert_eq!(agent.request().unwrap().connection, 2);
}

#[test]
fn unix_sockets() {
    let directory = std::env::temp_dir().join(format!("datastreams-transport-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join("apm.socket");
    let script = vec![answer(202, ""), answer(503, "Retry-After: 3\r\n"), Act::Reset, Act::Hang(PATIENCE)];
    let agent = Agent::unix(&path, script);
    let transport = Transport::new(&settings(&format!("unix://{}", path.display()))).unwrap();
    let session = transport.open().unwrap();
    assert_eq!(session.post(&body(), "1", PATIENCE), status(202));
    let request = agent.request().unwrap();
    assert_eq!(request.line, "POST /v0.1/pipeline_stats HTTP/1.1");
    assert_eq!(request.header("host"), Some("localhost"));
    assert_eq!(request.body, &body()[..]);
    let expected = Outcome::Answer { status: 503, retry_after: Some(Duration::from_secs(3)) };
    assert_eq!(session.post(&body(), "1", PATIENCE), expected);
    assert_eq!(session.post(&large(), "1", PATIENCE), Outcome::Lost);
    assert_eq!(session.post(&body(), "1", Duration::from_millis(100)), Outcome::Lost);
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_host_may_post_from_inside_its_own_runtime() {
    let agent = Agent::tcp(vec![answer(202, "")]);
    let transport = Transport::new(&settings(&agent.url())).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let outcome = runtime.block_on(async { transport.open().unwrap().post(&body(), "1", PATIENCE) });
    assert_eq!(outcome, status(202));
}

#[test]
fn proxies_of_the_environment_are_ignored() {
    let nowhere = "http://127.0.0.1:1";
    let names = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    in_own_process("one_post_by_name", &names.map(|name| (name, nowhere)));
}

#[test]
#[ignore = "run by proxies_of_the_environment_are_ignored"]
fn one_post_by_name() {
    host_names_are_resolved();
}

fn count(directory: &str) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}

#[test]
fn nothing_is_held_between_rounds() {
    in_own_process("descriptors_and_threads", &[]);
}

#[test]
#[ignore = "run by nothing_is_held_between_rounds, alone in its process"]
fn descriptors_and_threads() {
    // The agent is another process: its threads and sockets are not ours.
    let mut agent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "an_agent_by_itself", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(agent.stdout.take().unwrap()).lines();
    let port = lines.find_map(|line| line.unwrap().strip_prefix("port ").map(str::to_owned)).unwrap();
    let transport = Transport::new(&settings(&format!("http://localhost:{port}"))).unwrap();
    let round = |posts: usize| {
        let session = transport.open().unwrap();
        for _ in 0..posts {
            assert_eq!(session.post(&body(), "1", PATIENCE), status(202));
        }
        session
    };
    drop(round(1)); // whatever libc and the allocator set up once
    let now = || (count("/proc/self/fd"), count("/proc/self/task"));
    let before = now();
    let session = round(2);
    let during = now();
    drop(session);
    let after = now();
    println!("\nmeasured (descriptors, threads): before {before:?}, during {during:?}, after {after:?}");
    assert_eq!(before, after);
    assert_eq!(before.1, during.1, "a thread was started");
    assert!(during.0 > before.0);

    for (name, posts) in [("open and drop", 0), ("open, one post, drop", 1)] {
        let mut times: Vec<Duration> = (0..300)
            .map(|_| {
                let start = Instant::now();
                drop(round(posts));
                start.elapsed()
            })
            .collect();
        times.sort();
        println!("measured {name}: median {:?}, p90 {:?}", times[150], times[270]);
    }
    assert_eq!(before, now());
    drop(agent.stdin.take());
    agent.wait().unwrap();
}

#[test]
#[ignore = "run by descriptors_and_threads; ends with its standard input"]
fn an_agent_by_itself() {
    let agent = Agent::tcp(vec![answer(202, "")]);
    println!("\nport {}", agent.address.unwrap().port());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn questions_are_asked_in_the_same_way() {
    let agent = Agent::tcp(vec![answer(200, "Date: now\r\n"), answer(404, ""), answer(200, "")]);
    let transport = Transport::new(&settings(&format!("{}/base", agent.url()))).unwrap();
    let session = transport.open().unwrap();
    let got = session.get("/info?a=1", &[("Authorization", "Bearer t")], 2, PATIENCE).unwrap();
    assert_eq!((got.status, &got.body[..], got.header("date")), (200, &b"{}"[..], Some("now")));
    let request = agent.request().unwrap();
    assert_eq!(request.line, "GET /base/info?a=1 HTTP/1.1");
    assert_eq!((request.header("authorization"), request.header("content-type")), (Some("Bearer t"), None));
    assert_eq!(session.get("/x", &[], 2, PATIENCE).unwrap().status, 404, "an answer too");
    assert_eq!(session.get("/x", &[], 1, PATIENCE).unwrap_err(), Unanswered::TooLarge);
}

#[test]
fn questions_without_an_answer() {
    let ask = |url: &str, timeout| {
        let transport = Transport::new(&settings(url)).unwrap();
        transport.open().unwrap().get("/info", &[], 100, timeout).unwrap_err()
    };
    assert!(matches!(ask("http://127.0.0.1:1", PATIENCE), Unanswered::NotSent(why) if why.contains("refused")));
    assert!(matches!(ask("unix:///nowhere/at.sock", PATIENCE), Unanswered::NotSent(_)));
    let hangs = Agent::tcp(vec![Act::Hang(Duration::from_secs(30))]);
    assert_eq!(ask(&hangs.url(), Duration::from_millis(300)), Unanswered::Timeout);
    let other = Agent::tcp(vec![Act::WriteAndClose(b"SSH-2.0-nothing\r\n".to_vec())]);
    assert!(matches!(ask(&other.url(), PATIENCE), Unanswered::Broken(_)));
}
