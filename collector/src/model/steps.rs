//! Finding what is known of a point that came before in one look: by the bytes that a tracer wrote of it.

use super::edge::EdgeKey;
use super::{EdgeId, HopId, NO_HOP};
use crate::collect::limits::Limits;
use datastreams_core::payload::{Borrowed, BorrowedTags, Point};
use std::collections::HashMap;
use std::sync::Arc;

/// How many spellings of steps are remembered, by hops at the most; and bytes of them, by those of edges.
const SPELLINGS: usize = 4;

/// What is known of a step as it was spelled.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) edge: EdgeId,
    pub(super) key: Arc<EdgeKey>,
    /// [`NO_HOP`]: there was no room for it.
    pub(super) hop: HopId,
    /// When the edge and the hop were told last that something passed: the slot, and the moment, both in seconds.
    pub(super) told: (i64, i64),
    /// Where its cell may be.
    pub(super) cell: usize,
}

impl Step {
    pub(super) fn new(edge: EdgeId, key: Arc<EdgeKey>) -> Self {
        Self { edge, key, hop: NO_HOP, told: (i64::MIN, i64::MIN), cell: 0 }
    }
}

/// What a tracer wrote of a step: environment, service, language, hashes and tags, told apart.
#[derive(Debug, Default)]
pub(super) struct Spelling {
    bytes: Vec<u8>,
    /// The length of what all points of a payload share.
    shared: usize,
}

impl Spelling {
    /// Begins a payload.
    pub(super) fn begin(&mut self, payload: &Borrowed<'_>) {
        self.bytes.clear();
        for text in [&payload.env, &payload.service, &payload.lang] {
            self.text(text);
        }
        self.shared = self.bytes.len();
    }

    /// A point of that payload.
    pub(super) fn of(&mut self, point: &Point<BorrowedTags<'_>, &[u8]>) -> &[u8] {
        self.bytes.truncate(self.shared);
        self.bytes.extend_from_slice(&point.hash.to_le_bytes());
        self.bytes.extend_from_slice(&point.parent_hash.to_le_bytes());
        self.text(point.service.as_deref().unwrap_or_default());
        self.bytes.extend_from_slice(point.edge_tags.as_bytes());
        &self.bytes
    }

    fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(&text.len().to_le_bytes());
        self.bytes.extend_from_slice(text.as_bytes());
    }
}

/// Steps by their spellings: all can be forgotten at any time.
#[derive(Debug, Default)]
pub(super) struct Steps {
    known: HashMap<Box<[u8]>, Step>,
    /// Of all spellings.
    bytes: usize,
}

impl Steps {
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn get_mut(&mut self, spelling: &[u8]) -> Option<&mut Step> {
        self.known.get_mut(spelling)
    }

    /// Remembers a step, and forgets all others when they are too many.
    pub(super) fn insert(&mut self, spelling: &[u8], step: Step, limits: &Limits) {
        if spelling.len() > limits.max_edge_bytes {
            return;
        }
        let full = self.known.len() >= SPELLINGS * limits.max_hops;
        if full || self.bytes + spelling.len() > SPELLINGS * limits.max_names {
            self.clear();
        }
        self.bytes += spelling.len();
        self.known.insert(spelling.into(), step);
    }

    /// Forgets all: the edge or the hop of one is gone.
    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datastreams_core::payload::{Bucket, Payload};

    /// What is written of the only point of a payload.
    fn spelled(texts: [&str; 3], service: Option<&str>, hashes: [u64; 2], tags: &[&str]) -> Vec<u8> {
        let [env, of, lang] = texts.map(String::from);
        let [hash, parent_hash] = hashes;
        let edge_tags = tags.iter().map(|&tag| tag.into()).collect();
        let point = datastreams_core::payload::Point { edge_tags, hash, parent_hash, ..Default::default() };
        let stats = vec![Bucket { stats: vec![point], ..Bucket::default() }];
        let bytes = Payload { env, service: of, lang, stats, ..Payload::default() }.encode().unwrap();
        let mut payload = Borrowed::read(&bytes).unwrap();
        payload.stats[0].stats[0].service = service.map(Into::into);
        let mut spelling = Spelling::default();
        spelling.begin(&payload);
        spelling.of(&payload.stats[0].stats[0]).to_vec()
    }

    #[test]
    fn different_steps_are_spelled_differently() {
        let all = [
            spelled(["e", "s", "go"], None, [1, 2], &["a:b", "c:d"]),
            spelled(["es", "", "go"], None, [1, 2], &["a:b", "c:d"]),
            spelled(["e", "sgo", ""], None, [1, 2], &["a:b", "c:d"]),
            spelled(["e", "s", "go"], Some("t"), [1, 2], &["a:b", "c:d"]),
            spelled(["e", "s", "go"], None, [2, 1], &["a:b", "c:d"]),
            spelled(["e", "s", "go"], None, [1, 2], &["a:bc", ":d"]),
            spelled(["e", "s", "go"], None, [1, 2], &["c:d", "a:b"]),
            spelled(["e", "s", "go"], None, [1, 2], &[]),
        ];
        for (n, one) in all.iter().enumerate() {
            assert!(!all[..n].contains(one), "{n}");
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let limits = Limits { max_hops: 2, max_names: 100, max_edge_bytes: 60, ..Limits::DEFAULT };
        let key = Arc::new(EdgeKey { env: "".into(), service: "".into(), tags: [].into() });
        let mut steps = Steps::default();
        let remembered = |steps: &mut Steps, spelling: &[u8]| {
            steps.insert(spelling, Step::new(1, key.clone()), &limits);
            (steps.get_mut(spelling).is_some(), steps.known.len(), steps.bytes)
        };
        assert_eq!(remembered(&mut steps, &[0; 61]), (false, 0, 0), "too long");
        for n in 1..=8 {
            assert_eq!(remembered(&mut steps, &[n; 50]), (true, n.into(), 50 * usize::from(n)));
        }
        assert_eq!(remembered(&mut steps, &[9; 50]), (true, 1, 50), "too many");
    }
}
