//! Nothing is lost in silence: whatever the agent does and however the clocks step, what was recorded equals what
//! arrived plus what the counters say was dropped.

#![allow(clippy::unwrap_used)]

use datastreams_core::client::{Client, Hooks, HostPayload, Input};
use datastreams_core::config::{Config, Delivery};
use datastreams_core::counters::Counter;
use datastreams_core::error::Error;
use datastreams_core::pathway::Pathway;
use datastreams_core::payload::{self, Payload};
use proptest::prelude::*;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;
const START_NS: i64 = 1_790_000_000 * SECOND as i64;

/// What may happen.
#[derive(Clone, Debug)]
enum Event {
    /// Messages pass an edge; `age_ms` is how long ago their pathway began (negative: in the future).
    Messages {
        edge: usize,
        count: u8,
        parent: u8,
        age_ms: i64,
        size: u32,
    },
    Offset {
        partition: i32,
        offset: i64,
    },
    Transaction {
        id: u16,
    },
    /// Both clocks advance.
    Wait {
        ms: u32,
    },
    /// The wall clock alone steps.
    Step {
        ms: i64,
    },
    Poll,
    Deliver {
        answer: Answer,
    },
    Flush,
    /// Payloads that are due are taken, and their answers come later, if at all: the agent is slow.
    Take,
    Late {
        answer: Answer,
    },
    Stop,
}

/// What the agent does with the payloads that are due now.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Status(i32),
    /// The payload is not sent.
    Down,
    /// The payload arrives, the answer does not.
    Silent,
    /// The connection breaks before the whole payload has arrived.
    Broken,
}

fn event() -> impl Strategy<Value = Event> {
    let answer = prop_oneof![
        5 => Just(Answer::Status(202)),
        1 => prop::sample::select(vec![400, 401, 404, 408, 425, 429, 500, 503, 302]).prop_map(Answer::Status),
        1 => Just(Answer::Down),
        1 => Just(Answer::Silent),
        1 => Just(Answer::Broken),
    ]
    .boxed();
    let late = answer.clone();
    prop_oneof![
        12 => (0..6usize, 1..40u8, 0..30u8, -90_000..3_000_000i64, any::<u32>()).prop_map(
            |(edge, count, parent, age_ms, size)| Event::Messages { edge, count, parent, age_ms, size }),
        1 => (-1..4i32, 0..1_000i64).prop_map(|(partition, offset)| Event::Offset { partition, offset }),
        1 => any::<u16>().prop_map(|id| Event::Transaction { id }),
        5 => (1..30_000u32).prop_map(|ms| Event::Wait { ms }),
        1 => (600_000..4_000_000u32).prop_map(|ms| Event::Wait { ms }),
        1 => (-4_000_000..4_000_000i64).prop_map(|ms| Event::Step { ms }),
        4 => Just(Event::Poll),
        4 => answer.prop_map(|answer| Event::Deliver { answer }),
        1 => Just(Event::Flush),
        2 => Just(Event::Take),
        2 => late.prop_map(|answer| Event::Late { answer }),
    ]
}

/// A strict agent: it takes each payload once and refuses what is too large.
#[derive(Default)]
struct Agent {
    seen: HashSet<String>,
    messages: u64,
    transactions: u64,
    max_bytes: usize,
}

impl Agent {
    fn arrive(&mut self, taken: &HostPayload) {
        let id = taken.headers.lines().find_map(|line| line.strip_prefix("Datastreams-Payload-Id: ")).unwrap();
        if self.seen.insert(id.to_owned()) {
            let raw = payload::gunzip(&taken.body, 64 << 20).unwrap();
            let payload = Payload::decode(&raw).unwrap();
            self.messages += payload.messages();
            self.transactions += payload.transactions();
        }
    }

    fn answer(&mut self, taken: &HostPayload, answer: Answer) -> i32 {
        if taken.body.len() > self.max_bytes && !matches!(answer, Answer::Down) {
            return 413;
        }
        match answer {
            Answer::Status(status) => {
                if status == 202 {
                    self.arrive(taken);
                }
                status
            }
            Answer::Down => 0,
            Answer::Silent => {
                self.arrive(taken);
                -1
            }
            Answer::Broken => -1,
        }
    }
}

struct World {
    client: Client,
    mono: Arc<AtomicU64>,
    wall_ns: i64,
    agent: Agent,
    calls: u64,
    /// Offsets and transactions that were only passed through.
    passed: u64,
    /// Taken, and not answered yet.
    slow: Vec<HostPayload>,
}

impl World {
    fn new(config: &Config, max_bytes: usize) -> Self {
        let mono = Arc::new(AtomicU64::new(SECOND));
        let clock = Arc::clone(&mono);
        let hooks = Hooks { monotonic: Arc::new(move || clock.load(Ordering::Relaxed)), ..Hooks::default() };
        let settings = config.resolve(&|_| None).unwrap();
        let client = Client::with_settings(settings, hooks).unwrap();
        Self {
            client,
            mono,
            wall_ns: START_NS,
            agent: Agent { max_bytes, ..Agent::default() },
            calls: 0,
            passed: 0,
            slow: Vec::new(),
        }
    }

    fn deliver(&mut self, answer: Answer) {
        while let Some(taken) = self.client.take_payload().unwrap() {
            let status = self.agent.answer(&taken, answer);
            self.client.settle_payload(taken.id, status).unwrap();
        }
    }

    fn apply(&mut self, event: &Event) {
        let before = self.client.counter(Counter::PassedThrough);
        match *event {
            Event::Messages { edge, count, parent, age_ms, size } => {
                let topic = format!("topic:{edge}");
                let direction = ["direction:in", "direction:out", "type:other"][edge % 3];
                let service = if edge == 5 { "another" } else { "" };
                let edge = self.client.intern(&[direction, &topic, "type:kafka"], service).unwrap();
                let start_ns = self.wall_ns - age_ms * 1_000_000;
                let from = Pathway { hash: u64::from(parent), start_ns, edge_start_ns: start_ns, ..Pathway::default() };
                for n in 0..count {
                    let input = Input {
                        payload_size: (n % 3 != 0).then_some(u64::from(size)),
                        now_ns: self.wall_ns + i64::from(n) * 1000,
                        parent: (parent != 0).then_some(&from),
                        ..Input::default()
                    };
                    let next = self.client.set_checkpoint(edge, &input).unwrap();
                    assert!(next.is_some() || self.client.counter(Counter::PassedThrough) > 0);
                    self.calls += 1;
                }
            }
            Event::Offset { partition, offset } => {
                let tags = ["type:kafka_commit", "topic:0", "consumer_group:g"];
                let edge = self.client.intern(&tags, "").unwrap();
                self.client.track_offset(edge, partition, offset, self.wall_ns).unwrap();
            }
            Event::Transaction { id } => {
                self.client.track_transaction(&id.to_be_bytes(), "ingested", self.wall_ns, self.wall_ns).unwrap();
            }
            Event::Wait { ms } => {
                self.wall_ns += i64::from(ms) * 1_000_000;
                self.mono.fetch_add(u64::from(ms) * 1_000_000, Ordering::Relaxed);
            }
            Event::Step { ms } => self.wall_ns += ms * 1_000_000,
            Event::Poll => drop(self.client.poll(self.wall_ns).unwrap()),
            Event::Deliver { answer } => self.deliver(answer),
            Event::Flush => self.client.flush(Duration::ZERO).unwrap(),
            Event::Take => self.slow.extend(self.client.take_payload().unwrap()),
            Event::Late { answer } => {
                for taken in std::mem::take(&mut self.slow) {
                    let status = self.agent.answer(&taken, answer);
                    self.client.settle_payload(taken.id, status).unwrap();
                }
            }
            Event::Stop => self.client.stop(Duration::ZERO).unwrap(),
        }
        if matches!(event, Event::Offset { .. } | Event::Transaction { .. }) {
            self.passed += self.client.counter(Counter::PassedThrough) - before;
        }
    }

    fn dropped(&self) -> u64 {
        let causes = Counter::ALL.iter().filter(|counter| counter.name().starts_with("messages_dropped_"));
        let causes = causes.filter(|&&counter| counter != Counter::MessagesDroppedUncertain);
        causes.map(|&counter| self.client.counter(counter)).sum()
    }

    fn check(mut self) -> Result<(), TestCaseError> {
        let count = |world: &Self, counter| world.client.counter(counter);
        self.client.stop(Duration::ZERO).unwrap();
        self.apply(&Event::Late { answer: Answer::Status(202) });
        // The agent is well again: what is still kept arrives, in a day at the most.
        for _ in 0..300 {
            self.apply(&Event::Wait { ms: 300_000 });
            self.deliver(Answer::Status(202));
        }
        let recorded = count(&self, Counter::Checkpoints);
        let cut = count(&self, Counter::CutMemory) + count(&self, Counter::CutBusy);
        let passed = count(&self, Counter::PassedThrough) - self.passed;
        prop_assert_eq!(self.calls, recorded + cut + passed);
        prop_assert_eq!(count(&self, Counter::MessagesDroppedFault), 0);
        prop_assert_eq!(count(&self, Counter::RetryBytes), 0, "nothing stays behind");
        prop_assert_eq!(count(&self, Counter::MemoryBytes), 0, "all memory is given back");
        let (dropped, uncertain) = (self.dropped(), count(&self, Counter::MessagesDroppedUncertain));
        // A payload that was dropped after its answer was lost may be on both sides, and is counted as uncertain.
        prop_assert!(self.agent.messages + dropped >= recorded);
        prop_assert!(self.agent.messages + dropped <= recorded + uncertain);
        let transactions = count(&self, Counter::Transactions);
        prop_assert!(self.agent.transactions + count(&self, Counter::TransactionsDropped) >= transactions);
        prop_assert!(self.agent.transactions <= transactions);
        Ok(())
    }
}

fn config() -> Config {
    Config { service: Some("account".into()), delivery: Some(Delivery::Host), ..Config::default() }
}

proptest! {
    // More than the default, less than what PROPTEST_CASES asks for in `make test-long`.
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(400), ..ProptestConfig::default() })]

    #[test]
    fn what_was_recorded_arrives_or_is_counted(events in prop::collection::vec(event(), 1..80), stop in 0..120usize) {
        let mut world = World::new(&config(), usize::MAX);
        for (at, event) in events.iter().enumerate() {
            if at == stop {
                world.apply(&Event::Stop);
            }
            world.apply(event);
        }
        world.check()?;
    }

    #[test]
    fn under_tight_bounds(events in prop::collection::vec(event(), 1..80), max_bytes in 300..3000usize) {
        let tight = Config {
            memory_limit: Some(60_000),
            retry_limit: Some(6_000),
            retry_age: Some(Duration::from_secs(600)),
            max_parents: Some(4),
            max_origin_buckets: Some(3),
            max_payload_bytes: Some(2_000),
            max_edges: Some(4),
            transaction_limit: Some(100),
            ..config()
        };
        let mut world = World::new(&tight, max_bytes);
        for event in &events {
            world.apply(event);
        }
        world.check()?;
    }
}

#[test]
fn after_stop_pathways_pass_through() {
    let world = World::new(&config(), usize::MAX);
    let edge = world.client.intern(&["direction:in"], "").unwrap();
    world.client.stop(Duration::ZERO).unwrap();
    world.client.stop(Duration::ZERO).unwrap();
    let from = Pathway { hash: 7, start_ns: START_NS, edge_start_ns: START_NS, ..Pathway::default() };
    let input = Input { now_ns: START_NS, parent: Some(&from), ..Input::default() };
    assert_eq!(world.client.set_checkpoint(edge, &input), Ok(Some(from)));
    assert_eq!(world.client.set_checkpoint(edge, &Input { parent: None, ..input }), Ok(None));
    assert_eq!(world.client.counter(Counter::PassedThrough), 2);
    assert_eq!(world.client.counter(Counter::Checkpoints), 0);
}

#[test]
fn disabled_is_a_pass_through() {
    let off = Config { enabled: Some(false), ..config() };
    let world = World::new(&off, usize::MAX);
    let edge = world.client.intern(&["direction:in"], "").unwrap();
    let from = Pathway { hash: 7, start_ns: START_NS, edge_start_ns: START_NS, ..Pathway::default() };
    let mut header = [0; 36];
    let len = from.encode_base64(&mut header);
    let input = Input { now_ns: START_NS, header: &header[..len], ..Input::default() };
    assert_eq!(world.client.set_checkpoint(edge, &input), Ok(Some(from)));
    world.client.flush(Duration::ZERO).unwrap();
    assert_eq!(world.client.take_payload().unwrap().map(|taken| taken.id), None);
    assert_eq!(world.client.counter(Counter::CutEdges), 0);
}

#[test]
fn bad_arguments_are_refused_and_counted() {
    let world = World::new(&config(), usize::MAX);
    let other = World::new(&config(), usize::MAX);
    let edge = world.client.intern(&["type:kafka_commit"], "").unwrap();
    let good = Input { now_ns: START_NS, ..Input::default() };
    assert_eq!(other.client.set_checkpoint(edge, &good), Err(Error::Edge));
    for bad in [Input { now_ns: 0, ..good }, Input { now_ns: -1, ..good }, Input { queued_ns: -1, ..good }] {
        assert!(matches!(world.client.set_checkpoint(edge, &bad), Err(Error::Invalid(_))));
    }
    assert!(matches!(world.client.track_offset(edge, 0, -1001, START_NS), Err(Error::Invalid(_))));
    assert!(matches!(world.client.track_offset(edge, -2, 0, START_NS), Err(Error::Invalid(_))));
    for (id, name) in [(&b""[..], "n"), (&[0; 256], "n"), (b"i", ""), (b"i", &"n".repeat(256))] {
        assert!(matches!(world.client.track_transaction(id, name, START_NS, START_NS), Err(Error::Invalid(_))));
    }
    assert!(matches!(world.client.settle_payload(1, 200), Err(Error::Invalid(_))));
    assert_eq!(world.client.counter(Counter::InvalidArguments), 10);
}
