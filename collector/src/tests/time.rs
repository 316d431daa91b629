//! Lag in seconds, the time between edges, charts: what is told by time.

use super::shape::{IN, LEDGER, MAILER, OUT, PAID, services, shop};
use super::*;
use crate::between::between;
use crate::lag_series;
use crate::series::{self, Of};
use datastreams_core::payload::Backlog;
use serde_json::json;

const START: i64 = NOW / SECOND;

fn offset(kind: &str, partition: i64, value: i64) -> Backlog {
    let mut tags = vec![format!("type:kafka_{kind}"), "topic:orders".into(), format!("partition:{partition}")];
    if kind == "commit" {
        tags.push("consumer_group:pay".into());
    }
    Backlog { tags: tags.into_iter().map(String::into_boxed_str).collect(), value }
}

/// What came in the bucket at a second after the start, taken at its end.
fn bucket(model: &Store, second: i64, points: Vec<Point>, backlogs: Vec<Backlog>) {
    let mut payload = payload("pay", points);
    payload.stats[0].start = (NOW + second * SECOND) as u64;
    payload.stats[0].backlogs = backlogs;
    assert!(take_payload(model, None, &payload, NOW + (second + 10) * SECOND));
}

/// Group, messages and seconds of the only group, at a second after the start.
fn lag_at(model: &Store, asked: Asked, second: i64) -> (Value, Value) {
    let view = view(model, asked, NOW + second * SECOND);
    let lags = serde_json::to_value(lag::list(&view)).unwrap();
    let [group] = lags["groups"].as_array().unwrap().as_slice() else { panic!("{lags:#}") };
    (group["messages"].clone(), group["seconds"].clone())
}

fn upto(second: i64) -> Asked {
    Asked { from_ms: None, to_ms: Some((START + second) * 1000) }
}

/// 10 messages a second are produced from the first bucket on. The group reads all of them for 100 s, nothing for 60 s,
/// and then 20 a second.
fn stalled(commit: bool) -> Store {
    let model = model();
    for slot in 0..30 {
        let end = (slot + 1) * 100;
        let committed = match slot {
            0..10 => end,
            10..16 => 1000,
            _ => (1000 + (slot - 15) * 200).min(end),
        };
        let mut offsets = vec![offset("produce", 0, end - 1)];
        // One that stands still commits nothing.
        if !(10..16).contains(&slot) {
            offsets.push(offset("commit", 0, committed));
        }
        bucket(&model, slot * 10, vec![], offsets);
        if commit {
            model.commit(NOW + slot * 10 * SECOND).unwrap();
        }
    }
    model
}

#[test]
fn lag_in_seconds_is_the_age_of_the_oldest_message() {
    for commit in [false, true] {
        let model = stalled(commit);
        // At the end of a bucket everything of it is known.
        for (second, messages, seconds) in
            [(100, 0, 0.0), (130, 300, 30.0), (160, 600, 60.0), (170, 500, 50.0), (200, 200, 20.0), (220, 0, 0.0)]
        {
            let (found, age) = lag_at(&model, upto(second), 310);
            assert_eq!(found, messages, "at {second}");
            assert!((age.as_f64().unwrap() - seconds).abs() < 0.2, "at {second}: {age}, not {seconds}");
        }
        assert_eq!(lag_at(&model, Asked::default(), 310), (json!(0), json!(0.0)), "now");
        let lags = serde_json::to_value(lag::list(&view(&model, Asked::default(), NOW + 310 * SECOND))).unwrap();
        let id = lags["groups"][0]["id"].as_str().unwrap();
        let asked = Asked { from_ms: Some(START * 1000), to_ms: Some((START + 300) * 1000) };
        let chart = |step| lag_series::read(&model, id, asked, step, NOW + 310 * SECOND);
        let chart = serde_json::to_value(chart(Some(10)).unwrap()).unwrap();
        let points = chart["points"].as_array().unwrap();
        assert_eq!((points.len(), &chart["step_ms"]), (30, &json!(10_000)));
        let greatest = points.iter().max_by_key(|point| point["messages"].as_i64().unwrap()).unwrap();
        assert_eq!((&greatest["at_ms"], &greatest["messages"]), (&json!((START + 150) * 1000), &json!(600)));
        assert!((greatest["seconds"].as_f64().unwrap() - 60.0).abs() < 0.2, "{greatest}");
        assert_eq!((&points[29]["messages"], &points[29]["seconds"]), (&json!(0), &json!(0.0)));
        assert!(matches!(chart_of("no such group", &model), Err(series::Failed::Unknown("group"))));
    }
}

fn chart_of(id: &str, model: &Store) -> Result<lag_series::LagSeries, series::Failed> {
    lag_series::read(model, id, Asked::default(), None, NOW)
}

#[test]
fn a_group_that_is_silent_falls_behind() {
    let model = model();
    for slot in 0..3 {
        let end = (slot + 1) * 100;
        bucket(&model, slot * 10, vec![], vec![offset("high_watermark", 0, end), offset("commit", 0, end - 10)]);
    }
    // Ten are under way: the last second of them.
    let (messages, seconds) = lag_at(&model, Asked::default(), 30);
    assert_eq!(messages, 10);
    assert!((seconds.as_f64().unwrap() - 0.9).abs() < 0.01, "{seconds}");
    let (_, seconds) = lag_at(&model, Asked::default(), 50);
    assert!((seconds.as_f64().unwrap() - 0.9).abs() < 0.01, "the next report may be on its way: {seconds}");
    let (_, seconds) = lag_at(&model, Asked::default(), 110);
    assert!((seconds.as_f64().unwrap() - 60.9).abs() < 0.01, "nobody says that they were read: {seconds}");
}

#[test]
fn what_cannot_be_known_is_not_told() {
    let model = model();
    bucket(&model, 0, vec![], vec![offset("commit", 0, 40)]);
    assert_eq!(lag_at(&model, Asked::default(), 10), (json!(null), json!(null)), "no end");
    bucket(&model, 0, vec![], vec![offset("produce", 0, 99)]);
    assert_eq!(lag_at(&model, Asked::default(), 10), (json!(60), json!(null)), "produced before anything was seen");
    // Another partition, which is known: the sum of both, and still no age of the oldest.
    bucket(&model, 0, vec![], vec![offset("produce", 1, 9), offset("commit", 1, 10)]);
    assert_eq!(lag_at(&model, Asked::default(), 10), (json!(60), json!(null)));
    let lags = lags_json(&model);
    let partitions = lags["groups"][0]["partitions"].as_array().unwrap();
    assert_eq!((&partitions[0]["partition"], &partitions[1]["seconds"]), (&json!("0"), &json!(0.0)), "behind first");
    // Messages that come in a burst after silence are not older than the bucket they came in.
    bucket(&model, 1000, vec![], vec![offset("produce", 1, 109)]);
    let view = view(&model, Asked::default(), NOW + 1010 * SECOND);
    let of_one = view.lags.iter().find(|partition| &*partition.lag.partition.partition == "1").unwrap();
    let age = of_one.seconds.unwrap();
    assert!((0.0..=10.0).contains(&age), "{age}");
}

fn edge_id(model: &Store, service: &str, tags: &[&str]) -> String {
    arrow(&graph_json(model), service, tags)["id"].as_str().unwrap().into()
}

fn between_json(model: &Store, source: &str, target: &str) -> Value {
    let view = view(model, Asked::default(), NOW + 10 * SECOND);
    serde_json::to_value(between(&view, source, target)).unwrap()
}

#[test]
fn between_any_two_edges() {
    let model = shop();
    let [out, taken, paid, mailer, ledger] =
        [("orders", OUT), ("payments", IN), ("payments", PAID), ("mailer", MAILER), ("ledger", LEDGER)]
            .map(|(service, tags)| edge_id(&model, service, tags));
    let check = |source: &str, target: &str, latency: f64, exact: bool| {
        let found = between_json(&model, source, target);
        near(&found["latency"]["p50"], latency);
        near(&found["mean"], latency);
        assert_eq!(
            (&found["exact"], &found["pathways"], &found["messages"]),
            (&json!(exact), &json!(1), &json!(10)),
            "{found:#}"
        );
    };
    check(&out, &mailer, 0.9, true);
    check(&out, &taken, 0.2, true);
    check(&paid, &mailer, 0.4, true);
    check(&taken, &paid, 0.3, true);
    check(&taken, &mailer, 0.7, false);
    check(&taken, &ledger, 0.4, false);
    for (source, target) in [(&mailer, &out), (&mailer, &ledger), (&out, &out), (&"?".to_string(), &out)] {
        assert!(between_json(&model, source, target).is_null(), "{source} {target}");
    }
}

#[test]
fn between_adds_up_what_has_several_origins() {
    let model = model();
    // Two origins; the way through the second takes longer before the step that both pass.
    add(&model, "left", vec![point(OUT, 0, 1, &[0.0; 10], &[0.0; 10])]);
    add(&model, "right", vec![point(OUT, 0, 11, &[0.0; 30], &[0.0; 30])]);
    add(&model, "pay", vec![point(IN, 1, 2, &[0.1; 10], &[0.1; 10]), point(IN, 11, 12, &[0.5; 30], &[0.5; 30])]);
    add(&model, "pay", vec![point(PAID, 2, 3, &[0.2; 10], &[0.3; 10]), point(PAID, 12, 13, &[0.2; 30], &[0.7; 30])]);
    add(
        &model,
        "mail",
        vec![point(MAILER, 3, 4, &[0.4; 10], &[0.7; 10]), point(MAILER, 13, 14, &[0.6; 30], &[1.3; 30])],
    );
    let taken = edge_id(&model, "pay", IN);
    let mail = edge_id(&model, "mail", MAILER);
    let found = between_json(&model, &taken, &mail);
    assert_eq!((&found["pathways"], &found["messages"], &found["exact"]), (&json!(2), &json!(40), &json!(false)));
    near(&found["mean"], (10.0 * 0.6 + 30.0 * 0.8) / 40.0);
    let right = edge_id(&model, "right", OUT);
    near(&between_json(&model, &right, &mail)["latency"]["p50"], 1.3);
}

#[test]
fn between_what_no_number_counts() {
    let model = shop();
    let mut sketch = Sketch::new();
    assert!(sketch.add_count(0.5, 2f64.powi(64)));
    let mut many = Vec::new();
    sketch.encode(&mut many);
    let [taken, mail] = [("payments", IN), ("mailer", MAILER)].map(|(service, tags)| edge_id(&model, service, tags));
    // Another way of the same edges, by other hashes.
    let of = |tags, parent, hash| Point { edge_latency: many.clone(), ..point(tags, parent, hash, &[0.5], &[0.5]) };
    add(&model, "payments", vec![of(IN, 1, 102), of(PAID, 102, 103)]);
    add(&model, "mailer", vec![of(MAILER, 103, 105)]);
    let found = between_json(&model, &taken, &mail);
    assert_eq!((&found["messages"], &found["exact"]), (&json!(u64::MAX), &json!(false)));
}

fn chart(model: &Store, of: Of<'_>, asked: Asked, step: Option<u32>, second: i64) -> Value {
    serde_json::to_value(series::read(model, of, asked, step, NOW + second * SECOND).unwrap()).unwrap()
}

#[test]
fn charts_of_edges_nodes_and_pathways() {
    let model = model();
    for slot in [0, 1, 3] {
        let points = vec![
            point(IN, 1, 2, &vec![0.2; slot + 1], &vec![0.2; slot + 1]),
            point(PAID, 2, 3, &vec![0.3; slot + 1], &vec![0.5; slot + 1]),
        ];
        bucket(&model, 10 * slot as i64, points, vec![]);
    }
    let edge = edge_id(&model, "pay", IN);
    let asked = Asked { from_ms: Some(START * 1000), to_ms: Some((START + 50) * 1000) };
    let of_edge = chart(&model, Of::Edge(&edge), asked, None, 50);
    let points = of_edge["points"].as_array().unwrap();
    let messages: Vec<_> = points.iter().map(|point| point["messages"].as_u64().unwrap()).collect();
    assert_eq!((messages.as_slice(), &of_edge["step_ms"]), (&[1, 2, 0, 4, 0][..], &json!(10_000)), "gaps are there");
    assert_eq!((&points[2]["edge_latency"], &points[3]["rate"]), (&json!(null), &json!(0.4)));
    near(&points[3]["edge_latency"]["p95"], 0.2);
    assert_eq!(points[1]["at_ms"], (START + 10) * 1000);

    let long = Asked { from_ms: Some((START - 86_400) * 1000), to_ms: None };
    assert!(matches!(
        series::read(&model, Of::Edge(&edge), long, Some(10), NOW),
        Err(series::Failed::Step(sentence)) if sentence.contains("choose a greater step")
    ));
    for committed in [false, true] {
        if committed {
            model.commit(NOW + 300 * SECOND).unwrap();
        }
        let node = chart(&model, Of::Node("service:prod/pay"), asked, Some(10), 300);
        let point = &node["points"][3];
        assert_eq!((&point["in"]["messages"], &point["out"]["messages"]), (&json!(4), &json!(4)));
        near(&point["in"]["edge_latency"]["p50"], 0.2);
        near(&point["out"]["edge_latency"]["p50"], 0.3);
        let queue = chart(&model, Of::Node("queue:prod/kafka//paid"), asked, Some(10), 300);
        assert_eq!(
            (&queue["points"][1]["in"]["messages"], &queue["points"][1]["out"]["messages"]),
            (&json!(2), &json!(0))
        );
    }
    let listed = pathways_json(&model, false);
    let id = listed["pathways"][0]["id"].as_str().unwrap();
    let pathway = chart(&model, Of::Pathway(id), asked, Some(10), 300);
    near(&pathway["points"][3]["pathway_latency"]["p50"], 0.5);
    assert!(pathway["points"][3]["edge_latency"].is_null());

    let fails = |of, step| series::read(&model, of, asked, step, NOW).unwrap_err();
    assert!(matches!(fails(Of::Edge("?"), None), series::Failed::Unknown("edge")));
    assert!(matches!(fails(Of::Node("?"), None), series::Failed::Unknown("node")));
    assert!(matches!(fails(Of::Pathway("?"), None), series::Failed::Unknown("pathway")));
    assert!(matches!(fails(Of::Edge(&edge), Some(7)), series::Failed::Step(_)));
    assert!(matches!(fails(Of::Edge(&edge), Some(0)), series::Failed::Step(_)));
    let days = chart(&model, Of::Edge(&edge), Asked { from_ms: Some(0), to_ms: None }, None, 300);
    let count = days["points"].as_array().unwrap().len();
    assert!((240..=248).contains(&count), "thirty days, by three hours: {count}");
}

#[test]
fn the_steps_of_a_pathway() {
    let listed = pathways_json(&shop(), false);
    let ledger = &listed["pathways"][0];
    assert_eq!(services(ledger)[3], "ledger");
    near(&ledger["steps"][3]["edge_latency"]["p50"], 0.1);
    near(&ledger["steps"][2]["edge_latency"]["p50"], 0.3);
    assert_eq!(ledger["steps"][2]["messages"], 10);
    assert_eq!((&ledger["retries"], &listed["to_ms"]), (&json!(false), &json!((START + 20) * 1000)));
}

#[test]
fn parents_that_nobody_reported_are_on_the_map() {
    let model = model();
    add(&model, "mailer", vec![point(MAILER, 3, 5, &[0.4; 3], &[0.9; 3])]);
    add(&model, "pay", vec![point(OUT, 77, 78, &[0.4], &[0.9])]);
    let routes = |second: i64| -> Vec<Value> {
        let graph = graph_at(&model, NOW + second * SECOND);
        let edges = graph["edges"].as_array().unwrap();
        let routes = edges.iter().filter(|edge| edge["kind"] == "route");
        routes.map(|edge| json!([edge["from"], edge["to"], edge["messages"]])).collect()
    };
    assert_eq!(routes(10), Vec::<Value>::new(), "what is on its way is not unknown");
    let unknown = |to: &str, messages: u64| json!([format!("unknown:{to}"), to, messages]);
    assert_eq!(routes(30), [unknown("queue:prod/kafka//paid", 3), unknown("service:prod/pay", 1)]);
    let graph = graph_at(&model, NOW + 30 * SECOND);
    let nodes: Vec<_> = graph["nodes"].as_array().unwrap().iter().filter(|node| node["kind"] == "unknown").collect();
    assert_eq!(nodes[0], &json!({"kind": "unknown", "id": "unknown:queue:prod/kafka//paid", "env": "prod"}));
    assert_eq!(nodes.len(), 2);
    // The parent comes, late.
    add(&model, "shop", vec![point(PAID, 0, 3, &[0.0; 3], &[0.0; 3])]);
    assert_eq!(routes(30), [unknown("service:prod/pay", 1)]);
}

#[test]
fn environments_and_silent_edges() {
    let model = shop();
    let mut other = payload("orders", vec![point(OUT, 0, 9, &[0.1], &[0.1])]);
    other.env = "test".into();
    take(&model, &other.encode().unwrap());
    let of = |env| View::read(&model, Asked::default(), env, Needs { edges: true, ..Needs::default() }, NOW).unwrap();
    let count = |view: &View| graph::graph(view).edges.len();
    assert_eq!((count(&of(None)), count(&of(Some("test"))), count(&of(Some("none")))), (6, 1, 0));
    // An edge that fell silent stays for a day, with nothing; then it is history.
    let later = |hours: i64| view(&model, Asked::last(300, NOW + hours * 3600 * SECOND), NOW + hours * 3600 * SECOND);
    let silent = later(23);
    assert_eq!((count(&silent), graph::graph(&silent).edges[0].messages), (6, 0));
    assert_eq!(count(&later(26)), 0);
    assert_eq!(count(&view(&model, upto(-100), NOW)), 0, "not there yet");
}
