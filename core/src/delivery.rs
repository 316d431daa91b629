//! Keeps what was not delivered and says when to try again: a bounded retry queue.
//!
//! Pure: no I/O, no clock. Time is `mono`, nanoseconds on any monotonic clock, and jitter comes from a seed. What the
//! queue does with each [`Outcome`]:
//!
//! * 2xx: delivered.
//! * [`Outcome::NotSent`], [`Outcome::Lost`], 408, 425, 429 and 5xx: tried again, after a delay that doubles from one
//!   second to one minute (429 and 503: not before `Retry-After`).
//! * 404: the endpoint is missing; one payload probes for it every five minutes (as dd-trace-java does).
//! * 413: split in two, down to a single point, which is dropped.
//! * everything else, redirects too: dropped.
//!
//! A delay belongs to one payload, so that a payload the agent cannot digest does not hold up the others. It belongs to
//! the endpoint, and so to all payloads, when the agent was not reached, answered 404 or 429, or failed three times in
//! a row: an agent that is down is asked once per delay, not once per payload.
//!
//! Account: `payloads` = `payloads_delivered` + all `payloads_dropped_<cause>` + those still queued, at any moment.

use crate::counters::{Counter, Counters};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// One second on the monotonic clock, in nanoseconds.
const SECOND: u64 = 1_000_000_000;
/// The first delay after a failure, in nanoseconds.
pub const BACKOFF_FIRST: u64 = SECOND;
/// The longest delay between two attempts, in nanoseconds.
pub const BACKOFF_MAX: u64 = 60 * SECOND;
/// The delay after a 404, in nanoseconds.
pub const MISSING_DELAY: u64 = 300 * SECOND;
/// The longest `Retry-After` that is honoured, in nanoseconds: a larger one is cut, not believed.
pub const RETRY_AFTER_MAX: u64 = 300 * SECOND;
/// Bytes charged for each queued payload beside its body, so that many small ones are bounded too.
pub const PARCEL_OVERHEAD: usize = 256;
/// Failures in a row, over any payloads, after which the whole endpoint waits.
const STREAK: u32 = 3;

/// What the queue may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of bodies, and [`PARCEL_OVERHEAD`] for each. Past it the oldest payload is dropped, but the newest is
    /// always kept: a payload larger than the limit is still tried.
    pub bytes: usize,
    /// Nanoseconds on the monotonic clock that a payload is kept for after it was pushed.
    pub age: u64,
}

/// A body to deliver and what it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Gzip-compressed msgpack.
    pub body: Arc<[u8]>,
    /// Checkpoints in it.
    pub messages: u64,
    /// Transactions in it.
    pub transactions: u64,
}

/// One payload to post, handed out by [`Queue::due`]. Exactly one [`Queue::settle`] answers it.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// Its number in this queue, never used twice.
    pub id: u64,
    /// What to post.
    pub body: Arc<[u8]>,
    /// Checkpoints in it.
    pub messages: u64,
    /// Transactions in it.
    pub transactions: u64,
    /// Attempts settled before this one.
    pub attempts: u32,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An answer came.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The `Retry-After` header, if it was there and readable.
        retry_after: Option<Duration>,
    },
    /// Not a byte of the request left: no connection, or no time for one.
    NotSent,
    /// The request may have been sent, but no answer came: a retry may deliver it twice.
    Lost,
}

/// Why a payload was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The agent refused it for good.
    Rejected,
    /// A single point, and still too large for the agent.
    TooLarge,
    /// Not delivered for too long.
    Age,
    /// The queue outgrew its bytes.
    Bytes,
    /// The client stopped.
    Stop,
    /// It could not be split, or work on it failed.
    Fault,
}

impl Cause {
    fn counters(self) -> (Counter, Counter) {
        match self {
            Cause::Rejected => (Counter::PayloadsDroppedRejected, Counter::MessagesDroppedRejected),
            Cause::TooLarge => (Counter::PayloadsDroppedTooLarge, Counter::MessagesDroppedTooLarge),
            Cause::Age => (Counter::PayloadsDroppedAge, Counter::MessagesDroppedAge),
            Cause::Bytes => (Counter::PayloadsDroppedBytes, Counter::MessagesDroppedBytes),
            Cause::Stop => (Counter::PayloadsDroppedStop, Counter::MessagesDroppedStop),
            Cause::Fault => (Counter::PayloadsDroppedFault, Counter::MessagesDroppedFault),
        }
    }
}

#[derive(Debug)]
struct Entry {
    piece: Piece,
    born: u64,
    /// When it may be tried; `None` while an attempt is under way.
    due: Option<u64>,
    attempts: u32,
    /// An attempt, of this payload or of the one it was split from, may have arrived.
    uncertain: bool,
}

fn cost(body: &[u8]) -> usize {
    body.len().saturating_add(PARCEL_OVERHEAD)
}

/// What waits for delivery. Owned by one thread at a time; every operation costs O(log n).
#[derive(Debug)]
pub struct Queue {
    limits: Limits,
    entries: BTreeMap<u64, Entry>,
    /// (born, id) of all entries.
    by_age: BTreeSet<(u64, u64)>,
    /// (due, born, id) of those waiting. The oldest due goes first, so a stream of new payloads starves no retry and
    /// a retry, due later each time, starves no other.
    by_due: BTreeSet<(u64, u64, u64)>,
    bytes: usize,
    last_id: u64,
    /// Nothing is due before this.
    gate: u64,
    /// Failures since the last answer that proves the endpoint works.
    streak: u32,
    jitter: Jitter,
}

impl Queue {
    /// An empty queue. `seed` spreads the retries of processes that lost the same agent at the same time.
    #[must_use]
    pub fn new(limits: Limits, seed: u64) -> Self {
        Self {
            limits,
            entries: BTreeMap::new(),
            by_age: BTreeSet::new(),
            by_due: BTreeSet::new(),
            bytes: 0,
            last_id: 0,
            gate: 0,
            streak: 0,
            jitter: Jitter(seed),
        }
    }

    /// Queues a payload, due at once, and returns its id. Counts it under `payloads`; drops the oldest ones when the
    /// queue outgrows its bytes.
    pub fn push(&mut self, piece: Piece, mono: u64, counters: &Counters) -> u64 {
        counters.add(Counter::Payloads, 1);
        let id = self.insert(piece, mono, mono, false);
        self.bound(id, counters);
        id
    }

    /// The payload to post now, or `None`. It stays in the queue, and in its bounds, until it is settled. Drops what
    /// has grown too old; that includes payloads handed out and never settled.
    pub fn due(&mut self, mono: u64, counters: &Counters) -> Option<Parcel> {
        self.expire(mono, counters);
        if mono < self.gate {
            return None;
        }
        let &(due, born, id) = self.by_due.first()?;
        if due > mono {
            return None;
        }
        self.by_due.remove(&(due, born, id));
        let entry = self.entries.get_mut(&id)?;
        entry.due = None;
        Some(Parcel {
            id,
            body: entry.piece.body.clone(),
            messages: entry.piece.messages,
            transactions: entry.piece.transactions,
            attempts: entry.attempts,
        })
    }

    /// The earliest time at which [`Queue::due`] has something to do: an attempt to make, or a payload to drop for
    /// its age. `None` when the queue is empty.
    #[must_use]
    pub fn next(&self) -> Option<u64> {
        let &(born, _) = self.by_age.first()?;
        let expires = born.saturating_add(self.limits.age);
        let attempt = self.by_due.first().map(|&(due, ..)| due.max(self.gate));
        Some(attempt.map_or(expires, |at| at.min(expires)))
    }

    /// Takes the outcome of the attempt on payload `id`. Returns false, and counts nothing, when that payload is not
    /// out for delivery: settled twice, or dropped in the meantime by a bound (and counted then).
    ///
    /// `split` cuts a body the agent found too large: `None` when it holds a single point, else at least two pieces
    /// (fewer mean that it could not be read). The pieces inherit the age of the whole and its account: should their
    /// counts not add up to those of the whole, the last piece carries the difference.
    pub fn settle(
        &mut self,
        id: u64,
        outcome: Outcome,
        mono: u64,
        counters: &Counters,
        split: &dyn Fn(&[u8]) -> Option<Vec<Piece>>,
    ) -> bool {
        let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.due.is_none()) else {
            return false;
        };
        entry.attempts = entry.attempts.saturating_add(1);
        let attempts = entry.attempts;
        match outcome {
            Outcome::NotSent => {
                counters.add(Counter::AgentUnreachable, 1);
                self.streak = self.streak.saturating_add(1);
                let at = mono.saturating_add(self.jitter.backoff(self.streak));
                self.gate = self.gate.max(at);
                self.wait(id, at, counters);
            }
            Outcome::Lost => {
                entry.uncertain = true;
                counters.add(Counter::Uncertain, 1);
                self.retry(id, attempts, None, mono, counters);
            }
            Outcome::Answer { status, retry_after } => {
                if !(200..=299).contains(&status) {
                    counters.add(Counter::AgentErrors, 1);
                }
                self.answer(id, attempts, status, retry_after, mono, counters, split);
            }
        }
        true
    }

    #[allow(clippy::too_many_arguments)] // the second half of `settle`
    fn answer(
        &mut self,
        id: u64,
        attempts: u32,
        status: u16,
        retry_after: Option<Duration>,
        mono: u64,
        counters: &Counters,
        split: &dyn Fn(&[u8]) -> Option<Vec<Piece>>,
    ) {
        match status {
            200..=299 => {
                self.works();
                if let Some(entry) = self.remove(id, counters) {
                    counters.add(Counter::PayloadsDelivered, 1);
                    counters.add(Counter::MessagesDelivered, entry.piece.messages);
                }
            }
            404 => {
                self.streak = 0;
                let at = mono.saturating_add(MISSING_DELAY).saturating_add(self.jitter.below(MISSING_DELAY / 10));
                self.gate = self.gate.max(at);
                self.wait(id, at, counters);
            }
            413 => {
                self.works();
                self.split(id, mono, counters, split);
            }
            408 | 425 | 429 | 500..=599 => self.retry(id, attempts, Some((status, retry_after)), mono, counters),
            _ => {
                self.works();
                self.drop_one(id, Cause::Rejected, false, counters);
            }
        }
    }

    /// Makes everything that waits due now, once, whatever delay it or the endpoint had: for a flush. The next failure
    /// sets delays again, so an agent that is down is asked once, not once per payload.
    pub fn hasten(&mut self, mono: u64) {
        self.gate = self.gate.min(mono);
        let late: Vec<_> = self.by_due.range((mono.saturating_add(1), 0, 0)..).copied().collect();
        for (due, born, id) in late {
            self.by_due.remove(&(due, born, id));
            self.by_due.insert((mono, born, id));
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.due = Some(mono);
            }
        }
    }

    /// Drops one payload, queued or out for delivery (then it may arrive after all, and counts as uncertain too).
    /// Returns false when it is not here.
    pub fn abandon(&mut self, id: u64, cause: Cause, counters: &Counters) -> bool {
        let out = self.entries.get(&id).is_some_and(|entry| entry.due.is_none());
        self.drop_one(id, cause, out, counters)
    }

    /// Drops everything.
    pub fn drop_all(&mut self, cause: Cause, counters: &Counters) {
        while let Some(&(_, id)) = self.by_age.first() {
            if !self.abandon(id, cause, counters) {
                self.by_age.pop_first();
            }
        }
    }

    /// Bytes charged now: bodies and [`PARCEL_OVERHEAD`] each.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Payloads here, those out for delivery too.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn insert(&mut self, piece: Piece, born: u64, due: u64, uncertain: bool) -> u64 {
        self.last_id += 1;
        let id = self.last_id;
        self.bytes = self.bytes.saturating_add(cost(&piece.body));
        self.by_age.insert((born, id));
        self.by_due.insert((due, born, id));
        self.entries.insert(id, Entry { piece, born, due: Some(due), attempts: 0, uncertain });
        id
    }

    fn remove(&mut self, id: u64, counters: &Counters) -> Option<Entry> {
        let entry = self.entries.remove(&id)?;
        self.by_age.remove(&(entry.born, id));
        if let Some(due) = entry.due {
            self.by_due.remove(&(due, entry.born, id));
        }
        self.bytes = self.bytes.saturating_sub(cost(&entry.piece.body));
        counters.set(Counter::RetryBytes, self.bytes as u64);
        Some(entry)
    }

    fn drop_one(&mut self, id: u64, cause: Cause, uncertain: bool, counters: &Counters) -> bool {
        let Some(entry) = self.remove(id, counters) else {
            return false;
        };
        let (payloads, messages) = cause.counters();
        counters.add(payloads, 1);
        counters.add(messages, entry.piece.messages);
        counters.add(Counter::TransactionsDropped, entry.piece.transactions);
        if entry.uncertain || uncertain {
            counters.add(Counter::PayloadsDroppedUncertain, 1);
            counters.add(Counter::MessagesDroppedUncertain, entry.piece.messages);
        }
        true
    }

    /// Drops the oldest until the bytes fit: first those that wait, then those out for delivery, never `newest`.
    fn bound(&mut self, newest: u64, counters: &Counters) {
        while self.bytes > self.limits.bytes && self.entries.len() > 1 {
            let waits = |id: &u64| self.entries.get(id).is_some_and(|entry| entry.due.is_some());
            let mut others = self.by_age.iter().map(|&(_, id)| id).filter(|&id| id != newest);
            let Some(oldest) = others.clone().find(waits).or_else(|| others.next()) else { break };
            if !self.abandon(oldest, Cause::Bytes, counters) {
                break;
            }
        }
        counters.set(Counter::RetryBytes, self.bytes as u64);
    }

    fn expire(&mut self, mono: u64, counters: &Counters) {
        while let Some(&(born, id)) = self.by_age.first() {
            if mono < born.saturating_add(self.limits.age) || !self.abandon(id, Cause::Age, counters) {
                break;
            }
        }
    }

    /// The endpoint answers: no delay that belongs to it remains.
    fn works(&mut self) {
        self.streak = 0;
        self.gate = 0;
    }

    /// A failure of this payload, which becomes one of the endpoint when others fail too.
    fn retry(
        &mut self,
        id: u64,
        attempts: u32,
        answer: Option<(u16, Option<Duration>)>,
        mono: u64,
        counters: &Counters,
    ) {
        self.streak = self.streak.saturating_add(1);
        let asked = match answer {
            Some((429 | 503, Some(after))) => u64::try_from(after.as_nanos()).unwrap_or(u64::MAX).min(RETRY_AFTER_MAX),
            _ => 0,
        };
        let at = mono.saturating_add(self.jitter.backoff(attempts).max(asked));
        if matches!(answer, Some((429, _))) || asked > 0 {
            self.gate = self.gate.max(at);
        } else if self.streak >= STREAK {
            self.gate = self.gate.max(mono.saturating_add(self.jitter.backoff(self.streak - (STREAK - 1))));
        }
        self.wait(id, at, counters);
    }

    fn wait(&mut self, id: u64, at: u64, counters: &Counters) {
        counters.add(Counter::Retries, 1);
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.due = Some(at);
            self.by_due.insert((at, entry.born, id));
        }
    }

    fn split(&mut self, id: u64, mono: u64, counters: &Counters, split: &dyn Fn(&[u8]) -> Option<Vec<Piece>>) {
        let Some(entry) = self.entries.get(&id) else { return };
        let (born, uncertain, body) = (entry.born, entry.uncertain, entry.piece.body.clone());
        let (mut messages, mut transactions) = (entry.piece.messages, entry.piece.transactions);
        let mut pieces = match split(&body) {
            None => {
                self.drop_one(id, Cause::TooLarge, false, counters);
                return;
            }
            Some(pieces) if pieces.len() < 2 => {
                self.drop_one(id, Cause::Fault, false, counters);
                return;
            }
            Some(pieces) => pieces,
        };
        self.remove(id, counters);
        counters.add(Counter::Splits, 1);
        counters.add(Counter::Payloads, (pieces.len() - 1) as u64);
        let last = pieces.len() - 1;
        let mut newest = 0;
        for (index, mut piece) in pieces.drain(..).enumerate() {
            piece.messages = if index == last { messages } else { piece.messages.min(messages) };
            piece.transactions = if index == last { transactions } else { piece.transactions.min(transactions) };
            messages -= piece.messages;
            transactions -= piece.transactions;
            newest = self.insert(piece, born, mono, uncertain);
        }
        self.bound(newest, counters);
    }
}

/// SplitMix64: spreads retries, nothing that needs a better source.
#[derive(Debug)]
struct Jitter(u64);

impl Jitter {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.next() % bound }
    }

    /// The delay after the `attempt`-th failure (from 1): half of it fixed, half random, so that it never is zero.
    fn backoff(&mut self, attempt: u32) -> u64 {
        let doublings = attempt.saturating_sub(1).min(16);
        let full = (BACKOFF_FIRST << doublings).min(BACKOFF_MAX);
        full / 2 + self.below(full / 2)
    }
}
