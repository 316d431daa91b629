//! The map for Grafana's node graph panel, as its Node Graph API data source asks for it: which fields there are, and
//! their values.
//!
//! Names are written as old versions of the panel want them; newer ones read them in any case.

use crate::graph::{Arrow, Graph, Kind, Node};
use crate::quantiles::Quantiles;
use crate::units;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Name, type, and how the panel calls it, if otherwise.
type Field = (&'static str, &'static str, &'static str);

const NODE_FIELDS: [Field; 11] = [
    ("id", "string", ""),
    ("title", "string", ""),
    ("subTitle", "string", ""),
    ("mainStat", "string", "Messages per second"),
    ("secondaryStat", "string", "Time from the origin (p95), or lag"),
    ("arc__in", "number", "In"),
    ("arc__out", "number", "Out"),
    ("icon", "string", ""),
    ("detail__environment", "string", "Environment"),
    ("detail__cluster", "string", "Cluster"),
    ("detail__languages", "string", "Languages"),
];
const EDGE_FIELDS: [Field; 12] = [
    ("id", "string", ""),
    ("source", "string", ""),
    ("target", "string", ""),
    ("mainStat", "string", "Messages per second"),
    ("secondaryStat", "string", "Latency (p95)"),
    ("thickness", "number", ""),
    ("detail__messages", "number", "Messages"),
    ("detail__edge", "string", "Latency"),
    ("detail__pathway", "string", "From the origin"),
    ("detail__size", "string", "Payload"),
    ("detail__lag", "string", "Lag"),
    ("detail__tags", "string", "Tags"),
];
/// The colors of arcs.
const COLORS: [(&str, &str); 2] = [("arc__in", "blue"), ("arc__out", "green")];
/// The thickest edge, in the panel's unit; the thinnest is 1.
const THICKEST: f64 = 6.0;

/// `GET /api/graph/fields`.
pub(crate) fn fields() -> Value {
    let field = |&(name, kind, shown): &Field| {
        let mut field = json!({"field_name": name, "type": kind});
        if !shown.is_empty() {
            field["displayName"] = shown.into();
        }
        if let Some((_, color)) = COLORS.iter().find(|(known, _)| *known == name) {
            field["color"] = (*color).into();
        }
        field
    };
    let all = |fields: &[Field]| fields.iter().map(field).collect::<Vec<_>>();
    json!({"nodes_fields": all(&NODE_FIELDS), "edges_fields": all(&EDGE_FIELDS)})
}

/// What is known of a node by its edges.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    /// Messages into it and out of it.
    messages: [f64; 2],
    rates: [f64; 2],
    /// The greatest p95 from the origin to it, in seconds.
    latency: Option<f64>,
    /// Of the group that is furthest behind.
    lag: Option<i64>,
}

/// `GET /api/graph/data`.
pub(crate) fn data(graph: &Graph<'_>) -> Value {
    let mut sums: BTreeMap<&str, Sums> = graph.nodes.iter().map(|node| (id(node), Sums::default())).collect();
    for edge in &graph.edges {
        for (end, side) in [(&*edge.from, 1), (&*edge.to, 0)] {
            let Some(sums) = sums.get_mut(end) else { continue };
            sums.messages[side] += edge.messages as f64;
            sums.rates[side] += edge.rate;
            let lag = edge.lag.as_ref().map(|lag| lag.messages).filter(|_| side == 1);
            sums.lag = sums.lag.max(lag);
            let latency = edge.pathway_latency.map(|latency| latency.p95).filter(|_| side == 0);
            sums.latency = sums.latency.into_iter().chain(latency).reduce(f64::max);
        }
    }
    let most = graph.edges.iter().map(|edge| edge.rate).fold(0.0, f64::max);
    let nodes: Vec<Value> = graph.nodes.iter().map(|node| self::node(node, sums.get(id(node)))).collect();
    // The panel fails on an edge without a node.
    let whole = |edge: &&Arrow<'_>| sums.contains_key(&*edge.from) && sums.contains_key(&*edge.to);
    let edges: Vec<Value> = graph.edges.iter().filter(whole).map(|edge| self::edge(edge, most)).collect();
    json!({"nodes": nodes, "edges": edges})
}

fn id(node: &Node) -> &str {
    let (Node::Service { id, .. } | Node::Queue { id, .. } | Node::Unknown { id, .. }) = node;
    id
}

fn node(node: &Node, sums: Option<&Sums>) -> Value {
    let sums = sums.copied().unwrap_or_default();
    let latency = sums.latency.map(units::seconds).unwrap_or_default();
    let lag = sums.lag.map(|lag| format!("lag {}", units::count(lag as f64))).unwrap_or_default();
    let (title, kind, icon, env, cluster, languages, secondary) = match node {
        Node::Service { env, service, langs, .. } => {
            let languages: Vec<_> = langs.iter().map(String::as_str).collect();
            (service.as_str(), "service", "cog", env, "", languages.join(", "), latency)
        }
        Node::Queue { env, r#type, cluster, name, service, .. } => {
            let title = if name.is_empty() { service.as_deref().unwrap_or(r#type) } else { name };
            (title, r#type.as_str(), "envelope", env, cluster.as_str(), String::new(), lag)
        }
        Node::Unknown { env, .. } => ("unknown", "not reported", "question-circle", env, "", String::new(), latency),
    };
    let [inward, outward] = sums.messages;
    let total = inward + outward;
    let share = |part: f64| if total > 0.0 { part / total } else { 0.0 };
    let [rate_in, rate_out] = sums.rates;
    json!({
        "id": id(node),
        "title": title,
        "subTitle": kind,
        "mainStat": rate(rate_in.max(rate_out)),
        "secondaryStat": secondary,
        "arc__in": share(inward),
        "arc__out": share(outward),
        "icon": icon,
        "detail__environment": env,
        "detail__cluster": cluster,
        "detail__languages": languages,
    })
}

fn edge(edge: &Arrow<'_>, most: f64) -> Value {
    let share = if most > 0.0 { (edge.rate / most).clamp(0.0, 1.0) } else { 0.0 };
    let p95 = |quantiles: Option<Quantiles>| quantiles.map(|it| units::seconds(it.p95)).unwrap_or_default();
    let tags: Vec<&str> = edge.tags.iter().map(|tag| &**tag).collect();
    let lag = edge.lag.as_ref().map(|lag| format!("{} of {}", units::count(lag.messages as f64), lag.group));
    json!({
        "id": edge.id,
        "source": edge.from,
        "target": edge.to,
        "mainStat": rate(edge.rate),
        "secondaryStat": if edge.kind == Kind::Route { String::new() } else { p95(edge.edge_latency) },
        "thickness": 1.0 + (THICKEST - 1.0) * share.sqrt(),
        "detail__messages": edge.messages,
        "detail__edge": all(edge.edge_latency, units::seconds),
        "detail__pathway": all(edge.pathway_latency, units::seconds),
        "detail__size": all(edge.payload_size, units::bytes),
        "detail__lag": lag.unwrap_or_default(),
        "detail__tags": tags.join(" "),
    })
}

fn rate(rate: f64) -> String {
    format!("{}/s", units::count(rate).replace(' ', ""))
}

fn all(quantiles: Option<Quantiles>, shown: fn(f64) -> String) -> String {
    let Some(Quantiles { p50, p95, p99, max, .. }) = quantiles else { return String::new() };
    format!("p50 {}, p95 {}, p99 {}, max {}", shown(p50), shown(p95), shown(p99), shown(max))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::graph;
    use crate::tests::{add, all, model, point};
    use std::collections::{BTreeSet, HashSet};

    fn keys(value: &Value) -> BTreeSet<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn data_has_the_fields_that_are_announced() {
        let model = model();
        let out = ["direction:out", "topic:orders", "type:kafka"];
        let into = ["direction:in", "group:g", "topic:orders", "type:kafka"];
        add(&model, "shop", vec![point(&out, 0, 1, &[0.0; 8], &[0.0; 8])]);
        add(&model, "billing", vec![point(&into, 1, 2, &[0.2; 4], &[0.2; 4])]);
        let data = data(&graph(&all(&model)));
        let fields = fields();
        for (values, announced) in [("nodes", "nodes_fields"), ("edges", "edges_fields")] {
            let announced = fields[announced].as_array().unwrap();
            let names: BTreeSet<&str> = announced.iter().map(|field| field["field_name"].as_str().unwrap()).collect();
            for value in data[values].as_array().unwrap() {
                assert_eq!(keys(value), names);
                for field in announced {
                    let value = &value[field["field_name"].as_str().unwrap()];
                    assert!(if field["type"] == "number" { value.is_number() } else { value.is_string() }, "{field}");
                }
            }
        }
        let nodes = data["nodes"].as_array().unwrap();
        let ids: HashSet<&str> = nodes.iter().map(|node| node["id"].as_str().unwrap()).collect();
        assert_eq!((nodes.len(), ids.len()), (3, 3));
        for edge in data["edges"].as_array().unwrap() {
            assert!(ids.contains(edge["source"].as_str().unwrap()) && ids.contains(edge["target"].as_str().unwrap()));
        }
        let queue = nodes.iter().find(|node| node["title"] == "orders").unwrap();
        assert_eq!((queue["arc__in"].as_f64(), queue["arc__out"].as_f64()), (Some(8.0 / 12.0), Some(4.0 / 12.0)));
        let billing = nodes.iter().find(|node| node["title"] == "billing").unwrap();
        assert_eq!(
            (billing["subTitle"].as_str(), billing["secondaryStat"].as_str()),
            (Some("service"), Some("201 ms"))
        );
        let consumed = data["edges"].as_array().unwrap().iter().find(|edge| edge["target"] == billing["id"]).unwrap();
        assert_eq!(
            (consumed["secondaryStat"].as_str(), consumed["detail__messages"].as_u64()),
            (Some("201 ms"), Some(4))
        );
    }

    #[test]
    fn nothing_known_is_an_empty_graph() {
        assert_eq!(data(&graph(&all(&model()))), json!({"nodes": [], "edges": []}));
    }
}
