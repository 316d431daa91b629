//! The map: services, queues, and the edges between them.

use crate::history::State;
use crate::lag::{self, Group, GroupKey};
use crate::model::edge::{Direction, EdgeKey, fingerprint};
use crate::model::stats::{Began, LATE_S, SECOND_NS, Span};
use crate::model::{Cut, Received};
use crate::pathways::Parents;
use crate::quantiles::Quantiles;
use crate::view::{Sum, View};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// `GET /api/graph`.
#[derive(Debug, Serialize)]
pub(crate) struct Graph<'a> {
    now_ms: i64,
    started_ms: i64,
    from_ms: i64,
    to_ms: i64,
    pub(crate) nodes: Vec<Node>,
    pub(crate) edges: Vec<Arrow<'a>>,
    received: Received,
    cut: Cut,
    history: &'a State,
    version: &'static str,
    changes: u64,
}

/// A service, a queue, or what is known by its traces alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Node {
    /// What produces and consumes.
    Service { id: String, env: String, service: String, langs: BTreeSet<String> },
    /// Where messages wait.
    Queue {
        id: String,
        env: String,
        /// Such as `kafka`.
        r#type: String,
        /// Empty: the clients do not tell, or there is none.
        cluster: String,
        /// The topic or exchange; empty for what has none, as HTTP.
        name: String,
        /// The only service at it, when it has no name: two nameless ones are not the same.
        service: Option<String>,
    },
    /// A parent that no service reported: something without a tracer, or whose statistics go elsewhere.
    Unknown { id: String, env: String },
}

/// What an arrow means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A service puts messages into a queue.
    Produce,
    /// A service takes them out.
    Consume,
    /// A checkpoint that tells no direction.
    Step,
    /// Messages that went into one queue come out of another, as from an exchange or a topic that others subscribe to.
    Route,
}

/// An edge of the map.
#[derive(Debug, Serialize)]
pub(crate) struct Arrow<'a> {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) env: &'a str,
    pub(crate) service: &'a str,
    pub(crate) tags: &'a [Box<str>],
    pub(crate) messages: u64,
    /// Messages per second over the range.
    pub(crate) rate: f64,
    /// Seconds.
    pub(crate) edge_latency: Option<Quantiles>,
    /// Seconds.
    pub(crate) pathway_latency: Option<Quantiles>,
    /// Bytes.
    pub(crate) payload_size: Option<Quantiles>,
    pub(crate) lag: Option<LagSum>,
}

/// The lag of the group of an edge.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct LagSum {
    pub(crate) messages: i64,
    /// How old the oldest message is that was not read yet; `null`: it cannot be known.
    pub(crate) seconds: Option<f64>,
    /// Of how many partitions it is the sum.
    pub(crate) partitions: u64,
    pub(crate) group: String,
}

pub(crate) fn graph(view: &View) -> Graph<'_> {
    let clusters = Clusters::new(view);
    let lags = lag::groups(view, &clusters);
    let mut nodes = BTreeMap::new();
    let mut arrows = Vec::new();
    let none = Sum::default();
    for (id, edge) in view.edges.iter().filter(|(_, edge)| view.shows(edge)) {
        let key = &*edge.key;
        let Sum { stats, span } = view.edge_sums.get(id).unwrap_or(&none);
        let (service, queue) = (service_id(key), clusters.queue(key));
        let langs = edge.langs.iter().map(|lang| lang.to_string());
        let Node::Service { langs: known, .. } = nodes.entry(service.clone()).or_insert_with(|| service_node(key))
        else {
            continue;
        };
        known.extend(langs);
        let kind = kind(key);
        let (from, to) = ends(key, &clusters);
        arrows.push(Arrow {
            id: key.id(),
            kind,
            from,
            to,
            env: &key.env,
            service: &key.service,
            tags: &key.tags,
            messages: stats.messages,
            rate: view.range.rate(*span, edge.began, view.now_ns),
            edge_latency: Quantiles::of(&stats.edge_latency),
            pathway_latency: Quantiles::of(&stats.pathway_latency),
            payload_size: Quantiles::of(&stats.payload_size),
            lag: lag(&queue, key, &lags),
        });
        nodes.entry(queue.id()).or_insert_with(|| queue.node());
    }
    for (from, route) in routes(view, &clusters) {
        if let Some(unknown) = from {
            nodes.insert(route.from.clone(), unknown);
        }
        arrows.push(route);
    }
    Graph {
        now_ms: view.now_ns / 1_000_000,
        started_ms: view.started_ns / 1_000_000,
        from_ms: view.range.ms().0,
        to_ms: view.range.ms().1,
        nodes: nodes.into_values().collect(),
        edges: arrows,
        received: view.received,
        cut: view.cut,
        history: &view.history,
        version: env!("CARGO_PKG_VERSION"),
        changes: view.changes,
    }
}

/// The nodes that the arrow of an edge leads from and to.
pub(crate) fn ends(edge: &EdgeKey, clusters: &Clusters<'_>) -> (String, String) {
    let (service, queue) = (service_id(edge), clusters.queue(edge).id());
    if kind(edge) == Kind::Consume { (queue, service) } else { (service, queue) }
}

/// Where messages leave one queue and arrive from another, or from nobody knows where: seen by the hashes alone. With the
/// node that a route leads from, when nothing else does.
fn routes<'a>(view: &'a View, clusters: &Clusters<'_>) -> Vec<(Option<Node>, Arrow<'a>)> {
    let parents = Parents::new(view);
    let mut routes: BTreeMap<(String, String), (Option<Node>, Span, Began)> = BTreeMap::new();
    for &(key, hop) in &view.hops {
        let Some(here) = view.edges.get(&key.edge).filter(|edge| view.shows(edge)) else { continue };
        let Some(span) = view.hop_sums.get(&hop.id).map(|sum| sum.span) else { continue };
        let here = &*here.key;
        // Where it came in, when the service does not tell how.
        let to = if kind(here) == Kind::Consume { clusters.queue(here).id() } else { service_id(here) };
        let (from, node) = match parents.of(key) {
            Some(parent) => {
                let Some(there) = view.edges.get(&parent.edge).map(|edge| &*edge.key) else { continue };
                let stays = kind(here) != Kind::Consume && service_id(here) == service_id(there);
                if kind(there) == Kind::Consume || stays {
                    continue;
                }
                (clusters.queue(there).id(), None)
            }
            // What is on its way is not unknown yet.
            None if key.parent == 0 || view.now_ns < (hop.began.first + LATE_S) * SECOND_NS => continue,
            None => {
                let id = format!("unknown:{to}");
                (id.clone(), Some(Node::Unknown { id, env: here.env.to_string() }))
            }
        };
        if from != to {
            let (_, sum, began) = routes.entry((from, to)).or_insert((node, Span::default(), hop.began));
            sum.merge(span);
            *began = began.or(hop.began);
        }
    }
    let arrow = |((from, to), (node, span, began)): ((String, String), (Option<Node>, Span, Began))| {
        let route = Arrow {
            id: format!("{:016x}", fingerprint(["route", &from, &to])),
            kind: Kind::Route,
            from,
            to,
            env: "",
            service: "",
            tags: &[],
            messages: span.messages,
            rate: view.range.rate(span, began, view.now_ns),
            edge_latency: None,
            pathway_latency: None,
            payload_size: None,
            lag: None,
        };
        (node, route)
    };
    routes.into_iter().map(arrow).collect()
}

pub(crate) fn kind(edge: &EdgeKey) -> Kind {
    match edge.direction() {
        Direction::In => Kind::Consume,
        Direction::Out => Kind::Produce,
        Direction::None => Kind::Step,
    }
}

fn lag(queue: &Queue<'_>, edge: &EdgeKey, lags: &BTreeMap<GroupKey<'_>, Group<'_>>) -> Option<LagSum> {
    let name = edge.tag("group").or(edge.tag("consumer_group"))?;
    if edge.direction() != Direction::In {
        return None;
    }
    let group = lags.get(&[queue.env, queue.kind, queue.cluster, queue.name, name])?;
    let (messages, partitions) = group.messages()?;
    Some(LagSum { messages, seconds: group.seconds(), partitions, group: name.into() })
}

/// A queue as an edge names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queue<'a> {
    pub(crate) env: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) cluster: &'a str,
    pub(crate) name: &'a str,
    service: Option<&'a str>,
}

impl Queue<'_> {
    fn id(&self) -> String {
        let Self { env, kind, cluster, name, service } = *self;
        match service {
            None => format!("queue:{}", path([env, kind, cluster, name])),
            Some(service) => format!("queue:{}", path([env, kind, cluster, name, service])),
        }
    }

    fn node(&self) -> Node {
        Node::Queue {
            id: self.id(),
            env: self.env.into(),
            r#type: self.kind.into(),
            cluster: self.cluster.into(),
            name: self.name.into(),
            service: self.service.map(String::from),
        }
    }
}

fn service_id(edge: &EdgeKey) -> String {
    format!("service:{}", path([&*edge.env, &*edge.service]))
}

fn service_node(edge: &EdgeKey) -> Node {
    Node::Service {
        id: service_id(edge),
        env: edge.env.to_string(),
        service: edge.service.to_string(),
        langs: BTreeSet::new(),
    }
}

/// Parts joined by slashes, theirs escaped: equal only when all parts are.
fn path<const N: usize>(parts: [&str; N]) -> String {
    parts.map(|part| part.replace('%', "%25").replace('/', "%2F")).join("/")
}

/// Which clusters have a queue. A client that does not tell the cluster is taken to mean the only one in which others
/// know the queue.
#[derive(Debug)]
pub(crate) struct Clusters<'a>(BTreeMap<[&'a str; 3], BTreeSet<&'a str>>);

impl<'a> Clusters<'a> {
    pub(crate) fn new(view: &'a View) -> Self {
        let mut clusters: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for edge in view.edges.values() {
            let queue = as_named(&edge.key);
            if !queue.cluster.is_empty() {
                clusters.entry([queue.env, queue.kind, queue.name]).or_default().insert(queue.cluster);
            }
        }
        // Offsets may tell it where edges do not.
        for [env, kind, name, cluster] in &view.clusters {
            clusters.entry([env, kind, name]).or_default().insert(cluster);
        }
        Self(clusters)
    }

    pub(crate) fn queue(&self, edge: &'a EdgeKey) -> Queue<'a> {
        let mut queue = as_named(edge);
        if queue.cluster.is_empty() {
            queue.cluster = self.only([queue.env, queue.kind, queue.name]).unwrap_or_default();
        }
        queue
    }

    /// The cluster of a queue that only one cluster has.
    pub(crate) fn only(&self, queue: [&str; 3]) -> Option<&'a str> {
        let clusters = self.0.get(&queue)?;
        clusters.first().copied().filter(|_| clusters.len() == 1)
    }
}

fn as_named(edge: &EdgeKey) -> Queue<'_> {
    let name = ["topic", "exchange", "bus", "subscription"].iter().find_map(|key| edge.tag(key)).unwrap_or_default();
    Queue {
        env: &edge.env,
        kind: edge.tag("type").unwrap_or_default(),
        cluster: edge.tag("kafka_cluster_id").unwrap_or_default(),
        name,
        service: name.is_empty().then_some(&*edge.service),
    }
}
