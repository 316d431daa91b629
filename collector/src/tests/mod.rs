//! Payloads as the tracers write them, through the whole collector but HTTP.

mod bounds;
mod msgpack;
mod peers;
mod protobuf;
mod serving;
mod shape;

use crate::collect::intake::{Encoding, read};
use crate::collect::limits::Limits;
use crate::model::Model;
use crate::model::stats::Window;
use crate::{graph, pathways};
use datastreams_core::payload::{Bucket, Payload, Point, TimestampType};
use datastreams_core::sketch::{Mapping, Sketch};
use serde_json::Value;

pub(super) const SECOND: i64 = 1_000_000_000;
/// A moment at the start of a bucket.
pub(super) const NOW: i64 = 1_786_000_000 * SECOND;

pub(super) fn model() -> Model {
    Model::new(Limits::DEFAULT, NOW)
}

/// Reads the body of a request and takes it.
pub(super) fn take(model: &mut Model, body: &[u8]) {
    let payload = read(body, Encoding::Plain, Limits::DEFAULT.max_payload).unwrap();
    model.add(&payload, NOW + 10 * SECOND);
}

pub(super) fn graph_json(model: &Model) -> Value {
    serde_json::to_value(graph::graph(model, Window::All, NOW + 10 * SECOND)).unwrap()
}

pub(super) fn pathways_json(model: &Model, all: bool) -> Value {
    serde_json::to_value(pathways::list(model, Window::All, all, NOW + 10 * SECOND)).unwrap()
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
pub(super) fn point(tags: &[&str], parent_hash: u64, hash: u64, edge: &[f64], pathway: &[f64]) -> Point {
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
pub(super) fn payload(service: &str, points: Vec<Point>) -> Payload {
    let bucket = Bucket { start: NOW as u64, duration: 10 * SECOND as u64, stats: points, ..Bucket::default() };
    Payload { env: "prod".into(), service: service.into(), lang: "c".into(), stats: vec![bucket], ..Payload::default() }
}

pub(super) fn add(model: &mut Model, service: &str, points: Vec<Point>) {
    take(model, &payload(service, points).encode().unwrap());
}

/// Within the accuracy of the canonical mapping, and that of another it was taken from.
#[track_caller]
pub(super) fn near(value: &Value, expected: f64) {
    let value = value.as_f64().unwrap();
    assert!((value - expected).abs() <= expected * 0.02, "{value}, not about {expected}");
}
