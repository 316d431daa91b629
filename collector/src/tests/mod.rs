//! Payloads as the tracers write them, through the whole collector but HTTP.

mod bounds;
mod msgpack;
mod peers;
mod protobuf;
mod serving;
mod shape;
mod speed;
mod time;

use crate::collect::intake::{Encoding, read};
use crate::collect::limits::Limits;
use crate::store::Store;
use crate::view::{Asked, Needs, View};
use crate::{graph, lag, pathways};
use datastreams_core::payload::{Bucket, Payload, Point, TimestampType};
use datastreams_core::sketch::{Mapping, Sketch};
use serde_json::Value;

pub(crate) const SECOND: i64 = 1_000_000_000;
/// A moment at the start of a bucket.
pub(crate) const NOW: i64 = 1_786_000_000 * SECOND;

pub(super) fn model() -> Store {
    store(Limits::DEFAULT)
}

pub(crate) fn store(limits: Limits) -> Store {
    Store::open(limits, None, None, NOW).unwrap()
}

/// Reads the body of a request and takes it.
pub(super) fn take(model: &Store, body: &[u8]) {
    take_at(model, body, NOW + 10 * SECOND);
}

pub(super) fn take_at(model: &Store, body: &[u8], now_ns: i64) {
    assert!(take_as(model, None, body, now_ns));
}

/// Whether a payload is taken under an id.
fn take_as(model: &Store, id: Option<&str>, body: &[u8], now_ns: i64) -> bool {
    read(body, Encoding::Plain, Limits::DEFAULT.max_payload, |payload| model.take(id, payload, now_ns)).unwrap()
}

/// Whether a payload of ours is taken under an id.
pub(crate) fn take_payload(model: &Store, id: Option<&str>, payload: &Payload, now_ns: i64) -> bool {
    take_as(model, id, &payload.encode().unwrap(), now_ns)
}

/// Everything that is known of a range.
pub(crate) fn view(model: &Store, asked: Asked, now_ns: i64) -> View {
    View::read(model, asked, None, Needs { edges: true, hops: true, lags: true }, now_ns).unwrap()
}

pub(super) fn all(model: &Store) -> View {
    view(model, Asked::default(), NOW + 10 * SECOND)
}

pub(super) fn graph_json(model: &Store) -> Value {
    graph_at(model, NOW + 10 * SECOND)
}

pub(crate) fn graph_at(model: &Store, now_ns: i64) -> Value {
    serde_json::to_value(graph::graph(&view(model, Asked::default(), now_ns))).unwrap()
}

pub(super) fn pathways_json(model: &Store, whole: bool) -> Value {
    serde_json::to_value(pathways::list(&all(model), whole)).unwrap()
}

pub(super) fn lags_json(model: &Store) -> Value {
    serde_json::to_value(lag::list(&all(model))).unwrap()
}

/// The arrow with this service and these tags.
pub(super) fn arrow<'a>(graph: &'a Value, service: &str, tags: &[&str]) -> &'a Value {
    let arrows = graph["edges"].as_array().unwrap();
    let mut found =
        arrows.iter().filter(|arrow| arrow["service"] == service && arrow["tags"] == serde_json::json!(tags));
    let arrow = found.next().unwrap_or_else(|| panic!("no arrow {service} {tags:?} in {graph:#}"));
    assert!(found.next().is_none(), "merged into one");
    arrow
}

pub(super) fn sketch_of(mapping: Mapping, values: &[f64]) -> Vec<u8> {
    let mut sketch = Sketch::with_mapping(mapping);
    for &value in values {
        assert!(sketch.add(value));
    }
    let mut bytes = Vec::new();
    sketch.encode(&mut bytes);
    bytes
}

/// A point with these latencies in seconds, all the same from the previous checkpoint and from the origin.
pub(crate) fn point(tags: &[&str], parent_hash: u64, hash: u64, edge: &[f64], pathway: &[f64]) -> Point {
    Point {
        edge_tags: tags.iter().map(|&tag| tag.into()).collect(),
        hash,
        parent_hash,
        pathway_latency: sketch_of(Mapping::CANONICAL, pathway),
        edge_latency: sketch_of(Mapping::CANONICAL, edge),
        payload_size: sketch_of(Mapping::CANONICAL, &vec![100.0; edge.len()]),
        timestamp_type: Some(TimestampType::Current),
        service: None,
    }
}

/// A payload of ours.
pub(crate) fn payload(service: &str, points: Vec<Point>) -> Payload {
    let bucket = Bucket { start: NOW as u64, duration: 10 * SECOND as u64, stats: points, ..Bucket::default() };
    Payload { env: "prod".into(), service: service.into(), lang: "c".into(), stats: vec![bucket], ..Payload::default() }
}

pub(super) fn add(model: &Store, service: &str, points: Vec<Point>) {
    take(model, &payload(service, points).encode().unwrap());
}

/// Within the accuracy of the canonical mapping, and that of another it was taken from.
#[track_caller]
pub(super) fn near(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap();
    assert!((value - expected).abs() <= expected * 0.02, "{value}, not about {expected}");
}
