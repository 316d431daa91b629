//! All hops: the steps of pathways as they were reported.

use super::batch::KeptHop;
use super::stats::{Began, RECENT_S, SECOND_NS};
use super::{EdgeId, began};
use crate::collect::limits::Limits;
use std::collections::HashMap;

/// The number of a hop: never used again, and the same after a restart.
pub(crate) type HopId = u32;
/// What is in no pathway.
pub(crate) const NO_HOP: HopId = 0;

/// A step of a pathway as it was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct HopKey {
    /// The hash of the pathway after it.
    pub(crate) hash: u64,
    /// The hash before it; 0: it is the origin.
    pub(crate) parent: u64,
    pub(crate) edge: EdgeId,
}

/// A step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hop {
    pub(crate) id: HopId,
    pub(crate) began: Began,
    /// The last slot, in seconds.
    pub(crate) seen: i64,
    /// When it was reported last; before a restart, never.
    arrived_ns: i64,
}

impl Hop {
    /// Notes that messages passed. Whether something changed that is kept.
    pub(super) fn pass(&mut self, slot: i64, messages: u64, now_ns: i64) -> bool {
        let mut changed = self.seen == i64::MIN || slot / 3600 > self.seen / 3600;
        if self.seen == i64::MIN {
            self.began = Began { first: slot, report: Some((now_ns, messages)) };
        }
        changed |= began(&mut self.began, slot);
        self.seen = self.seen.max(slot);
        self.arrived_ns = now_ns;
        changed
    }
}

/// All hops.
#[derive(Debug, Default)]
pub(crate) struct Hops {
    known: HashMap<HopKey, Hop>,
    last: HopId,
    /// When idle ones were looked for last: the search takes time.
    swept_ns: Option<i64>,
    /// Forgotten since they were last asked for.
    gone: Vec<HopId>,
}

impl Hops {
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (HopKey, &Hop)> {
        self.known.iter().map(|(&key, hop)| (key, hop))
    }

    /// The hop, new or not; `None`: it would be one too many.
    pub(super) fn find(&mut self, key: HopKey, limits: &Limits, now_ns: i64) -> Option<(HopId, &mut Hop)> {
        if self.known.len() >= limits.max_hops && !self.known.contains_key(&key) {
            self.forget_idle(now_ns);
            if self.known.len() >= limits.max_hops {
                return None;
            }
        }
        let Self { known, last, .. } = self;
        let hop = known.entry(key).or_insert_with(|| {
            *last = last.wrapping_add(1).max(1);
            Hop { id: *last, began: Began { first: i64::MAX, report: None }, seen: i64::MIN, arrived_ns: now_ns }
        });
        Some((hop.id, hop))
    }

    /// Makes room for new hops: tracers that hash process or container tags leave all their hops behind at a deploy.
    fn forget_idle(&mut self, now_ns: i64) {
        const PAUSE_NS: i64 = 10 * SECOND_NS;
        if self.swept_ns.is_some_and(|swept| now_ns < swept.saturating_add(PAUSE_NS)) {
            return;
        }
        self.swept_ns = Some(now_ns);
        self.forget(|hop| hop.arrived_ns <= now_ns - RECENT_S * SECOND_NS);
    }

    fn forget(&mut self, mut idle: impl FnMut(&Hop) -> bool) {
        let gone = &mut self.gone;
        self.known.retain(|_, hop| {
            let forget = idle(hop);
            if forget {
                gone.push(hop.id);
            }
            !forget
        });
    }

    pub(super) fn take_gone(&mut self) -> Vec<HopId> {
        std::mem::take(&mut self.gone)
    }

    /// Gives no number up to this one again.
    pub(super) fn go_on_after(&mut self, last: HopId) {
        self.last = self.last.max(last);
    }

    /// Forgets those that were not seen since, and returns them.
    pub(super) fn forget_before(&mut self, oldest: i64) -> Vec<HopId> {
        self.forget(|hop| hop.seen < oldest);
        self.take_gone()
    }

    pub(super) fn restore(&mut self, id: HopId, kept: KeptHop) {
        let began = Began { first: kept.first, report: None };
        self.last = self.last.max(id);
        self.known.insert(kept.key, Hop { id, began, seen: kept.seen, arrived_ns: i64::MIN });
    }
}
