//! All edges, and finding the one of a point quickly.

use super::batch::KeptEdge;
use super::began;
use super::edge::{EdgeKey, memory, normal_env, normal_tags, splits_tags};
use super::stats::Began;
use crate::collect::limits::Limits;
use datastreams_core::payload::{Payload, Point, Tags};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// The number of an edge: never used again, and the same after a restart.
pub(crate) type EdgeId = u32;

/// How many spellings of edges are remembered, by edges at the most.
const SPELLINGS: usize = 4;
/// The most languages of an edge, and bytes of one.
const MAX_LANGS: usize = 8;
const MAX_LANG: usize = 32;

/// An edge.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub(crate) key: Arc<EdgeKey>,
    /// The languages of the services that reported it; a few at most.
    pub(crate) langs: BTreeSet<Box<str>>,
    pub(crate) began: Began,
    /// The last slot, in seconds.
    pub(crate) seen: i64,
}

impl Edge {
    /// Notes that messages passed. Whether something changed that is kept: where it begins, its languages, and every hour
    /// that it is still there.
    pub(super) fn pass(&mut self, slot: i64, messages: u64, lang: &str, now_ns: i64) -> bool {
        let mut changed = self.seen == i64::MIN || slot / 3600 > self.seen / 3600;
        if self.seen == i64::MIN {
            self.began = Began { first: slot, report: Some((now_ns, messages)) };
        }
        changed |= began(&mut self.began, slot);
        self.seen = self.seen.max(slot);
        if self.langs.len() < MAX_LANGS && lang.len() <= MAX_LANG && !self.langs.contains(lang) {
            self.langs.insert(lang.into());
            changed = true;
        }
        changed
    }
}

/// A spelling of an edge: what a tracer wrote.
#[derive(Debug)]
struct Spelling {
    env: Box<str>,
    service: Box<str>,
    splits: bool,
    tags: Tags,
    edge: EdgeId,
}

impl Spelling {
    /// The bytes that it takes, about: a tag that is written a million times is one tag of an edge, but a million here.
    fn bytes(&self) -> usize {
        memory(&self.env, &self.service, &self.tags)
    }
}

/// All edges.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    by_id: BTreeMap<EdgeId, Edge>,
    by_key: HashMap<Arc<EdgeKey>, EdgeId>,
    /// By a hash that nobody outside knows.
    spellings: HashMap<u64, Vec<Spelling>>,
    spelled: usize,
    /// Of all spellings.
    spelled_bytes: usize,
    state: RandomState,
    last: EdgeId,
    /// Of all keys.
    bytes: usize,
}

impl Edges {
    pub(super) fn get_mut(&mut self, id: EdgeId) -> Option<&mut Edge> {
        self.by_id.get_mut(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (EdgeId, &Edge)> {
        self.by_id.iter().map(|(&id, edge)| (id, edge))
    }

    #[cfg(test)]
    pub(crate) fn spelled_bytes(&self) -> usize {
        self.spelled_bytes
    }

    /// The edge of a point; `None`: it would be one too many.
    pub(super) fn find(&mut self, payload: &Payload, point: &Point, limits: &Limits) -> Option<EdgeId> {
        let env = normal_env(&payload.env, &payload.lang);
        let service = point.service.as_deref().unwrap_or(&payload.service);
        let splits = splits_tags(&payload.lang);
        let hash = self.state.hash_one((env, service, splits, &point.edge_tags));
        let spelled = self.spellings.get(&hash).into_iter().flatten().find(|known| {
            known.tags == point.edge_tags && &*known.service == service && &*known.env == env && known.splits == splits
        });
        if let Some(known) = spelled {
            return Some(known.edge);
        }
        let key =
            EdgeKey { env: env.into(), service: service.into(), tags: normal_tags(&point.edge_tags, &payload.lang) };
        let edge = match self.by_key.get(&key) {
            Some(&id) => id,
            None => {
                let bytes = key.bytes();
                let full = self.by_id.len() >= limits.max_edges || self.bytes + bytes > limits.max_names;
                if full || bytes > limits.max_edge_bytes {
                    return None;
                }
                self.last = self.last.checked_add(1)?;
                self.insert(self.last, key.into(), BTreeSet::new(), Began { first: i64::MAX, report: None }, i64::MIN);
                self.last
            }
        };
        let tags = point.edge_tags.clone();
        let spelling = Spelling { env: env.into(), service: service.into(), splits, tags, edge };
        self.remember(hash, spelling, limits);
        Some(edge)
    }

    /// Remembers a spelling, unless it is one that no tracer writes.
    fn remember(&mut self, hash: u64, spelling: Spelling, limits: &Limits) {
        let bytes = spelling.bytes();
        if bytes > SPELLINGS * limits.max_edge_bytes {
            return;
        }
        let full = self.spelled >= SPELLINGS * limits.max_edges;
        if full || self.spelled_bytes + bytes > SPELLINGS * limits.max_names {
            self.forget_spellings();
        }
        self.spelled += 1;
        self.spelled_bytes += bytes;
        self.spellings.entry(hash).or_default().push(spelling);
    }

    fn forget_spellings(&mut self) {
        self.spellings.clear();
        (self.spelled, self.spelled_bytes) = (0, 0);
    }

    fn insert(&mut self, id: EdgeId, key: Arc<EdgeKey>, langs: BTreeSet<Box<str>>, began: Began, seen: i64) {
        self.bytes += key.bytes();
        self.by_key.insert(key.clone(), id);
        self.by_id.insert(id, Edge { key, langs, began, seen });
    }

    pub(super) fn restore(&mut self, id: EdgeId, kept: KeptEdge) {
        let langs = kept.langs.split(',').filter(|lang| !lang.is_empty()).map(Box::from).collect();
        self.last = self.last.max(id);
        self.insert(id, kept.key, langs, Began { first: kept.first, report: None }, kept.seen);
    }

    /// Gives no number up to this one again.
    pub(super) fn go_on_after(&mut self, last: EdgeId) {
        self.last = self.last.max(last);
    }

    /// Forgets those that were not seen since, and returns them.
    pub(super) fn forget_before(&mut self, oldest: i64) -> Vec<EdgeId> {
        let gone: Vec<EdgeId> = self.iter().filter(|(_, edge)| edge.seen < oldest).map(|(id, _)| id).collect();
        for id in &gone {
            if let Some(edge) = self.by_id.remove(id) {
                self.bytes -= edge.key.bytes();
                self.by_key.remove(&edge.key);
            }
        }
        if !gone.is_empty() {
            self.forget_spellings();
        }
        gone
    }
}
