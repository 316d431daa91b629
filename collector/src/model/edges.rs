//! All edges.

use super::batch::KeptEdge;
use super::began;
use super::edge::EdgeKey;
use super::stats::Began;
use crate::collect::limits::Limits;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The number of an edge: never used again, and the same after a restart.
pub(crate) type EdgeId = u32;

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

/// All edges.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    by_id: BTreeMap<EdgeId, Edge>,
    by_key: HashMap<Arc<EdgeKey>, EdgeId>,
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

    /// The edge with this key, new or not; `None`: it would be one too many.
    pub(super) fn find(&mut self, key: EdgeKey, limits: &Limits) -> Option<(EdgeId, Arc<EdgeKey>)> {
        if let Some((key, &id)) = self.by_key.get_key_value(&key) {
            return Some((id, key.clone()));
        }
        let bytes = key.bytes();
        let full = self.by_id.len() >= limits.max_edges || self.bytes + bytes > limits.max_names;
        if full || bytes > limits.max_edge_bytes {
            return None;
        }
        self.last = self.last.checked_add(1)?;
        let key = Arc::new(key);
        self.insert(self.last, key.clone(), BTreeSet::new(), Began { first: i64::MAX, report: None }, i64::MIN);
        Some((self.last, key))
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
        gone
    }
}
