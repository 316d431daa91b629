//! The pathway: one branch of services joined by queues, and the rules by which a checkpoint extends it.

use crate::{hash, header};

/// The direction of a checkpoint, from its tag `direction:in` or `direction:out`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Direction {
    /// Neither: such a checkpoint only extends the pathway.
    #[default]
    None = 0,
    /// A message was consumed.
    In = 1,
    /// A message is produced.
    Out = 2,
}

/// Where a message has been: a value to copy and compare. Times are nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pathway {
    /// The pathway up to the last checkpoint.
    pub hash: u64,
    /// The time at the origin.
    pub start_ns: i64,
    /// The time of the last checkpoint.
    pub edge_start_ns: i64,
    /// The hash before the last change of direction: what a fan-out goes back to. Not in the header.
    pub opposite_hash: u64,
    /// The edge start that belongs to `opposite_hash`.
    pub opposite_edge_start_ns: i64,
    /// The direction of the last checkpoint that had one. Not in the header.
    pub direction: Direction,
}

/// What a checkpoint is set on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// [`hash::prefix`] of the edge.
    pub prefix: u64,
    /// The direction of the edge.
    pub direction: Direction,
    /// The time of the checkpoint.
    pub now_ns: i64,
    /// When the message entered the queue, where that is known: the start of a pathway that begins here. 0: unknown.
    pub queued_ns: i64,
}

/// What a checkpoint measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The pathway after the checkpoint.
    pub pathway: Pathway,
    /// The hash before it; 0 at an origin.
    pub parent: u64,
    /// Nanoseconds since the previous checkpoint, never negative.
    pub edge_latency_ns: i64,
    /// Nanoseconds since the origin, never negative.
    pub pathway_latency_ns: i64,
    /// A latency was negative before it was clamped: clocks differ.
    pub skewed: bool,
    /// Loop protection began a new pathway.
    pub restarted: bool,
}

impl Pathway {
    /// Whether this is a pathway at all; the zero value is none, nor is one from before the epoch.
    #[inline]
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.start_ns > 0
    }

    /// Extends `before` (`None`: a new pathway begins) by a checkpoint.
    ///
    /// Loop protection is that of dd-trace-js and dd-trace-rb: consecutive checkpoints of one direction are branches
    /// that go out from the closest checkpoint of the opposite direction, not a chain. Without one (a program that only
    /// produces, over and over) each begins a pathway of its own.
    #[inline(always)]
    #[must_use]
    pub fn cross(before: Option<Pathway>, at: Crossing) -> Step {
        let Crossing { prefix, direction, now_ns, queued_ns } = at;
        let root_ns = if queued_ns != 0 { queued_ns.min(now_ns) } else { now_ns };
        let mut next = match before {
            Some(before) => before,
            None => Pathway { start_ns: root_ns, edge_start_ns: root_ns, ..Pathway::default() },
        };
        let mut parent = next.hash;
        let mut restarted = false;
        if direction != Direction::None {
            if direction == next.direction {
                parent = next.opposite_hash;
                if parent == 0 {
                    next.start_ns = root_ns;
                    next.edge_start_ns = root_ns;
                    restarted = true;
                } else {
                    next.edge_start_ns = next.opposite_edge_start_ns;
                }
            } else {
                next.opposite_hash = next.hash;
                next.opposite_edge_start_ns = next.edge_start_ns;
                next.direction = direction;
            }
        }
        let edge_latency = now_ns.saturating_sub(next.edge_start_ns);
        let pathway_latency = now_ns.saturating_sub(next.start_ns);
        next.hash = hash::extend(prefix, parent);
        next.edge_start_ns = now_ns;
        Step {
            pathway: next,
            parent,
            edge_latency_ns: edge_latency.max(0),
            pathway_latency_ns: pathway_latency.max(0),
            skewed: (edge_latency | pathway_latency) < 0,
            restarted,
        }
    }

    /// Writes the base64 header; returns its length.
    #[inline]
    pub fn encode_base64(&self, out: &mut [u8; header::MAX]) -> usize {
        header::encode_base64(self, out)
    }

    /// Writes the binary header; returns its length.
    #[inline]
    pub fn encode_binary(&self, out: &mut [u8; header::MAX_BINARY]) -> usize {
        header::encode_binary(self, out)
    }

    /// Chooses the pathway that goes on where several messages are joined into one.
    ///
    /// The choice is uniform over the pathways, the same on every call, and does not depend on their order: the one with
    /// the least mixed hash of (hash, starts). Values that are no pathway are passed over.
    #[must_use]
    pub fn merge(pathways: &[Pathway]) -> Option<Pathway> {
        pathways.iter().filter(|pathway| pathway.exists()).min_by_key(|pathway| (pathway.mixed(), **pathway)).copied()
    }

    fn mixed(&self) -> u64 {
        let state = hash::fnv1(&self.hash.to_le_bytes());
        let state = hash::fnv1_from(state, &self.start_ns.to_le_bytes());
        hash::mix(hash::fnv1_from(state, &self.edge_start_ns.to_le_bytes()))
    }
}
