//! The bytes of each of the seven tracers, with its oddities. All describe the same edge, so that they must merge.

use super::msgpack::Item::{self, Bin, Bin32, Bool, Int, List, Map, Nil, U64};
use super::msgpack::Width;
use super::protobuf::Library;
use super::*;
use serde_json::json;

const CLUSTER: &str = "kafka_cluster_id:c1";
/// The edge of all, in bytewise order.
const TAGS: [&str; 4] = ["direction:out", CLUSTER, "topic:orders", "type:kafka"];

fn bucket(fields: Vec<(&'static str, Item)>) -> Item {
    bucket_at(NOW, fields)
}

fn bucket_at(start_ns: i64, mut fields: Vec<(&'static str, Item)>) -> Item {
    fields.insert(0, ("Start", Int(start_ns)));
    fields.insert(1, ("Duration", Int(10_000_000_000)));
    Map(fields)
}

fn backlog(tags: &[&str], value: Item) -> Item {
    Map(vec![("Tags", Item::texts(tags)), ("Value", value)])
}

/// Seconds in both latencies, and a size of 1000 bytes for each.
fn sizes(latencies: &[f64]) -> Vec<f64> {
    vec![1000.0; latencies.len()]
}

/// Deprecated, and still in use: sends `Service` in every point, empty; a primary tag; lists that are nil when empty.
fn data_streams_go(latencies: &[f64]) -> Vec<u8> {
    let sketch = |values: &[f64]| Bin(Library::OnePercent.sketch(values));
    let point = Map(vec![
        ("Service", Item::text("")),
        ("EdgeTags", Item::texts(&TAGS)),
        ("Hash", U64(u64::MAX)),
        ("ParentHash", Int(0)),
        ("PathwayLatency", sketch(latencies)),
        ("EdgeLatency", sketch(latencies)),
        ("PayloadSize", sketch(&sizes(latencies))),
        ("TimestampType", Item::text("current")),
    ]);
    let payload = Map(vec![
        ("Env", Item::text("")),
        ("Service", Item::text("shop")),
        ("PrimaryTag", Item::text("")),
        ("Stats", List(vec![bucket(vec![("Stats", List(vec![point])), ("Backlogs", Nil)])])),
        ("TracerVersion", Item::text("0.2")),
        ("Lang", Item::text("go")),
    ]);
    payload.encode(Width::Compact)
}

/// Sends each point twice: the copy is in the bucket of its origin. A payload for each service; high watermarks.
fn dd_trace_go(service: &str, latencies: &[f64], offsets: Vec<Item>) -> Vec<u8> {
    let sketch = |values: &[f64]| Bin(Library::Go.sketch(values));
    let point = |kind| {
        Map(vec![
            ("EdgeTags", Item::texts(&TAGS)),
            ("Hash", U64(3)),
            ("ParentHash", Int(0)),
            ("PathwayLatency", sketch(latencies)),
            ("EdgeLatency", sketch(latencies)),
            ("PayloadSize", sketch(&sizes(latencies))),
            ("TimestampType", Item::text(kind)),
        ])
    };
    let rest = |points, offsets| {
        vec![
            ("Stats", List(points)),
            ("Backlogs", List(offsets)),
            ("Transactions", Bin(Vec::new())),
            ("TransactionCheckpointIds", Bin(Vec::new())),
        ]
    };
    let payload = Map(vec![
        ("Env", Item::text("")),
        ("Service", Item::text(service)),
        (
            "Stats",
            List(vec![
                bucket(rest(vec![point("current")], offsets)),
                bucket_at(NOW - 10 * SECOND, rest(vec![point("origin")], Vec::new())),
            ]),
        ),
        ("TracerVersion", Item::text("v2.12.0")),
        ("Lang", Item::text("go")),
        ("Version", Item::text("1.0")),
        ("ProcessTags", Item::texts(&["entrypoint.name:shop", "entrypoint.type:executable"])),
        ("ProductMask", Int(3)),
    ]);
    payload.encode(Width::Compact)
}

/// Leaves the environment out; splits tags at commas; tells 0 for an offset of -1; sends the open bucket.
fn dd_trace_py(service: &str, tags: &[&str], latencies: &[f64], offsets: Vec<Item>) -> Vec<u8> {
    let sketch = |values: &[f64]| Bin(Library::LibDatadog.sketch(values));
    let point = Map(vec![
        ("EdgeTags", Item::texts(tags)),
        ("Hash", Int(17)),
        ("ParentHash", Int(0)),
        ("PathwayLatency", sketch(latencies)),
        ("EdgeLatency", sketch(latencies)),
        ("PayloadSize", sketch(&sizes(latencies))),
    ]);
    let payload = Map(vec![
        ("Service", Item::text(service)),
        ("TracerVersion", Item::text("4.16.0")),
        ("Lang", Item::text("python")),
        ("Stats", List(vec![bucket(vec![("Stats", List(vec![point])), ("Backlogs", List(offsets))])])),
        ("Hostname", Item::text("vm")),
    ]);
    payload.encode(Width::Compact)
}

/// Its tags have an order of their own; nothing is known of sizes, which is an empty sketch; clocks that differ give
/// negative latencies; schemas and configurations of clients; a payload that has nothing else.
fn dd_trace_java(latencies: &[f64]) -> Vec<u8> {
    let sketch = |values: &[f64]| Bin(Library::Java.sketch(values));
    let point = Map(vec![
        ("EdgeTags", Item::texts(&["direction:out", "topic:orders", "type:kafka", CLUSTER])),
        ("Hash", U64(0x8000_0000_0000_0001)),
        ("ParentHash", Int(0)),
        ("PathwayLatency", sketch(latencies)),
        ("EdgeLatency", sketch(latencies)),
        ("PayloadSize", sketch(&[])),
    ]);
    let usage = Map(vec![
        ("Topic", Item::text("orders")),
        ("KafkaClusterId", Item::text("c1")),
        ("SchemaId", Int(-1)),
        ("IsSuccess", Bool(true)),
        ("IsKey", Bool(false)),
        ("Operation", Item::text("serialize")),
        ("Count", Int(300)),
    ]);
    let config = Map(vec![
        ("Type", Item::text("kafka_producer")),
        ("KafkaClusterId", Item::text("c1")),
        ("ConsumerGroup", Item::text("")),
        ("MemberId", Item::text("")),
        ("GenerationId", Int(-1)),
        ("MemberProtocol", Item::text("")),
        ("Config", Map(vec![("acks", Item::text("all")), ("sasl.jaas.config", Item::text("****"))])),
    ]);
    let stats = bucket(vec![
        ("Stats", List(vec![point])),
        ("SchemaRegistryUsages", List(vec![usage])),
        ("Configs", List(vec![config])),
    ]);
    let payload = Map(vec![
        ("Env", Item::text("")),
        ("Service", Item::text("shop")),
        ("Lang", Item::text("jvm")),
        ("PrimaryTag", Item::text("")),
        ("TracerVersion", Item::text("1.68.1")),
        ("Version", Item::text("")),
        ("Stats", List(vec![stats, bucket_at(NOW + 10 * SECOND, vec![("Stats", List(Vec::new()))])])),
        ("ProductMask", Int(3)),
        ("ProcessTags", Item::texts(&["entrypoint.name:app", "entrypoint.type:jar"])),
    ]);
    payload.encode(Width::Compact)
}

/// Sends every two seconds: wide headers, no environment, padded sketches, the open bucket again and again, one hash in
/// several points, and nil for offset 0.
fn dd_trace_js(latencies: &[f64]) -> Vec<u8> {
    let sketch = |values: &[f64]| Bin(Library::JavaScript.sketch(values));
    let point = |latency: f64| {
        Map(vec![
            ("Hash", U64(0xfedc_ba98_7654_3210)),
            ("ParentHash", U64(0)),
            ("EdgeTags", Item::texts(&TAGS)),
            ("EdgeLatency", sketch(&[latency])),
            ("PathwayLatency", sketch(&[latency])),
            ("PayloadSize", sketch(&[1000.0])),
        ])
    };
    let produced = backlog(&[CLUSTER, "partition:0", "topic:orders", "type:kafka_produce"], Nil);
    let points = latencies.iter().map(|&latency| point(latency)).collect();
    let stats = Map(vec![
        ("Start", U64(NOW as u64)),
        ("Duration", U64(10_000_000_000)),
        ("Stats", List(points)),
        ("Backlogs", List(vec![produced])),
    ]);
    let payload = Map(vec![
        ("Env", Nil),
        ("Service", Item::text("shop")),
        ("Stats", List(vec![stats])),
        ("TracerVersion", Item::text("6.21.0")),
        ("Version", Item::text("1.0")),
        ("Lang", Item::text("javascript")),
        ("Tags", Item::texts(&["runtime-id:x", "service:shop"])),
    ]);
    payload.encode(Width::Wide)
}

/// Maps of their own for transactions, offsets and statistics, all of one interval; a copy for the origin; values before
/// tags; no version; says whether it is on by default.
fn dd_trace_dotnet(latencies: &[f64]) -> Item {
    let sketch = |values: &[f64]| Bin32(Library::DotNet.sketch(values));
    let point = |kind| {
        Map(vec![
            ("Hash", U64(5)),
            ("ParentHash", Int(0)),
            ("TimestampType", Item::text(kind)),
            ("PathwayLatency", sketch(latencies)),
            ("EdgeLatency", sketch(latencies)),
            ("PayloadSize", sketch(&sizes(latencies))),
            ("EdgeTags", Item::texts(&TAGS)),
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
        bucket(vec![("Stats", List(vec![point("current"), point("origin")]))]),
    ];
    Map(vec![
        ("Env", Item::text("")),
        ("Service", Item::text("shop")),
        ("Lang", Item::text("dotnet")),
        ("TracerVersion", Item::text("3.30.0")),
        ("Stats", List(buckets)),
        ("ProductMask", Int(3)),
        ("IsInDefaultState", Bool(false)),
    ])
}

/// Its environment is "none" when there is none; no size; the offsets again in every bucket, commits without group.
fn dd_trace_rb(latencies: &[f64]) -> Vec<u8> {
    let sketch = |values: &[f64]| Bin(Library::LibDatadog.sketch(values));
    let offsets = || {
        vec![
            backlog(&["type:kafka_commit", "topic:orders", "partition:0"], Int(5)),
            backlog(&["type:kafka_commit", "topic:orders", "partition:0"], Int(6)),
        ]
    };
    let point = Map(vec![
        ("EdgeTags", Item::texts(&TAGS)),
        ("Hash", U64(9)),
        ("ParentHash", Int(0)),
        ("PathwayLatency", sketch(latencies)),
        ("EdgeLatency", sketch(latencies)),
    ]);
    let payload = Map(vec![
        ("Env", Item::text("none")),
        ("Service", Item::text("shop")),
        (
            "Stats",
            List(vec![
                bucket(vec![("Stats", List(vec![point])), ("Backlogs", List(offsets()))]),
                bucket_at(NOW + 10 * SECOND, vec![("Stats", List(Vec::new())), ("Backlogs", List(offsets()))]),
            ]),
        ),
        ("TracerVersion", Item::text("2.20.0")),
        ("Lang", Item::text("ruby")),
        ("Hostname", Item::text("vm")),
    ]);
    payload.encode(Width::Compact)
}

#[test]
fn all_seven_are_one_edge() {
    let values = |seconds: f64| vec![seconds; 100];
    let bodies = [
        data_streams_go(&values(0.1)),
        dd_trace_go("shop", &values(0.2), Vec::new()),
        dd_trace_py("shop", &TAGS, &values(0.3), Vec::new()),
        dd_trace_java(&values(0.4)),
        dd_trace_js(&values(0.5)),
        dd_trace_dotnet(&values(0.6)).encode(Width::Compact),
        dd_trace_rb(&values(0.7)),
    ];
    let model = model();
    bodies.iter().for_each(|body| take(&model, body));
    let graph = graph_json(&model);
    let edge = arrow(&graph, "shop", &TAGS);
    assert_eq!((&edge["messages"], &edge["env"], &edge["kind"]), (&json!(700), &json!(""), &json!("produce")));
    assert_eq!((&edge["edge_latency"]["count"], &edge["pathway_latency"]["count"]), (&json!(700), &json!(700)));
    near(&edge["edge_latency"]["p50"], 0.4);
    near(&edge["pathway_latency"]["p95"], 0.7);
    near(&edge["edge_latency"]["max"], 0.7);
    assert_eq!(edge["payload_size"]["count"], 500, "java and ruby do not know theirs");
    near(&edge["payload_size"]["p50"], 1000.0);
    assert_eq!(edge["rate"], 70.0, "all in one interval");
    let nodes = graph["nodes"].as_array().unwrap();
    let service = nodes.iter().find(|node| node["kind"] == "service").unwrap();
    assert_eq!(service["langs"], json!(["dotnet", "go", "javascript", "jvm", "python", "ruby"]));
    assert_eq!(nodes.len(), 2, "one service, one queue");
    let pathways = pathways_json(&model, false);
    let [pathway] = pathways["pathways"].as_array().unwrap().as_slice() else { panic!("{pathways:#}") };
    assert_eq!((&pathway["messages"], &pathway["origin"]), (&json!(700), &json!("known")), "seven hashes, one pathway");
    let received = &graph["received"];
    assert_eq!((&received["points"], &received["origin_points"]), (&json!(106), &json!(2)));
    assert_eq!(received["transactions"], 1);
}

#[test]
fn the_open_bucket_comes_again_and_again() {
    let model = model();
    for latency in [0.010, 0.020, 0.030, 0.040, 0.050] {
        take(&model, &dd_trace_js(&[latency]));
        take(&model, &dd_trace_py("shop", &TAGS, &[latency], Vec::new()));
    }
    let graph = graph_json(&model);
    let edge = arrow(&graph, "shop", &TAGS);
    assert_eq!((&edge["messages"], &edge["rate"]), (&json!(10), &json!(1.0)), "ten messages in one interval");
    near(&edge["edge_latency"]["p50"], 0.030);
    near(&edge["edge_latency"]["max"], 0.050);
    assert_eq!(graph["received"]["offsets"], 5, "nil is 0");
}

#[test]
fn tags_that_were_split_at_commas_are_whole_again() {
    let model = model();
    let split = ["direction:in", "group:g", "topic:a", "b", "c", "type:kafka"];
    take(&model, &dd_trace_py("py", &split, &[0.25, 0.75], Vec::new()));
    let graph = graph_json(&model);
    let edge = arrow(&graph, "py", &["direction:in", "group:g", "topic:a,b,c", "type:kafka"]);
    assert_eq!((&edge["messages"], &edge["from"]), (&json!(2), &json!("queue:/kafka//a,b,c")));
    near(&edge["edge_latency"]["p50"], 0.25);
}

#[test]
fn copies_for_the_origin_count_nowhere() {
    let model = model();
    take(&model, &dd_trace_go("a", &[1.0, 2.0, 3.0], Vec::new()));
    take(&model, &dd_trace_dotnet(&[1.0, 2.0, 3.0]).encode(Width::Compact));
    let graph = graph_json(&model);
    for service in ["a", "shop"] {
        let edge = arrow(&graph, service, &TAGS);
        assert_eq!((&edge["messages"], &edge["edge_latency"]["count"]), (&json!(3), &json!(3)), "{service}");
        assert_eq!((&edge["pathway_latency"]["count"], &edge["rate"]), (&json!(3), &json!(0.3)), "{service}");
    }
    assert_eq!(graph["received"]["origin_points"], 2);
}

#[test]
fn negative_latencies_are_counted_and_are_none() {
    let model = model();
    take(&model, &dd_trace_java(&[-0.5, -0.25, 0.0, 0.0]));
    let graph = graph_json(&model);
    let edge = arrow(&graph, "shop", &TAGS);
    assert_eq!((&edge["messages"], &edge["edge_latency"]["count"]), (&json!(4), &json!(4)));
    for quantile in ["p50", "p99", "max"] {
        assert!(edge["edge_latency"][quantile].as_f64().unwrap() <= 0.0, "{edge}");
    }
    assert!(edge["payload_size"].is_null(), "an empty sketch is no size");
}

#[test]
fn offsets_of_all_are_one_lag() {
    let produced = ["partition:0", "topic:orders", "type:kafka_produce", CLUSTER];
    let high = ["partition:0", "topic:orders", "type:kafka_high_watermark", CLUSTER];
    let commit = ["type:kafka_commit", "consumer_group:billing", "topic:orders", "partition:0", CLUSTER];
    let inward = ["direction:in", "group:billing", CLUSTER, "topic:orders", "type:kafka"];
    let model = model();
    let lag = |model: &Store| arrow(&graph_json(model), "reader", &inward)["lag"]["messages"].clone();
    // -1 is an offset that is not known, which some send as it is, some as 0 and some as nil.
    let unknown = vec![backlog(&commit, Int(-1)), backlog(&commit, Int(0))];
    take(&model, &dd_trace_py("reader", &inward, &[0.1], unknown));
    take(&model, &dd_trace_js(&[0.1]));
    take(&model, &dd_trace_go("shop", &[0.1], vec![backlog(&produced, Int(11))]));
    take(&model, &dd_trace_dotnet(&[0.1]).encode(Width::Compact));
    assert_eq!(lag(&model), 5, "12 are there and 7 are read");
    take(&model, &dd_trace_go("shop", &[0.1], vec![backlog(&high, Int(20))]));
    assert_eq!(lag(&model), 13, "the high watermark is further");
    take(&model, &dd_trace_py("reader", &inward, &[0.1], vec![backlog(&commit, Int(20))]));
    assert_eq!(lag(&model), 0);
    take(&model, &dd_trace_rb(&[0.1]));
    assert_eq!(lag(&model), 0, "a commit without a group is no commit of this one");
    assert_eq!(graph_json(&model)["received"]["offsets_ignored"], 1);
}

#[test]
fn a_field_of_another_type_refuses_the_whole() {
    let Map(mut fields) = dd_trace_dotnet(&[0.1]) else { panic!("a map") };
    fields.pop();
    fields.push(("IsInDefaultState", Int(0)));
    let refusal = read(&Map(fields).encode(Width::Compact), Encoding::Plain, 1 << 20, |_| ()).unwrap_err();
    assert!(refusal.sentence.contains("boolean"), "{refusal:?}");
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
