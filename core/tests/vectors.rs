//! The vectors that every language reads: hash, header, rules, payload. The sketch's are in `vectors_sketch.rs`.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests fail like tests

use datastreams_core::edge::Edges;
use datastreams_core::hash;
use datastreams_core::header::{self, Refusal, Window};
use datastreams_core::pathway::{Crossing, Direction, Pathway};
use datastreams_core::payload::Payload;
use datastreams_core::varint;
use serde_json::Value;

fn vectors(name: &str) -> Value {
    let path = format!("{}/../tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// All entries of a list; an empty one would test nothing.
fn all<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    let list = of[name].as_array().unwrap();
    assert!(!list.is_empty(), "{name}");
    list.iter()
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of[name].as_str().unwrap_or_else(|| panic!("{name} in {of}"))
}

fn unsigned(of: &Value, name: &str) -> u64 {
    text(of, name).parse().unwrap()
}

fn signed(of: &Value, name: &str) -> i64 {
    text(of, name).parse().unwrap()
}

fn bytes(of: &Value, name: &str) -> Vec<u8> {
    let hex = text(of, name);
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn direction(of: &Value) -> Direction {
    match of.as_u64().unwrap() {
        0 => Direction::None,
        1 => Direction::In,
        2 => Direction::Out,
        other => panic!("direction {other}"),
    }
}

fn pathway(of: &Value) -> Pathway {
    Pathway {
        hash: unsigned(of, "hash"),
        start_ns: signed(of, "start_ns"),
        edge_start_ns: signed(of, "edge_start_ns"),
        opposite_hash: of["opposite_hash"].as_str().map_or(0, |_| unsigned(of, "opposite_hash")),
        opposite_edge_start_ns: of["opposite_edge_start_ns"]
            .as_str()
            .map_or(0, |_| signed(of, "opposite_edge_start_ns")),
        direction: of.get("direction").map_or(Direction::None, direction),
    }
}

#[test]
fn hashes() {
    let vectors = vectors("hash");
    for vector in all(&vectors, "fnv1") {
        assert_eq!(
            hash::fnv1_from(unsigned(vector, "state"), text(vector, "text").as_bytes()),
            unsigned(vector, "hash")
        );
    }
    for vector in all(&vectors, "mix") {
        assert_eq!(hash::mix(unsigned(vector, "in")), unsigned(vector, "out"));
    }
    for vector in all(&vectors, "pathway") {
        let tags: Vec<&str> = vector["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
        let (service, env, primary_tag) = (text(vector, "service"), text(vector, "env"), text(vector, "primary_tag"));
        let (parent, expected) = (unsigned(vector, "parent"), unsigned(vector, "hash"));
        let node = hash::node(service, env, primary_tag, &tags);
        assert_eq!(node, unsigned(vector, "node"), "{vector}");
        assert_eq!(hash::pathway(node, parent), expected, "{vector}");
        if tags.is_empty() {
            continue;
        }
        // The way of a client gives the same; it has no edges without tags.
        let edges = Edges::new(service, env, primary_tag, 1);
        let edge = edges.intern(&tags, "", &datastreams_core::counters::Counters::new()).unwrap();
        let info = edges.get(edges.number(edge).unwrap()).unwrap();
        assert_eq!(hash::extend(info.prefix, parent), expected, "{vector}");
    }
}

#[test]
fn headers() {
    let vectors = vectors("header");
    assert_eq!(signed(&vectors["window"], "future_ns"), Window::DEFAULT.future_ns);
    assert_eq!(signed(&vectors["window"], "past_ns"), Window::DEFAULT.past_ns);
    for vector in all(&vectors, "encode") {
        let pathway = pathway(vector);
        let (mut binary, mut base64) = ([0; header::MAX_BINARY], [0; header::MAX]);
        let len = pathway.encode_binary(&mut binary);
        assert_eq!(binary[..len], bytes(vector, "binary")[..], "{vector}");
        let len = pathway.encode_base64(&mut base64);
        assert_eq!(std::str::from_utf8(&base64[..len]), Ok(text(vector, "base64")));
    }
    for vector in all(&vectors, "decode") {
        let read = header::decode(&bytes(vector, "bytes"), signed(vector, "now_ns"), &Window::DEFAULT);
        let refusal = vector.get("refusal").and_then(Value::as_str).map(|refusal| match refusal {
            "unreadable" => Refusal::Unreadable,
            "truncated" => Refusal::Truncated,
            "overflow" => Refusal::Overflow,
            "too_old" => Refusal::TooOld,
            "future" => Refusal::Future,
            other => panic!("refusal {other}"),
        });
        let expected = refusal.map_or_else(|| Ok(pathway(&vector["pathway"])), Err);
        assert_eq!(read, expected, "{vector}");
    }
    for vector in all(&vectors, "varint") {
        let (value, bytes) = (signed(vector, "value"), bytes(vector, "bytes"));
        assert_eq!(varint::get(&bytes), Some((value, bytes.len())));
        match varint::word(value) {
            Some((word, len)) => assert_eq!(word.to_le_bytes()[..len], bytes[..]),
            None => assert_eq!(varint::nine(value)[..], bytes[..]),
        }
    }
}

#[test]
fn rules() {
    let vectors = vectors("rules");
    for story in all(&vectors, "stories") {
        let mut carried: Option<Pathway> = None;
        for (number, step) in all(story, "steps").enumerate() {
            let before = step["before"].as_object().map(|_| pathway(&step["before"]));
            if number > 0 && before.is_some() && step["before"]["direction"] != 0 {
                assert_eq!(before, carried, "{}", story["name"]);
            }
            let crossing = Crossing {
                prefix: hash::prefix(unsigned(step, "node")),
                direction: direction(&step["direction"]),
                now_ns: signed(step, "now_ns"),
                queued_ns: signed(step, "queued_ns"),
            };
            let done = Pathway::cross(before, crossing);
            assert_eq!(done.pathway, pathway(&step["after"]), "{}", story["name"]);
            assert_eq!(done.parent, unsigned(step, "parent"), "{}", story["name"]);
            assert_eq!(done.edge_latency_ns, signed(step, "edge_latency_ns"), "{}", story["name"]);
            assert_eq!(done.pathway_latency_ns, signed(step, "pathway_latency_ns"), "{}", story["name"]);
            assert_eq!(done.skewed, step["skewed"].as_bool().unwrap(), "{}", story["name"]);
            assert_eq!(done.restarted, step["restarted"].as_bool().unwrap(), "{}", story["name"]);
            carried = Some(done.pathway);
        }
    }
    for vector in all(&vectors, "merge") {
        let mut pathways: Vec<Pathway> = vector["pathways"].as_array().unwrap().iter().map(pathway).collect();
        let expected = vector["result"].as_object().map(|_| pathway(&vector["result"]));
        for _ in 0..pathways.len().max(1) {
            assert_eq!(Pathway::merge(&pathways), expected, "{}", vector["name"]);
            let by = usize::from(!pathways.is_empty());
            pathways.rotate_left(by);
        }
    }
}

#[test]
fn payloads() {
    let vectors = vectors("payload");
    for vector in all(&vectors, "cases") {
        let canonical = bytes(vector, "hex");
        let payload = Payload::decode(&canonical).unwrap();
        assert_eq!(payload.encode().unwrap(), canonical, "{}", vector["name"]);
        assert_eq!(Payload::decode(&bytes(vector, "wide")).unwrap(), payload, "{}", vector["name"]);
    }
}
