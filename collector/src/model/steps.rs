//! Finding what is known of a point that came before in one look: by the bytes that a tracer wrote of it.

use super::{EdgeId, HopId, NO_HOP};
use crate::collect::limits::Limits;
use datastreams_core::payload::{Borrowed, BorrowedTags, Point};
use std::collections::HashMap;

/// How many spellings of steps are remembered, by hops at the most; and bytes of them, by those of edges.
const SPELLINGS: usize = 4;

/// What is known of a step as it was spelled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) edge: EdgeId,
    /// [`NO_HOP`]: there was no room for it.
    pub(super) hop: HopId,
    /// When the edge and the hop were told last that something passed: the slot, and the moment, both in seconds.
    pub(super) told: (i64, i64),
    /// Where its cell may be.
    pub(super) cell: usize,
}

impl Step {
    pub(super) fn new(edge: EdgeId) -> Self {
        Self { edge, hop: NO_HOP, told: (i64::MIN, i64::MIN), cell: 0 }
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
