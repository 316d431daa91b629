//! Bounds of memory, and arguments at the edge of their types.

#![allow(clippy::unwrap_used)]

use datastreams_core::bucket::{Bounds, Budget, Values};
use datastreams_core::client::{Client, Hooks, Input};
use datastreams_core::config::{Config, Delivery};
use datastreams_core::counters::{Counter, Counters};
use datastreams_core::edge::Edges;
use datastreams_core::pathway::{Crossing, Direction, Pathway};
use datastreams_core::payload::{self, Payload, TimestampType};
use datastreams_core::shard::{Recorded, Shard};
use datastreams_core::sketch::Bins;
use proptest::prelude::*;
use std::time::Duration;

const SECOND: i64 = 1_000_000_000;
const START_NS: i64 = 1_790_000_000 * SECOND;

fn client(config: Config) -> Client {
    let config = Config { service: Some("bounds".into()), delivery: Some(Delivery::Host), ..config };
    Client::with_settings(config.resolve(&|_| None).unwrap(), Hooks::default()).unwrap()
}

fn pathway(hash: u64, start_ns: i64) -> Pathway {
    Pathway { hash, start_ns, edge_start_ns: start_ns, ..Pathway::default() }
}

fn checkpoint(client: &Client, now_ns: i64, parent: &Pathway) {
    let edge = client.intern(&["direction:in", "type:kafka"], "").unwrap();
    client.set_checkpoint(edge, &Input { now_ns, parent: Some(parent), ..Input::default() }).unwrap();
}

fn payloads(client: &Client) -> Vec<Payload> {
    let mut all = Vec::new();
    while let Some(taken) = client.take_payload().unwrap() {
        all.push(Payload::decode(&payload::gunzip(&taken.body, 1 << 30).unwrap()).unwrap());
        client.settle_payload(taken.id, 202).unwrap();
    }
    all
}

#[test]
fn a_host_that_never_settles_gets_no_more_than_the_retry_limit() {
    let limit = 10_000;
    let client = client(Config { retry_limit: Some(limit), ..Config::default() });
    let (mut bytes, mut last) = (0, 0);
    for second in 0..500 {
        checkpoint(&client, START_NS + second * SECOND, &Pathway::default());
        client.flush(Duration::ZERO).unwrap();
        if let Some(taken) = client.take_payload().unwrap() {
            (bytes, last) = (bytes + taken.body.len(), taken.id);
        }
    }
    assert!(bytes <= limit, "{bytes} bytes are out of our hands, and held for the host");
    client.settle_payload(last, 202).unwrap();
    assert!(client.take_payload().unwrap().is_some(), "room for one, but none came");
}

#[test]
fn what_finds_no_memory_opens_no_bucket() {
    let (edges, counters, budget) = (Edges::new("s", "", "", 4), Counters::new(), Budget::new(0));
    let bounds = Bounds { budget: &budget, max_parents: 1, counters: &counters };
    let edge = edges.intern(&["direction:in"], "", &counters).unwrap();
    let number = edges.number(edge).unwrap();
    let edge = (number, edges.get(number).unwrap());
    let zero = Values { edge_latency: Bins::ZERO, pathway_latency: Bins::ZERO, payload_size: None };
    let mut shard = Shard::default();
    for second in 0..100 {
        let now_ns = START_NS + second * 10 * SECOND;
        let at = Crossing { prefix: edge.1.prefix, direction: Direction::In, now_ns, queued_ns: 0 };
        assert_eq!(shard.record(edge, &Pathway::cross(None, at), zero, 64, &bounds), Recorded::NoRoom);
        assert_eq!(shard.record_offset(number, 0, 1, now_ns, &bounds), Recorded::NoRoom);
        assert_eq!(shard.record_transaction(1, now_ns, b"id", now_ns, &bounds), Recorded::NoRoom);
    }
    // Else the bucket would be there without anybody having been told to report it.
    assert!(shard.is_empty());
    // An origin bucket that finds no memory.
    let budget = Budget::new(6_000);
    let bounds = Bounds { budget: &budget, max_parents: 1, counters: &counters };
    for second in 1..100 {
        let before = pathway(0, START_NS - second * 10 * SECOND);
        let at = Crossing { prefix: edge.1.prefix, direction: Direction::In, now_ns: START_NS, queued_ns: 0 };
        assert_ne!(shard.record(edge, &Pathway::cross(Some(before), at), zero, 64, &bounds), Recorded::NoRoom);
    }
    let taken = shard.take(None);
    assert!(taken.buckets.iter().all(|bucket| !bucket.groups.is_empty()));
    let held: usize = taken.buckets.iter().map(|bucket| bucket.bytes()).sum();
    let spare: usize = taken.frames.iter().map(|frame| frame.frame_bytes()).sum();
    let unused: usize = taken.groups.iter().map(|group| group.bytes()).sum();
    assert_eq!((held + spare + unused) as u64, budget.used());
}

#[test]
fn memory_of_a_burst_is_given_back_after_it() {
    let client = client(Config::default());
    let mut now_ns = START_NS;
    for origin in 0..60 {
        for parent in 1..200 {
            checkpoint(&client, now_ns, &pathway(parent, START_NS - origin * 10 * SECOND));
        }
    }
    let peak = client.counter(Counter::MemoryBytes);
    for _ in 0..5 {
        now_ns += 10 * SECOND;
        client.poll(now_ns).unwrap();
        checkpoint(&client, now_ns, &Pathway::default());
    }
    let after = client.counter(Counter::MemoryBytes);
    assert!(after * 10 < peak, "{after} of {peak} bytes are still held");
}

#[test]
fn values_that_lost_their_bin_are_counted_each() {
    let client = client(Config::default());
    let edge = client.intern(&["direction:in", "type:kafka"], "").unwrap();
    let sizes = std::iter::repeat_n(1, 100).chain([u64::MAX]).chain(std::iter::repeat_n(2, 10));
    for size in sizes {
        let input = Input { payload_size: Some(size), now_ns: START_NS, ..Input::default() };
        client.set_checkpoint(edge, &input).unwrap();
    }
    client.flush(Duration::ZERO).unwrap();
    assert_eq!(client.counter(Counter::CutBins), 110);
}

#[test]
fn parents_are_bounded_per_edge_and_bucket() {
    let client = client(Config { max_parents: Some(4), ..Config::default() });
    for parent in 1..=40 {
        // Some began in this bucket, some in the one before.
        checkpoint(&client, START_NS, &pathway(parent, START_NS - i64::from(parent % 2 == 0) * 10 * SECOND));
    }
    client.flush(Duration::ZERO).unwrap();
    let payloads = payloads(&client);
    assert_eq!(payloads.iter().map(Payload::messages).sum::<u64>(), 40);
    for bucket in payloads.iter().flat_map(|payload| &payload.stats) {
        for kind in [TimestampType::Current, TimestampType::Origin] {
            let points = bucket.stats.iter().filter(|point| point.timestamp_type == Some(kind));
            assert!(points.filter(|point| point.parent_hash != 0).count() <= 4);
        }
    }
}

#[cfg(target_pointer_width = "64")]
#[test]
fn a_bound_beyond_32_bits_is_large() {
    let client = client(Config { max_parents: Some(1 << 32), ..Config::default() });
    (1..10).for_each(|parent| checkpoint(&client, START_NS, &pathway(parent, START_NS)));
    assert_eq!(client.counter(Counter::CutParents), 0);
    let config = Config { max_edges: Some(1 << 32), ..Config::default() };
    assert!(config.resolve(&|_| None).unwrap_err().to_string().contains("max_edges"));
}

#[test]
fn no_timeout_is_too_long() {
    let client = client(Config::default());
    checkpoint(&client, START_NS, &Pathway::default());
    client.flush(Duration::MAX).unwrap();
    client.stop(Duration::MAX).unwrap();
}

fn extreme() -> impl Strategy<Value = i64> {
    let edges = vec![i64::MIN, i64::MIN + 1, -1, 0, 1, START_NS, i64::MAX - 1, i64::MAX];
    prop_oneof![4 => prop::sample::select(edges), 1 => any::<i64>()]
}

proptest! {
    #[test]
    fn no_argument_panics(
        times in prop::collection::vec((extreme(), extreme(), extreme(), extreme(), extreme()), 1..20),
        hash in any::<u64>(),
        direction in 0..3u32,
    ) {
        let client = client(Config::default());
        let edge = client.intern(&["direction:in", "type:kafka"], "").unwrap();
        for (now_ns, queued_ns, start_ns, edge_start_ns, opposite_edge_start_ns) in times {
            let parent = Pathway {
                hash,
                start_ns,
                edge_start_ns,
                opposite_hash: hash,
                opposite_edge_start_ns,
                direction: [Direction::None, Direction::In, Direction::Out][direction as usize],
            };
            let input = Input { now_ns, queued_ns, parent: Some(&parent), payload_size: Some(hash), ..Input::default() };
            if let Ok(Some(next)) = client.set_checkpoint(edge, &input) {
                prop_assert!(next.start_ns > 0, "a time before the epoch is none");
            }
            let _ = client.track_offset(edge, now_ns as i32, queued_ns, now_ns);
            let _ = client.track_transaction(b"id", "name", start_ns, now_ns);
            let _ = client.poll(now_ns);
        }
        client.stop(Duration::ZERO).unwrap();
        payloads(&client);
        prop_assert_eq!(client.counter(Counter::MessagesDelivered), client.counter(Counter::Checkpoints));
    }
}
