//! A bucket: ten seconds of statistics, as one shard gathers them.
//!
//! Groups are found by (edge, parent, kind) in an open-addressing table whose entries fit a quarter of a cache line.
//! Everything that is not an increment in a known group is marked cold and may allocate; what it allocates is charged
//! to the [`Budget`] first.

use crate::backlog::Backlogs;
use crate::counters::{Counter, Counters};
use crate::edge::EdgeInfo;
use crate::hash;
use crate::sketch::{Bins, Growth};
use std::sync::atomic::{AtomicU64, Ordering};

/// The length of a bucket, in nanoseconds: what every receiver expects.
pub const DURATION_NS: i64 = 10_000_000_000;

/// The start of the bucket that holds a time.
#[inline]
#[must_use]
pub const fn start_of(time_ns: i64) -> i64 {
    time_ns.div_euclid(DURATION_NS) * DURATION_NS
}

/// The bytes that a client may hold in buckets, over all shards. Charged at growth, given back when buckets are done.
#[derive(Debug)]
pub struct Budget {
    used: AtomicU64,
    limit: u64,
}

impl Budget {
    /// A budget of `limit` bytes, none used.
    #[must_use]
    pub const fn new(limit: u64) -> Self {
        Self { used: AtomicU64::new(0), limit }
    }

    /// Takes `bytes`, or answers no and takes nothing.
    #[must_use]
    pub fn charge(&self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        let fits = self.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) <= self.limit;
        if !fits {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }

    /// Takes `bytes` even when they do not fit: for memory that moves.
    pub fn force(&self, bytes: usize) {
        self.used.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Gives `bytes` back.
    pub fn release(&self, bytes: usize) {
        self.used.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    /// The bytes in use.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether so much is free that memory may be kept for the next bucket: half of the limit.
    #[must_use]
    pub fn is_easy(&self) -> bool {
        self.used() <= self.limit / 2
    }
}

/// Which points a group ends up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Kind {
    /// The checkpoint and its pathway's origin are in one bucket: recorded once, reported as both points.
    Both = 0,
    /// The checkpoint is in this bucket.
    Current = 1,
    /// The pathway's origin is in this bucket.
    Origin = 2,
}

/// The bins of one checkpoint: edge latency, pathway latency, payload size. No payload size: it is unknown.
#[derive(Clone, Copy, Debug)]
pub struct Values {
    /// Index of the edge latency in seconds.
    pub edge_latency: i32,
    /// Index of the pathway latency in seconds.
    pub pathway_latency: i32,
    /// Index of the payload size in bytes.
    pub payload_size: Option<i32>,
}

/// The statistics of one (edge, parent, kind).
#[derive(Debug)]
pub struct Group {
    /// The number of the edge.
    pub edge: u32,
    /// Which points it ends up in.
    pub kind: Kind,
    /// The hash before the checkpoint.
    pub parent: u64,
    /// The hash after it.
    pub hash: u64,
    /// Seconds since the previous checkpoint.
    pub edge_latency: Bins,
    /// Seconds since the origin.
    pub pathway_latency: Bins,
    /// Bytes.
    pub payload_size: Bins,
}

/// What the bounds allow in one bucket.
#[derive(Clone, Copy, Debug)]
pub struct Bounds<'a> {
    /// Bytes.
    pub budget: &'a Budget,
    /// Parents of an edge in a bucket.
    pub max_parents: u32,
    /// Where cuts are counted.
    pub counters: &'a Counters,
}

/// No memory for it.
#[derive(Debug, PartialEq, Eq)]
pub struct NoRoom;

impl Group {
    const fn new() -> Self {
        Self {
            edge: 0,
            kind: Kind::Both,
            parent: 0,
            hash: 0,
            edge_latency: Bins::new(),
            pathway_latency: Bins::new(),
            payload_size: Bins::new(),
        }
    }

    /// The number of checkpoints.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.edge_latency.count()
    }

    /// The number of values that lost their own bin.
    #[must_use]
    pub fn cut(&self) -> u64 {
        self.edge_latency.cut() + self.pathway_latency.cut() + self.payload_size.cut()
    }

    /// Heap bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.edge_latency.bytes() + self.pathway_latency.bytes() + self.payload_size.bytes()
    }

    /// All three or, when memory is short, none.
    #[inline(always)]
    fn record(&mut self, values: Values, bounds: &Bounds<'_>) -> Result<(), NoRoom> {
        // Each count is looked up once: the compiler cannot know that one is not changed by another.
        let edge_latency = self.edge_latency.count_of(values.edge_latency);
        let pathway_latency = self.pathway_latency.count_of(values.pathway_latency);
        let (Some(edge_latency), Some(pathway_latency)) = (edge_latency, pathway_latency) else {
            return self.record_otherwise(&values, bounds);
        };
        if let Some(size) = values.payload_size {
            let Some(payload_size) = self.payload_size.count_of(size) else {
                return self.record_otherwise(&values, bounds);
            };
            *payload_size += 1;
        }
        *edge_latency += 1;
        *pathway_latency += 1;
        Ok(())
    }

    /// Zeros, which have no place among the bins, and what needs memory.
    #[inline(never)]
    fn record_otherwise(&mut self, values: &Values, bounds: &Bounds<'_>) -> Result<(), NoRoom> {
        let known = self.edge_latency.covers(values.edge_latency)
            && self.pathway_latency.covers(values.pathway_latency)
            && values.payload_size.is_none_or(|size| self.payload_size.covers(size));
        if !known {
            self.make_room(values, bounds)?;
        }
        self.edge_latency.bump(values.edge_latency);
        self.pathway_latency.bump(values.pathway_latency);
        if let Some(size) = values.payload_size {
            self.payload_size.bump(size);
        }
        Ok(())
    }

    #[cold]
    fn make_room(&mut self, values: &Values, bounds: &Bounds<'_>) -> Result<(), NoRoom> {
        let mut charge = |bytes| bounds.budget.charge(bytes);
        let wanted = [
            (&mut self.edge_latency, Some(values.edge_latency)),
            (&mut self.pathway_latency, Some(values.pathway_latency)),
            (&mut self.payload_size, values.payload_size),
        ];
        for (bins, index) in wanted {
            let Some(index) = index.filter(|&index| !bins.covers(index)) else { continue };
            match bins.grow(index, &mut charge) {
                Growth::Grown | Growth::Collapsed => {}
                Growth::Refused => return Err(NoRoom),
            }
        }
        Ok(())
    }

    /// Adds the statistics of another group. Memory moves rather than grows here, so that the budget cannot refuse.
    pub fn absorb(&mut self, other: &Group, budget: &Budget) {
        let before = self.bytes();
        self.edge_latency.merge_from(&other.edge_latency);
        self.pathway_latency.merge_from(&other.pathway_latency);
        self.payload_size.merge_from(&other.payload_size);
        budget.force(self.bytes().saturating_sub(before));
    }

    /// Empties it, memory kept.
    pub fn reset(&mut self) {
        self.edge_latency.reset();
        self.pathway_latency.reset();
        self.payload_size.reset();
    }
}

/// An entry of the table of groups. 16 bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    parent: u64,
    /// The edge and the kind.
    key: u32,
    /// The index of the group plus one; 0: free.
    group: u32,
}

const fn key_of(edge: u32, kind: Kind) -> u32 {
    edge << 2 | kind as u32
}

/// Ten seconds of statistics.
#[derive(Debug, Default)]
pub struct Bucket {
    /// When it begins, in nanoseconds since the epoch.
    pub start_ns: i64,
    /// In the order in which they were first seen.
    pub groups: Vec<Group>,
    places: Vec<Place>,
    /// How many parents an edge has in this bucket, of whatever kind.
    parents: Vec<u32>,
    /// Offsets of queues.
    pub backlogs: Backlogs,
    /// Records in wire format; see [`crate::transaction`].
    pub transactions: Vec<u8>,
    /// The number of records.
    pub transaction_count: u64,
}

impl Bucket {
    /// Whether a time falls into it.
    #[inline]
    #[must_use]
    pub const fn holds(&self, time_ns: i64) -> bool {
        (time_ns.wrapping_sub(self.start_ns) as u64) < DURATION_NS as u64
    }

    /// Records one checkpoint.
    ///
    /// # Errors
    /// When memory is short; then nothing is recorded.
    #[inline(always)]
    pub fn record(
        &mut self,
        edge: (u32, &EdgeInfo),
        kind: Kind,
        step: (u64, u64),
        values: Values,
        pool: &mut Vec<Group>,
        bounds: &Bounds<'_>,
    ) -> Result<(), NoRoom> {
        let (parent, hash) = step;
        let known = self.find(key_of(edge.0, kind), parent);
        let index = match known {
            Some(index) => index,
            None => self.add(edge, kind, parent, hash, pool, bounds)?,
        };
        match self.groups.get_mut(index) {
            Some(group) => group.record(values, bounds),
            None => Err(NoRoom),
        }
    }

    #[inline(always)]
    fn find(&self, key: u32, parent: u64) -> Option<usize> {
        let mask = self.places.len().wrapping_sub(1);
        let mut at = spread(key, parent) & mask;
        // An empty table has no place to look at; a full one does not exist.
        while let Some(place) = self.places.get(at) {
            if place.group == 0 {
                return None;
            }
            if place.key == key && place.parent == parent {
                return Some(place.group as usize - 1);
            }
            at = (at + 1) & mask;
        }
        None
    }

    #[cold]
    #[inline(never)]
    fn add(
        &mut self,
        (edge, info): (u32, &EdgeInfo),
        kind: Kind,
        mut parent: u64,
        mut hash: u64,
        pool: &mut Vec<Group>,
        bounds: &Bounds<'_>,
    ) -> Result<usize, NoRoom> {
        let key = key_of(edge, kind);
        self.make_room(edge, bounds)?;
        let known = [Kind::Both, Kind::Current, Kind::Origin].map(|kind| self.find(key_of(edge, kind), parent));
        let parents = self.parents.get_mut(edge as usize).ok_or(NoRoom)?;
        if known.iter().any(Option::is_some) {
            // It was counted before, for another kind.
        } else if parent != 0 && *parents >= bounds.max_parents {
            bounds.counters.add(if kind == Kind::Origin { Counter::CutOrigin } else { Counter::CutParents }, 1);
            parent = 0;
            hash = hash::extend(info.prefix, 0);
            if let Some(index) = self.find(key, 0) {
                return Ok(index);
            }
        } else if parent != 0 {
            *parents += 1;
        }
        let mut group = pool.pop().unwrap_or(Group::new());
        group.edge = edge;
        group.kind = kind;
        group.parent = parent;
        group.hash = hash;
        let index = self.groups.len();
        self.groups.push(group);
        place(&mut self.places, Place { parent, key, group: index as u32 + 1 });
        Ok(index)
    }

    /// Makes room for one more group in all three tables.
    fn make_room(&mut self, edge: u32, bounds: &Bounds<'_>) -> Result<(), NoRoom> {
        let groups = self.groups.len();
        if groups == self.groups.capacity() {
            let more = (groups / 2).max(8);
            charge(bounds, more * size_of::<Group>())?;
            self.groups.reserve_exact(more);
        }
        let parents = edge as usize + 1;
        if parents > self.parents.len() {
            let more = parents - self.parents.len();
            let grows = parents.saturating_sub(self.parents.capacity());
            charge(bounds, grows * size_of::<u32>())?;
            self.parents.reserve_exact(more);
            self.parents.resize(parents, 0);
        }
        if (groups + 1) * 2 > self.places.len() {
            let wanted = (self.places.len() * 2).max(16);
            charge(bounds, wanted.saturating_sub(self.places.capacity()) * size_of::<Place>())?;
            let mut places = std::mem::take(&mut self.places);
            places.clear();
            places.reserve_exact(wanted);
            places.resize(wanted, Place::default());
            for (index, group) in self.groups.iter().enumerate() {
                let key = key_of(group.edge, group.kind);
                place(&mut places, Place { parent: group.parent, key, group: index as u32 + 1 });
            }
            self.places = places;
        }
        Ok(())
    }

    /// Heap bytes, as charged.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.groups.iter().map(Group::bytes).sum::<usize>() + self.frame_bytes()
    }

    /// Heap bytes without what hangs off the groups.
    #[must_use]
    pub fn frame_bytes(&self) -> usize {
        self.groups.capacity() * size_of::<Group>()
            + self.places.capacity() * size_of::<Place>()
            + self.parents.capacity() * size_of::<u32>()
            + self.backlogs.bytes()
            + self.transactions.capacity()
    }

    /// Whether it holds origin copies only.
    #[must_use]
    pub fn is_origin_only(&self) -> bool {
        self.backlogs.is_empty()
            && self.transactions.is_empty()
            && self.groups.iter().all(|group| group.kind == Kind::Origin)
    }

    /// Empties it, memory kept. Its groups must have been taken out.
    pub fn reset(&mut self, start_ns: i64) {
        self.start_ns = start_ns;
        self.groups.clear();
        self.places.clear();
        self.parents.clear();
        self.backlogs.clear();
        self.transactions.clear();
        self.transaction_count = 0;
    }
}

fn charge(bounds: &Bounds<'_>, bytes: usize) -> Result<(), NoRoom> {
    if bounds.budget.charge(bytes) { Ok(()) } else { Err(NoRoom) }
}

/// The place to begin the search at. A foreign parent may be anything, so that its bits are spread.
#[inline]
const fn spread(key: u32, parent: u64) -> usize {
    ((parent ^ key as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
}

fn place(places: &mut [Place], new: Place) {
    let mask = places.len().wrapping_sub(1);
    let mut at = spread(new.key, new.parent) & mask;
    while let Some(place) = places.get_mut(at) {
        if place.group == 0 {
            *place = new;
            return;
        }
        at = (at + 1) & mask;
    }
}
