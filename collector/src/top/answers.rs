//! What the collector answers, as much of it as is shown. Unknown fields are passed over: a newer collector has more.

use serde::{Deserialize, Serialize};

/// Quantiles: latencies in seconds, sizes in bytes.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
pub(crate) struct Quantiles {
    pub(crate) count: u64,
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// `GET /api/graph`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Graph {
    pub(crate) now_ms: i64,
    pub(crate) nodes: Vec<Node>,
    pub(crate) edges: Vec<Edge>,
}

/// A service, a queue, or what nobody reported.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) env: String,
    pub(crate) service: Option<String>,
    pub(crate) r#type: Option<String>,
    pub(crate) cluster: Option<String>,
    pub(crate) name: Option<String>,
}

/// An edge of the map.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Edge {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) env: String,
    pub(crate) service: String,
    pub(crate) tags: Vec<String>,
    pub(crate) messages: u64,
    pub(crate) rate: f64,
    pub(crate) edge_latency: Option<Quantiles>,
    pub(crate) pathway_latency: Option<Quantiles>,
    pub(crate) payload_size: Option<Quantiles>,
    pub(crate) lag: Option<Lag>,
}

/// How far a group is behind.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
pub(crate) struct Lag {
    pub(crate) group: String,
    pub(crate) messages: Option<i64>,
    /// The age of the oldest message that is not committed.
    #[serde(default)]
    pub(crate) seconds: Option<f64>,
    pub(crate) partitions: u64,
}

/// `GET /api/pathways`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Pathways {
    pub(crate) pathways: Vec<Pathway>,
}

/// A chain of edges.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Pathway {
    pub(crate) id: String,
    pub(crate) origin: String,
    pub(crate) steps: Vec<Step>,
    pub(crate) messages: u64,
    pub(crate) rate: f64,
    pub(crate) latency: Option<Quantiles>,
}

/// An edge of a chain.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Step {
    pub(crate) edge: String,
    #[serde(default)]
    pub(crate) env: String,
    pub(crate) service: String,
    pub(crate) tags: Vec<String>,
    #[serde(default)]
    pub(crate) edge_latency: Option<Quantiles>,
}

/// `GET /api/series`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Series {
    pub(crate) step_ms: i64,
    pub(crate) points: Vec<Point>,
}

/// A moment of it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Point {
    #[serde(default)]
    pub(crate) rate: Option<f64>,
    #[serde(default)]
    pub(crate) edge_latency: Option<Quantiles>,
    #[serde(default)]
    pub(crate) pathway_latency: Option<Quantiles>,
}

/// `GET /api/lag`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Lags {
    pub(crate) groups: Vec<GroupLag>,
}

/// A group on a topic.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct GroupLag {
    pub(crate) id: String,
    pub(crate) env: String,
    #[serde(default)]
    pub(crate) r#type: String,
    #[serde(default)]
    pub(crate) cluster: String,
    pub(crate) topic: String,
    pub(crate) group: String,
    pub(crate) partitions: Vec<PartitionLag>,
}

impl GroupLag {
    /// Whether it is the lag of an edge that takes from this queue: topics of several clusters may have one name.
    pub(crate) fn is_of(&self, lag: &Lag, queue: &Node) -> bool {
        let is = |text: &Option<String>, own: &str| text.as_deref().unwrap_or_default() == own;
        let here = is(&queue.r#type, &self.r#type) && is(&queue.cluster, &self.cluster) && is(&queue.name, &self.topic);
        queue.kind == "queue" && queue.env == self.env && here && lag.group == self.group
    }
}

/// `GET /api/lag/series`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct LagSeries {
    pub(crate) step_ms: i64,
    pub(crate) points: Vec<LagPoint>,
}

/// A moment of it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LagPoint {
    pub(crate) messages: Option<f64>,
}

/// One of its partitions.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PartitionLag {
    pub(crate) partition: serde_json::Value,
    pub(crate) committed: Option<i64>,
    pub(crate) end: Option<i64>,
    pub(crate) messages: Option<i64>,
    pub(crate) seconds: Option<f64>,
}
