//! What one client does to the others: limits small enough to be met.

use super::*;
use crate::collect::access::Access;
use crate::collect::connections::{self, Places};
use crate::collect::guard::Via;
use crate::collect::server::{self, Shared};
use crate::collect::upstream::Upstream;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Long for a computer, and less than any deadline here.
const SHORT: Duration = Duration::from_millis(150);
const GET: &str = "GET /api/graph HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// A collector in a thread of its own, stopped when this is dropped.
struct Served {
    address: SocketAddr,
    shared: Arc<Shared>,
    _stop: watch::Sender<()>,
}

impl Served {
    fn new(limits: Limits) -> Self {
        Self::behind(limits, None)
    }

    fn behind(limits: Limits, agent: Option<SocketAddr>) -> Self {
        let (stop, stopped) = watch::channel(());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let upstream = agent.map(|agent| Upstream::new(&format!("http://{agent}"), limits).unwrap());
        let shared = Arc::new(Shared::new(limits, store(limits), Access::default(), upstream));
        let serves = shared.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                connections::serve(listener, Via::Tcp, server::router(serves), Places::new(limits), stopped).await;
            });
        });
        Self { address, shared, _stop: stop }
    }

    fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    }

    /// The status and all that comes until the connection ends.
    fn ask(&self, text: &str) -> (u16, String) {
        all(self.send(&text.replacen("\r\n", "\r\nConnection: close\r\n", 1)))
    }
}

/// What comes until the connection ends; the status is 0 when that has none.
fn all(mut stream: TcpStream) -> (u16, String) {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    (text.get(9..12).map_or(0, |status| status.parse().unwrap_or(0)), text)
}

fn post(length: usize) -> String {
    format!(
        "POST /v0.1/pipeline_stats HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/msgpack\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

#[test]
fn one_that_does_not_finish_its_head_is_closed() {
    let served = Served::new(Limits { head_timeout: SHORT, ..Limits::DEFAULT });
    let slow: Vec<_> = (0..20).map(|_| served.send("GET /api/graph HTTP/1.1\r\nHost: loc")).collect();
    let silent = served.send("");
    let mut idle = served.send(GET);
    let mut first = [0; 12];
    idle.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200", "others are served meanwhile");
    for stream in slow.into_iter().chain([silent]) {
        assert!(matches!(all(stream).0, 0 | 408));
    }
    assert!(all(idle).1.ends_with('}'), "one answer, and an end when nothing more is asked");
}

#[test]
fn a_drip_does_not_keep_a_connection() {
    let served = Served::new(Limits { head_timeout: SHORT, ..Limits::DEFAULT });
    let mut stream = served.send("GET / HTTP/1.1\r\n");
    let ended = (0..400).any(|number| {
        std::thread::sleep(Duration::from_millis(20));
        stream.write_all(format!("X-{number}: 1\r\n").as_bytes()).is_err()
    });
    assert!(ended, "a header at a time");
}

#[test]
fn connections_beyond_the_limit_are_told() {
    let served = Served::new(Limits { max_connections: 4, ..Limits::DEFAULT });
    let held: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = served.send(GET);
            stream.read_exact(&mut [0; 12]).unwrap();
            stream
        })
        .collect();
    let (status, text) = all(served.send(GET));
    assert_eq!(status, 503, "{text}");
    assert!(text.ends_with("the collector serves 4 connections already\n"), "{text}");
    drop(held);
    let freed = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        served.ask(GET).0 == 200
    });
    assert!(freed, "there is room again");
}

#[test]
fn a_body_that_does_not_come_is_given_up() {
    let served = Served::new(Limits { body_timeout: SHORT, ..Limits::DEFAULT });
    let (status, text) = served.ask(&post(1000));
    assert!(status == 408 && text.ends_with("the body took too long to arrive\n"), "{text}");
    assert_eq!(served.ask(GET).0, 200);
}

/// Of a connection.
fn status(mut stream: TcpStream) -> u16 {
    let mut line = [0; 12];
    stream.read_exact(&mut line).unwrap();
    std::str::from_utf8(&line[9..]).unwrap().parse().unwrap()
}

/// Room for two large bodies.
fn few_large() -> Limits {
    Limits { small_body: 1 << 10, max_bodies: 64 << 10, max_body: 32 << 10, ..Limits::DEFAULT }
}

#[test]
fn bodies_on_the_way_are_bounded_together() {
    let served = Served::new(Limits { body_timeout: SHORT * 20, body_pace: SHORT * 100, ..few_large() });
    let stuck: Vec<_> = (0..2).map(|_| served.send(&(post(32 << 10) + "x"))).collect();
    std::thread::sleep(SHORT);
    // Its body is here, and has no room until the others have gone.
    let mut waiting = served.send(&(post(2 << 10) + &"\u{1}".repeat(2 << 10)));
    waiting.set_read_timeout(Some(SHORT)).unwrap();
    assert!(waiting.read(&mut [0]).is_err(), "not yet");
    assert_eq!(served.ask(GET).0, 200, "reading needs no room");
    waiting.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(status(waiting), 400, "no payload, but it was looked at");
    for stream in stuck {
        assert_eq!(status(stream), 408);
    }
}

#[test]
fn slow_bodies_do_not_keep_small_ones_out() {
    let served = Served::new(few_large());
    let chunked = post(0).replace("Content-Length: 0", "Transfer-Encoding: chunked");
    let _stuck: Vec<_> = (0..8)
        .map(|number| match number % 2 {
            0 => served.send(&(post(32 << 10) + "x")),
            _ => served.send(&format!("{chunked}600\r\n{}\r\n", "x".repeat(0x600))),
        })
        .collect();
    std::thread::sleep(SHORT);
    assert_eq!(status(served.send(&(post(1) + "\u{1}"))), 400, "it was looked at");
    assert_eq!(status(served.send(&(chunked + "1\r\n\u{1}\r\n0\r\n\r\n"))), 400, "its size was not known");
}

#[test]
fn a_slow_body_goes_while_others_wait_for_its_room() {
    // Room for one: of two it would be any that goes.
    let served = Served::new(Limits { body_pace: SHORT, max_bodies: 32 << 10, ..few_large() });
    let mut stuck = served.send(&(post(32 << 10) + "x"));
    std::thread::sleep(SHORT * 2);
    stuck.set_read_timeout(Some(SHORT)).unwrap();
    assert!(stuck.read(&mut [0]).is_err(), "nobody waits for its room");
    stuck.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // A drip is no pace.
    stuck.write_all(b"x").unwrap();
    assert_eq!(status(served.send(&(post(32 << 10) + &"\u{1}".repeat(32 << 10)))), 400, "it was looked at");
    let (gone, text) = all(stuck);
    assert!(gone == 408 && text.ends_with("the body came too slowly, while others waited\n"), "{text}");
}

#[test]
fn metrics_are_put_together_one_at_a_time() {
    let served = Served::new(Limits::DEFAULT);
    let turn = served.shared.scrapes.try_acquire().unwrap();
    let mut waiting = served.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    waiting.set_read_timeout(Some(SHORT)).unwrap();
    assert!(waiting.read(&mut [0]).is_err(), "not while another is");
    assert_eq!(served.ask(GET).0, 200, "the page does not wait for it");
    drop(turn);
    waiting.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut status = [0; 12];
    waiting.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
}

#[test]
fn sizes_of_heads_and_bodies() {
    let served = Served::new(Limits { max_body: 1000, max_payload: 2000, ..Limits::DEFAULT });
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let mut stream = served.send("");
    // It may answer before it has all.
    let _ = stream.write_all(long.as_bytes());
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 431");
    let (status, text) = served.ask(&(post(1001) + &"x".repeat(1001)));
    assert!(status == 413 && text.ends_with("the body is larger than 1000 bytes\n"), "{text}");
    let gz = datastreams_core::payload::gzip(&[0; 2001]).unwrap();
    let head = post(gz.len()).replacen("\r\n", "\r\nConnection: close\r\nContent-Encoding: gzip\r\n", 1);
    let mut stream = served.send(&head);
    stream.write_all(&gz).unwrap();
    let (status, text) = all(stream);
    assert!(status == 413 && text.ends_with("the payload is larger than 2000 bytes\n"), "{text}");
}

#[test]
fn an_agent_that_does_not_answer_is_given_up() {
    // Connections come about, and nobody is there.
    let agent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = agent.local_addr().unwrap();
    let limits = Limits { upstream_timeout: SHORT, max_passing: 1, ..Limits::DEFAULT };
    let served = Served::behind(limits, Some(address));
    let sentence = format!("the agent behind, http://{address}, did not answer within 0.15 s\n");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let (status, text) = served.ask(&(post(1) + "x"));
                assert!(status == 504 && text.ends_with(&sentence), "{text}");
            });
        }
    });
    let info = "GET /info HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(served.ask(info).0, 504);
    let (_, graph) = served.ask(GET);
    assert!(graph.contains("\"refused\":4") && graph.contains("\"payloads\":0"), "{graph}");
}
