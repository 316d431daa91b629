//! A collector before an agent: a scripted one, that answers what it is told to.

use crate::collect::{GZIP, orders};
use crate::common::{Answer, Collector, datastreams, request, run, socket_path};
use datastreams_core::payload::gzip;
use serde_json::json;
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const STATS: &str = "/v0.1/pipeline_stats";
const ID: &str = "Datastreams-Payload-Id";

/// What a scripted agent does with a request: bytes to answer, after a while; none: it hangs up.
type Script = (Duration, &'static str);

/// The head in lower case, and the body.
type Request = (String, Vec<u8>);

#[derive(Clone, Default)]
struct Agent {
    script: Arc<Mutex<VecDeque<Script>>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Agent {
    fn tcp(script: &[Script]) -> (Self, String) {
        let agent = Self { script: Arc::new(Mutex::new(script.iter().copied().collect())), ..Self::default() };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = agent.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let served = served.clone();
                std::thread::spawn(move || served.serve(stream.unwrap()));
            }
        });
        (agent, url)
    }

    fn serve(&self, mut stream: impl Read + Write) {
        loop {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") {
                if stream.read(&mut byte).unwrap_or(0) == 0 {
                    return;
                }
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            while head.contains("transfer-encoding: chunked") && !body.ends_with(b"\r\n0\r\n\r\n") {
                stream.read_exact(&mut byte).unwrap();
                body.push(byte[0]);
            }
            self.requests.lock().unwrap().push((head, body));
            let (pause, answer) = self.script.lock().unwrap().pop_front().unwrap_or((Duration::ZERO, ACCEPTED));
            std::thread::sleep(pause);
            if answer.is_empty() || stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn seen(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

const NOW: Duration = Duration::ZERO;
const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nX-Agent: a\r\n\r\nok";
const BUSY: &str =
    "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nbusy";
const HANG_UP: &str = "";

fn received(collector: &Collector) -> serde_json::Value {
    let received = &collector.json("/api/graph")["received"];
    json!(["payloads", "repeats", "refused", "unread", "messages"].map(|name| received[name].as_u64().unwrap()))
}

fn post(collector: &Collector, id: &str, body: &[u8]) -> Answer {
    collector.post(&[GZIP, (ID, id), ("Datadog-Container-Id", "c1"), ("X-Any", "thing")], body)
}

#[test]
fn bytes_headers_and_answers_pass_unchanged() {
    let (agent, url) = Agent::tcp(&[(NOW, ACCEPTED), (NOW, BUSY)]);
    let collector = Collector::start(&["--upstream", &url]);
    let body = gzip(&orders()).unwrap();
    let answer = post(&collector, "p-1", &body);
    assert_eq!((answer.status, answer.text(), answer.header("x-agent")), (202, "ok", Some("a")));
    let answer = post(&collector, "p-2", &body);
    assert_eq!((answer.status, answer.text(), answer.header("retry-after")), (429, "busy", Some("7")));
    let requests = agent.requests.lock().unwrap().clone();
    let [(head, first), (_, second)] = requests.as_slice() else { panic!("{}", requests.len()) };
    assert!(*first == body && *second == body, "byte for byte");
    let mut lines: Vec<&str> = head.lines().filter(|line| !line.is_empty()).collect();
    lines[1..].sort_unstable();
    let (length, host) = (format!("content-length: {}", body.len()), url.replace("http://", "host: "));
    let expected = [
        "post /v0.1/pipeline_stats http/1.1",
        "content-encoding: gzip",
        &length,
        "content-type: application/msgpack",
        "datadog-container-id: c1",
        "datastreams-payload-id: p-1",
        &host,
        "x-any: thing",
    ];
    assert_eq!(lines, expected);
    assert_eq!(received(&collector), json!([1, 0, 1, 0, 100]), "what the agent refused is not shown");
}

#[test]
fn what_is_refused_and_sent_again_is_taken_once() {
    let unavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    let (agent, url) = Agent::tcp(&[(NOW, BUSY), (NOW, unavailable), (NOW, HANG_UP), (NOW, ACCEPTED)]);
    let collector = Collector::start(&["--upstream", &url]);
    let body = gzip(&orders()).unwrap();
    let statuses: Vec<u16> = (0..6).map(|_| post(&collector, "same", &body).status).collect();
    assert_eq!(statuses, [429, 503, 502, 202, 202, 202]);
    assert_eq!(agent.seen(), 4, "what it has taken does not come again");
    assert_eq!(received(&collector), json!([1, 2, 3, 0, 100]));
}

#[test]
fn the_same_payload_twice_at_once_waits_for_the_first() {
    let slow = Duration::from_millis(300);
    let (agent, url) = Agent::tcp(&[(slow, BUSY), (slow, ACCEPTED)]);
    let collector = Collector::start(&["--upstream", &url]);
    let body = gzip(&orders()).unwrap();
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let posts: Vec<_> = (0..4).map(|_| scope.spawn(|| post(&collector, "same", &body).status)).collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    statuses.sort_unstable();
    assert_eq!((statuses.as_slice(), agent.seen()), ([202, 202, 202, 429].as_slice(), 2));
    assert_eq!(received(&collector), json!([1, 2, 1, 0, 100]));
}

#[test]
fn a_client_that_hangs_up_changes_nothing() {
    let (agent, url) = Agent::tcp(&[(Duration::from_millis(400), ACCEPTED)]);
    let collector = Collector::start(&["--upstream", &url]);
    let body = gzip(&orders()).unwrap();
    let mut stream = collector.tcp();
    let head = format!(
        "POST {STATS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/msgpack\r\nContent-Encoding: gzip\r\n\
         {ID}: left\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while agent.seen() == 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(stream);
    assert_eq!(post(&collector, "left", &body).status, 202);
    assert_eq!((agent.seen(), received(&collector)), (1, json!([1, 1, 0, 0, 100])));
}

#[test]
fn an_agent_that_is_away_or_strange() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let collector = Collector::start(&["--upstream", &format!("http://{gone}")]);
    let body = gzip(&orders()).unwrap();
    let answer = post(&collector, "a", &body);
    let sentence = format!("the agent behind, http://{gone}, cannot be reached: ");
    assert!(answer.status == 502 && answer.text().starts_with(&sentence), "{} {}", answer.status, answer.text());
    assert_eq!(collector.get("/info").status, 502);
    assert_eq!(collector.get("/v0.7/config").status, 502);
    assert_eq!(received(&collector), json!([0, 0, 1, 0, 0]));

    let long: &'static str =
        format!("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n{}", "x".repeat(2_000_000)).leak();
    let (_, url) = Agent::tcp(&[(NOW, long), (NOW, "no http\r\n\r\n")]);
    let collector = Collector::start(&["--upstream", &url]);
    let answer = post(&collector, "a", &body);
    assert!(answer.status == 502 && answer.text().contains("more than 1048576 bytes"), "{}", answer.text());
    let answer = post(&collector, "a", &body);
    assert!(answer.status == 502 && answer.text().contains("broke off without an answer"), "{}", answer.text());
    assert_eq!(received(&collector), json!([0, 0, 2, 0, 0]));
}

#[test]
fn what_only_the_agent_can_read() {
    let (agent, url) = Agent::tcp(&[]);
    let collector = Collector::start(&["--upstream", &url]);
    assert_eq!(post(&collector, "odd", b"no gzip at all").status, 202, "its answer counts");
    assert_eq!(request(collector.tcp(), "POST", STATS, &[("Content-Type", "text/plain")], b"x").status, 202);
    assert_eq!(post(&collector, "odd", b"no gzip at all").status, 202);
    assert_eq!((agent.seen(), received(&collector)), (2, json!([0, 1, 0, 2, 0])));
}

#[test]
fn info_and_everything_else_are_the_agents() {
    let info = "HTTP/1.1 200 OK\r\nDatadog-Container-Tags-Hash: h\r\nContent-Length: 30\r\n\r\n{\"endpoints\":[\"/v0.4/traces\"]}";
    let (agent, url) = Agent::tcp(&[(NOW, info)]);
    let collector = Collector::start(&["--upstream", &url]);
    let answer = collector.get("/info");
    assert_eq!(answer.text(), "{\"endpoints\":[\"/v0.4/traces\"]}", "without ours, since it is not the agent's");
    assert_eq!(answer.header("datadog-container-tags-hash"), Some("h"));
    let chunked = [("Transfer-Encoding", "chunked")];
    let answer = request(collector.tcp(), "PUT", "/v0.4/traces?x=%20", &chunked, &[7; 5000]);
    assert_eq!((answer.status, answer.text()), (202, "ok"));
    let (head, body) = agent.requests.lock().unwrap()[1].clone();
    assert!(head.starts_with("put /v0.4/traces?x=%20 http/1.1\r\n"), "{head}");
    assert_eq!(body.iter().filter(|&&byte| byte == 7).count(), 5000);
    assert_eq!(collector.get("/api/graph").status, 200, "ours stay ours");
    assert_eq!(agent.seen(), 2);
}

#[test]
fn what_a_head_would_have_and_other_methods_are_the_agents() {
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n";
    let options = "HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Methods: any\r\n\r\n";
    let refused = "HTTP/1.1 418 No\r\nContent-Length: 3\r\n\r\ntea";
    let script = [length, length, options, options, refused, refused].map(|answer| (NOW, answer));
    let (agent, url) = Agent::tcp(&script);
    let collector = Collector::start(&["--upstream", &url]);
    let ask = |method: &str, path: &str| request(collector.tcp(), method, path, &[], b"");
    for path in ["/info", "/elsewhere"] {
        let answer = ask("HEAD", path);
        assert_eq!((answer.status, answer.header("content-length")), (200, Some("1234")), "{path}");
    }
    for path in ["/info", STATS] {
        let answer = ask("OPTIONS", path);
        assert_eq!((answer.status, answer.header("access-control-allow-methods")), (204, Some("any")), "{path}");
    }
    for (method, path) in [("DELETE", "/info"), ("GET", STATS)] {
        let answer = ask(method, path);
        assert_eq!((answer.status, answer.text(), answer.header("allow")), (418, "tea", None), "{method} {path}");
    }
    let lines: Vec<String> =
        agent.requests.lock().unwrap().iter().map(|(head, _)| head.lines().next().unwrap().to_string()).collect();
    assert_eq!(
        lines[2..],
        [
            "options /info http/1.1".to_string(),
            format!("options {STATS} http/1.1"),
            "delete /info http/1.1".to_string(),
            format!("get {STATS} http/1.1"),
        ]
    );
    // Without an agent they are nobody's, and it is told what is possible; with a token for posts, who has none.
    let alone = Collector::start(&[]);
    for (method, path, allowed) in [("DELETE", "/info", "GET,HEAD"), ("GET", STATS, "POST,PUT")] {
        let answer = request(alone.tcp(), method, path, &[], b"");
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
    }
    let guarded = Collector::spawn(
        datastreams(&["collect", "--listen", "127.0.0.1:0", "--token-for-posts", "--upstream", &url])
            .env("DATASTREAMS_TOKEN", "only-for-those"),
    );
    let before = agent.seen();
    for (method, path) in [("OPTIONS", "/info"), ("GET", STATS), ("GET", "/elsewhere")] {
        assert_eq!(request(guarded.tcp(), method, path, &[], b"").status, 401, "{method} {path}");
    }
    assert_eq!(agent.seen(), before);
}

#[test]
fn an_agent_behind_a_socket() {
    let socket = socket_path("agent");
    let listener = UnixListener::bind(&*socket).unwrap();
    let agent = Agent::default();
    let served = agent.clone();
    std::thread::spawn(move || listener.incoming().for_each(|stream| served.serve(stream.unwrap())));
    let collector = Collector::start(&["--upstream", &format!("unix://{}", socket.display())]);
    assert_eq!(post(&collector, "a", &gzip(&orders()).unwrap()).status, 202);
    assert_eq!((agent.seen(), received(&collector)), (1, json!([1, 0, 0, 0, 100])));
}

#[test]
fn a_collector_behind_itself() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (place, url) = (format!("127.0.0.1:{port}"), format!("http://localhost:{port}"));
    let output = run(&["collect", "--listen", &place, "--upstream", &url]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("error: --upstream leads to this collector itself, on 127.0.0.1:"), "{text}");
    let _ = TcpStream::connect(place).expect_err("it has ended");
    let socket = socket_path("itself");
    let other = socket.with_extension("other");
    let _ = std::fs::remove_file(&other);
    std::os::unix::fs::symlink(&*socket, &other).unwrap();
    for path in [&*socket, &other] {
        let url = format!("unix://{}", path.display());
        let options = ["collect", "--listen", "127.0.0.1:0", "--unix", socket.to_str().unwrap(), "--upstream", &url];
        let mut child = datastreams(&options).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        let expected = format!("error: --upstream leads to this collector itself, on {}: ", socket.display());
        assert!(output.status.code() == Some(1) && text.starts_with(&expected), "{text}");
        assert!(!socket.exists(), "it is taken away");
    }
    std::fs::remove_file(&other).unwrap();
}
