//! What the collector knows: edges, hops and offsets, in bounded memory.
//!
//! Edges are merged by environment, service and tags. Raw hashes only link a hop to the one before it: they differ
//! between tracers, and those of some change at every deploy.

pub(crate) mod backlogs;
pub(crate) mod edge;
pub(crate) mod stats;

use crate::collect::limits::Limits;
use crate::export::{Exports, Passed};
use backlogs::{Backlogs, Taken};
use datastreams_core::payload::{Backlog, Bucket, Payload, Point};
use datastreams_core::sketch::{Sketch, SketchError};
use edge::{EdgeKey, normal_env, normal_tags};
use serde::Serialize;
use stats::{EdgeStats, HopStats, RECENT_NS, Timed};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A step of a pathway as it was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct HopKey {
    /// The hash of the pathway after it.
    pub(crate) hash: u64,
    /// The hash before it; 0: it is the origin.
    pub(crate) parent: u64,
    /// The place of its edge in [`Model::edges`].
    pub(crate) edge: usize,
}

/// What passed a step.
#[derive(Debug, Default)]
pub(crate) struct Hop {
    pub(crate) stats: Timed<HopStats>,
    last_seen_ns: i64,
}

/// An edge and what passed it.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) key: EdgeKey,
    pub(crate) stats: Timed<EdgeStats>,
    /// The languages of the services that reported it; a few at most.
    pub(crate) langs: BTreeSet<Box<str>>,
}

/// What came, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Received {
    /// Payloads taken.
    pub(crate) payloads: u64,
    /// Payloads that came again, under the same id, and were not taken again.
    pub(crate) repeats: u64,
    /// Requests to the statistics endpoint that were refused.
    pub(crate) refused: u64,
    /// Payloads that the agent behind took, and that could not be read here.
    pub(crate) unread: u64,
    /// Points taken, origin copies not counted.
    pub(crate) points: u64,
    /// Origin copies, which count nowhere else.
    pub(crate) origin_points: u64,
    /// Messages of those points.
    pub(crate) messages: u64,
    /// Offsets taken.
    pub(crate) offsets: u64,
    /// Records of transactions; only counted.
    pub(crate) transactions: u64,
    /// Offsets of a kind that is not known, or negative.
    pub(crate) offsets_ignored: u64,
}

/// What did not fit, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Cut {
    /// Messages of edges beyond the limit: they are in no edge and no pathway.
    pub(crate) edge_messages: u64,
    /// Messages of hops beyond the limit: they are in their edge, but in no pathway.
    pub(crate) pathway_messages: u64,
    /// Hops forgotten because they were idle and room was needed: their messages are in no pathway any more.
    pub(crate) idle_hops: u64,
    /// Offsets of partitions and groups beyond the limit.
    pub(crate) offsets: u64,
}

/// Everything known.
#[derive(Debug)]
pub(crate) struct Model {
    limits: Limits,
    pub(crate) started_ns: i64,
    pub(crate) edges: Vec<Edge>,
    /// Places in `edges`.
    places: HashMap<EdgeKey, usize>,
    pub(crate) hops: HashMap<HopKey, Hop>,
    pub(crate) backlogs: Backlogs,
    pub(crate) received: Received,
    pub(crate) cut: Cut,
    /// What other engines are told; it is told of everything that comes.
    pub(crate) exports: Arc<Exports>,
    /// When idle hops were looked for last: the search takes time.
    swept_ns: i64,
}

impl Model {
    pub(crate) fn new(limits: Limits, now_ns: i64) -> Self {
        Self {
            limits,
            started_ns: now_ns,
            edges: Vec::new(),
            places: HashMap::new(),
            hops: HashMap::new(),
            backlogs: Backlogs::default(),
            received: Received::default(),
            cut: Cut::default(),
            exports: Arc::new(Exports::new(now_ns)),
            swept_ns: i64::MIN,
        }
    }

    /// Takes a payload of which [`check`] approved.
    pub(crate) fn add(&mut self, payload: &Payload, now_ns: i64) {
        self.received.payloads += 1;
        self.received.transactions = self.received.transactions.saturating_add(payload.transactions());
        for bucket in &payload.stats {
            for point in &bucket.stats {
                self.add_point(payload, bucket, point, now_ns);
            }
            for backlog in &bucket.backlogs {
                self.add_backlog(payload, bucket, backlog, now_ns);
            }
        }
    }

    fn add_point(&mut self, payload: &Payload, bucket: &Bucket, point: &Point, now_ns: i64) {
        if point.is_origin() {
            self.received.origin_points += 1;
            return;
        }
        let Ok(stats) = sketches(point) else { return };
        let messages = stats.messages;
        self.received.points += 1;
        self.received.messages = self.received.messages.saturating_add(messages);
        let key = EdgeKey {
            env: normal_env(&payload.env, &payload.lang).into(),
            service: point.service.as_deref().unwrap_or(&payload.service).into(),
            tags: normal_tags(&point.edge_tags, &payload.lang),
        };
        self.exports.passed(Some(&key), &Passed::from(&stats), now_ns);
        let Some((place, edge)) = self.edge(key) else {
            self.cut.edge_messages = self.cut.edge_messages.saturating_add(messages);
            return;
        };
        let start_ns = start_ns(bucket);
        edge.stats.add(&stats, messages, start_ns, now_ns);
        if edge.langs.len() < 8 && payload.lang.len() <= 32 && !edge.langs.contains(&*payload.lang) {
            edge.langs.insert(payload.lang.as_str().into());
        }
        let Some(hop) = self.hop(HopKey { hash: point.hash, parent: point.parent_hash, edge: place }, now_ns) else {
            self.cut.pathway_messages = self.cut.pathway_messages.saturating_add(messages);
            return;
        };
        hop.last_seen_ns = now_ns;
        hop.stats.add(&HopStats { messages, latency: stats.pathway_latency }, messages, start_ns, now_ns);
    }

    fn add_backlog(&mut self, payload: &Payload, bucket: &Bucket, backlog: &Backlog, now_ns: i64) {
        // A clock that is ahead must not make its offsets count for longer than those of others.
        let at_ns = start_ns(bucket).min(now_ns);
        let env = normal_env(&payload.env, &payload.lang);
        match self.backlogs.add(env, backlog, at_ns, self.limits.max_partitions) {
            Taken::Yes => self.received.offsets += 1,
            Taken::Full => self.cut.offsets += 1,
            Taken::Ignored => self.received.offsets_ignored += 1,
        }
    }

    fn edge(&mut self, key: EdgeKey) -> Option<(usize, &mut Edge)> {
        let place = match self.places.get(&key) {
            Some(&place) => place,
            None if self.edges.len() >= self.limits.max_edges || key.bytes() > self.limits.max_edge_bytes => {
                return None;
            }
            None => {
                self.places.insert(key.clone(), self.edges.len());
                self.edges.push(Edge { key, stats: Timed::default(), langs: BTreeSet::new() });
                self.edges.len() - 1
            }
        };
        Some((place, self.edges.get_mut(place)?))
    }

    fn hop(&mut self, key: HopKey, now_ns: i64) -> Option<&mut Hop> {
        if !self.hops.contains_key(&key) && self.hops.len() >= self.limits.max_hops {
            self.forget_idle(now_ns);
            if self.hops.len() >= self.limits.max_hops {
                return None;
            }
        }
        Some(self.hops.entry(key).or_default())
    }

    /// Makes room for new hops: tracers that hash process or container tags leave all their hops behind at a deploy.
    fn forget_idle(&mut self, now_ns: i64) {
        const PAUSE_NS: i64 = 10 * stats::SECOND_NS;
        if now_ns < self.swept_ns.saturating_add(PAUSE_NS) {
            return;
        }
        self.swept_ns = now_ns;
        let before = self.hops.len();
        self.hops.retain(|_, hop| hop.last_seen_ns > now_ns - RECENT_NS);
        self.cut.idle_hops += (before - self.hops.len()) as u64;
    }
}

fn start_ns(bucket: &Bucket) -> i64 {
    i64::try_from(bucket.start).unwrap_or(i64::MAX)
}

/// Refuses a payload of which not everything can be read: half of it would look like a loss of messages.
pub(crate) fn check(payload: &Payload) -> Result<(), String> {
    for (number, bucket) in payload.stats.iter().enumerate() {
        for (index, point) in bucket.stats.iter().enumerate() {
            sketches(point)
                .map_err(|(field, error)| format!("{field} of point {index} in bucket {number}: {error}"))?;
        }
    }
    Ok(())
}

fn sketches(point: &Point) -> Result<EdgeStats, (&'static str, SketchError)> {
    let read = |name, bytes: &[u8]| Sketch::decode(bytes).map_err(|error| (name, error));
    let edge_latency = read("EdgeLatency", &point.edge_latency)?;
    Ok(EdgeStats {
        messages: edge_latency.count().round() as u64,
        edge_latency,
        pathway_latency: read("PathwayLatency", &point.pathway_latency)?,
        // dd-trace-rb knows none.
        payload_size: match &*point.payload_size {
            [] => Sketch::new(),
            bytes => read("PayloadSize", bytes)?,
        },
    })
}
