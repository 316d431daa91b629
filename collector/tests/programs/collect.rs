//! `datastreams collect` over real sockets.

use crate::common::{Collector, request, run, socket_path, unix};
use datastreams_core::payload::{Backlog, Bucket, Payload, Point, gzip};
use datastreams_core::sketch::Sketch;
use serde_json::json;
use std::io::{BufRead, BufReader, Write};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const GZIP: (&str, &str) = ("Content-Encoding", "gzip");

fn sketch(values: &[f64]) -> Vec<u8> {
    let mut sketch = Sketch::new();
    let mut bytes = Vec::new();
    values.iter().for_each(|&value| assert!(sketch.add(value)));
    sketch.encode(&mut bytes);
    bytes
}

fn point(tags: &[&str], parent_hash: u64, hash: u64, edge: f64, pathway: f64) -> Point {
    Point {
        edge_tags: tags.iter().map(|&tag| tag.into()).collect(),
        hash,
        parent_hash,
        edge_latency: sketch(&[edge; 100]),
        pathway_latency: sketch(&[pathway; 100]),
        payload_size: sketch(&[512.0; 100]),
        ..Point::default()
    }
}

fn backlog(tags: &[&str], value: i64) -> Backlog {
    Backlog { tags: tags.iter().map(|&tag| tag.into()).collect(), value }
}

/// All in one bucket, even when the test runs across the end of one.
static START: LazyLock<u64> = LazyLock::new(|| {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    now - now % 10_000_000_000
});

fn payload(service: &str, stats: Vec<Point>, backlogs: Vec<Backlog>) -> Vec<u8> {
    let bucket = Bucket { start: *START, duration: 10_000_000_000, stats, backlogs, ..Bucket::default() };
    Payload { env: "test".into(), service: service.into(), stats: vec![bucket], ..Payload::default() }.encode().unwrap()
}

pub(crate) fn orders() -> Vec<u8> {
    payload("orders", vec![point(&["direction:out", "topic:t", "type:kafka"], 0, 1, 0.01, 0.01)], vec![])
}

#[test]
fn what_tracers_ask_first() {
    let collector = Collector::start(&[]);
    let info = collector.json("/info");
    let endpoints = info["endpoints"].as_array().unwrap();
    assert!(endpoints.contains(&json!("/v0.1/pipeline_stats")) && endpoints.contains(&json!("v0.1/pipeline_stats")));
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_way_in_and_what_comes_out() {
    let socket = socket_path("in");
    let mut collector = Collector::start(&["--unix", socket.to_str().unwrap()]);
    assert_eq!(collector.line(), format!("listening on unix://{}", socket.display()));
    let kind = ("Content-Type", "application/msgpack");
    let inward = ["direction:in", "group:g", "topic:t", "type:kafka"];
    let commit = backlog(&["consumer_group:g", "partition:0", "topic:t", "type:kafka_commit"], 40);
    let produced = backlog(&["partition:0", "topic:t", "type:kafka_produce"], 41);
    let payments = payload("payments", vec![point(&inward, 1, 2, 0.25, 0.26)], vec![commit, produced]);

    let answer = collector.post(&[GZIP], &gzip(&orders()).unwrap());
    assert_eq!((answer.status, answer.text()), (202, "{}"));
    let stats = "/v0.1/pipeline_stats";
    assert_eq!(request(collector.tcp(), "PUT", stats, &[kind], &orders()).status, 202, "plain");
    let gz = gzip(&orders()).unwrap();
    let chunked = [kind, GZIP, ("Transfer-Encoding", "chunked")];
    assert_eq!(request(collector.tcp(), "POST", "/api/v0.1/pipeline_stats", &chunked, &gz).status, 202);
    let gz = gzip(&payments).unwrap();
    assert_eq!(request(unix(&socket), "POST", stats, &[kind, GZIP], &gz).status, 202, "unix socket");

    let graph = collector.json("/api/graph");
    let names: Vec<_> = graph["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    assert_eq!(names, ["queue:test/kafka//t", "service:test/orders", "service:test/payments"]);
    let edges = graph["edges"].as_array().unwrap();
    let [produce, consume] = edges.as_slice() else { panic!("{edges:#?}") };
    assert_eq!(
        (&produce["from"], &produce["to"], &produce["messages"]),
        (&json!(names[1]), &json!(names[0]), &json!(300))
    );
    assert_eq!(
        (&consume["from"], &consume["to"], &consume["messages"]),
        (&json!(names[0]), &json!(names[2]), &json!(100))
    );
    assert_eq!((produce["rate"].as_f64(), consume["rate"].as_f64()), (Some(30.0), Some(10.0)));
    let about = |value: &serde_json::Value, expected: f64| {
        assert!((value.as_f64().unwrap() / expected - 1.0).abs() < 0.01, "{value} is not {expected}");
    };
    about(&consume["edge_latency"]["p50"], 0.25);
    about(&consume["pathway_latency"]["max"], 0.26);
    about(&consume["payload_size"]["p99"], 512.0);
    assert_eq!(consume["lag"], json!({"messages": 2, "seconds": null, "partitions": 1, "group": "g"}));
    assert_eq!(graph["received"]["payloads"], 4);

    let listed = collector.json("/api/pathways?last=300");
    let [pathway] = listed["pathways"].as_array().unwrap().as_slice() else { panic!("{listed:#}") };
    let services: Vec<_> = pathway["steps"].as_array().unwrap().iter().map(|step| &step["service"]).collect();
    assert_eq!(services, ["orders", "payments"]);
    assert_eq!((&pathway["origin"], &pathway["messages"]), (&json!("known"), &json!(100)));
    about(&pathway["latency"]["p95"], 0.26);
    assert_eq!(collector.json("/api/pathways?all=true")["pathways"].as_array().unwrap().len(), 2);
}

#[test]
fn repeats_are_taken_once() {
    let collector = Collector::start(&[]);
    let body = gzip(&orders()).unwrap();
    for id in ["a", "a", "b", "a"] {
        assert_eq!(collector.post(&[GZIP, ("Datastreams-Payload-Id", id)], &body).status, 202);
    }
    // A refused payload leaves its id free: it may come right the next time.
    assert_eq!(collector.post(&[("Datastreams-Payload-Id", "c")], b"\xc1").status, 400);
    assert_eq!(collector.post(&[GZIP, ("Datastreams-Payload-Id", "c")], &body).status, 202);
    assert_eq!(collector.post(&[GZIP], &body).status, 202, "without an id nothing is a repeat");
    assert_eq!(collector.post(&[GZIP], &body).status, 202);
    assert_eq!(collector.post(&[GZIP, ("Datastreams-Payload-Id", &"x".repeat(200))], &body).status, 400);
    let received = collector.json("/api/graph")["received"].clone();
    let counts = ["payloads", "repeats", "refused", "messages"].map(|name| received[name].as_u64().unwrap());
    assert_eq!(counts, [5, 2, 2, 500]);
}

#[test]
fn repeats_at_the_same_time_are_taken_once() {
    let collector = Collector::start(&[]);
    let body = gzip(&orders()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| assert_eq!(collector.post(&[GZIP, ("Datastreams-Payload-Id", "same")], &body).status, 202));
        }
    });
    let received = collector.json("/api/graph")["received"].clone();
    assert_eq!((&received["payloads"], &received["repeats"]), (&json!(1), &json!(15)));
}

#[test]
fn refusals_are_clear() {
    let collector = Collector::start(&[]);
    let good = orders();
    let refuse = |headers: &[(&str, &str)], body: &[u8], status: u16, sentence: &str| {
        let answer = request(collector.tcp(), "POST", "/v0.1/pipeline_stats", headers, body);
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().contains(sentence), "{}", answer.text());
        assert!(answer.text().ends_with('\n') && answer.header("content-type").unwrap().starts_with("text/plain"));
    };
    let kind = ("Content-Type", "application/msgpack");
    refuse(&[], &good, 415, "Content-Type must be application/msgpack");
    refuse(&[("Content-Type", "application/json")], b"{}", 415, "Content-Type must be application/msgpack");
    refuse(&[kind, ("Content-Encoding", "br")], &good, 415, "Content-Encoding must be gzip");
    refuse(&[kind], b"", 400, "byte 0: it ends too early");
    refuse(&[kind], b"\x80", 400, "it has no Service");
    refuse(&[kind], &good[..good.len() - 1], 400, "it ends too early");
    refuse(&[kind, GZIP], &good, 400, "not gzip");
    refuse(&[kind], &gzip(&good).unwrap(), 400, "Content-Encoding does not say so");
    let gz = gzip(&good).unwrap();
    refuse(&[kind, GZIP], &gz[..gz.len() - 4], 400, "not gzip");
    let bad = Point { pathway_latency: b"no".to_vec(), ..point(&["type:x"], 0, 1, 0.1, 0.1) };
    refuse(&[kind], &payload("s", vec![bad], vec![]), 400, "PathwayLatency of point 0 in bucket 0");
    // Decompressed, 65 MiB of zeros are more than a payload may be.
    refuse(&[kind, GZIP], &gzip(&vec![0; 65 << 20]).unwrap(), 413, "larger than 67108864 bytes");
    refuse(&[kind], &vec![0; 11 << 20], 413, "larger than 10485760 bytes");
    refuse(&[kind, ("Transfer-Encoding", "chunked")], &vec![0; 11 << 20], 413, "larger than 10485760 bytes");
    let received = collector.json("/api/graph")["received"].clone();
    assert_eq!((&received["payloads"], &received["refused"]), (&json!(0), &json!(13)));

    assert_eq!(collector.get("/nothing").status, 404);
    assert!(collector.get("/nothing").text().contains("/api/graph"));
    assert_eq!(collector.get("/v0.1/pipeline_stats").status, 405);
    assert_eq!(collector.get("/api/graph?last=never").status, 400);
    assert_eq!(collector.get("/api/graph?lst=300").status, 400);
    assert_eq!(collector.post(&[], &good).status, 202, "and it goes on");
}

#[test]
fn many_at_once() {
    let collector = Collector::start(&[]);
    let body = gzip(&orders()).unwrap();
    // Some that never finish must not hold up the others.
    let stuck: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = collector.tcp();
            let head = "POST /v0.1/pipeline_stats HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/msgpack\r\nContent-Length: 100\r\n\r\n";
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..25).for_each(|_| assert_eq!(collector.post(&[GZIP], &body).status, 202)));
        }
    });
    assert_eq!(collector.json("/api/graph")["received"]["messages"], 20_000);
    drop(stuck);
}

#[test]
fn signals_end_it_cleanly() {
    for name in ["INT", "TERM"] {
        let socket = socket_path(name);
        let mut collector = Collector::start(&["--unix", socket.to_str().unwrap()]);
        collector.line();
        let idle = collector.tcp();
        collector.signal(name);
        assert_eq!(collector.ended(), Some(0), "{name}");
        assert!(!socket.exists(), "the socket's file is gone");
        drop(idle);
    }
}

#[test]
fn starting_up_says_what_is_wrong() {
    let first = Collector::start(&[]);
    let output = run(&["collect", "--listen", &first.address]);
    let text = String::from_utf8(output.stderr).unwrap();
    let expected =
        format!("error: cannot listen on {}: address already in use; choose another with --listen\n", first.address);
    assert_eq!((output.status.code(), text.as_str()), (Some(1), expected.as_str()));

    let fails = |path: &str, reason: &str| {
        let output = run(&["collect", "--listen", "127.0.0.1:0", "--unix", path]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(text, format!("error: cannot listen on {path}: {reason}; choose another with --unix\n"));
        assert!(output.stdout.is_empty() && output.status.code() == Some(1));
    };
    let socket = socket_path("twice");
    let path = socket.to_str().unwrap();
    let mut holder = Collector::start(&["--unix", path]);
    holder.line();
    fails(path, "address already in use");
    fails("/nowhere/at/all.sock", "the directory does not exist");
    let file = socket.with_extension("file");
    std::fs::write(&file, "kept").unwrap();
    fails(file.to_str().unwrap(), "the file exists and is no socket");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
    std::fs::remove_file(&file).unwrap();
    // Killed, it leaves its file behind; the next one replaces it.
    holder.child.kill().unwrap();
    holder.child.wait().unwrap();
    assert!(socket.exists());
    let mut next = Collector::start(&["--unix", path]);
    next.line();
    assert_eq!(request(unix(&socket), "GET", "/info", &[], b"").status, 200);
    next.signal("TERM");
    assert_eq!(next.ended(), Some(0));
    assert_eq!(run(&["collect", "--print", "0"]).status.code(), Some(2));
}

#[test]
fn the_table_is_printed() {
    let mut collector = Collector::start(&["--print", "1"]);
    assert_eq!(collector.post(&[], &orders()).status, 202);
    let lines: Vec<String> = (0..6).map(|_| collector.line()).collect();
    let row =
        lines.iter().find(|line| line.starts_with("test/orders -> kafka t ")).unwrap_or_else(|| panic!("{lines:#?}"));
    assert!(row.contains(" ms") && row.contains(" B"), "{row}");
    assert!(lines.iter().any(|line| line.starts_with("EDGE ")), "{lines:#?}");
    collector.signal("TERM");
    assert_eq!(collector.ended(), Some(0), "the table does not keep it");
}

#[test]
fn who_listens_is_told_of_changes() {
    let mut collector = Collector::start(&[]);
    let mut stream = collector.tcp();
    stream.write_all(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let mut change = || lines.find_map(|line| Some(line.strip_prefix("data: ")?.to_string())).unwrap();
    let changes = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["changes"].as_u64().unwrap();
    assert_eq!(changes(&change()), 0, "at once");
    assert_eq!(collector.post(&[], &orders()).status, 202);
    assert_eq!(changes(&change()), 1);
    assert_eq!(collector.json("/api/graph")["changes"], 1);
    // They do not keep it from ending, and are not without number.
    let listeners: Vec<_> = (0..70)
        .map(|_| {
            let mut stream = collector.tcp();
            stream.write_all(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            let mut status = String::new();
            BufReader::new(stream.try_clone().unwrap()).read_line(&mut status).unwrap();
            (stream, status)
        })
        .collect();
    let refused = listeners.iter().filter(|(_, status)| status.contains(" 503 ")).count();
    assert_eq!(refused, 70 - 63);
    collector.signal("TERM");
    assert_eq!(collector.ended(), Some(0));
}

#[test]
fn ranges_and_parameters() {
    let collector = Collector::start(&[]);
    assert_eq!(collector.post(&[], &orders()).status, 202);
    let id = collector.json("/api/graph")["edges"][0]["id"].as_str().unwrap().to_string();
    let messages = |range: &str| collector.json(&format!("/api/graph?{range}"))["edges"][0]["messages"].clone();
    let start_ms = *START / 1_000_000;
    assert_eq!(messages("last=300"), 100);
    assert_eq!(messages(&format!("from={start_ms}&to={}", start_ms + 10_000)), 100);
    assert_eq!(messages(&format!("from={}", start_ms + 120_000)), 0, "a time to come");
    assert_eq!(collector.json("/api/graph?from=8640000000000000")["edges"], json!([]), "the last time that there is");
    assert_eq!(messages("to=8640000000000000"), 100);
    assert_eq!(messages("last=4294967295"), 100);
    assert_eq!(collector.json("/api/graph?env=other")["edges"], json!([]));
    let chart = collector.json(&format!("/api/series?last=60&step=10&edge={id}"));
    let points = chart["points"].as_array().unwrap();
    assert!((6..=8).contains(&points.len()) && points.iter().any(|point| point["messages"] == 100), "{chart:#}");
    assert_eq!(collector.json("/api/lag")["groups"], json!([]));
    for (path, status, sentence) in [
        ("/api/graph?from=2&to=1".into(), 400, "from must be before to"),
        ("/api/graph?last=1&to=1".into(), 400, "not both"),
        ("/api/graph?last=0".into(), 400, "a number of seconds"),
        ("/api/graph?from=-5".into(), 400, "milliseconds since 1970"),
        (format!("/api/graph?from={}", i64::MAX), 400, "milliseconds since 1970"),
        (format!("/api/lag?to={}", i64::MAX), 400, "milliseconds since 1970"),
        ("/api/graph?edge=1".into(), 400, "no parameter edge"),
        ("/api/graph?from=x".into(), 400, "from"),
        ("/api/series".into(), 400, "give one of edge, node and pathway"),
        (format!("/api/series?edge={id}&step=7"), 400, "a multiple of 10"),
        ("/api/series?edge=0".into(), 404, "there is no edge of this id"),
        ("/api/lag/series?group=0".into(), 404, "there is no group of this id"),
        ("/api/lag/series".into(), 400, "give group"),
        (format!("/api/between?source={id}&target={id}"), 404, "no pathway leads"),
        ("/api/between?source=1".into(), 400, "give source and target"),
    ] {
        let answer = collector.get(&path);
        assert_eq!((answer.status, answer.text().contains(sentence)), (status, true), "{path}: {}", answer.text());
        assert_eq!(answer.text().lines().count(), 1, "{path}");
    }
}
