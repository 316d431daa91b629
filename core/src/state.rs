//! What a client gathers in one process: everything that must not outlive a fork.

use crate::assemble::{self, Assembled, Assembler};
use crate::bucket::Bounds;
use crate::client::HostPayload;
use crate::config::Settings;
use crate::counters::{Counter, Counters};
use crate::delivery::{Cause, Piece, Queue};
use crate::dogstatsd::Health;
use crate::edge::Edges;
use crate::reporter::Order;
use crate::shard::Shards;
use crate::transaction::Names;
use crossbeam_channel::{Receiver, Sender, bounded};
use once_cell::race::OnceBox;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The state of a client in one process. Forked children make their own; see [`crate::fork`].
pub(crate) struct State {
    /// The process that this belongs to.
    pub(crate) generation: u64,
    pub(crate) shards: Shards,
    pub(crate) counters: Counters,
    /// Payloads waiting for delivery. Never locked by a checkpoint, nor during a post.
    queue: Mutex<Queue>,
    /// One tick at a time.
    ticking: Mutex<()>,
    health: Mutex<Option<Health>>,
    /// Payloads that the host has in hand.
    lent: Mutex<BTreeMap<u64, HostPayload>>,
    /// What was last said of the delivery: 0 nothing, 1 works, 2 fails.
    pub(crate) said: AtomicU8,
    /// Held while the host's log is called. True: the client was freed, and the log may not be called any more.
    hushed: Mutex<bool>,
    losses: Mutex<Losses>,
    /// Bytes of transaction records since the last tick.
    pub(crate) transaction_bytes: AtomicU64,
    /// The reporter has nothing to wait for, or was never started: whoever records something must wake it.
    pub(crate) idle: AtomicBool,
    pub(crate) orders: (Sender<Order>, Receiver<Order>),
    /// Whether the reporter's thread runs.
    pub(crate) running: AtomicBool,
    /// Whether it shall end.
    pub(crate) ending: AtomicBool,
    /// The state of the next generation.
    next: OnceBox<State>,
}

/// What the log was told of losses: the counts then, and the monotonic time from which it may be told again.
#[derive(Default)]
pub(crate) struct Losses {
    pub(crate) payloads: u64,
    pub(crate) messages: u64,
    pub(crate) again: u64,
}

impl State {
    fn new(generation: u64, parts: &Parts, seed: u64) -> Self {
        let settings = &parts.settings;
        let threads = std::thread::available_parallelism().map_or(4, std::num::NonZero::get);
        // Twice the processors, so that a thread that was interrupted within a checkpoint leaves the others a place.
        let shards = Shards::new((threads * 2).min(64), settings.memory_limit as u64);
        // A child of a process that stopped the client goes on with a stopped one.
        if parts.stopped.load(Ordering::SeqCst) {
            shards.each().for_each(|mut shard| shard.closed = true);
        }
        Self {
            generation,
            shards,
            counters: Counters::new(),
            queue: Mutex::new(Queue::new(settings.limits(), seed)),
            ticking: Mutex::new(()),
            health: Mutex::new(settings.enabled.then(|| Health::new(settings)).flatten()),
            lent: Mutex::new(BTreeMap::new()),
            said: AtomicU8::new(0),
            hushed: Mutex::new(false),
            losses: Mutex::new(Losses::default()),
            transaction_bytes: AtomicU64::new(0),
            idle: AtomicBool::new(true),
            orders: bounded(16),
            running: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            next: OnceBox::new(),
        }
    }

    /// The waiting payloads. A panic while they were locked leaves them usable.
    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Payloads that the host has in hand.
    pub(crate) fn lent(&self) -> MutexGuard<'_, BTreeMap<u64, HostPayload>> {
        self.lent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the log was told of losses.
    pub(crate) fn losses(&self) -> MutexGuard<'_, Losses> {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls the host's log, unless the client was freed; one thread at a time.
    pub(crate) fn aloud(&self, log: impl FnOnce()) {
        let hushed = self.hushed.lock().unwrap_or_else(PoisonError::into_inner);
        if !*hushed {
            log();
        }
    }

    /// The client is freed: waits for a call of the log to end, and lets no other begin.
    pub(crate) fn hush(&self) {
        *self.hushed.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Whether some bucket waits to be reported.
    pub(crate) fn has_buckets(&self) -> bool {
        self.shards.each().any(|shard| !shard.is_empty())
    }

    /// Takes every bucket but the one that holds `keep_ns` (`None`: all), makes payloads of them and queues these.
    /// `close`: what comes afterwards is not recorded any more.
    pub(crate) fn tick(&self, parts: &Parts, keep_ns: Option<i64>, close: bool, mono: u64) {
        let _one = self.ticking.lock().unwrap_or_else(PoisonError::into_inner);
        let mut in_hand = InHand { counters: &self.counters, messages: 0, transactions: 0 };
        let mut taken = Vec::new();
        for (index, mut shard) in self.shards.each().enumerate() {
            shard.closed |= close;
            let part = shard.take(keep_ns);
            drop(shard);
            for group in part.groups {
                self.shards.budget.release(group.bytes());
            }
            for frame in part.frames {
                self.shards.budget.release(frame.frame_bytes());
            }
            in_hand.take(&part.buckets);
            taken.push((index, part.buckets));
        }
        self.transaction_bytes.store(0, Ordering::Relaxed);
        let assembler = Assembler {
            settings: &parts.settings,
            edges: &parts.edges,
            names: &parts.names,
            counters: &self.counters,
            budget: &self.shards.budget,
        };
        let leftover = assembler.run(taken, &mut |assembled| self.enqueue(assembled, &mut in_hand, parts, mono));
        for (index, memory) in leftover {
            match self.shards.at(index) {
                Some(mut shard) if !shard.closed => shard.recycle(memory.groups, memory.frames),
                _ => {
                    let groups: usize = memory.groups.iter().map(|group| group.bytes()).sum();
                    let frames: usize = memory.frames.iter().map(|frame| frame.frame_bytes()).sum();
                    self.shards.budget.release(groups + frames);
                }
            }
        }
    }

    fn enqueue(&self, assembled: Assembled, in_hand: &mut InHand<'_>, parts: &Parts, mono: u64) {
        let Assembled { payload, messages, transactions } = assembled;
        in_hand.messages = in_hand.messages.saturating_sub(messages);
        in_hand.transactions = in_hand.transactions.saturating_sub(transactions);
        let mut queue = self.queue();
        let (mut pushed_messages, mut pushed_transactions) = (0, 0);
        let mut push = |piece: Piece| {
            pushed_messages += piece.messages;
            pushed_transactions += piece.transactions;
            queue.push(piece, mono, &self.counters);
        };
        assemble::pieces(payload, messages, transactions, parts.settings.max_payload_bytes, &mut push);
        // What could not be encoded: a bug, but not one to keep quiet about.
        let lost = messages.saturating_sub(pushed_messages);
        if lost > 0 {
            self.counters.add(Counter::PayloadsDroppedFault, 1);
            self.counters.add(Counter::MessagesDroppedFault, lost);
        }
        self.counters.add(Counter::TransactionsDropped, transactions.saturating_sub(pushed_transactions));
    }

    /// Sends the health counts, if they are asked for.
    pub(crate) fn report_health(&self, edges: &Edges) {
        if let Some(health) = &mut *self.health.lock().unwrap_or_else(PoisonError::into_inner) {
            health.send(self.counters(edges));
        }
    }

    /// Drops and counts what was not delivered.
    pub(crate) fn drop_queue(&self) {
        self.queue().drop_all(Cause::Stop, &self.counters);
    }

    /// All counters, those that are gathered elsewhere brought up to date.
    pub(crate) fn counters(&self, edges: &Edges) -> &Counters {
        let counters = &self.counters;
        let hot = self.shards.each().fold((0, 0), |sum, shard| (sum.0 + shard.recorded, sum.1 + shard.headers_read));
        counters.set(Counter::Checkpoints, hot.0);
        counters.set(Counter::HeadersRead, hot.1);
        counters.set(Counter::MemoryBytes, self.shards.budget.used());
        counters.set(Counter::RetryBytes, self.queue().bytes() as u64);
        counters.set(Counter::Edges, u64::from(edges.len()));
        counters
    }
}

/// What is being made into payloads. Should that fail half-way, the rest is counted.
struct InHand<'a> {
    counters: &'a Counters,
    messages: u64,
    transactions: u64,
}

impl InHand<'_> {
    fn take(&mut self, buckets: &[crate::bucket::Bucket]) {
        for bucket in buckets {
            let current = bucket.groups.iter().filter(|group| group.kind != crate::bucket::Kind::Origin);
            self.messages += current.map(crate::bucket::Group::messages).sum::<u64>();
            self.transactions += bucket.transaction_count;
        }
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        if self.messages > 0 {
            self.counters.add(Counter::PayloadsDroppedFault, 1);
            self.counters.add(Counter::MessagesDroppedFault, self.messages);
        }
        self.counters.add(Counter::TransactionsDropped, self.transactions);
    }
}

/// What a client keeps across forks.
pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) edges: Edges,
    pub(crate) names: Names,
    /// Whether the client was stopped, in this process or in one on the way to it.
    pub(crate) stopped: AtomicBool,
}

impl Parts {
    /// What bounds a checkpoint.
    #[inline]
    pub(crate) fn bounds<'a>(&'a self, state: &'a State) -> Bounds<'a> {
        Bounds {
            budget: &state.shards.budget,
            max_parents: u32::try_from(self.settings.max_parents).unwrap_or(u32::MAX),
            counters: &state.counters,
        }
    }
}

/// The states of a client, one for each process on the way from the one that made it to this one.
#[derive(Default)]
pub(crate) struct States(OnceBox<State>);

impl States {
    /// The state of this process, made when it is asked for first. Does not wait for anything that the parent held.
    #[inline]
    pub(crate) fn here(&self, parts: &Arc<Parts>) -> &State {
        let generation = crate::fork::generation();
        match self.0.get() {
            Some(state) if state.generation == generation => state,
            _ => self.search(generation, parts),
        }
    }

    #[cold]
    fn search(&self, generation: u64, parts: &Arc<Parts>) -> &State {
        let make = || {
            // The address of a fresh allocation and the process differ from client to client: enough for jitter.
            let seed = crate::hash::mix(u64::from(std::process::id()) ^ (Arc::as_ptr(parts) as usize as u64) << 16);
            Box::new(State::new(generation, parts, seed))
        };
        let mut state = self.0.get_or_init(make);
        while state.generation != generation {
            state = state.next.get_or_init(make);
        }
        state
    }

    /// The state of this process, if it was ever asked for.
    pub(crate) fn existing(&self) -> Option<&State> {
        let generation = crate::fork::generation();
        let mut state = self.0.get();
        while let Some(found) = state.filter(|found| found.generation != generation) {
            state = found.next.get();
        }
        state
    }
}
