//! Backlogs: how far producers and consumers of a queue have come, in offsets.
//!
//! A backlog is named by an edge (`type:kafka_commit`, `topic:orders`, `consumer_group:g`, `kafka_cluster_id:c`) and a
//! partition. The greatest offset of a bucket is kept: reports come out of order, and lag must not jump back.

use crate::bucket::{Bounds, NoRoom};
use crate::hash;

/// The partition of a queue that has none; it adds no tag.
pub const NO_PARTITION: i32 = -1;

/// One offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Backlog {
    /// The number of the edge.
    pub edge: u32,
    /// The partition.
    pub partition: i32,
    /// The greatest offset; negative: the place is free.
    pub offset: i64,
}

const FREE: Backlog = Backlog { edge: 0, partition: 0, offset: -1 };

/// The offsets of a bucket: an open-addressing table.
#[derive(Debug, Default)]
pub struct Backlogs {
    places: Vec<Backlog>,
    len: usize,
}

impl Backlogs {
    /// Keeps the greatest offset. `offset` must not be negative.
    ///
    /// # Errors
    /// When memory is short; then nothing is recorded.
    #[inline]
    pub fn record(&mut self, edge: u32, partition: i32, offset: i64, bounds: &Bounds<'_>) -> Result<(), NoRoom> {
        if (self.len + 1) * 2 > self.places.len() {
            self.make_room(bounds)?;
        }
        self.put(Backlog { edge, partition, offset });
        Ok(())
    }

    fn put(&mut self, new: Backlog) {
        let mask = self.places.len().wrapping_sub(1);
        let key = u64::from(new.edge) << 32 | u64::from(new.partition as u32);
        let mut at = hash::mix(key) as usize & mask;
        while let Some(place) = self.places.get_mut(at) {
            if place.offset < 0 {
                *place = new;
                self.len += 1;
                return;
            }
            if place.edge == new.edge && place.partition == new.partition {
                place.offset = place.offset.max(new.offset);
                return;
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    fn make_room(&mut self, bounds: &Bounds<'_>) -> Result<(), NoRoom> {
        let wanted = (self.places.len() * 2).max(16);
        let grows = wanted.saturating_sub(self.places.capacity());
        if !bounds.budget.charge(grows * size_of::<Backlog>()) {
            return Err(NoRoom);
        }
        let old: Vec<Backlog> = self.iter().collect();
        self.places.clear();
        self.places.reserve_exact(wanted);
        self.places.resize(wanted, FREE);
        self.len = 0;
        for backlog in old {
            self.put(backlog);
        }
        Ok(())
    }

    /// All offsets, in no order.
    pub fn iter(&self) -> impl Iterator<Item = Backlog> + '_ {
        self.places.iter().copied().filter(|place| place.offset >= 0)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Heap bytes, as charged.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<Backlog>()
    }

    /// Empties it, memory kept.
    pub fn clear(&mut self) {
        self.places.clear();
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Budget;
    use crate::counters::Counters;

    #[test]
    fn the_greatest_offset_is_kept() {
        let (budget, counters) = (Budget::new(1 << 20), Counters::new());
        let bounds = Bounds { budget: &budget, max_parents: 1, counters: &counters };
        let mut backlogs = Backlogs::default();
        for round in 0..3 {
            for edge in 0..50 {
                for partition in -1..5 {
                    // Out of order: the second round is the highest.
                    let offset = [5, 9, 7][round] + i64::from(partition) + 1;
                    backlogs.record(edge, partition, offset, &bounds).unwrap();
                }
            }
        }
        let mut all: Vec<_> = backlogs.iter().collect();
        all.sort();
        assert_eq!(all.len(), 300);
        assert!(all.iter().all(|backlog| backlog.offset == 10 + i64::from(backlog.partition)));
        assert_eq!(budget.used(), backlogs.bytes() as u64);
        backlogs.clear();
        assert!(backlogs.is_empty() && backlogs.iter().next().is_none());
    }

    #[test]
    fn no_memory_no_record() {
        let (budget, counters) = (Budget::new(100), Counters::new());
        let bounds = Bounds { budget: &budget, max_parents: 1, counters: &counters };
        assert_eq!(Backlogs::default().record(1, 0, 0, &bounds), Err(NoRoom));
        assert_eq!(budget.used(), 0);
    }
}
