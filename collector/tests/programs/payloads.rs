//! Payloads for a collector: orders that are paid.

use datastreams_core::payload::{Backlog, Bucket, Payload, Point};
use datastreams_core::sketch::Sketch;
use std::time::{SystemTime, UNIX_EPOCH};

fn sketch(value: f64) -> Vec<u8> {
    let mut sketch = Sketch::new();
    let mut bytes = Vec::new();
    assert!(sketch.add_count(value, 100.0));
    sketch.encode(&mut bytes);
    bytes
}

fn point(tags: &[&str], parent_hash: u64, hash: u64, edge: f64, pathway: f64) -> Point {
    Point {
        edge_tags: tags.iter().map(|&tag| tag.into()).collect(),
        hash,
        parent_hash,
        edge_latency: sketch(edge),
        pathway_latency: sketch(pathway),
        payload_size: sketch(512.0),
        ..Point::default()
    }
}

fn backlog(tags: &[&str], value: i64) -> Backlog {
    Backlog { tags: tags.iter().map(|&tag| tag.into()).collect(), value }
}

fn payload(service: &str, stats: Vec<Point>, backlogs: Vec<Backlog>) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let start = now - now % 10_000_000_000;
    let bucket = Bucket { start, duration: 10_000_000_000, stats, backlogs, ..Bucket::default() };
    Payload { env: "test".into(), service: service.into(), stats: vec![bucket], ..Payload::default() }.encode().unwrap()
}

/// A hundred messages out of `orders`, after 10 ms.
pub(crate) fn orders() -> Vec<u8> {
    payload("orders", vec![point(&["direction:out", "topic:t", "type:kafka"], 0, 1, 0.01, 0.01)], vec![])
}

/// The same into `payments`, after 250 ms more; two are still waiting.
pub(crate) fn payments() -> Vec<u8> {
    let consumed = point(&["direction:in", "group:g", "topic:t", "type:kafka"], 1, 2, 0.25, 0.26);
    let commit = backlog(&["consumer_group:g", "partition:0", "topic:t", "type:kafka_commit"], 40);
    let produced = backlog(&["partition:0", "topic:t", "type:kafka_produce"], 41);
    payload("payments", vec![consumed], vec![commit, produced])
}

/// Within what a sketch may be off.
pub(crate) fn about(value: &serde_json::Value, expected: f64) {
    assert!((value.as_f64().unwrap() / expected - 1.0).abs() < 0.01, "{value} is not {expected}");
}
