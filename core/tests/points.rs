//! What is reported for what was recorded: points, kinds of time, backlogs, transactions, services, and what the bounds
//! make of them.
#![allow(clippy::unwrap_used)] // helpers of tests fail like tests

use datastreams_core::client::{Client, Hooks, Input};
use datastreams_core::config::{Config, Delivery};
use datastreams_core::counters::Counter;
use datastreams_core::hash;
use datastreams_core::pathway::Pathway;
use datastreams_core::payload::{self, Bucket, Payload, Point, TimestampType};
use datastreams_core::sketch::Sketch;
use std::time::Duration;

const SECOND: i64 = 1_000_000_000;
/// The middle of a bucket.
const NOW: i64 = 1_790_000_005 * SECOND;

fn config() -> Config {
    Config {
        service: Some("shop".into()),
        env: Some("test".into()),
        delivery: Some(Delivery::Host),
        process_tags: Some(false),
        hostname: Some("host".into()),
        ..Config::default()
    }
}

fn client(config: &Config) -> Client {
    Client::with_settings(config.resolve(&|_| None).unwrap(), Hooks::default()).unwrap()
}

fn payloads(client: &Client) -> Vec<Payload> {
    let mut all = Vec::new();
    while let Some(taken) = client.take_payload().unwrap() {
        all.push(Payload::decode(&payload::gunzip(&taken.body, 64 << 20).unwrap()).unwrap());
        client.settle_payload(taken.id, 202).unwrap();
    }
    all
}

fn flushed(client: &Client) -> Vec<Payload> {
    client.flush(Duration::ZERO).unwrap();
    payloads(client)
}

fn set(client: &Client, tags: &[&str], now_ns: i64, parent: Option<&Pathway>, size: Option<u64>) -> Pathway {
    let edge = client.intern(tags, "").unwrap();
    let input = Input { payload_size: size, now_ns, parent, ..Input::default() };
    client.set_checkpoint(edge, &input).unwrap().unwrap()
}

fn begun(hash: u64, start_ns: i64) -> Pathway {
    Pathway { hash, start_ns, edge_start_ns: start_ns, ..Pathway::default() }
}

fn sketch(bytes: &[u8]) -> Sketch {
    Sketch::decode(bytes).unwrap()
}

/// Within the guarantee of the mapping.
fn near(sketch: &Sketch, value: f64) -> bool {
    (sketch.quantile(0.5).unwrap() - value).abs() <= value * 0.0079
}

fn of_time(bucket: &Bucket, time: TimestampType) -> Vec<&Point> {
    bucket.stats.iter().filter(|point| point.timestamp_type == Some(time)).collect()
}

#[test]
fn one_hop() {
    let client = client(&config());
    let (out, back) = (["direction:out", "topic:a", "type:kafka"], ["direction:in", "topic:a", "type:kafka"]);
    let sent = set(&client, &out, NOW, None, Some(100));
    let received = set(&client, &back, NOW + SECOND / 4, Some(&sent), None);
    let all = flushed(&client);
    assert_eq!(all.len(), 1);
    let payload = &all[0];
    assert_eq!((payload.service.as_str(), payload.env.as_str()), ("shop", "test"));
    assert_eq!((payload.lang.as_str(), payload.hostname.as_str()), ("c", "host"));
    assert_eq!(payload.product_mask, Some(2));
    assert_eq!(payload.stats.len(), 1);
    let bucket = &payload.stats[0];
    assert_eq!((bucket.start, bucket.duration), (1_790_000_000 * SECOND as u64, 10 * SECOND as u64));
    for time in [TimestampType::Current, TimestampType::Origin] {
        let points = of_time(bucket, time);
        assert_eq!(points.len(), 2);
        let first = points.iter().find(|point| point.parent_hash == 0).unwrap();
        let second = points.iter().find(|point| point.parent_hash == sent.hash).unwrap();
        assert_eq!((first.hash, second.hash), (sent.hash, received.hash));
        assert_eq!(second.edge_tags.iter().map(|tag| &**tag).collect::<Vec<_>>(), back);
        let (latency, size) = (sketch(&second.edge_latency), sketch(&first.payload_size));
        assert!(near(&latency, 0.25) && near(&sketch(&second.pathway_latency), 0.25) && near(&size, 100.0));
        assert_eq!(latency.count(), 1.0);
        assert!(sketch(&second.payload_size).is_empty(), "an unknown size is not recorded");
        assert_eq!(sketch(&first.edge_latency).zero_count(), 1.0);
    }
    assert_eq!(hash::pathway(hash::node("shop", "test", "", &out), 0), sent.hash);
}

#[test]
fn an_origin_in_another_bucket_gets_the_copy() {
    let client = client(&config());
    let tags = ["direction:in", "topic:a"];
    set(&client, &tags, NOW, Some(&begun(1, NOW - SECOND)), Some(1));
    set(&client, &tags, NOW, Some(&begun(1, NOW - 60 * SECOND)), Some(1));
    set(&client, &tags, NOW, Some(&begun(1, NOW - 61 * SECOND)), Some(1));
    let all = flushed(&client);
    let buckets = &all[0].stats;
    assert_eq!(buckets.len(), 2);
    let (before, now) = (&buckets[0], &buckets[1]);
    assert_eq!(now.start - before.start, 60 * SECOND as u64);
    assert!(of_time(before, TimestampType::Current).is_empty());
    assert_eq!(sketch(&of_time(before, TimestampType::Origin)[0].edge_latency).count(), 2.0);
    assert_eq!(sketch(&of_time(now, TimestampType::Current)[0].edge_latency).count(), 3.0);
    assert_eq!(sketch(&of_time(now, TimestampType::Origin)[0].edge_latency).count(), 1.0);
    assert_eq!(all[0].messages(), 3);
}

#[test]
fn shards_add_up() {
    let client = client(&config());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for parent in 0..10 {
                    set(&client, &["direction:in"], NOW, Some(&begun(parent + 1, NOW - SECOND)), Some(parent));
                    set(&client, &["direction:in"], NOW, Some(&begun(parent + 1, NOW - 20 * SECOND)), Some(parent));
                }
            });
        }
    });
    let all = flushed(&client);
    let now = all[0].stats.last().unwrap();
    let current = of_time(now, TimestampType::Current);
    assert_eq!(current.len(), 10);
    assert!(current.iter().all(|point| sketch(&point.edge_latency).count() == 16.0));
    assert!(of_time(now, TimestampType::Origin).iter().all(|point| sketch(&point.edge_latency).count() == 8.0));
}

#[test]
fn parents_past_the_bound_go_to_parent_0() {
    let client = client(&Config { max_parents: Some(3), ..config() });
    let tags = ["direction:in", "topic:a"];
    for parent in 1..=10 {
        let after = set(&client, &tags, NOW, Some(&begun(parent, NOW - SECOND)), None);
        assert_eq!(
            after.hash,
            hash::pathway(hash::node("shop", "test", "", &tags), parent),
            "the pathway goes on as ever"
        );
    }
    let all = flushed(&client);
    let points = of_time(&all[0].stats[0], TimestampType::Current);
    assert_eq!(points.len(), 4);
    let rest = points.iter().find(|point| point.parent_hash == 0).unwrap();
    assert_eq!(rest.hash, hash::pathway(hash::node("shop", "test", "", &tags), 0));
    assert_eq!(sketch(&rest.edge_latency).count(), 7.0);
    assert_eq!(client.counter(Counter::CutParents), 7);
    assert_eq!(all[0].messages(), 10);
}

#[test]
fn a_tick_leaves_the_bucket_that_holds_now() {
    let client = client(&config());
    set(&client, &["direction:in"], NOW, None, None);
    client.poll(NOW).unwrap();
    assert_eq!(payloads(&client), []);
    // The clock stepped back: what was recorded in what is now the future leaves too.
    set(&client, &["direction:in"], NOW - 3600 * SECOND, None, None);
    client.poll(NOW - 3600 * SECOND).unwrap();
    let all = payloads(&client);
    assert_eq!(all[0].stats.len(), 1);
    assert_eq!(all[0].stats[0].start, 1_790_000_000 * SECOND as u64);
    client.poll(NOW - 3590 * SECOND).unwrap();
    assert_eq!(payloads(&client)[0].stats[0].start, 1_789_996_400 * SECOND as u64);
}

#[test]
fn services_are_apart() {
    let client = client(&config());
    let own = client.intern(&["direction:in"], "").unwrap();
    let other = client.intern(&["direction:in"], "connector").unwrap();
    for edge in [own, other, other] {
        client.set_checkpoint(edge, &Input { now_ns: NOW, ..Input::default() }).unwrap();
    }
    client.track_offset(client.intern(&["type:kafka_commit"], "connector").unwrap(), 3, 8, NOW).unwrap();
    let mut all = flushed(&client);
    all.sort_by(|a, b| a.service.cmp(&b.service));
    let [connector, shop] = &all[..] else { panic!("{} payloads", all.len()) };
    assert_eq!((connector.service.as_str(), connector.messages()), ("connector", 2));
    assert_eq!((shop.service.as_str(), shop.messages()), ("shop", 1));
    assert_eq!(
        connector.stats[0].stats[0].hash,
        hash::pathway(hash::node("connector", "test", "", &["direction:in"]), 0)
    );
    assert_eq!((connector.stats[0].backlogs.len(), shop.stats[0].backlogs.len()), (1, 0));
}

#[test]
fn backlogs_keep_the_greatest_offset_of_each_cluster_and_partition() {
    let client = client(&config());
    for cluster in ["c1", "c2"] {
        let cluster = format!("kafka_cluster_id:{cluster}");
        let tags = ["type:kafka_commit", "topic:orders", "consumer_group:g", cluster.as_str()];
        let edge = client.intern(&tags, "").unwrap();
        for (partition, offset) in [(0, 5), (0, 9), (0, 7), (1, 0), (-1, 4)] {
            client.track_offset(edge, partition, offset, NOW).unwrap();
        }
    }
    let all = flushed(&client);
    let mut found: Vec<(String, i64)> = all[0].stats[0]
        .backlogs
        .iter()
        .map(|backlog| (backlog.tags.iter().map(|tag| &**tag).collect::<Vec<_>>().join(" "), backlog.value))
        .collect();
    found.sort();
    let tags = |cluster: &str, partition: &str| {
        format!("consumer_group:g kafka_cluster_id:{cluster}{partition} topic:orders type:kafka_commit")
    };
    let mut expected = Vec::new();
    for cluster in ["c1", "c2"] {
        expected.push((tags(cluster, " partition:0"), 9));
        expected.push((tags(cluster, " partition:1"), 0));
        expected.push((tags(cluster, ""), 4));
    }
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(client.counter(Counter::Offsets), 10);
}

#[test]
fn transactions_and_their_bounds() {
    let client = client(&Config { transaction_limit: Some(40), ..config() });
    client.track_transaction(b"txn-1", "ingested", NOW - SECOND, NOW).unwrap();
    client.track_transaction(b"txn-1", "processed", NOW, NOW).unwrap();
    client.track_transaction(b"txn-2", "ingested", NOW, NOW).unwrap();
    let all = flushed(&client);
    let bucket = &all[0].stats[0];
    assert_eq!(bucket.transaction_checkpoint_ids, b"\x01\x08ingested\x02\x09processed");
    let record = |name: u8, at: i64| [&[name][..], &at.to_be_bytes(), b"\x05txn-1"].concat();
    assert_eq!(bucket.transactions, [record(1, NOW - SECOND), record(2, NOW)].concat());
    assert_eq!(client.counter(Counter::Transactions), 2);
    assert_eq!(client.counter(Counter::TransactionsCutVolume), 1);
    for name in 0..300 {
        client.track_transaction(b"t", &format!("name {name}"), NOW, NOW).unwrap();
    }
    assert_eq!(client.counter(Counter::TransactionsCutNames), 300 - 252);
}

#[test]
fn large_payloads_are_split_below_the_limit() {
    let client = client(&Config { max_payload_bytes: Some(20_000), max_parents: Some(10_000), ..config() });
    for parent in 1..=3000u64 {
        let start = NOW - (parent as i64 * 7_919 % 4_000) * 1_000_000;
        set(
            &client,
            &["direction:in", "topic:a"],
            NOW,
            Some(&begun(hash::mix(parent), start)),
            Some(parent * 37 % 999),
        );
    }
    client.flush(Duration::ZERO).unwrap();
    let mut messages = 0;
    let mut count = 0;
    while let Some(taken) = client.take_payload().unwrap() {
        assert!(taken.body.len() <= 20_000, "{} bytes", taken.body.len());
        messages += Payload::decode(&payload::gunzip(&taken.body, 64 << 20).unwrap()).unwrap().messages();
        client.settle_payload(taken.id, 202).unwrap();
        count += 1;
    }
    assert_eq!(messages, 3000);
    assert!(count > 3);
}

#[test]
fn memory_that_is_short_cuts_and_counts() {
    let client = client(&Config { memory_limit: Some(20_000), ..config() });
    for topic in 0..100 {
        set(&client, &["direction:in", &format!("topic:{topic}")], NOW, Some(&begun(1, NOW - SECOND)), Some(10));
    }
    let (recorded, cut) = (client.counter(Counter::Checkpoints), client.counter(Counter::CutMemory));
    assert_eq!(recorded + cut, 100);
    assert!(recorded > 10 && cut > 10, "{recorded} recorded, {cut} cut");
    assert!(client.counter(Counter::MemoryBytes) <= 20_000);
    assert_eq!(flushed(&client).iter().map(Payload::messages).sum::<u64>(), recorded);
    client.stop(Duration::ZERO).unwrap();
    assert_eq!(client.counter(Counter::MemoryBytes), 0);
}
