//! What a client counts, and what leaves it when.

#![allow(clippy::unwrap_used)]

use datastreams_core::client::{Client, Hooks, Input};
use datastreams_core::config::{Config, Delivery};
use datastreams_core::counters::Counter;
use datastreams_core::pathway::Pathway;
use datastreams_core::payload::{self, Payload};
use std::time::Duration;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;
const START_NS: i64 = 1_790_000_000 * SECOND;

fn client(config: Config) -> Client {
    let config = Config { service: Some("counted".into()), delivery: Some(Delivery::Host), ..config };
    Client::with_settings(config.resolve(&|_| None).unwrap(), Hooks::default()).unwrap()
}

fn pathway(hash: u64, start_ns: i64) -> Pathway {
    Pathway { hash, start_ns, edge_start_ns: start_ns, ..Pathway::default() }
}

/// A consumed message; answers with the pathway after it.
fn consume(client: &Client, input: Input<'_>) -> Pathway {
    let edge = client.intern(&["direction:in", "type:kafka"], "").unwrap();
    client.set_checkpoint(edge, &Input { now_ns: START_NS, ..input }).unwrap().unwrap()
}

fn payloads(client: &Client) -> Vec<Payload> {
    let mut all = Vec::new();
    while let Some(taken) = client.take_payload().unwrap() {
        all.push(Payload::decode(&payload::gunzip(&taken.body, 1 << 30).unwrap()).unwrap());
        client.settle_payload(taken.id, 202).unwrap();
    }
    all
}

fn starts(client: &Client) -> Vec<i64> {
    let mut starts: Vec<_> =
        payloads(client).iter().flat_map(|payload| &payload.stats).map(|bucket| bucket.start as i64).collect();
    starts.sort_unstable();
    starts
}

#[test]
fn each_refusal_of_a_header_has_its_counter_and_begins_a_pathway() {
    use Counter::{HeaderFuture, HeaderOverflow, HeaderTooOld, HeaderTruncated, HeaderUnreadable};
    let client = client(Config::default());
    let header = |start_ns| {
        let mut header = [0; datastreams_core::header::MAX];
        let len = pathway(7, start_ns).encode_base64(&mut header);
        header[..len].to_vec()
    };
    let cases = [
        (HeaderUnreadable, b"?".to_vec()),
        (HeaderTruncated, header(START_NS)[..16].to_vec()),
        // Binary: the hash, and twice the greatest number of milliseconds.
        (HeaderOverflow, [&[0; 8][..], &[0xfe], &[0xff; 8], &[0xfe], &[0xff; 8]].concat()),
        (HeaderFuture, header(START_NS + 61 * SECOND)),
        (HeaderTooOld, header(START_NS - 32 * DAY)),
    ];
    for (counter, header) in &cases {
        let begun = consume(&client, Input { header, ..Input::default() });
        assert_eq!(begun.start_ns, START_NS, "{counter:?}");
        assert_eq!(client.counter(*counter), 1, "{counter:?}");
    }
    assert_eq!(client.counter(Counter::HeadersRead), 0);
    for start_ns in [START_NS + 59 * SECOND, START_NS - 30 * DAY] {
        assert_eq!(consume(&client, Input { header: &header(start_ns), ..Input::default() }).start_ns, start_ns);
    }
    assert_eq!(client.counter(Counter::HeadersRead), 2);
    assert_eq!(client.counter(Counter::Checkpoints), 7);
}

#[test]
fn a_header_wins_over_a_parent_and_a_parent_over_a_refused_header() {
    let client = client(Config::default());
    let (sent, parent) = (pathway(7, START_NS - 2 * SECOND), pathway(8, START_NS - SECOND));
    let mut header = [0; datastreams_core::header::MAX];
    let len = sent.encode_base64(&mut header);
    let both = Input { header: &header[..len], parent: Some(&parent), ..Input::default() };
    assert_eq!(consume(&client, both).start_ns, sent.start_ns);
    assert_eq!(consume(&client, Input { header: b"?", ..both }).start_ns, parent.start_ns);
}

#[test]
fn skew_restarts_and_times_in_queue() {
    let client = client(Config::default());
    let next = consume(&client, Input { parent: Some(&pathway(7, START_NS + SECOND)), ..Input::default() });
    assert_eq!(client.counter(Counter::ClockSkew), 1);
    assert_eq!(next.edge_start_ns, START_NS);
    // Two messages consumed in a row, the first without a pathway: the second begins one of its own.
    let first = consume(&client, Input::default());
    consume(&client, Input { parent: Some(&first), ..Input::default() });
    assert_eq!(client.counter(Counter::Restarts), 1);
    let queued = |queued_ns| consume(&client, Input { queued_ns, ..Input::default() }).start_ns;
    assert_eq!(queued(START_NS - SECOND), START_NS - SECOND);
    assert_eq!(client.counter(Counter::QueuedIgnored), 0);
    assert_eq!(queued(START_NS - 32 * DAY), START_NS);
    assert_eq!(queued(START_NS + 61 * SECOND), START_NS);
    assert_eq!(client.counter(Counter::QueuedIgnored), 2);
}

#[test]
fn transactions_are_bounded_by_volume_and_names() {
    // A record takes ten bytes and its id.
    let client = client(Config { transaction_limit: Some(100), ..Config::default() });
    let track = |name: &str| client.track_transaction(b"0123456789", name, START_NS, START_NS).unwrap();
    (0..8).for_each(|_| track("one"));
    assert_eq!(client.counter(Counter::Transactions), 5);
    assert_eq!(client.counter(Counter::TransactionsCutVolume), 3);
    client.flush(Duration::ZERO).unwrap();
    assert_eq!(payloads(&client).iter().map(Payload::transactions).sum::<u64>(), 5);
    (0..5).for_each(|_| track("one"));
    assert_eq!(client.counter(Counter::Transactions), 10, "the next ten seconds have their own volume");
    client.flush(Duration::ZERO).unwrap();
    (1..300).for_each(|name| drop(client.track_transaction(b"0", &format!("name {name}"), START_NS, START_NS)));
    assert_eq!(client.counter(Counter::TransactionsCutNames), 299 - 253);
}

#[test]
fn what_finds_no_memory_is_counted_and_the_pathway_goes_on() {
    let client = client(Config { memory_limit: Some(100), ..Config::default() });
    let offsets = client.intern(&["type:kafka_commit", "topic:orders", "kafka_cluster_id:c"], "").unwrap();
    assert_ne!(consume(&client, Input::default()).hash, 0);
    client.track_offset(offsets, 0, 1, START_NS).unwrap();
    client.track_transaction(b"0", "name", START_NS, START_NS).unwrap();
    for counter in [Counter::CutMemory, Counter::OffsetsCut, Counter::TransactionsCutVolume] {
        assert_eq!(client.counter(counter), 1, "{counter:?}");
    }
    for counter in [Counter::Checkpoints, Counter::Offsets, Counter::Transactions] {
        assert_eq!(client.counter(counter), 0, "{counter:?}");
    }
}

#[test]
fn past_the_origin_buckets_only_the_copy_is_cut() {
    let client = client(Config { max_origin_buckets: Some(2), ..Config::default() });
    for origin in 1..=5 {
        consume(&client, Input { parent: Some(&pathway(7, START_NS - origin * 10 * SECOND)), ..Input::default() });
    }
    assert_eq!((client.counter(Counter::Checkpoints), client.counter(Counter::CutOrigin)), (5, 3));
    client.flush(Duration::ZERO).unwrap();
    let payloads = payloads(&client);
    assert_eq!(payloads.iter().map(Payload::messages).sum::<u64>(), 5);
    assert_eq!(payloads.iter().map(|payload| payload.stats.len()).sum::<usize>(), 3);
}

#[test]
fn a_tick_leaves_the_bucket_of_now_whichever_way_the_clock_stepped() {
    let client = client(Config::default());
    let edge = client.intern(&["direction:out", "type:kafka"], "").unwrap();
    let at = |now_ns| client.set_checkpoint(edge, &Input { now_ns, ..Input::default() }).unwrap();
    let hours = [-3600, -10, 0, 10, 3600].map(|seconds| START_NS + seconds * SECOND);
    hours.iter().for_each(|&start| _ = at(start));
    client.poll(START_NS + 9 * SECOND).unwrap();
    assert_eq!(starts(&client), [hours[0], hours[1], hours[3], hours[4]]);
    client.flush(Duration::ZERO).unwrap();
    assert_eq!(starts(&client), [START_NS], "a flush takes the open bucket too");
}

#[test]
fn offsets_keep_the_greatest_of_each_cluster_and_partition() {
    let client = client(Config::default());
    let edge = |cluster: &str| {
        let cluster = format!("kafka_cluster_id:{cluster}");
        client.intern(&["type:kafka_high_watermark", "topic:orders", &cluster], "").unwrap()
    };
    for (cluster, partition, offset) in [("a", 0, 5), ("a", 0, 3), ("b", 0, 4), ("a", 1, 0), ("a", -1, 9)] {
        client.track_offset(edge(cluster), partition, offset, START_NS).unwrap();
    }
    client.flush(Duration::ZERO).unwrap();
    let payloads = payloads(&client);
    let mut backlogs: Vec<_> = payloads[0].stats[0]
        .backlogs
        .iter()
        .map(|backlog| (backlog.tags.iter().map(|tag| &**tag).collect::<Vec<_>>().join(","), backlog.value))
        .collect();
    backlogs.sort();
    let rest = "topic:orders,type:kafka_high_watermark";
    let want = [
        (format!("kafka_cluster_id:a,partition:0,{rest}"), 5),
        (format!("kafka_cluster_id:a,partition:1,{rest}"), 0),
        (format!("kafka_cluster_id:a,{rest}"), 9),
        (format!("kafka_cluster_id:b,partition:0,{rest}"), 4),
    ];
    assert_eq!(backlogs, want);
}

#[test]
fn each_service_has_its_payload() {
    let client = client(Config::default());
    for service in ["", "billing", "counted", "billing"] {
        let edge = client.intern(&["direction:in", "type:kafka"], service).unwrap();
        client.set_checkpoint(edge, &Input { now_ns: START_NS, ..Input::default() }).unwrap();
    }
    client.flush(Duration::ZERO).unwrap();
    let mut services: Vec<_> =
        payloads(&client).into_iter().map(|payload| (payload.service.clone(), payload.messages())).collect();
    services.sort();
    assert_eq!(services, [("billing".to_owned(), 2), ("counted".to_owned(), 2)]);
}

#[test]
fn payloads_stay_below_their_limit() {
    let client = client(Config { max_payload_bytes: Some(4_000), ..Config::default() });
    for topic in 0..200 {
        let edge = client.intern(&["direction:in", &format!("topic:{topic}")], "").unwrap();
        client.set_checkpoint(edge, &Input { now_ns: START_NS, ..Input::default() }).unwrap();
    }
    client.flush(Duration::ZERO).unwrap();
    let (mut messages, mut payloads) = (0, 0);
    while let Some(taken) = client.take_payload().unwrap() {
        assert!(taken.body.len() <= 4_000);
        messages += Payload::decode(&payload::gunzip(&taken.body, 1 << 20).unwrap()).unwrap().messages();
        payloads += 1;
        client.settle_payload(taken.id, 202).unwrap();
    }
    assert_eq!(messages, 200);
    assert!(payloads > 1);
}

#[test]
fn a_thread_that_cannot_be_started_is_counted_and_tried_again() {
    let config = Config { delivery: Some(Delivery::Thread), ..Config::default() };
    let hooks = Hooks { spawn: |_| Err(std::io::ErrorKind::WouldBlock.into()), ..Hooks::default() };
    let client = Client::with_settings(config.resolve(&|_| None).unwrap(), hooks).unwrap();
    let edge = client.intern(&["direction:in"], "").unwrap();
    for bucket in 0..3 {
        let input = Input { now_ns: START_NS + bucket * 10 * SECOND, ..Input::default() };
        client.set_checkpoint(edge, &input).unwrap();
        client.set_checkpoint(edge, &input).unwrap();
    }
    assert_eq!(client.counter(Counter::SpawnFailures), 3);
    assert_eq!(client.counter(Counter::Checkpoints), 6);
}
