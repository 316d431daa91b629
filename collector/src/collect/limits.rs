//! What the collector takes, and keeps, at the most.

use crate::history::levels::LEVELS;
use std::time::Duration;

/// The bounds of a collector.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections. A process has 1024 descriptors, and each payload that is passed on takes another.
    pub(crate) max_connections: usize,
    /// How long a connection may take until it has sent the head of a request, the next one included. Tracers send
    /// every ten seconds.
    pub(crate) head_timeout: Duration,
    /// Bytes of a request's body. Agents take about as much.
    pub(crate) max_body: usize,
    /// Bytes of a payload after decompression.
    pub(crate) max_payload: usize,
    /// Bytes of a body for which every connection has room. Most payloads are smaller.
    pub(crate) small_body: usize,
    /// Bytes of all larger bodies together.
    pub(crate) max_bodies: usize,
    /// Payloads that are being decompressed and read at a time.
    pub(crate) max_readers: usize,
    /// How long a body may take to arrive.
    pub(crate) body_timeout: Duration,
    /// What a larger body has for each MiB while others wait for its room, and once more for its beginning.
    pub(crate) body_pace: Duration,
    /// Requests that are with the agent behind at a time.
    pub(crate) max_passing: usize,
    /// How long the agent behind may take to answer a payload. Tracers wait for one to ten seconds.
    pub(crate) upstream_timeout: Duration,
    /// Bytes of its answer to one.
    pub(crate) max_upstream_answer: usize,
    /// Ids of payloads that are remembered, to drop repeats.
    pub(crate) max_ids: usize,
    /// Edges.
    pub(crate) max_edges: usize,
    /// Bytes of the texts of an edge.
    pub(crate) max_edge_bytes: usize,
    /// Bytes of the texts of all edges.
    pub(crate) max_names: usize,
    /// Steps of pathways, by raw hash.
    pub(crate) max_hops: usize,
    /// Partitions of queues, and groups in them.
    pub(crate) max_partitions: usize,
    /// Bytes that wait to be written to the history.
    pub(crate) max_waiting: usize,
    /// Connections that are told of changes.
    pub(crate) max_listeners: usize,
    /// Bytes of sums for one answer.
    pub(crate) max_answer: usize,
    /// How long cells of ten seconds, a minute, an hour and a day are kept, in seconds.
    pub(crate) keep_s: [i64; LEVELS],
}

impl Limits {
    pub(crate) const DEFAULT: Self = Self {
        max_connections: 512,
        head_timeout: Duration::from_secs(30),
        max_body: 10 << 20,
        max_payload: 64 << 20,
        small_body: 64 << 10,
        max_bodies: 32 << 20,
        max_readers: 2,
        body_timeout: Duration::from_secs(30),
        body_pace: Duration::from_secs(1),
        max_passing: 128,
        upstream_timeout: Duration::from_secs(10),
        max_upstream_answer: 1 << 20,
        max_ids: 65_536,
        max_edges: 4096,
        max_edge_bytes: 16 << 10,
        max_names: 16 << 20,
        max_hops: 8192,
        max_partitions: 65_536,
        max_waiting: 64 << 20,
        max_listeners: 64,
        max_answer: 256 << 20,
        keep_s: [2 * 3600, 2 * 86_400, 30 * 86_400, 30 * 86_400],
    };
}
