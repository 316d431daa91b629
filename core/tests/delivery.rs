//! The retry queue: each rule by example, then whole lives of it by property.
#![allow(clippy::unwrap_used)] // helpers of tests fail like tests

use datastreams_core::counters::{Counter, Counters};
use datastreams_core::delivery::{
    BACKOFF_FIRST, BACKOFF_MAX, Cause, Limits, MISSING_DELAY, Outcome, PARCEL_OVERHEAD, Parcel, Piece, Queue,
    RETRY_AFTER_MAX,
};
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::Duration;

const S: u64 = 1_000_000_000;
const LIMITS: Limits = Limits { bytes: 1 << 20, age: 3600 * S };

/// A body of `items` bytes, one message and two transactions each.
fn piece(items: usize) -> Piece {
    Piece { body: vec![7; items].into(), messages: items as u64, transactions: 2 * items as u64 }
}

fn halves(body: &[u8]) -> Option<Vec<Piece>> {
    (body.len() > 1).then(|| vec![piece(body.len() / 2), piece(body.len() - body.len() / 2)])
}

fn answer(status: u16) -> Outcome {
    Outcome::Answer { status, retry_after: None }
}

fn wait(status: u16, seconds: u64) -> Outcome {
    Outcome::Answer { status, retry_after: Some(Duration::from_secs(seconds)) }
}

struct Bench {
    queue: Queue,
    counters: Counters,
}

impl Bench {
    fn new(limits: Limits) -> Self {
        Self { queue: Queue::new(limits, 42), counters: Counters::new() }
    }

    fn push(&mut self, items: usize, mono: u64) -> u64 {
        self.queue.push(piece(items), mono, &self.counters)
    }

    fn due(&mut self, mono: u64) -> Option<Parcel> {
        self.queue.due(mono, &self.counters)
    }

    fn settle(&mut self, id: u64, outcome: Outcome, mono: u64) -> bool {
        self.queue.settle(id, outcome, mono, &self.counters, &halves)
    }

    fn get(&self, counter: Counter) -> u64 {
        self.counters.get(counter)
    }

    /// Takes the only payload, settles it so, and returns how long it then waits.
    fn delay(&mut self, outcome: Outcome, mono: u64) -> u64 {
        let id = self.due(mono).unwrap().id;
        assert!(self.settle(id, outcome, mono));
        self.queue.next().unwrap() - mono
    }
}

#[test]
fn delivered_is_gone() {
    for status in [200, 202, 204] {
        let mut bench = Bench::new(LIMITS);
        let id = bench.push(3, 5);
        assert_eq!(bench.queue.next(), Some(5));
        let parcel = bench.due(5).unwrap();
        assert_eq!((parcel.id, parcel.messages, parcel.transactions, parcel.attempts), (id, 3, 6, 0));
        assert!(bench.due(5).is_none(), "handed out twice");
        assert!(bench.settle(id, answer(status), 6));
        assert!(!bench.settle(id, answer(status), 6), "settled twice");
        assert!(bench.queue.is_empty());
        assert_eq!((bench.queue.bytes(), bench.queue.next()), (0, None));
        assert_eq!((bench.get(Counter::PayloadsDelivered), bench.get(Counter::MessagesDelivered)), (1, 3));
    }
}

#[test]
fn refused_for_good_is_dropped() {
    for status in [301, 302, 304, 400, 401, 403, 410, 422] {
        let mut bench = Bench::new(LIMITS);
        let id = bench.push(3, 0);
        bench.due(0);
        bench.settle(id, answer(status), 0);
        assert!(bench.queue.is_empty());
        assert_eq!((bench.get(Counter::PayloadsDroppedRejected), bench.get(Counter::MessagesDroppedRejected)), (1, 3));
        assert_eq!((bench.get(Counter::TransactionsDropped), bench.get(Counter::PayloadsDroppedUncertain)), (6, 0));
        assert_eq!(bench.get(Counter::AgentErrors), 1);
    }
}

#[test]
fn retries_wait_twice_as_long_each_time() {
    for outcome in [Outcome::NotSent, Outcome::Lost, answer(408), answer(425), answer(429), answer(500), answer(503)] {
        let mut bench = Bench::new(LIMITS);
        bench.push(1, 0);
        let mut now = 0;
        for attempt in 0..12 {
            let full = (BACKOFF_FIRST << attempt).min(BACKOFF_MAX);
            let delay = bench.delay(outcome, now);
            assert!((full / 2..full).contains(&delay), "{outcome:?} {attempt} {delay}");
            assert!(bench.due(now + delay - 1).is_none());
            now += delay;
        }
        assert_eq!(bench.get(Counter::Retries), 12);
        assert_eq!(bench.get(Counter::AgentUnreachable), if outcome == Outcome::NotSent { 12 } else { 0 });
        assert_eq!(bench.get(Counter::Uncertain), if outcome == Outcome::Lost { 12 } else { 0 });
        assert_eq!(bench.due(now).unwrap().attempts, 12);
    }
}

#[test]
fn retry_after_is_a_lower_bound_and_is_bounded() {
    for (asked, least) in [(7, 7 * S), (0, 0), (u64::MAX, RETRY_AFTER_MAX)] {
        for status in [429, 503] {
            let mut bench = Bench::new(LIMITS);
            bench.push(1, 0);
            let delay = bench.delay(wait(status, asked), 0);
            assert!((least.max(BACKOFF_FIRST / 2)..=least.max(BACKOFF_FIRST)).contains(&delay), "{asked} {delay}");
        }
    }
}

#[test]
fn a_missing_endpoint_is_probed_by_one_payload_every_five_minutes() {
    let mut bench = Bench::new(LIMITS);
    for _ in 0..50 {
        bench.push(1, 0);
    }
    let (mut now, mut probes) = (0, 0);
    while now < 3000 * S {
        let parcel = bench.due(now).unwrap();
        probes += 1;
        bench.settle(parcel.id, answer(404), now);
        assert!(bench.due(now + MISSING_DELAY - 1).is_none());
        now = bench.queue.next().unwrap();
    }
    assert!((9..=11).contains(&probes), "{probes}");
    // It appears: everything goes at once.
    let mut delivered = 0;
    while let Some(parcel) = bench.due(now) {
        bench.settle(parcel.id, answer(202), now);
        delivered += 1;
        now = now.max(bench.queue.next().unwrap_or(0));
    }
    assert_eq!(delivered, 50);
}

#[test]
fn too_large_is_split_down_to_single_points() {
    let mut bench = Bench::new(LIMITS);
    bench.push(7, 0);
    let mut sizes = Vec::new();
    while let Some(parcel) = bench.due(0) {
        let fits = parcel.body.len() <= 2;
        if fits {
            sizes.push(parcel.messages);
        }
        bench.settle(parcel.id, answer(if fits { 202 } else { 413 }), 0);
    }
    assert_eq!(sizes.iter().sum::<u64>(), 7);
    assert_eq!((bench.get(Counter::Splits), bench.get(Counter::Payloads)), (3, 4));
    assert_eq!((bench.get(Counter::PayloadsDelivered), bench.get(Counter::MessagesDelivered)), (4, 7));

    bench.push(3, 0);
    while let Some(parcel) = bench.due(0) {
        bench.settle(parcel.id, answer(413), 0);
    }
    assert_eq!((bench.get(Counter::PayloadsDroppedTooLarge), bench.get(Counter::MessagesDroppedTooLarge)), (3, 3));
    assert_eq!(bench.get(Counter::TransactionsDropped), 6);
}

#[test]
fn pieces_keep_age_doubt_and_account_of_the_whole() {
    let mut bench = Bench::new(Limits { age: 100 * S, ..LIMITS });
    let id = bench.push(10, 0);
    bench.due(0);
    bench.settle(id, Outcome::Lost, 0);
    let now = bench.queue.next().unwrap();
    bench.due(now);
    // A splitter that loses count, both ways.
    let wrong = |_: &[u8]| Some(vec![piece(4), piece(50), piece(1)]);
    bench.queue.settle(id, answer(413), now, &bench.counters, &wrong);
    assert_eq!(bench.queue.len(), 3);
    assert!(bench.due(100 * S).is_none());
    assert_eq!((bench.get(Counter::PayloadsDroppedAge), bench.get(Counter::MessagesDroppedAge)), (3, 10));
    assert_eq!(bench.get(Counter::TransactionsDropped), 20);
    assert_eq!((bench.get(Counter::PayloadsDroppedUncertain), bench.get(Counter::MessagesDroppedUncertain)), (3, 10));
}

#[test]
fn a_body_that_cannot_be_split_is_a_fault() {
    for pieces in [vec![], vec![piece(5)]] {
        let mut bench = Bench::new(LIMITS);
        let id = bench.push(5, 0);
        bench.due(0);
        bench.queue.settle(id, answer(413), 0, &bench.counters, &|_| Some(pieces.clone()));
        assert_eq!((bench.get(Counter::PayloadsDroppedFault), bench.get(Counter::MessagesDroppedFault)), (1, 5));
        assert!(bench.queue.is_empty());
    }
}

#[test]
fn an_agent_that_is_down_is_asked_once_per_delay() {
    for outcome in [Outcome::NotSent, Outcome::Lost, answer(500)] {
        let mut bench = Bench::new(LIMITS);
        for _ in 0..1000 {
            bench.push(1, 0);
        }
        let (mut now, mut attempts) = (0, 0);
        while now < 600 * S {
            if let Some(parcel) = bench.due(now) {
                attempts += 1;
                bench.settle(parcel.id, outcome, now);
            }
            now = bench.queue.next().unwrap();
        }
        assert!((10..50).contains(&attempts), "{outcome:?} {attempts}");
    }
}

#[test]
fn one_poison_payload_does_not_hold_up_the_others() {
    for outcome in [Outcome::Lost, answer(500), answer(503), wait(429, 30)] {
        let mut bench = Bench::new(LIMITS);
        let poison = bench.push(1, 0);
        let mut now = 0;
        let mut longest = 0;
        for round in 1..200_u64 {
            let pushed = round * 10 * S;
            while bench.queue.next().is_some_and(|next| next < pushed) {
                now = now.max(bench.queue.next().unwrap());
                let Some(parcel) = bench.due(now) else { continue };
                let bad = parcel.id == poison;
                bench.settle(parcel.id, if bad { outcome } else { answer(202) }, now);
            }
            now = pushed;
            bench.push(1, now);
            longest = longest.max(bench.queue.len());
        }
        assert!(longest <= 12, "{outcome:?}: {longest} waited");
        assert!(bench.get(Counter::PayloadsDelivered) >= 180, "{outcome:?}");
        assert!(bench.get(Counter::Retries) >= 15, "{outcome:?}: the poison starved");
    }
}

#[test]
fn an_answer_ends_the_delays_of_the_endpoint() {
    // Two are on their way, as a host may have it: one finds no connection, the other is taken.
    let mut bench = Bench::new(LIMITS);
    let ids: Vec<u64> = (0..3).map(|_| bench.push(1, 0)).collect();
    bench.due(0);
    bench.due(0);
    bench.settle(ids[0], Outcome::NotSent, 0);
    assert!(bench.due(0).is_none());
    bench.settle(ids[1], answer(202), 0);
    assert_eq!(bench.due(0).unwrap().id, ids[2]);

    // Failures with successes in between are those of payloads.
    let mut bench = Bench::new(LIMITS);
    for round in 0..10 {
        for status in [500, 202] {
            let id = bench.push(1, round);
            assert_eq!(bench.due(round).unwrap().id, id);
            bench.settle(id, answer(status), round);
        }
    }
    assert_eq!(bench.queue.len(), 10);
}

#[test]
fn too_many_requests_is_meant_for_all() {
    for outcome in [answer(429), wait(429, 30), wait(503, 30)] {
        let mut bench = Bench::new(LIMITS);
        bench.push(1, 0);
        bench.push(1, 0);
        let delay = bench.delay(outcome, 0);
        assert!(delay >= if outcome == answer(429) { BACKOFF_FIRST / 2 } else { 30 * S });
        assert!(bench.due(delay - 1).is_none() && bench.due(delay).is_some());
    }
}

#[test]
fn a_flush_makes_everything_due_once() {
    for outcome in [Outcome::NotSent, answer(404), answer(500), wait(429, 60)] {
        let mut bench = Bench::new(LIMITS);
        for _ in 0..3 {
            let id = bench.push(1, 0);
            bench.due(0);
            bench.settle(id, outcome, 0);
        }
        assert!(bench.due(1).is_none());
        bench.queue.hasten(1);
        assert_eq!(bench.queue.next(), Some(1));
        let mut attempts = 0;
        while let Some(parcel) = bench.due(1) {
            bench.settle(parcel.id, outcome, 1);
            attempts += 1;
        }
        assert_eq!(attempts, 1, "{outcome:?}");
        bench.queue.hasten(2);
        while let Some(parcel) = bench.due(2) {
            bench.settle(parcel.id, answer(202), 2);
        }
        assert!(bench.queue.is_empty());
    }
}

#[test]
fn the_oldest_makes_room_and_the_newest_always_stays() {
    let fits = 2 * (100 + PARCEL_OVERHEAD);
    let mut bench = Bench::new(Limits { bytes: fits, ..LIMITS });
    let ids: Vec<u64> = (0..3).map(|now| bench.push(100, now)).collect();
    assert_eq!((bench.queue.len(), bench.queue.bytes()), (2, fits));
    assert_eq!(bench.get(Counter::RetryBytes), fits as u64);
    assert_eq!((bench.get(Counter::PayloadsDroppedBytes), bench.get(Counter::MessagesDroppedBytes)), (1, 100));
    assert_eq!(bench.due(3).unwrap().id, ids[1], "the oldest was to go");
    // The one on its way is spared while another can go.
    let new = bench.push(100, 4);
    assert!(bench.settle(ids[1], answer(202), 4));
    assert_eq!(bench.due(4).unwrap().id, new);
    // Larger than the limit: kept and tried; the one on its way goes, in doubt.
    bench.push(5000, 5);
    assert_eq!(bench.queue.len(), 1);
    assert!(!bench.settle(new, answer(202), 5), "its drop was counted already");
    assert_eq!(bench.get(Counter::PayloadsDroppedBytes), 3);
    assert_eq!((bench.get(Counter::PayloadsDroppedUncertain), bench.get(Counter::MessagesDroppedUncertain)), (1, 100));
}

#[test]
fn what_is_never_settled_expires_in_doubt() {
    let mut bench = Bench::new(Limits { age: 10 * S, ..LIMITS });
    let id = bench.push(1, 0);
    bench.due(0);
    assert_eq!(bench.queue.next(), Some(10 * S));
    assert!(bench.due(10 * S).is_none());
    assert!(bench.queue.is_empty() && !bench.settle(id, answer(202), 10 * S));
    assert_eq!((bench.get(Counter::PayloadsDroppedAge), bench.get(Counter::PayloadsDroppedUncertain)), (1, 1));
}

#[test]
fn processes_spread_their_retries() {
    let delay = |seed| {
        let (mut queue, counters) = (Queue::new(LIMITS, seed), Counters::new());
        let id = queue.push(piece(1), 0, &counters);
        queue.due(0, &counters);
        queue.settle(id, Outcome::NotSent, 0, &counters, &halves);
        queue.next().unwrap()
    };
    let distinct: std::collections::HashSet<u64> = (0..100).map(delay).collect();
    assert_eq!(distinct.len(), 100);
    assert_eq!(delay(1), delay(1));
}

#[derive(Clone, Debug)]
enum Op {
    Push(usize),
    Take,
    Settle(usize, Outcome),
    Advance(u64),
    Hasten,
    Abandon(u64),
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    let statuses = vec![200, 202, 301, 400, 403, 404, 408, 413, 425, 429, 500, 503];
    prop_oneof![
        2 => Just(Outcome::NotSent),
        2 => Just(Outcome::Lost),
        6 => proptest::sample::select(statuses).prop_map(answer),
        1 => (0..100_000_u64).prop_map(|seconds| wait(429, seconds)),
    ]
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        6 => (0..2000_usize).prop_map(Op::Push),
        8 => Just(Op::Take),
        6 => (any::<usize>(), outcomes()).prop_map(|(which, outcome)| Op::Settle(which, outcome)),
        4 => (0..120 * S).prop_map(Op::Advance),
        1 => Just(Op::Hasten),
        1 => (0..60_u64).prop_map(Op::Abandon),
    ];
    proptest::collection::vec(op, 0..200)
}

fn dropped(counters: &Counters, prefix: &str) -> u64 {
    let causes = ["rejected", "too_large", "age", "bytes", "stop", "fault"].map(|cause| format!("{prefix}{cause}"));
    let all = Counter::ALL.iter().filter(|counter| causes.iter().any(|name| name == counter.name()));
    assert_eq!(all.clone().count(), causes.len());
    all.map(|&counter| counters.get(counter)).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_counted_twice(ops in ops(), seed: u64, limit in 0..20_000_usize, age in 1..2000_u64) {
        let limits = Limits { bytes: limit, age: age * S };
        let (mut queue, counters) = (Queue::new(limits, seed), Counters::new());
        let mut now = 0_u64;
        let (mut pushed_messages, mut delivered_transactions, mut largest) = (0, 0, 0);
        let mut out: Vec<Parcel> = Vec::new();
        // When each payload may be seen again, by the rules.
        let mut not_before: HashMap<u64, u64> = HashMap::new();
        for op in ops {
            match op {
                Op::Push(items) => {
                    pushed_messages += items as u64;
                    largest = largest.max(items + PARCEL_OVERHEAD);
                    queue.push(piece(items), now, &counters);
                }
                Op::Take => {
                    let next = queue.next();
                    let lost = dropped(&counters, "payloads_dropped_");
                    let parcel = queue.due(now, &counters);
                    let expired = dropped(&counters, "payloads_dropped_") > lost;
                    // `next` says when there is something to do, no earlier and no later.
                    prop_assert_eq!(parcel.is_some() || expired, next.is_some_and(|at| at <= now));
                    if let Some(parcel) = parcel {
                        prop_assert!(not_before.get(&parcel.id).is_none_or(|&at| at <= now));
                        prop_assert!(out.iter().all(|other| other.id != parcel.id));
                        out.push(parcel);
                    }
                }
                Op::Settle(which, outcome) if !out.is_empty() => {
                    let parcel = out.swap_remove(which % out.len());
                    let before = counters.get(Counter::Retries);
                    let known = queue.settle(parcel.id, outcome, now, &counters, &halves);
                    if known && matches!(outcome, Outcome::Answer { status: 200..=299, .. }) {
                        delivered_transactions += parcel.transactions;
                    }
                    if counters.get(Counter::Retries) > before {
                        not_before.insert(parcel.id, now + BACKOFF_FIRST / 2);
                    }
                }
                Op::Settle(..) => {}
                Op::Advance(time) => now += time,
                Op::Hasten => {
                    queue.hasten(now);
                    not_before.clear();
                }
                Op::Abandon(id) => {
                    let known = queue.len();
                    prop_assert_eq!(queue.abandon(id, Cause::Fault, &counters), queue.len() < known);
                }
            }
            let payloads = counters.get(Counter::Payloads);
            let gone = counters.get(Counter::PayloadsDelivered) + dropped(&counters, "payloads_dropped_");
            prop_assert_eq!(payloads, gone + queue.len() as u64);
            prop_assert!(queue.bytes() <= limit.max(largest), "{} bytes", queue.bytes());
            prop_assert_eq!(queue.is_empty(), queue.bytes() == 0);
            prop_assert_eq!(queue.is_empty(), queue.next().is_none());
            prop_assert_eq!(counters.get(Counter::RetryBytes), queue.bytes() as u64);
        }
        queue.drop_all(Cause::Stop, &counters);
        prop_assert!(queue.is_empty() && queue.bytes() == 0);
        let gone = counters.get(Counter::MessagesDelivered) + dropped(&counters, "messages_dropped_");
        prop_assert_eq!(pushed_messages, gone);
        prop_assert_eq!(2 * pushed_messages, delivered_transactions + counters.get(Counter::TransactionsDropped));
        prop_assert!(counters.get(Counter::PayloadsDroppedUncertain) <= dropped(&counters, "payloads_dropped_"));
    }

    /// Whatever an agent does for a while, once it is well everything that waits is delivered soon.
    #[test]
    fn nothing_starves(
        outcomes in proptest::collection::vec(outcomes(), 1..100),
        count in 1..60_usize,
        seed: u64,
    ) {
        let (mut queue, counters) = (Queue::new(LIMITS, seed), Counters::new());
        let mut now = 0;
        for outcome in outcomes {
            if let Some(parcel) = queue.due(now, &counters) {
                queue.settle(parcel.id, outcome, now, &counters, &halves);
            }
            if counters.get(Counter::Payloads) < count as u64 {
                queue.push(piece(64), now, &counters);
            }
            now += S;
        }
        let end = now + RETRY_AFTER_MAX.max(MISSING_DELAY + MISSING_DELAY / 10) + BACKOFF_MAX;
        while now < end {
            // A stream of new payloads does not keep the old ones waiting.
            let fresh = queue.push(piece(1), now, &counters);
            while let Some(parcel) = queue.due(now, &counters) {
                prop_assert!(parcel.id <= fresh);
                queue.settle(parcel.id, answer(202), now, &counters, &halves);
            }
            now += 5 * S;
        }
        prop_assert!(queue.is_empty(), "{} wait", queue.len());
    }
}
