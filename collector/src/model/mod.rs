//! What the collector knows of the pipelines: edges, hops and how far offsets have come, in bounded memory.
//!
//! Edges are merged by environment, service and tags. Raw hashes only link a hop to the one before it: they differ
//! between tracers, and those of some change at every deploy. The statistics themselves go through a [`Batch`] into the
//! history.

pub(crate) mod backlogs;
pub(crate) mod batch;
pub(crate) mod edge;
pub(crate) mod edges;
pub(crate) mod hops;
pub(crate) mod parsed;
pub(crate) mod stats;
mod steps;

use crate::collect::limits::Limits;
use crate::collect::repeats::Repeats;
use crate::export::Exports;
use crate::history::levels::{SLOT, floor};
use backlogs::{Backlogs, Taken};
use batch::{Batch, KeptEdge, KeptHop};
use datastreams_core::payload::{Backlog, Borrowed, BorrowedTags, Bucket, Point};
use edge::{EdgeKey, normal_env, normal_tags};
use edges::Edges;
use hops::Hops;
use parsed::{Measured, Parsed};
use serde::Serialize;
use stats::{AHEAD_S, Began, SECOND_NS, Stats};
use std::sync::Arc;
use steps::{Spelling, Step, Steps};

pub(crate) use edges::{Edge, EdgeId};
pub(crate) use hops::{Hop, HopId, HopKey, NO_HOP};

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
    /// Points of buckets that are from the future, or older than anything kept: they count when they came.
    pub(crate) misdated: u64,
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
    /// Messages that could not be kept: the history could not be written, and memory for them was used up.
    pub(crate) history_messages: u64,
}

/// Everything known but the statistics, and those that are not written yet.
#[derive(Debug)]
pub(crate) struct Model {
    limits: Limits,
    pub(crate) started_ns: i64,
    pub(crate) edges: Edges,
    pub(crate) hops: Hops,
    steps: Steps,
    spelling: Spelling,
    pub(crate) backlogs: Backlogs,
    pub(crate) repeats: Repeats,
    pub(crate) received: Received,
    pub(crate) cut: Cut,
    /// What other engines are told. It gets the cells of the batch, and at once what no cell has room for.
    pub(crate) exports: Arc<Exports>,
    pub(crate) batch: Batch,
    /// Bytes that wait in the history, because they could not be written.
    pub(crate) held: usize,
    /// When it was looked last for what is too old, as the oldest second that was kept.
    forgot: i64,
}

impl Model {
    pub(crate) fn new(limits: Limits, now_ns: i64) -> Self {
        Self {
            limits,
            started_ns: now_ns,
            edges: Edges::default(),
            hops: Hops::default(),
            steps: Steps::default(),
            spelling: Spelling::default(),
            backlogs: Backlogs::default(),
            repeats: Repeats::new(limits.max_ids),
            received: Received::default(),
            cut: Cut::default(),
            exports: Arc::new(Exports::new(now_ns)),
            batch: Batch::default(),
            held: 0,
            forgot: i64::MIN,
        }
    }

    #[cfg(test)]
    pub(crate) fn spelled_bytes(&self) -> usize {
        self.steps.bytes()
    }

    /// Takes a payload, unless it was taken before under the same id: then `false`.
    pub(crate) fn take(&mut self, id: Option<&str>, parsed: &Parsed<'_>, now_ns: i64) -> bool {
        if let Some(id) = id {
            if self.repeats.contains(id) {
                self.received.repeats += 1;
                return false;
            }
            self.remember(id);
        }
        self.add(parsed, now_ns);
        true
    }

    /// Remembers the id of a payload that was taken.
    pub(crate) fn remember(&mut self, id: &str) {
        let id = self.repeats.insert(id);
        self.batch.memory += Batch::ENTRY + id.len();
        self.batch.ids.push(id);
    }

    fn add(&mut self, parsed: &Parsed<'_>, now_ns: i64) {
        let payload = &parsed.payload;
        self.spelling.begin(payload);
        self.received.payloads += 1;
        self.received.transactions = self.received.transactions.saturating_add(payload.transactions());
        let mut stats = parsed.stats.iter();
        for bucket in &payload.stats {
            let slot = self.slot(bucket, now_ns);
            for (point, stats) in bucket.stats.iter().zip(&mut stats) {
                match stats {
                    Some(stats) => self.add_point(payload, point, stats, slot, now_ns),
                    None => self.received.origin_points += 1,
                }
            }
            for backlog in &bucket.backlogs {
                self.add_backlog(payload, backlog, slot);
            }
        }
    }

    /// The slot of a bucket, in seconds. A clock that is off by more than anything that is kept tells nothing: its buckets
    /// count when they come.
    fn slot<T, B>(&mut self, bucket: &Bucket<T, B>, now_ns: i64) -> i64 {
        let now = now_ns.div_euclid(SECOND_NS);
        let start = i64::try_from(bucket.start / SECOND_NS as u64).unwrap_or(i64::MAX);
        if start > now + AHEAD_S || start < now - self.limits.keep_s[3] {
            self.received.misdated += bucket.stats.len() as u64;
            return floor(now, SLOT);
        }
        floor(start, SLOT)
    }

    fn add_point(
        &mut self,
        payload: &Borrowed<'_>,
        point: &Point<BorrowedTags<'_>, &[u8]>,
        measured: &Measured<'_>,
        slot: i64,
        now_ns: i64,
    ) {
        let messages = measured.messages;
        self.received.points += 1;
        self.received.messages = self.received.messages.saturating_add(messages);
        let spelling = self.spelling.of(point);
        let mut new = None;
        let step = match self.steps.get_mut(spelling) {
            Some(step) => step,
            None => match self.edges.find(key(payload, point), &self.limits) {
                Some((edge, key)) => new.insert(Step::new(edge, key)),
                None => {
                    self.exports.passed(None, &Stats::from(measured), now_ns);
                    self.cut.edge_messages = self.cut.edge_messages.saturating_add(messages);
                    return;
                }
            },
        };
        // More often than once a second tells nothing new.
        let told = (slot, now_ns.div_euclid(SECOND_NS));
        if step.told != told || step.hop == NO_HOP {
            step.told = told;
            if let Some(edge) = self.edges.get_mut(step.edge)
                && edge.pass(slot, messages, &payload.lang, now_ns)
            {
                self.batch.memory += Batch::ENTRY;
                self.batch.edges.insert(step.edge, edge.kept());
            }
            let key = HopKey { hash: point.hash, parent: point.parent_hash, edge: step.edge };
            step.hop = match self.hops.find(key, &self.limits, now_ns) {
                Some((id, hop)) => {
                    if hop.pass(slot, messages, now_ns) {
                        self.batch.memory += Batch::ENTRY;
                        self.batch.hops.insert(id, KeptHop { key, first: hop.began.first, seen: hop.seen });
                    }
                    id
                }
                None => {
                    self.cut.pathway_messages = self.cut.pathway_messages.saturating_add(messages);
                    NO_HOP
                }
            };
        }
        let room = self.limits.max_waiting.saturating_sub(self.held);
        if !self.batch.add((slot, step.edge, step.hop), &step.key, &mut step.cell, measured, room) {
            self.cut.history_messages = self.cut.history_messages.saturating_add(messages);
            self.exports.passed(Some((step.edge, &step.key)), &Stats::from(measured), now_ns);
        }
        if let Some(step) = new {
            self.steps.insert(spelling, step, &self.limits);
        }
        let gone = self.hops.take_gone();
        if !gone.is_empty() {
            self.cut.idle_hops += gone.len() as u64;
            self.forget_hops(gone);
        }
    }

    fn add_backlog(&mut self, payload: &Borrowed<'_>, backlog: &Backlog<BorrowedTags<'_>>, slot: i64) {
        let env = normal_env(&payload.env, &payload.lang);
        match self.backlogs.add(env, |key| backlog.tags.value(key), backlog.value, slot, self.limits.max_partitions) {
            Taken::Yes { series, new } => {
                self.received.offsets += 1;
                if let Some(key) = new {
                    self.batch.memory += Batch::ENTRY + key.bytes();
                    self.batch.series.insert(series, key);
                }
                if backlog.value > 0 && self.batch.memory < self.limits.max_waiting.saturating_sub(self.held) {
                    let at = slot + SLOT;
                    let known = self.batch.offsets.entry((series, at)).or_insert_with(|| {
                        self.batch.memory += Batch::ENTRY;
                        backlog.value
                    });
                    *known = backlog.value.max(*known);
                }
            }
            Taken::Full => self.cut.offsets += 1,
            Taken::Ignored => self.received.offsets_ignored += 1,
        }
    }

    fn forget_hops(&mut self, gone: Vec<HopId>) {
        self.steps.clear();
        for hop in &gone {
            self.batch.hops.remove(hop);
        }
        self.batch.memory += Batch::ENTRY * gone.len();
        self.batch.gone_hops.extend(gone);
    }

    /// Forgets what was not seen since `oldest`, in seconds: nothing of it is kept any more.
    pub(crate) fn forget_before(&mut self, oldest: i64) {
        // The search takes time.
        if (self.forgot..self.forgot.saturating_add(60)).contains(&oldest) {
            return;
        }
        self.forgot = oldest;
        let hops = self.hops.forget_before(oldest);
        self.forget_hops(hops);
        let edges = self.edges.forget_before(oldest);
        self.steps.clear();
        let series = self.backlogs.forget_before(oldest);
        self.batch.memory += Batch::ENTRY * (edges.len() + series.len());
        for edge in &edges {
            self.batch.edges.remove(edge);
        }
        for id in &series {
            self.batch.series.remove(id);
        }
        self.batch.gone_edges.extend(edges);
        self.batch.gone_series.extend(series);
    }

    /// Takes over what was kept before a restart.
    pub(crate) fn restore(&mut self, kept: crate::history::Kept) {
        for (id, edge) in kept.edges {
            self.edges.restore(id, edge);
        }
        for (id, hop) in kept.hops {
            self.hops.restore(id, hop);
        }
        for (id, key, latest) in kept.series {
            self.backlogs.restore(id, &key, latest, self.started_ns.div_euclid(SECOND_NS));
        }
        for id in kept.ids {
            self.repeats.insert(&id);
        }
        // The numbers of what was forgotten may still be in cells.
        let [edge, hop, series] = kept.last;
        self.edges.go_on_after(edge);
        self.hops.go_on_after(hop);
        self.backlogs.go_on_after(series);
    }
}

/// The edge of a point.
fn key(payload: &Borrowed<'_>, point: &Point<BorrowedTags<'_>, &[u8]>) -> EdgeKey {
    EdgeKey {
        env: normal_env(&payload.env, &payload.lang).into(),
        service: point.service.as_deref().unwrap_or(&payload.service).into(),
        tags: normal_tags(point.edge_tags.iter(), &payload.lang),
    }
}

/// A place where an edge or a hop passed what began at `slot`.
fn began(known: &mut Began, slot: i64) -> bool {
    let earlier = slot < known.first;
    known.first = known.first.min(slot);
    earlier
}

impl Edge {
    /// What is kept of it.
    fn kept(&self) -> KeptEdge {
        let langs: Vec<&str> = self.langs.iter().map(|lang| &**lang).collect();
        KeptEdge { key: self.key.clone(), langs: langs.join(","), first: self.began.first, seen: self.seen }
    }
}
