//! Lines of the tables: edges and pathways under names that people read.

use super::answers::{Edge, Graph, GroupLag, Lag, Lags, Node, Pathway, Pathways, Quantiles, Step};
use super::column::Column;
use crate::plain::plain;
use std::collections::HashMap;

/// The longest name, in characters; names come from others.
const NAME_MAX: usize = 400;

/// A line.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// That of the edge or pathway; not for the eye.
    pub(crate) id: String,
    /// Fit for a terminal.
    pub(crate) name: String,
    /// What the filter looks at, in small letters.
    haystack: String,
    /// Messages a second.
    pub(crate) rate: f64,
    pub(crate) messages: u64,
    /// Seconds; a pathway has none.
    pub(crate) edge_latency: Option<Quantiles>,
    /// Seconds.
    pub(crate) pathway_latency: Option<Quantiles>,
    /// Bytes.
    pub(crate) payload_size: Option<Quantiles>,
    pub(crate) lag: Option<Lag>,
    /// Where the edge leads from.
    pub(crate) source: Option<Box<Node>>,
    pub(crate) about: About,
}

impl Row {
    /// The lag of the group of this line, with its partitions.
    pub(crate) fn group<'a>(&self, lags: &'a Lags) -> Option<&'a GroupLag> {
        let (lag, queue) = (self.lag.as_ref()?, self.source.as_deref()?);
        lags.groups.iter().find(|group| group.is_of(lag, queue))
    }
}

/// What a line is about.
#[derive(Clone, Debug)]
pub(crate) enum About {
    Edge(Box<Edge>),
    Pathway(Box<Pathway>),
}

/// What is known of a collector's map at a moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map {
    pub(crate) now_ms: i64,
    pub(crate) edges: Vec<Row>,
    pub(crate) pathways: Vec<Row>,
}

impl Map {
    pub(crate) fn new(graph: Graph, pathways: Pathways) -> Self {
        let nodes: HashMap<&str, String> = graph.nodes.iter().map(|node| (&*node.id, node_name(node))).collect();
        let known: HashMap<&str, &Node> = graph.nodes.iter().map(|node| (&*node.id, node)).collect();
        let row = |edge: &Edge| {
            let source = known.get(&*edge.from).map(|&node| Box::new(node.clone()));
            Row { source, ..edge_row(edge, &nodes) }
        };
        let edges = graph.edges.iter().map(row).collect();
        Self { now_ms: graph.now_ms, edges, pathways: pathways.pathways.into_iter().map(pathway_row).collect() }
    }
}

/// The lines that are to be seen, in order.
pub(crate) fn select(rows: &[Row], filter: &str, sort: Column, reverse: bool) -> Vec<Row> {
    let words: Vec<String> = filter.split_whitespace().map(str::to_lowercase).collect();
    let wanted = |row: &&Row| words.iter().all(|word| row.haystack.contains(word));
    let mut rows: Vec<Row> = rows.iter().filter(wanted).cloned().collect();
    rows.sort_by(|one, other| sort.order(reverse, one, other));
    rows
}

fn edge_row(edge: &Edge, nodes: &HashMap<&str, String>) -> Row {
    let end = |id: &str| nodes.get(id).cloned().unwrap_or_else(|| name(id));
    let group = tag(&edge.tags, "group").map(|group| format!(" (group {})", name(group))).unwrap_or_default();
    let name = format!("{} -> {}{group}", end(&edge.from), end(&edge.to));
    let all = [&[name.as_str(), &edge.kind, &edge.env, &edge.service], &*texts(&edge.tags)].concat();
    Row {
        id: edge.id.clone(),
        haystack: all.join(" ").to_lowercase(),
        name,
        rate: edge.rate,
        messages: edge.messages,
        edge_latency: edge.edge_latency.clone(),
        pathway_latency: edge.pathway_latency.clone(),
        payload_size: edge.payload_size.clone(),
        lag: edge.lag.clone(),
        source: None,
        about: About::Edge(Box::new(edge.clone())),
    }
}

fn pathway_row(pathway: Pathway) -> Row {
    let start = match pathway.origin.as_str() {
        "known" => "",
        "loop" => "(loop) -> ",
        _ => "(unknown) -> ",
    };
    let mut services: Vec<String> = Vec::new();
    for step in &pathway.steps {
        let here = service(&step.env, &step.service);
        if services.last() != Some(&here) {
            services.push(here);
        }
    }
    // Two pathways through the same services differ by where they end.
    let end = pathway.steps.last().map(|step| format!(" [{}]", way(step))).unwrap_or_default();
    let name = format!("{start}{}{end}", services.join(" -> "));
    let tags = pathway.steps.iter().flat_map(|step| texts(&step.tags)).collect::<Vec<_>>().join(" ");
    Row {
        id: pathway.id.clone(),
        haystack: format!("{name} {tags}").to_lowercase(),
        name,
        rate: pathway.rate,
        messages: pathway.messages,
        edge_latency: None,
        pathway_latency: pathway.latency.clone(),
        payload_size: None,
        lag: None,
        source: None,
        about: About::Pathway(Box::new(pathway)),
    }
}

fn texts(tags: &[String]) -> Vec<&str> {
    tags.iter().map(String::as_str).collect()
}

/// The value of a tag.
pub(crate) fn tag<'a>(tags: &'a [String], key: &str) -> Option<&'a str> {
    tags.iter().find_map(|tag| tag.strip_prefix(key)?.strip_prefix(':'))
}

/// `in kafka payments`.
pub(crate) fn way(step: &Step) -> String {
    let words = ["direction", "type", "topic"].map(|key| tag(&step.tags, key).unwrap_or_default());
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    if words.is_empty() { name(&step.tags.join(" ")) } else { name(&words.join(" ")) }
}

pub(crate) fn service(env: &str, service: &str) -> String {
    if env.is_empty() { name(service) } else { name(&format!("{env}/{service}")) }
}

fn node_name(node: &Node) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    match node.kind.as_str() {
        "service" => service(&node.env, &text(&node.service)),
        "queue" => {
            let queue = [text(&node.r#type), text(&node.cluster), text(&node.name)];
            let words: Vec<&str> = queue.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
            if words.is_empty() { "(a queue without name)".into() } else { name(&words.join(" ")) }
        }
        _ => "(unknown)".into(),
    }
}

fn name(text: &str) -> String {
    let mut name = plain(&text.chars().take(NAME_MAX).collect::<String>());
    if text.chars().nth(NAME_MAX).is_some() {
        name.push('…');
    }
    name
}
