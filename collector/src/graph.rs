//! The map: services, queues, and the edges between them.

use crate::model::backlogs::Lag;
use crate::model::edge::{Direction, EdgeKey, fingerprint};
use crate::model::stats::{EdgeStats, Window};
use crate::model::{Cut, Model, Received};
use crate::pathways::Parents;
use crate::quantiles::Quantiles;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// `GET /api/graph`.
#[derive(Debug, Serialize)]
pub(crate) struct Graph<'a> {
    now_ms: i64,
    started_ms: i64,
    window: Window,
    pub(crate) nodes: Vec<Node>,
    pub(crate) edges: Vec<Arrow<'a>>,
    pub(crate) backlogs: Vec<Lag>,
    received: Received,
    cut: Cut,
}

/// A service or a queue.
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
    /// Messages per second over the recent window.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LagSum {
    pub(crate) messages: i64,
    /// Of how many partitions it is the sum.
    pub(crate) partitions: u64,
    pub(crate) group: String,
}

pub(crate) fn graph(model: &Model, window: Window, now_ns: i64) -> Graph<'_> {
    let clusters = Clusters::new(model);
    let mut backlogs = model.backlogs.lags();
    for lag in backlogs.iter_mut().filter(|lag| lag.cluster.is_empty()) {
        if let Some(only) = clusters.only([&lag.env, &lag.kind, &lag.topic]) {
            lag.cluster = only.into();
        }
    }
    let lags = sums(&backlogs);
    let mut nodes = BTreeMap::new();
    let mut arrows = Vec::new();
    for edge in &model.edges {
        let key = &edge.key;
        let stats: EdgeStats = edge.stats.get(window, now_ns);
        let (service, queue) = (service_id(key), clusters.queue(key));
        let langs = edge.langs.iter().map(|lang| lang.to_string());
        let Node::Service { langs: known, .. } = nodes.entry(service.clone()).or_insert_with(|| service_node(key))
        else {
            continue;
        };
        known.extend(langs);
        let kind = kind(key);
        let (from, to) = if kind == Kind::Consume { (queue.id(), service) } else { (service, queue.id()) };
        arrows.push(Arrow {
            id: key.id(),
            kind,
            from,
            to,
            env: &key.env,
            service: &key.service,
            tags: &key.tags,
            messages: stats.messages,
            rate: edge.stats.per_second(now_ns),
            edge_latency: Quantiles::of(&stats.edge_latency),
            pathway_latency: Quantiles::of(&stats.pathway_latency),
            payload_size: Quantiles::of(&stats.payload_size),
            lag: lag(&queue, key, &lags),
        });
        nodes.entry(queue.id()).or_insert_with(|| queue.node());
    }
    arrows.extend(routes(model, &clusters, window, now_ns));
    Graph {
        now_ms: now_ns / 1_000_000,
        started_ms: model.started_ns / 1_000_000,
        window,
        nodes: nodes.into_values().collect(),
        edges: arrows,
        backlogs,
        received: model.received,
        cut: model.cut,
    }
}

/// Where messages leave one queue and arrive from another: seen by the hashes alone.
fn routes<'a>(model: &'a Model, clusters: &Clusters<'_>, window: Window, now_ns: i64) -> Vec<Arrow<'a>> {
    let parents = Parents::new(model);
    let mut routes: BTreeMap<(String, String), (u64, f64)> = BTreeMap::new();
    for (&hop, at) in &model.hops {
        let edge = |place: usize| model.edges.get(place).map(|edge| &edge.key);
        let Some(parent) = parents.of(hop) else { continue };
        let (Some(here), Some(there)) = (edge(hop.edge), edge(parent.edge)) else { continue };
        let from = match kind(there) {
            Kind::Consume => continue,
            _ => clusters.queue(there).id(),
        };
        let to = match kind(here) {
            Kind::Consume => clusters.queue(here).id(),
            // It went on in another service, which does not tell how the messages came in.
            _ if service_id(here) != service_id(there) => service_id(here),
            _ => continue,
        };
        if from != to {
            let (messages, rate) = routes.entry((from, to)).or_default();
            *messages = messages.saturating_add(at.stats.get(window, now_ns).messages);
            *rate += at.stats.per_second(now_ns);
        }
    }
    let arrow = |((from, to), (messages, rate)): ((String, String), (u64, f64))| Arrow {
        id: format!("{:016x}", fingerprint(["route", &from, &to])),
        kind: Kind::Route,
        from,
        to,
        env: "",
        service: "",
        tags: &[],
        messages,
        rate,
        edge_latency: None,
        pathway_latency: None,
        payload_size: None,
        lag: None,
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

/// Environment, type, cluster, topic and group.
type GroupKey<'a> = [&'a str; 5];

/// The lag of each group, over the partitions of which it is known: messages and partitions.
fn sums(backlogs: &[Lag]) -> BTreeMap<GroupKey<'_>, (i64, u64)> {
    let mut sums = BTreeMap::new();
    for (backlog, lag) in backlogs.iter().filter_map(|backlog| Some((backlog, backlog.lag?))) {
        let key: GroupKey<'_> = [&backlog.env, &backlog.kind, &backlog.cluster, &backlog.topic, &backlog.group];
        let (messages, partitions) = sums.entry(key).or_insert((0i64, 0));
        *messages = messages.saturating_add(lag);
        *partitions += 1;
    }
    sums
}

fn lag(queue: &Queue<'_>, edge: &EdgeKey, lags: &BTreeMap<GroupKey<'_>, (i64, u64)>) -> Option<LagSum> {
    let group = edge.tag("group").or(edge.tag("consumer_group"))?;
    if edge.direction() != Direction::In {
        return None;
    }
    let &(messages, partitions) = lags.get(&[queue.env, queue.kind, queue.cluster, queue.name, group])?;
    Some(LagSum { messages, partitions, group: group.into() })
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
    pub(crate) fn new(model: &'a Model) -> Self {
        let mut clusters: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for edge in &model.edges {
            let queue = as_named(&edge.key);
            if !queue.cluster.is_empty() {
                clusters.entry([queue.env, queue.kind, queue.name]).or_default().insert(queue.cluster);
            }
        }
        // Offsets may tell it where edges do not.
        for [env, kind, name, cluster] in model.backlogs.clusters() {
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
    fn only(&self, queue: [&str; 3]) -> Option<&'a str> {
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
