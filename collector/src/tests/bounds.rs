//! Nothing grows without bound, and what is cut is counted.

use super::*;

fn small() -> Store {
    store(Limits { max_edges: 10, max_hops: 20, max_edge_bytes: 200, max_partitions: 5, ..Limits::DEFAULT })
}

/// How many there are; messages of those beyond the limit; how many were forgotten.
fn hops(model: &Store) -> (usize, u64, u64) {
    let model = model.model();
    (model.hops.len(), model.cut.pathway_messages, model.cut.idle_hops)
}

fn tags(topic: &str) -> Vec<String> {
    vec!["direction:out".into(), format!("topic:{topic}"), "type:kafka".into()]
}

fn add_at(model: &Store, topic: &str, hash: u64, now_ns: i64) {
    let tags = tags(topic);
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    take_at(model, &payload("s", vec![point(&tags, 0, hash, &[0.1], &[0.1])]).encode().unwrap(), now_ns);
}

#[test]
fn edges() {
    let model = small();
    for n in 0..15 {
        add_at(&model, &format!("t{n}"), n, NOW);
    }
    add_at(&model, &"x".repeat(300), 99, NOW);
    add_at(&model, "t0", 0, NOW);
    let graph = graph_json(&model);
    assert_eq!(graph["edges"].as_array().unwrap().len(), 10);
    assert_eq!(graph["cut"]["edge_messages"], 6);
    assert_eq!(graph["received"]["messages"], 17);
    let messages: u64 =
        graph["edges"].as_array().unwrap().iter().map(|arrow| arrow["messages"].as_u64().unwrap()).sum();
    assert_eq!(messages, 11, "what was received is in an edge, or counted as cut");
}

#[test]
fn one_edge_in_many_spellings() {
    let model = small();
    let known = |model: &Store| {
        let model = model.model();
        (model.edges.iter().count(), model.spelled_bytes())
    };
    // A tag that is written often is one tag: the edge is small, what was written is not, and is not remembered.
    let often = vec!["topic:t"; 100];
    add(&model, "s", vec![point(&often, 0, 1, &[0.1], &[0.1])]);
    assert_eq!(known(&model), (1, 0));
    // Of those that are remembered there is a bound to all of them.
    let limits = Limits { max_names: 1000, ..Limits::DEFAULT };
    let model = store(limits);
    for repeated in 1..50 {
        add(&model, "s", vec![point(&vec!["topic:t"; repeated], 0, 1, &[0.1], &[0.1])]);
    }
    assert_eq!(arrow(&graph_json(&model), "s", &["topic:t"])["messages"], 49);
    let (edges, bytes) = known(&model);
    assert!(edges == 1 && (1..=4 * limits.max_names).contains(&bytes), "{edges} {bytes}");
}

#[test]
fn short_tags_take_more_than_their_text() {
    let model = store(Limits { max_edge_bytes: 1000, ..Limits::DEFAULT });
    let tags: Vec<String> = (0..100).map(|n| format!("{n}")).collect();
    add(&model, "s", vec![point(&tags.iter().map(String::as_str).collect::<Vec<_>>(), 0, 1, &[0.1], &[0.1])]);
    assert_eq!(model.model().cut.edge_messages, 1);
}

#[test]
fn hops_give_way_when_they_are_idle() {
    let model = small();
    for hash in 1..=30 {
        add_at(&model, "t", hash, NOW);
    }
    assert_eq!(hops(&model), (20, 10, 0));
    let later = NOW + 600 * SECOND;
    add_at(&model, "t", 3, later);
    add_at(&model, "t", 31, later);
    assert_eq!(hops(&model), (2, 10, 19));
    assert_eq!(model.model().received.messages, 32);
}

#[test]
fn offsets() {
    let model = small();
    let mut payload = payload("s", vec![]);
    payload.stats[0].backlogs = (0..8)
        .map(|n| datastreams_core::payload::Backlog {
            tags: vec![format!("partition:{n}").into(), "topic:t".into(), "type:kafka_produce".into()].into(),
            value: n,
        })
        .collect();
    take(&model, &payload.encode().unwrap());
    let model = model.model();
    assert_eq!((model.received.offsets, model.cut.offsets), (5, 3));
}

#[test]
fn half_a_payload_is_not_taken() {
    let good = point(&["direction:out"], 0, 1, &[0.1], &[0.1]);
    let bad = Point { edge_latency: vec![0xff; 3], ..good.clone() };
    let bytes = payload("s", vec![good, bad]).encode().unwrap();
    let refusal = read(&bytes, Encoding::Plain, 1 << 20, |_| ()).unwrap_err();
    assert_eq!(refusal.status.as_u16(), 400);
    assert!(refusal.sentence.starts_with("EdgeLatency of point 1 in bucket 0: "), "{}", refusal.sentence);
}
