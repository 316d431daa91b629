//! `datastreams collect --data`: what is there after the end of the process, however that comes.

use crate::common::{Collector, datastreams, run};
use datastreams_core::payload::{Backlog, Bucket, Payload, Point};
use datastreams_core::sketch::Sketch;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A directory for a test's file, removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ds-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("history.db")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn start(file: &Path) -> Collector {
    Collector::start(&["--data", file.to_str().unwrap()])
}

fn sketch(value: f64, count: f64) -> Vec<u8> {
    let mut sketch = Sketch::new();
    let mut bytes = Vec::new();
    assert!(sketch.add_count(value, count));
    sketch.encode(&mut bytes);
    bytes
}

/// `messages` of a pathway from one service to the other, and offsets.
fn payload(service: &str, tags: &[&str], (parent_hash, hash): (u64, u64), messages: u64) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let count = messages as f64;
    let point = Point {
        edge_tags: tags.iter().map(|&tag| tag.into()).collect(),
        hash,
        parent_hash,
        edge_latency: sketch(0.25, count),
        pathway_latency: sketch(0.5, count),
        payload_size: sketch(512.0, count),
        ..Point::default()
    };
    let offset = |tags: &[&str], value| Backlog { tags: tags.iter().map(|&tag| tag.into()).collect(), value };
    let bucket = Bucket {
        start: now / 10 * 10_000_000_000,
        duration: 10_000_000_000,
        stats: vec![point],
        backlogs: vec![
            offset(&["consumer_group:g", "partition:0", "topic:t", "type:kafka_commit"], 40),
            offset(&["partition:0", "topic:t", "type:kafka_produce"], 41),
        ],
        ..Bucket::default()
    };
    Payload { env: "test".into(), service: service.into(), stats: vec![bucket], ..Payload::default() }.encode().unwrap()
}

fn orders(messages: u64) -> Vec<u8> {
    payload("orders", &["direction:out", "topic:t", "type:kafka"], (0, 1), messages)
}

fn payments(messages: u64) -> Vec<u8> {
    payload("payments", &["direction:in", "group:g", "topic:t", "type:kafka"], (1, 2), messages)
}

fn post(collector: &Collector, id: &str, body: &[u8]) {
    assert_eq!(collector.post(&[("Datastreams-Payload-Id", id)], body).status, 202);
}

/// Waits until everything that was taken is written.
fn written(collector: &Collector) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while collector.json("/api/graph")["history"]["waiting_bytes"] != 0 {
        assert!(Instant::now() < deadline, "it is not written");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What does not depend on when it is asked for.
fn told(collector: &Collector) -> Value {
    let edges: Vec<Value> = collector.json("/api/graph")["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| json!([edge["id"], edge["messages"], edge["edge_latency"], edge["payload_size"], edge["lag"]]))
        .collect();
    let pathways: Vec<Value> = collector.json("/api/pathways")["pathways"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pathway| json!([pathway["id"], pathway["messages"], pathway["latency"], pathway["origin"]]))
        .collect();
    json!([edges, pathways, collector.json("/api/lag")["groups"]])
}

#[test]
fn killed_it_loses_nothing_that_was_written() {
    let directory = Directory::new("killed");
    let mut collector = start(&directory.file());
    post(&collector, "a", &orders(100));
    post(&collector, "b", &payments(100));
    written(&collector);
    for n in 0..50 {
        post(&collector, &format!("more-{n}"), &orders(3));
    }
    written(&collector);
    let before = told(&collector);
    assert_eq!(before[0][0][1], 250);
    collector.child.kill().unwrap();
    collector.child.wait().unwrap();

    let mut collector = start(&directory.file());
    assert_eq!(told(&collector), before);
    // What was taken before is known; what is new goes on.
    post(&collector, "a", &orders(100));
    post(&collector, "more-49", &orders(3));
    assert_eq!(told(&collector), before);
    assert_eq!(collector.json("/api/graph")["received"]["repeats"], 2);
    post(&collector, "c", &payments(7));
    assert_eq!(told(&collector)[1][0][1], 107);
    // Asked to end, it writes the rest at once.
    collector.signal("TERM");
    assert_eq!(collector.ended(), Some(0));
    let mut collector = start(&directory.file());
    assert_eq!(told(&collector)[1][0][1], 107);

    // Killed while payloads come: each is there or not, and its id with it.
    for n in 0..30 {
        post(&collector, &format!("late-{n}"), &orders(1));
        if n == 15 {
            written(&collector);
        }
    }
    collector.child.kill().unwrap();
    collector.child.wait().unwrap();
    let collector = start(&directory.file());
    for n in 0..30 {
        post(&collector, &format!("late-{n}"), &orders(1));
    }
    assert_eq!(told(&collector)[0][0][1], 250 + 30, "sent again, all are there, once");
    let repeats = collector.json("/api/graph")["received"]["repeats"].as_u64().unwrap();
    assert!(repeats >= 16, "what was older than the last commit was there: {repeats}");
}

#[test]
fn a_file_that_cannot_be_used_is_a_sentence() {
    let directory = Directory::new("unusable");
    let file = directory.file();
    let fails = |reason: &str| {
        let output = run(&["collect", "--listen", "127.0.0.1:0", "--data", file.to_str().unwrap()]);
        let text = String::from_utf8(output.stderr).unwrap();
        let begins = format!("error: cannot keep the history in {}: {reason}", file.display());
        assert!(text.starts_with(&begins) && text.lines().count() == 1, "{text}");
        assert!(output.stdout.is_empty() && output.status.code() == Some(1));
    };
    let mut collector = start(&file);
    for n in 0..40 {
        let tags: Vec<String> = ["direction:out".into(), format!("topic:{n}")].into();
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        post(&collector, &format!("{n}"), &payload("orders", &tags, (0, n + 1), 10));
    }
    written(&collector);
    fails("another collector has it open; choose another file with --data");
    collector.signal("TERM");
    assert_eq!(collector.ended(), Some(0));
    let whole = std::fs::read(&file).unwrap();
    let mut damaged = whole.clone();
    damaged[5000..9000].fill(0x5a);
    std::fs::write(&file, &damaged).unwrap();
    fails("the file is damaged");
    assert_eq!(std::fs::read(&file).unwrap(), damaged, "it is left as it is");
    std::fs::write(&file, "a letter").unwrap();
    fails("the file is something else; choose another with --data");
    // The way out that is told.
    std::fs::rename(&file, directory.0.join("history.db.damaged")).unwrap();
    let collector = start(&file);
    assert_eq!(collector.json("/api/graph")["edges"], json!([]));
    for (value, reason) in
        [("1M", "at least 16M"), ("x", "give bytes, such as 500M or 4G"), ("99999999T", "give bytes")]
    {
        let output = run(&["collect", "--data-max", value]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && text.contains(reason), "{text}");
    }
}

/// Changes a file as something else than a collector would.
fn tamper(file: &Path, sql: &str) {
    rusqlite::Connection::open(file).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn what_is_no_file_or_has_lost_a_part_is_named_with_a_way_out() {
    let directory = Directory::new("parts");
    let refused = |file: &Path, reason: &str| {
        let output = run(&["collect", "--listen", "127.0.0.1:0", "--data", file.to_str().unwrap()]);
        let text = String::from_utf8(output.stderr).unwrap();
        let begins = format!("error: cannot keep the history in {}: {reason}", file.display());
        assert!(text.starts_with(&begins) && text.lines().count() == 1, "{reason}: {text}");
        assert_eq!(output.status.code(), Some(1));
        text
    };
    let pipe = directory.0.join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let kind = "it is a pipe, a socket or a device; choose a file with --data";
    refused(&pipe, kind);
    refused(Path::new("/dev/null"), kind);
    let ring = directory.0.join("ring");
    std::os::unix::fs::symlink(&ring, &ring).unwrap();
    refused(&ring, "it cannot be opened (Too many levels of symbolic links); choose another with --data");
    refused(&directory.0.join("n".repeat(300)), "it cannot be opened (File name too long); choose another with --data");

    let (whole, file) = (directory.0.join("whole.db"), directory.file());
    let mut collector = start(&whole);
    post(&collector, "a", &orders(1));
    collector.signal("TERM");
    assert_eq!(collector.ended(), Some(0));
    let tables = ["meta", "edges", "hops", "cells", "series", "offsets", "ids"]
        .map(|table| (format!("DROP TABLE {table}"), format!("the file is damaged (no such table: {table}")));
    let others = [
        ("UPDATE edges SET first = 'x'", "the file is damaged (Invalid column type Text"),
        ("UPDATE hops SET edge = -1", "the file is damaged (Integer -1 out of range"),
    ];
    let others = others.map(|(sql, reason)| (sql.to_string(), reason.to_string()));
    for (sql, reason) in tables.iter().chain(&others) {
        std::fs::copy(&whole, &file).unwrap();
        tamper(&file, sql);
        let text = refused(&file, reason);
        assert!(text.contains(&format!("move it away with `mv {0} {0}.damaged`", file.display())), "{text}");
    }
}

#[test]
fn a_damaged_cell_is_told_with_the_file_and_a_way_out() {
    let directory = Directory::new("cell");
    let file = directory.file();
    for stats in ["x'ffffffff'", "'text'"] {
        let _ = std::fs::remove_file(&file);
        let mut collector = start(&file);
        post(&collector, "a", &orders(1));
        collector.signal("TERM");
        assert_eq!(collector.ended(), Some(0));
        // Every time from now on, so that what comes is added to one of them.
        let soon = format!(
            "WITH RECURSIVE later(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM later WHERE n < 100)
             INSERT INTO cells SELECT level, at + 10 * n, edge, hop, stats FROM cells, later WHERE level = 0;
             UPDATE cells SET stats = {stats}"
        );
        tamper(&file, &soon);
        let mut collector = Collector::spawn(
            datastreams(&["collect", "--listen", "127.0.0.1:0", "--data", file.to_str().unwrap()])
                .stderr(Stdio::piped()),
        );
        let way_out = format!("stop the collector, and move the file away with `mv {0} {0}.damaged`", file.display());
        for path in ["/api/graph", "/api/pathways"] {
            let answer = collector.get(path);
            assert_eq!(answer.status, 500);
            let text = answer.text();
            assert!(text.starts_with("the history cannot be read: "), "{text}");
            assert!(text.contains(&format!("{} is damaged", file.display())) && text.contains(&way_out), "{text}");
        }
        post(&collector, "b", &orders(1));
        let mut note = String::new();
        BufReader::new(collector.child.stderr.take().unwrap()).read_line(&mut note).unwrap();
        assert!(note.contains(&format!("cannot write the history in {}: ", file.display())), "{note}");
        assert!(note.contains(&way_out), "{note}");
    }
}

/// A file that may not grow: as on a full disk.
#[test]
fn a_disk_that_is_full_is_told_and_nothing_is_lost() {
    let directory = Directory::new("full");
    let file = directory.file();
    // 512-byte blocks: enough for the tables, not for much more. Past it writing fails, with the signal ignored.
    let program = datastreams(&[]).get_program().to_str().unwrap().to_string();
    let script =
        format!("trap '' XFSZ; ulimit -f 300; exec {program} collect --listen 127.0.0.1:0 --data {}", file.display());
    let mut child = std::process::Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut notes = BufReader::new(child.stderr.take().unwrap());
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    let address = first.trim_end().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{first:?}")).into();
    let collector = Collector { child, address, lines };
    const TOPICS: u64 = 1500;
    for n in 0..TOPICS {
        let topic = format!("topic:{n}-{}", "x".repeat(100));
        post(&collector, &format!("{n}"), &payload("orders", &["direction:out", &topic], (0, n + 1), 10));
    }
    let mut note = String::new();
    notes.read_line(&mut note).unwrap();
    assert!(note.contains(&format!("cannot write the history in {}", file.display())), "{note}");
    let graph = collector.json("/api/graph");
    assert!(graph["history"]["error"].as_str().unwrap().contains("cannot write the history"), "{graph:#}");
    assert!(graph["history"]["waiting_bytes"].as_u64().unwrap() > 0);
    let messages: u64 = graph["edges"].as_array().unwrap().iter().map(|edge| edge["messages"].as_u64().unwrap()).sum();
    assert_eq!((messages, &graph["cut"]["history_messages"]), (TOPICS * 10, &json!(0)));
    assert_eq!(collector.post(&[], &orders(1)).status, 202, "and it goes on");
}
