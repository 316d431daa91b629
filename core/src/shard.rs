//! A shard: one of several sets of buckets, so that threads do not wait for each other.
//!
//! A checkpoint takes the first shard that is free, beginning with its thread's own. Nothing waits: when all are busy
//! the checkpoint is counted as cut. The reporter may wait, and holds a shard only to move whole buckets out.

use crate::bucket::{Bounds, Bucket, Budget, Group, Kind, NoRoom, Values, start_of};
use crate::counters::Counter;
use crate::edge::EdgeInfo;
use crate::pathway::Step;
use crossbeam_utils::CachePadded;
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use try_lock::{Locked, TryLock};

/// One set of buckets.
#[derive(Debug, Default)]
pub struct Shard {
    /// Checkpoints recorded since the start.
    pub recorded: u64,
    /// Headers read since the start.
    pub headers_read: u64,
    /// The client was stopped: what comes now is passed through, not recorded.
    pub closed: bool,
    buckets: Vec<Bucket>,
    /// The index of the bucket that held the last checkpoint, and of that which held the last origin.
    current: usize,
    origin: usize,
    /// Emptied groups and buckets, for their memory.
    pool: Vec<Group>,
    frames: Vec<Bucket>,
}

/// What became of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is in a bucket.
    Yes,
    /// It is in a bucket that was opened for it: the reporter has something to do.
    Opened,
    /// The shard is closed.
    Closed,
    /// Memory is short.
    NoRoom,
}

/// What a shard gives to the reporter.
#[derive(Debug, Default)]
pub struct Taken {
    /// Buckets to report.
    pub buckets: Vec<Bucket>,
    /// Memory that was not used again.
    pub groups: Vec<Group>,
    /// As well.
    pub frames: Vec<Bucket>,
}

impl Shard {
    /// Records a checkpoint: the current point and the origin's.
    #[inline(always)]
    pub fn record(
        &mut self,
        edge: (u32, &EdgeInfo),
        step: &Step,
        values: Values,
        max_origin_buckets: usize,
        bounds: &Bounds<'_>,
    ) -> Recorded {
        if self.closed {
            return Recorded::Closed;
        }
        let now_ns = step.pathway.edge_start_ns;
        let origin_ns = now_ns.saturating_sub(step.pathway_latency_ns);
        let mut opened = false;
        if !self.buckets.get(self.current).is_some_and(|bucket| bucket.holds(now_ns)) {
            (self.current, opened) = self.open(now_ns);
        }
        let hashes = (step.parent, step.pathway.hash);
        let Some(bucket) = self.buckets.get_mut(self.current) else { return Recorded::NoRoom };
        let together = bucket.holds(origin_ns);
        let kind = if together { Kind::Both } else { Kind::Current };
        if bucket.record(edge, kind, hashes, values, &mut self.pool, bounds).is_err() {
            self.close_again(opened);
            return Recorded::NoRoom;
        }
        self.recorded += 1;
        if !together && self.record_origin(edge, hashes, values, origin_ns, max_origin_buckets, bounds).is_err() {
            bounds.counters.add(Counter::CutOrigin, 1);
        }
        if opened { Recorded::Opened } else { Recorded::Yes }
    }

    #[inline(never)]
    fn record_origin(
        &mut self,
        edge: (u32, &EdgeInfo),
        hashes: (u64, u64),
        values: Values,
        origin_ns: i64,
        max_origin_buckets: usize,
        bounds: &Bounds<'_>,
    ) -> Result<(), NoRoom> {
        let mut opened = false;
        if !self.buckets.get(self.origin).is_some_and(|bucket| bucket.holds(origin_ns)) {
            // One more than the origins: the bucket that holds now.
            if self.buckets.len() > max_origin_buckets && !self.buckets.iter().any(|bucket| bucket.holds(origin_ns)) {
                return Err(NoRoom);
            }
            (self.origin, opened) = self.open(origin_ns);
        }
        let bucket = self.buckets.get_mut(self.origin).ok_or(NoRoom)?;
        let recorded = bucket.record(edge, Kind::Origin, hashes, values, &mut self.pool, bounds);
        if recorded.is_err() {
            self.close_again(opened);
        }
        recorded
    }

    /// Keeps the greatest offset of a backlog.
    pub fn record_offset(&mut self, edge: u32, partition: i32, offset: i64, now_ns: i64, b: &Bounds<'_>) -> Recorded {
        self.record_other(now_ns, |bucket| bucket.backlogs.record(edge, partition, offset, b))
    }

    /// Appends the record of a transaction.
    pub fn record_transaction(&mut self, name: u8, at_ns: i64, id: &[u8], now_ns: i64, b: &Bounds<'_>) -> Recorded {
        self.record_other(now_ns, |bucket| {
            crate::transaction::put(&mut bucket.transactions, name, at_ns, id, b)?;
            bucket.transaction_count += 1;
            Ok(())
        })
    }

    fn record_other(&mut self, now_ns: i64, record: impl FnOnce(&mut Bucket) -> Result<(), NoRoom>) -> Recorded {
        if self.closed {
            return Recorded::Closed;
        }
        let (index, opened) = self.open(now_ns);
        self.current = index;
        match self.buckets.get_mut(index).map(record) {
            Some(Ok(())) if opened => Recorded::Opened,
            Some(Ok(())) => Recorded::Yes,
            _ => {
                self.close_again(opened);
                Recorded::NoRoom
            }
        }
    }

    /// The index of the bucket that holds a time, and whether it is new.
    #[cold]
    fn open(&mut self, time_ns: i64) -> (usize, bool) {
        if let Some(index) = self.buckets.iter().position(|bucket| bucket.holds(time_ns)) {
            return (index, false);
        }
        let mut bucket = self.frames.pop().unwrap_or_default();
        bucket.reset(start_of(time_ns));
        self.buckets.push(bucket);
        (self.buckets.len() - 1, true)
    }

    /// Undoes [`Shard::open`] for a bucket that was opened in vain: an empty one would take memory that nobody charged,
    /// and what came into it later would not wake the reporter.
    #[cold]
    fn close_again(&mut self, opened: bool) {
        let Some(mut bucket) = self.buckets.pop_if(|_| opened) else { return };
        for mut group in bucket.groups.drain(..) {
            group.reset();
            self.pool.push(group);
        }
        self.frames.push(bucket);
    }

    /// Whether nothing waits to be reported.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Moves out every bucket but the one that holds `keep_ns`, and the memory that the last ten seconds did not need.
    pub fn take(&mut self, keep_ns: Option<i64>) -> Taken {
        let kept = keep_ns.and_then(|now| self.buckets.iter().position(|bucket| bucket.holds(now)));
        let kept = kept.map(|index| self.buckets.swap_remove(index));
        let buckets = std::mem::replace(&mut self.buckets, kept.into_iter().collect());
        self.current = 0;
        self.origin = 0;
        Taken { buckets, groups: std::mem::take(&mut self.pool), frames: std::mem::take(&mut self.frames) }
    }

    /// Takes emptied memory back for the next buckets.
    pub fn recycle(&mut self, groups: Vec<Group>, frames: Vec<Bucket>) {
        if self.pool.is_empty() {
            self.pool = groups;
        } else {
            self.pool.extend(groups);
        }
        self.frames.extend(frames);
    }
}

/// The shards of a client.
#[derive(Debug)]
pub struct Shards {
    shards: Box<[CachePadded<TryLock<Shard>>]>,
    /// Bytes over all of them.
    pub budget: Budget,
}

thread_local! {
    /// The shard at which this thread begins to look; it moves on when that one is busy.
    static MINE: Cell<u32> = const { Cell::new(u32::MAX) };
}

/// Makes this thread begin at another shard from now on.
#[cold]
#[inline(never)]
fn stay(at: usize) {
    let _ = MINE.try_with(|cell| cell.set(at as u32 & (u32::MAX >> 1)));
}

/// Gives each thread its own shard to begin with, as far as they go.
#[cold]
fn first_shard() -> u32 {
    static THREADS: AtomicU32 = AtomicU32::new(0);
    THREADS.fetch_add(1, Ordering::Relaxed) & (u32::MAX >> 1)
}

impl Shards {
    /// `count` empty shards (at least one) and a common budget in bytes.
    #[must_use]
    pub fn new(count: usize, budget: u64) -> Self {
        let shards = std::iter::repeat_with(CachePadded::default).take(count.next_power_of_two()).collect();
        Self { shards, budget: Budget::new(budget) }
    }

    /// The first free shard, beginning with the thread's own. `None`: all are busy.
    #[inline(always)]
    #[must_use]
    pub fn free(&self) -> Option<Locked<'_, Shard>> {
        // A thread that ends has no thread-local storage left; it begins at the first shard.
        let mut mine = MINE.try_with(Cell::get).unwrap_or(0);
        if mine == u32::MAX {
            mine = first_shard();
            let _ = MINE.try_with(|cell| cell.set(mine));
        }
        let mask = self.shards.len() - 1;
        let mut busy = 0;
        // One place that locks for the first try and all others, so that the compiler knows how it is unlocked.
        loop {
            let at = mine as usize + busy;
            if let Some(shard) = self.shards.get(at & mask).and_then(|shard| shard.try_lock()) {
                if busy != 0 {
                    stay(at);
                }
                return Some(shard);
            }
            busy += 1;
            if self.is_enough(busy) {
                return None;
            }
        }
    }

    /// Whether so many busy shards are enough to give up. A holder needs some 50 ns, so that a second round finds those
    /// that were held only for a moment.
    #[cold]
    #[inline(never)]
    fn is_enough(&self, busy: usize) -> bool {
        std::hint::spin_loop();
        busy > 2 * self.shards.len()
    }

    /// Every shard in turn, waited for. Not for the hot path.
    pub fn each(&self) -> impl Iterator<Item = Locked<'_, Shard>> {
        self.shards.iter().map(|shard| patiently(shard))
    }

    /// The shard with an index of [`Shards::each`].
    #[must_use]
    pub fn at(&self, index: usize) -> Option<Locked<'_, Shard>> {
        self.shards.get(index).map(|shard| patiently(shard))
    }
}

/// Waits for a shard: the holder is in the middle of a checkpoint, or was interrupted in it.
fn patiently(shard: &TryLock<Shard>) -> Locked<'_, Shard> {
    let mut tries = 0u32;
    loop {
        if let Some(locked) = shard.try_lock() {
            return locked;
        }
        tries += 1;
        match tries {
            0..100 => std::hint::spin_loop(),
            100..200 => std::thread::yield_now(),
            _ => std::thread::sleep(Duration::from_micros(50)),
        }
    }
}
