//! The reporter: closes buckets every ten seconds and delivers payloads, in a thread of its own or in the host's.

use crate::assemble;
use crate::bucket::{DURATION_NS, start_of};
use crate::client::Shared;
use crate::config::Delivery;
use crate::counters::Counter;
use crate::delivery::{Outcome, Parcel};
use crate::state::State;
use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// What the reporter's thread is told.
pub(crate) enum Order {
    /// Look again: there is something to wait for, or this is the end.
    Wake,
    /// Deliver what is queued until it is gone or the time has come; then answer.
    Deliver(Instant, Sender<()>),
}

/// How long after its end a bucket may stay open, so that processes do not all report at one moment.
const SPREAD_NS: u64 = 500_000_000;
/// How long a client that was freed without being stopped may go on delivering.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long a flush sleeps at most before it looks whether another flush, or a stop, made a retry due.
const GLANCE: Duration = Duration::from_millis(50);
/// The rest after a panic, so that one which comes again and again does not keep a processor busy.
const CALM: Duration = Duration::from_millis(100);

impl Shared {
    /// Something was recorded in a bucket that nobody waits for yet.
    #[cold]
    pub(crate) fn wake(self: &Arc<Self>, state: &State) {
        if self.parts.settings.delivery != Delivery::Thread || !state.idle.swap(false, Ordering::SeqCst) {
            return;
        }
        if state.running.swap(true, Ordering::SeqCst) {
            // A full channel holds orders that wake it as well.
            let _ = state.orders.0.try_send(Order::Wake);
            return;
        }
        let shared = Arc::clone(self);
        if (self.hooks.spawn)(Box::new(move || shared.run())).is_err() {
            state.counters.add(Counter::SpawnFailures, 1);
            state.running.store(false, Ordering::SeqCst);
            state.idle.store(true, Ordering::SeqCst);
        }
    }

    /// The thread. A panic in it is contained and counted, and it goes on.
    fn run(self: Arc<Self>) {
        let state = self.states.here(&self.parts);
        while catch_unwind(AssertUnwindSafe(|| self.work(state))).is_err() {
            state.counters.add(Counter::Panics, 1);
            std::thread::sleep(CALM);
        }
        state.running.store(false, Ordering::SeqCst);
    }

    fn work(&self, state: &State) {
        let orders = &state.orders.1;
        let mut next_tick = self.mono() + self.until_tick();
        loop {
            if let Some(fault) = self.hooks.fault {
                fault();
            }
            if state.ending.load(Ordering::SeqCst) {
                return self.end(state);
            }
            let delivery = state.queue().next();
            let mut has_buckets = state.has_buckets();
            if !has_buckets {
                // From here on whoever opens a bucket sends an order; what was opened before is seen by the next look.
                state.idle.store(true, Ordering::SeqCst);
                has_buckets = state.has_buckets();
                if has_buckets {
                    state.idle.store(false, Ordering::SeqCst);
                }
            }
            let order = if has_buckets || delivery.is_some() {
                let tick = if has_buckets { next_tick } else { u64::MAX };
                let wait = tick.min(delivery.unwrap_or(u64::MAX)).saturating_sub(self.mono());
                orders.recv_timeout(Duration::from_nanos(wait))
            } else {
                orders.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match order {
                Ok(Order::Wake) => next_tick = self.mono() + self.until_tick(),
                Ok(Order::Deliver(until, answer)) => {
                    self.deliver_until(state, until, Some(&mut next_tick));
                    let _ = answer.try_send(());
                }
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    self.tick_when_due(state, &mut next_tick);
                    self.deliver(state, None, next_tick);
                }
            }
        }
    }

    fn tick_when_due(&self, state: &State, next_tick: &mut u64) {
        if self.mono() >= *next_tick {
            self.tick(state, Some((self.hooks.wall)()));
            *next_tick = self.mono() + self.until_tick();
        }
    }

    /// The last turn. A client that was freed without being stopped has its say first.
    fn end(&self, state: &State) {
        if self.freed.load(Ordering::SeqCst) {
            state.tick(&self.parts, None, true, self.mono());
            state.queue().hasten(self.mono());
            self.deliver_until(state, Instant::now() + LAST_WORDS, None);
        }
        state.drop_queue();
        self.tell_losses(state, true);
    }

    /// Nanoseconds until the bucket that holds the wall clock's now is over, and a little more.
    fn until_tick(&self) -> u64 {
        let now_ns = (self.hooks.wall)();
        let rest = DURATION_NS - (now_ns - start_of(now_ns));
        rest.unsigned_abs() + self.boot % SPREAD_NS
    }

    /// Takes the closed buckets and sends health counts.
    fn tick(&self, state: &State, keep_ns: Option<i64>) {
        state.tick(&self.parts, keep_ns, false, self.mono());
        state.report_health(&self.parts.edges);
        self.tell_losses(state, false);
    }

    /// Posts what is due, in one round of connections, until `until`. Ends after the post during which `pause` (on the
    /// monotonic clock) passed, or an order came: however slow the agent is, something else is due then.
    fn deliver(&self, state: &State, until: Option<Instant>, pause: u64) {
        let mut round = None;
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return;
            }
            let Some(parcel) = state.queue().due(self.mono(), &state.counters) else {
                self.tell_losses(state, false);
                return;
            };
            let timeout = left.map_or(self.parts.settings.timeout, |left| left.min(self.parts.settings.timeout));
            // A panic in there must not leave the parcel out for delivery for ever.
            let outcome = catch_unwind(AssertUnwindSafe(|| self.post(&mut round, &parcel, timeout)));
            let outcome = outcome.unwrap_or_else(|_| {
                state.counters.add(Counter::Panics, 1);
                round = None;
                Outcome::Lost
            });
            self.settle(state, parcel.id, outcome);
            if self.mono() >= pause || (until.is_none() && !state.orders.1.is_empty()) {
                return;
            }
        }
    }

    /// Takes the outcome of a post.
    pub(crate) fn settle(&self, state: &State, id: u64, outcome: Outcome) -> bool {
        self.tell(state, outcome);
        let limit = self.parts.settings.max_payload_bytes;
        let split = |body: &[u8]| assemble::cut(body, limit);
        let mut queue = state.queue();
        let known = queue.settle(id, outcome, self.mono(), &state.counters, &split);
        if !known && outcome == Outcome::Lost {
            state.counters.add(Counter::Uncertain, 1);
        }
        known
    }

    #[cfg(feature = "http")]
    fn post<'a>(
        &'a self,
        round: &mut Option<crate::transport::Session<'a>>,
        parcel: &Parcel,
        timeout: Duration,
    ) -> Outcome {
        if round.is_none() {
            *round = self.transport.as_ref().and_then(|transport| transport.open().ok());
        }
        let Some(session) = round else { return Outcome::NotSent };
        session.post(&parcel.body, &self.payload_id(parcel.id), timeout)
    }

    #[cfg(not(feature = "http"))]
    fn post(&self, _round: &mut Option<()>, _parcel: &Parcel, _timeout: Duration) -> Outcome {
        Outcome::NotSent
    }

    /// Posts what is queued, retries included, until it is gone or the time has come. The thread (`next_tick`) goes on
    /// closing buckets meanwhile.
    fn deliver_until(&self, state: &State, until: Instant, mut next_tick: Option<&mut u64>) {
        loop {
            self.deliver(state, Some(until), next_tick.as_deref().copied().unwrap_or(u64::MAX));
            if let Some(next_tick) = next_tick.as_deref_mut() {
                self.tick_when_due(state, next_tick);
            }
            let next = state.queue().next();
            let left = until.saturating_duration_since(Instant::now());
            match next {
                Some(next) if !left.is_zero() => {
                    let wait = Duration::from_nanos(next.saturating_sub(self.mono()));
                    std::thread::sleep(wait.min(left).min(GLANCE).max(Duration::from_millis(1)));
                }
                _ => return,
            }
        }
    }

    /// Takes all buckets, the open one too, and delivers until `until`. Answers whether nothing is left.
    pub(crate) fn flush(self: &Arc<Self>, state: &State, until: Instant, close: bool) -> bool {
        state.tick(&self.parts, None, close, self.mono());
        state.queue().hasten(self.mono());
        if self.parts.settings.delivery == Delivery::Host {
            return true;
        }
        if state.queue().is_empty() {
            return true;
        }
        if state.running.load(Ordering::SeqCst) {
            let (answer, answered) = bounded(1);
            let left = || until.saturating_duration_since(Instant::now());
            if state.orders.0.send_timeout(Order::Deliver(until, answer), left()).is_ok() {
                // The reporter stops posting at the same moment; it is given a little to say so.
                let _ = answered.recv_timeout(left() + Duration::from_millis(20));
            }
        } else {
            self.deliver_until(state, until, None);
        }
        state.queue().is_empty()
    }

    /// Tells the thread to end, without waiting for it.
    pub(crate) fn quit(&self, state: &State) {
        state.ending.store(true, Ordering::SeqCst);
        // A full channel holds orders, after each of which the thread looks.
        let _ = state.orders.0.try_send(Order::Wake);
    }

    /// Closes buckets when one is over, and delivers: the reporter of a host without our thread. Answers with the
    /// nanoseconds after which it wants to be called again.
    pub(crate) fn poll(&self, state: &State, now_ns: i64) -> u64 {
        let bucket = start_of(now_ns);
        if self.polled.swap(bucket, Ordering::SeqCst) != bucket {
            self.tick(state, Some(now_ns));
        }
        let rest = (DURATION_NS - (now_ns - bucket)).unsigned_abs();
        if self.parts.settings.delivery == Delivery::Poll {
            self.deliver(state, None, self.mono().saturating_add(rest));
        }
        let retry = state.queue().next().map_or(u64::MAX, |next| next.saturating_sub(self.mono()));
        rest.min(retry)
    }
}
