//! Pathways and maps of known shape.

use super::*;
use datastreams_core::payload::Backlog;
use serde_json::json;

pub(super) const OUT: &[&str] = &["direction:out", "topic:orders", "type:kafka"];
pub(super) const IN: &[&str] = &["direction:in", "group:pay", "topic:orders", "type:kafka"];
pub(super) const PAID: &[&str] = &["direction:out", "topic:paid", "type:kafka"];
pub(super) const LEDGER: &[&str] = &["direction:in", "group:ledger", "topic:paid", "type:kafka"];
pub(super) const MAILER: &[&str] = &["direction:in", "group:mailer", "topic:paid", "type:kafka"];

/// orders -> payments -> {ledger, mailer}; the last come first.
pub(super) fn shop() -> Store {
    let model = model();
    add(&model, "mailer", vec![point(MAILER, 3, 5, &[0.4; 10], &[0.9; 10])]);
    add(&model, "ledger", vec![point(LEDGER, 3, 4, &[0.1; 10], &[0.6; 10])]);
    add(&model, "payments", vec![point(IN, 1, 2, &[0.2; 10], &[0.2; 10]), point(PAID, 2, 3, &[0.3; 10], &[0.5; 10])]);
    add(&model, "orders", vec![point(OUT, 0, 1, &[0.0; 10], &[0.0; 10])]);
    model
}

pub(super) fn services(pathway: &Value) -> Vec<String> {
    pathway["steps"].as_array().unwrap().iter().map(|step| step["service"].as_str().unwrap().into()).collect()
}

#[test]
fn pathways_from_end_to_end() {
    let listed = pathways_json(&shop(), false);
    let pathways = listed["pathways"].as_array().unwrap();
    assert_eq!(pathways.len(), 2);
    for (pathway, last, latency) in [(&pathways[0], "ledger", 0.6), (&pathways[1], "mailer", 0.9)] {
        assert_eq!(services(pathway), ["orders", "payments", "payments", last]);
        assert_eq!((&pathway["origin"], &pathway["messages"]), (&json!("known"), &json!(10)));
        assert_eq!(pathway["continues"], false);
        near(&pathway["latency"]["p50"], latency);
        near(&pathway["latency"]["max"], latency);
        assert_eq!(pathway["rate"], 1.0);
    }
    let all = pathways_json(&shop(), true);
    let lengths: Vec<_> = all["pathways"].as_array().unwrap().iter().map(|pathway| services(pathway).len()).collect();
    assert_eq!(lengths, [1, 2, 3, 4, 4], "the beginnings too");
}

#[test]
fn the_map() {
    let graph = graph_json(&shop());
    let ids: Vec<_> = graph["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    let nodes = [
        "queue:prod/kafka//orders",
        "queue:prod/kafka//paid",
        "service:prod/ledger",
        "service:prod/mailer",
        "service:prod/orders",
        "service:prod/payments",
    ];
    assert_eq!(ids, nodes);
    let ends = |service, tags| {
        let arrow = arrow(&graph, service, tags);
        (arrow["from"].as_str().unwrap().to_string(), arrow["to"].as_str().unwrap().to_string())
    };
    assert_eq!(ends("orders", OUT), (nodes[4].into(), nodes[0].into()));
    assert_eq!(ends("payments", IN), (nodes[0].into(), nodes[5].into()));
    assert_eq!(ends("payments", PAID), (nodes[5].into(), nodes[1].into()));
    assert_eq!(ends("mailer", MAILER), (nodes[1].into(), nodes[3].into()));
    assert_eq!(graph["edges"].as_array().unwrap().len(), 5, "no routes: each queue is left by what went in");
    near(&arrow(&graph, "payments", IN)["edge_latency"]["p99"], 0.2);
    near(&arrow(&graph, "payments", PAID)["pathway_latency"]["p95"], 0.5);
}

#[test]
fn a_deploy_gives_new_hashes_and_no_new_pathway() {
    let model = shop();
    add(&model, "payments", vec![point(IN, 1, 102, &[0.2; 5], &[0.2; 5]), point(PAID, 102, 103, &[0.3; 5], &[0.5; 5])]);
    add(&model, "mailer", vec![point(MAILER, 103, 105, &[0.4; 5], &[0.9; 5])]);
    let listed = pathways_json(&model, false);
    assert_eq!(listed["pathways"].as_array().unwrap().len(), 2);
    assert_eq!(listed["pathways"][1]["messages"], 15);
}

#[test]
fn unknown_parents_are_shown_until_they_come() {
    let model = model();
    add(&model, "mailer", vec![point(MAILER, 3, 5, &[0.4], &[0.9])]);
    // Other hashes, the same ignorance.
    add(&model, "mailer", vec![point(MAILER, 33, 55, &[0.4], &[0.9])]);
    let listed = pathways_json(&model, false);
    assert_eq!(listed["pathways"].as_array().unwrap().len(), 1);
    assert_eq!((&listed["pathways"][0]["origin"], &listed["pathways"][0]["messages"]), (&json!("unknown"), &json!(2)));
    add(&model, "payments", vec![point(PAID, 0, 3, &[0.0], &[0.0])]);
    let listed = pathways_json(&model, false);
    let origins: Vec<_> = listed["pathways"].as_array().unwrap().iter().map(|pathway| &pathway["origin"]).collect();
    assert_eq!(origins, ["known", "unknown"]);
    assert_eq!(services(&listed["pathways"][0]), ["payments", "mailer"]);
}

#[test]
fn loops_end() {
    let model = model();
    add(&model, "a", vec![point(OUT, 2, 1, &[0.1], &[0.1])]);
    add(&model, "b", vec![point(IN, 1, 2, &[0.1], &[0.1])]);
    add(&model, "c", vec![point(MAILER, 9, 9, &[0.1], &[0.1])]);
    let listed = pathways_json(&model, true);
    let pathways = listed["pathways"].as_array().unwrap();
    assert!(pathways.iter().all(|pathway| pathway["origin"] == "loop"), "{pathways:#?}");
    assert_eq!(pathways.len(), 3);
    // A retry topic: each round has new hashes, and is the same pathway.
    let model = super::model();
    let rounds: Vec<_> = (0..100).map(|n| point(if n % 2 == 0 { OUT } else { IN }, n, n + 1, &[0.1], &[0.1])).collect();
    add(&model, "retry", rounds);
    let listed = pathways_json(&model, true);
    let seen: Vec<_> = listed["pathways"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pathway| (services(pathway).len(), pathway["origin"].clone(), pathway["retries"].clone()))
        .collect();
    let known = |len| (len, json!("known"), json!(true));
    assert_eq!(seen[..2], [known(1), known(2)], "however often they went round");
    assert!(seen[2..].iter().all(|(_, origin, _)| origin == "loop"), "too many rounds to follow back: {seen:?}");
    let messages: u64 =
        listed["pathways"].as_array().unwrap().iter().map(|pathway| pathway["messages"].as_u64().unwrap()).sum();
    assert_eq!(messages, 100);
}

#[test]
fn fan_in_is_two_pathways() {
    let model = model();
    add(&model, "left", vec![point(OUT, 0, 1, &[0.1], &[0.1])]);
    add(&model, "right", vec![point(OUT, 0, 2, &[0.1], &[0.1])]);
    add(&model, "payments", vec![point(IN, 1, 3, &[0.1; 4], &[0.2; 4]), point(IN, 2, 4, &[0.1; 6], &[0.3; 6])]);
    let listed = pathways_json(&model, false);
    let seen: Vec<_> = listed["pathways"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pathway| (services(pathway)[0].clone(), pathway["messages"].as_u64().unwrap()))
        .collect();
    assert_eq!(seen, [("left".into(), 4), ("right".into(), 6)]);
    assert_eq!(arrow(&graph_json(&model), "payments", IN)["messages"], 10);
}

#[test]
fn one_hash_of_two_services() {
    // Two services of dd-trace-java hash their tags only, so that both have the hash 1.
    let model = model();
    add(&model, "a", vec![point(IN, 0, 1, &[0.1], &[0.1]), point(PAID, 1, 2, &[0.1], &[0.1])]);
    add(&model, "b", vec![point(IN, 0, 1, &[0.1], &[0.1]), point(PAID, 1, 2, &[0.1], &[0.1])]);
    let listed = pathways_json(&model, false);
    let chains: Vec<_> = listed["pathways"].as_array().unwrap().iter().map(services).collect();
    assert_eq!(chains, [["a", "a"], ["b", "b"]]);
}

#[test]
fn one_hash_of_many_edges() {
    use crate::pathways::{Parents, fit};
    let model = model();
    let mut state = 1u32;
    let mut draw = |most: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % most
    };
    for _ in 0..400 {
        let direction = ["direction:in", "direction:out", "type:step"][draw(3) as usize];
        let topic = ["topic:a", "topic:b", "exchange:x"][draw(3) as usize];
        let tags = [direction, topic, &format!("n:{}", draw(3))];
        let mut payload = payload(&format!("s{}", draw(5)), vec![]);
        payload.env = ["prod", "test"][draw(2) as usize].into();
        let (parent, hash) = (draw(4).into(), u64::from(1 + draw(3)));
        payload.stats[0].stats = vec![point(&tags, parent, hash, &[0.1], &[0.1])];
        take(&model, &payload.encode().unwrap());
    }
    let view = all(&model);
    let parents = Parents::new(&view);
    let edge = |hop: crate::model::HopKey| &*view.edges[&hop.edge].key;
    for &(hop, _) in view.hops.iter().filter(|(hop, _)| hop.parent != 0) {
        // One after the other.
        let all = view.hops.iter().map(|&(other, _)| other).filter(|other| other.hash == hop.parent);
        let best = all.max_by_key(|&other| (fit(edge(hop), edge(other)), std::cmp::Reverse(other)));
        assert_eq!(parents.of(hop), best, "{hop:?}");
    }
}

#[test]
fn an_exchange_leads_to_a_queue() {
    let model = model();
    let publish = ["direction:out", "exchange:x", "has_routing_key:true", "type:rabbitmq"];
    let receive = ["direction:in", "topic:q", "type:rabbitmq"];
    add(&model, "a", vec![point(&publish, 0, 1, &[0.1; 3], &[0.1; 3])]);
    add(&model, "b", vec![point(&receive, 1, 2, &[0.1; 3], &[0.1; 3])]);
    let graph = graph_json(&model);
    let routes: Vec<_> = graph["edges"].as_array().unwrap().iter().filter(|arrow| arrow["kind"] == "route").collect();
    assert_eq!(routes.len(), 1);
    assert_eq!(
        (&routes[0]["from"], &routes[0]["to"]),
        (&json!("queue:prod/rabbitmq//x"), &json!("queue:prod/rabbitmq//q"))
    );
    assert_eq!((&routes[0]["messages"], &routes[0]["rate"]), (&json!(3), &json!(0.3)));
}

#[test]
fn nameless_queues_are_not_one() {
    let (call, serve) = (["direction:out", "type:http"], ["direction:in", "type:http"]);
    let model = model();
    add(&model, "a", vec![point(&call, 0, 1, &[0.1], &[0.1])]);
    add(&model, "b", vec![point(&serve, 1, 2, &[0.1], &[0.1])]);
    add(&model, "c", vec![point(&call, 0, 3, &[0.1], &[0.1])]);
    let graph = graph_json(&model);
    let routes: Vec<_> = graph["edges"].as_array().unwrap().iter().filter(|arrow| arrow["kind"] == "route").collect();
    assert_eq!(routes.len(), 1, "c calls nobody known");
    assert_eq!((&routes[0]["from"], &routes[0]["to"]), (&json!("queue:prod/http///a"), &json!("queue:prod/http///b")));
}

#[test]
fn equal_topics_of_two_clusters_are_two_queues() {
    let tags = |cluster: &'static str| vec!["direction:out", cluster, "topic:orders", "type:kafka"];
    let model = model();
    add(&model, "a", vec![point(&tags("kafka_cluster_id:one"), 0, 1, &[0.1], &[0.1])]);
    add(&model, "b", vec![point(IN, 1, 2, &[0.1], &[0.1])]);
    assert_eq!(arrow(&graph_json(&model), "b", IN)["from"], "queue:prod/kafka/one/orders", "there is only one");
    add(&model, "c", vec![point(&tags("kafka_cluster_id:two"), 0, 3, &[0.1], &[0.1])]);
    let graph = graph_json(&model);
    assert_eq!(arrow(&graph, "b", IN)["from"], "queue:prod/kafka//orders", "now it cannot be told by name");
    let names = |kind: &str| graph["nodes"].as_array().unwrap().iter().filter(|node| node["kind"] == kind).count();
    assert_eq!((names("queue"), names("service")), (3, 3));
}

#[test]
fn names_cannot_be_mistaken() {
    let model = model();
    for (env, service) in [("a", "b/c"), ("a/b", "c"), ("a%2Fb", "c")] {
        let mut payload = payload(service, vec![point(OUT, 0, 1, &[0.1], &[0.1])]);
        payload.env = env.into();
        take(&model, &payload.encode().unwrap());
    }
    let graph = graph_json(&model);
    let ids: std::collections::HashSet<_> =
        graph["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 6);
}

#[test]
fn the_table() {
    let table = crate::table::table(&shop(), NOW + 10 * SECOND).unwrap();
    let lines: Vec<Vec<&str>> =
        table.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect();
    assert_eq!(lines[0], ["2026-08-06 07:06:50.000 UTC"]);
    assert_eq!(
        lines[1],
        ["EDGE", "MSG/S", "EDGE p50", "p95", "p99", "max", "ORIGIN p50", "p95", "p99", "max", "SIZE p50", "LAG"]
    );
    let row = |name: &str| lines.iter().find(|line| line[0] == name).unwrap_or_else(|| panic!("{name} in\n{table}"));
    let orders = row("prod/orders -> kafka orders");
    assert_eq!(orders[1..4], ["1", "0", "0"]);
    let ledger = row("kafka paid -> prod/ledger (group ledger)");
    let ms = |cell: &str| cell.strip_suffix(" ms").unwrap().parse::<f64>().unwrap();
    assert!((ms(ledger[2]) - 100.0).abs() < 2.0 && (ms(ledger[6]) - 600.0).abs() < 10.0, "{ledger:?}");
    assert_eq!(ledger[11], "-");
    assert_eq!(lines.len(), 7);
    let width = table.lines().nth(1).unwrap().chars().count();
    assert!(table.lines().skip(1).all(|line| line.chars().count() == width), "{table}");
    assert!(crate::table::table(&model(), NOW).unwrap().contains("no messages"));
    let model = model();
    add(&model, "evil\x1b[2J", vec![point(OUT, 0, 1, &[0.1], &[0.1])]);
    assert!(!crate::table::table(&model, NOW + 10 * SECOND).unwrap().contains('\x1b'));
}

#[test]
fn lag_is_found_when_only_one_of_offsets_and_edges_tells_the_cluster() {
    let tags = |tags: &[&str]| tags.iter().map(|&tag| tag.into()).collect();
    let of = |edge_cluster: Option<&str>, offset_cluster: Option<&str>| {
        let model = model();
        let mut edge = vec!["direction:in", "group:g"];
        edge.extend(edge_cluster);
        edge.extend(["topic:t", "type:kafka"]);
        let mut payload = payload("reader", vec![point(&edge, 0, 1, &[0.1], &[0.1])]);
        for (kind, value) in [("type:kafka_produce", 9), ("type:kafka_commit", 4)] {
            let mut offset = vec![kind, "topic:t", "partition:0", "consumer_group:g"];
            offset.extend(offset_cluster);
            payload.stats[0].backlogs.push(Backlog { tags: tags(&offset), value });
        }
        take(&model, &payload.encode().unwrap());
        arrow(&graph_json(&model), "reader", &edge)["lag"]["messages"].clone()
    };
    let cluster = Some("kafka_cluster_id:c");
    for (edge, offset) in [(None, None), (cluster, None), (None, cluster), (cluster, cluster)] {
        assert_eq!(of(edge, offset), 6, "{edge:?} {offset:?}");
    }
    assert!(of(cluster, Some("kafka_cluster_id:other")).is_null(), "another cluster's");
}
