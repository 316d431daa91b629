//! One payload of each tracer, with its oddities. All describe the same topic, so that they must merge.

use super::msgpack::Item::{self, Bin, Int, List, Map, Nil, Text, U64};
use super::msgpack::Width;
use super::*;
use datastreams_core::sketch::Interpolation;
use serde_json::json;

const CLUSTER: &str = "kafka_cluster_id:c1";

fn mapping(gamma: f64, offset: f64) -> Mapping {
    Mapping::new(gamma, offset, Interpolation::None).unwrap()
}

/// dd-trace-js and data-streams-go.
fn one_percent() -> Mapping {
    mapping(1.01 / 0.99, 0.0)
}

/// dd-trace-py, -rb and -dotnet.
fn libdatadog() -> Mapping {
    mapping(1.015625, 1338.5)
}

fn bucket(mut fields: Vec<(&'static str, Item)>) -> Item {
    fields.insert(0, ("Start", U64(NOW as u64)));
    fields.insert(1, ("Duration", U64(10_000_000_000)));
    Map(fields)
}

/// What dd-trace-js sends every two seconds: wide headers, no environment, no kind of time, the open bucket again and
/// again, and nil for offset 0.
fn javascript(latency: f64) -> Vec<u8> {
    let sketch = |value| Bin(sketch_of(one_percent(), &[value]));
    let point = Map(vec![
        ("Hash", U64(0xfedc_ba98_7654_3210)),
        ("ParentHash", U64(0)),
        ("EdgeTags", Item::texts(&["direction:out", CLUSTER, "topic:orders", "type:kafka"])),
        ("EdgeLatency", sketch(latency)),
        ("PathwayLatency", sketch(latency)),
        ("PayloadSize", sketch(1000.0)),
    ]);
    let backlog = Map(vec![
        ("Tags", Item::texts(&[CLUSTER, "partition:0", "topic:orders", "type:kafka_produce"])),
        ("Value", Nil),
    ]);
    let bucket = bucket(vec![("Stats", List(vec![point])), ("Backlogs", List(vec![backlog]))]);
    let payload = Map(vec![
        ("Env", Nil),
        ("Service", Text("shop")),
        ("Stats", List(vec![bucket])),
        ("TracerVersion", Text("6.21.0")),
        ("Version", Text("1.0")),
        ("Lang", Text("javascript")),
        ("Tags", Item::texts(&["runtime-id:x", "service:shop"])),
    ]);
    payload.encode(Width::Wide)
}

#[test]
fn javascript_sends_the_open_bucket_again_and_again() {
    let model = model();
    for latency in [0.010, 0.020, 0.030, 0.040, 0.050] {
        take(&model, &javascript(latency));
    }
    let graph = graph_json(&model);
    let arrow = arrow(&graph, "shop", &["direction:out", CLUSTER, "topic:orders", "type:kafka"]);
    assert_eq!((&arrow["messages"], &arrow["env"], &arrow["kind"]), (&json!(5), &json!(""), &json!("produce")));
    near(&arrow["edge_latency"]["p50"], 0.030);
    near(&arrow["edge_latency"]["max"], 0.050);
    near(&arrow["payload_size"]["p50"], 1000.0);
    assert_eq!(arrow["rate"], 0.5, "five messages in one bucket of ten seconds");
    assert_eq!(graph["received"]["offsets"], 5);
}

#[test]
fn python_splits_tags_at_commas_and_leaves_the_environment_out() {
    let sketch = || Bin(sketch_of(libdatadog(), &[0.25, 0.75]));
    let point = Map(vec![
        ("EdgeTags", Item::texts(&["direction:in", "group:g", "topic:a", "b", "c", "type:kafka"])),
        ("Hash", Int(17)),
        ("ParentHash", Int(16)),
        ("PathwayLatency", sketch()),
        ("EdgeLatency", sketch()),
        ("PayloadSize", sketch()),
    ]);
    let payload = Map(vec![
        ("Service", Text("py")),
        ("TracerVersion", Text("4.16.0")),
        ("Lang", Text("python")),
        ("Stats", List(vec![bucket(vec![("Stats", List(vec![point])), ("Backlogs", List(vec![]))])])),
        ("Hostname", Text("vm")),
    ]);
    let model = model();
    take(&model, &payload.encode(Width::Compact));
    let graph = graph_json(&model);
    let arrow = arrow(&graph, "py", &["direction:in", "group:g", "topic:a,b,c", "type:kafka"]);
    assert_eq!((&arrow["messages"], &arrow["from"]), (&json!(2), &json!("queue:/kafka//a,b,c")));
    near(&arrow["edge_latency"]["p50"], 0.25);
}

#[test]
fn dotnet_sends_separate_buckets_and_origin_copies() {
    let sketch = |values: &[f64]| Bin(sketch_of(libdatadog(), values));
    let point = |kind: &'static str, values: &[f64]| {
        Map(vec![
            ("Hash", U64(5)),
            ("ParentHash", U64(4)),
            ("TimestampType", Text(kind)),
            ("PathwayLatency", sketch(values)),
            ("EdgeLatency", sketch(values)),
            ("PayloadSize", sketch(values)),
            ("EdgeTags", Item::texts(&["direction:in", "group:billing", CLUSTER, "topic:orders", "type:kafka"])),
        ])
    };
    let commit = Map(vec![
        ("Value", Int(7)),
        ("Tags", Item::texts(&["consumer_group:billing", CLUSTER, "partition:0", "topic:orders", "type:kafka_commit"])),
    ]);
    let transactions = [&[1u8][..], &NOW.to_be_bytes(), &[5], b"txn-1"].concat();
    let buckets = vec![
        bucket(vec![("Transactions", Bin(transactions)), ("TransactionCheckpointIds", Bin(b"\x01\x01a".to_vec()))]),
        bucket(vec![("Backlogs", List(vec![commit]))]),
        bucket(vec![("Stats", List(vec![point("current", &[1.0, 2.0, 3.0]), point("origin", &[1.0, 2.0, 3.0])]))]),
    ];
    let payload = Map(vec![
        ("Env", Text("")),
        ("Service", Text("billing")),
        ("Lang", Text("dotnet")),
        ("TracerVersion", Text("3.0.0")),
        ("Stats", List(buckets)),
        ("ProductMask", Int(3)),
        ("IsInDefaultState", Item::Int(0)),
    ]);
    // A number is no boolean: refused, and with it the whole payload.
    assert!(read(&payload.encode(Width::Compact), Encoding::Plain, 1 << 20).unwrap_err().sentence.contains("boolean"));
    let Map(mut fields) = payload else { panic!("a map") };
    fields.pop();
    let model = model();
    take(&model, &javascript(0.01));
    take(&model, &Map(fields).encode(Width::Wide));
    let graph = graph_json(&model);
    let tags = ["direction:in", "group:billing", CLUSTER, "topic:orders", "type:kafka"];
    let arrow = arrow(&graph, "billing", &tags);
    assert_eq!(arrow["messages"], 3, "the origin copies do not count");
    assert_eq!(arrow["edge_latency"]["count"], 3);
    assert_eq!(
        arrow["lag"],
        json!({"messages": 0, "seconds": 0.0, "partitions": 1, "group": "billing"}),
        "1 was produced, 7 are read"
    );
    let received = &graph["received"];
    assert_eq!((&received["origin_points"], &received["transactions"]), (&json!(1), &json!(1)));
}

#[test]
fn java_ruby_and_both_go_libraries() {
    let tags: &[&str] = &["direction:out", "kafka_cluster_id:c1", "topic:orders", "type:kafka"];
    let produce = |lang: &'static str, order: Vec<&'static str>, env: &'static str, mapping: Mapping, hash: u64| {
        let sketch = |value| Bin(sketch_of(mapping, &[value]));
        let mut point = vec![
            ("EdgeTags", List(order.into_iter().map(Text).collect())),
            ("Hash", U64(hash)),
            ("ParentHash", Int(0)),
            ("PathwayLatency", sketch(0.5)),
            ("EdgeLatency", sketch(0.5)),
        ];
        match lang {
            // No size.
            "ruby" => {}
            // Its sizes are all 0: an empty sketch. Its clocks differ: a negative latency.
            "jvm" => {
                point.push(("PayloadSize", Bin(sketch_of(mapping, &[]))));
                point[4].1 = sketch(-0.5);
            }
            _ => point.push(("PayloadSize", sketch(0.0))),
        }
        if lang == "go" {
            point.extend([("TimestampType", Text("current")), ("Service", Text(""))]);
        }
        let empty = || Bin(Vec::new());
        let stats = vec![("Stats", List(vec![Map(point)])), ("Transactions", empty()), ("Configs", Nil)];
        let payload = Map(vec![
            ("Env", Text(env)),
            ("Service", Text("shop")),
            ("PrimaryTag", Text("")),
            ("Lang", Text(lang)),
            ("Stats", List(vec![bucket(stats)])),
            ("ProcessTags", List(vec![])),
        ]);
        payload.encode(Width::Compact)
    };
    let slots = vec!["direction:out", "topic:orders", "type:kafka", "kafka_cluster_id:c1"];
    let sorted = vec!["direction:out", "kafka_cluster_id:c1", "topic:orders", "type:kafka"];
    let model = model();
    take(&model, &produce("jvm", slots, "", Mapping::CANONICAL, 1));
    take(&model, &produce("ruby", sorted.clone(), "none", libdatadog(), 2));
    take(&model, &produce("go", sorted.clone(), "", Mapping::CANONICAL, 3));
    take(&model, &produce("go", sorted, "", one_percent(), 4));
    let graph = graph_json(&model);
    let arrow = arrow(&graph, "shop", tags);
    assert_eq!((&arrow["messages"], &arrow["rate"]), (&json!(4), &json!(0.4)));
    assert_eq!(arrow["payload_size"]["count"], 2, "java's and ruby's are unknown");
    near(&arrow["edge_latency"]["max"], 0.5);
    assert_eq!(arrow["edge_latency"]["count"], 4);
    let service = &graph["nodes"][1];
    assert_eq!(service["langs"], json!(["go", "jvm", "ruby"]));
    assert_eq!(graph["nodes"].as_array().unwrap().len(), 2, "one service, one queue");
    let pathways = pathways_json(&model, false);
    assert_eq!(pathways["pathways"].as_array().unwrap().len(), 1, "four hashes, one pathway");
    assert_eq!(pathways["pathways"][0]["messages"], 4);
}

#[test]
fn the_captured_payload() {
    let file = include_str!("../../../tests/vectors/captured.json");
    let vectors: Value = serde_json::from_str(file).unwrap();
    let hex: String =
        vectors["payloads"][0]["hex"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let model = model();
    take(&model, &bytes);
    let pathways = pathways_json(&model, false);
    let pathway = &pathways["pathways"][0];
    assert_eq!(pathways["pathways"].as_array().unwrap().len(), 1);
    assert_eq!((&pathway["origin"], &pathway["messages"]), (&json!("known"), &json!(1)));
    let directions: Vec<_> = pathway["steps"].as_array().unwrap().iter().map(|step| &step["direction"]).collect();
    assert_eq!(directions, ["out", "in"]);
    assert_eq!(lags_json(&model)["groups"][0]["messages"], 0, "one produced at offset 0, the next to read is 1");
}
