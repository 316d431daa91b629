//! Threads, flushes, stop and drop race with each other, against an agent that fails in every way it can: the account
//! comes out even all the same.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used)]

mod agent;

use agent::{Act, Agent, answer};
use datastreams_core::client::{Client, Hooks, Input, wall_clock};
use datastreams_core::config::Config;
use datastreams_core::counters::Counter;
use datastreams_core::payload::{self, Payload};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

fn script() -> Vec<Act> {
    vec![
        answer(202, ""),
        answer(500, ""),
        Act::Reset,
        answer(202, ""),
        Act::Hang(Duration::from_millis(30)),
        answer(429, "Retry-After: 0\r\n"),
        Act::WriteAndClose(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_vec()),
        Act::Write(b"garbage\r\n\r\n".to_vec()),
        answer(408, ""),
        answer(202, ""),
    ]
}

fn client(agent: &Agent) -> Client {
    let config = Config { service: Some("race".into()), agent_url: Some(agent.url()), ..Config::default() };
    Client::with_settings(config.resolve(&|_| None).unwrap(), Hooks::default()).unwrap()
}

/// Checkpoints in what arrived, each payload once, and the payloads.
fn arrived(agent: &Agent, seen: &mut HashMap<String, u64>) -> u64 {
    for request in agent.taken() {
        let id = request.header("datastreams-payload-id").unwrap().to_owned();
        let Ok(raw) = payload::gunzip(&request.body, 64 << 20) else { continue };
        seen.insert(id, Payload::decode(&raw).unwrap().messages());
    }
    seen.values().sum()
}

fn hammer(client: &Client, thread: usize, calls: &AtomicU64) {
    let topic = format!("topic:{thread}");
    let edge = client.intern(&["direction:in", &topic, "type:kafka"], "").unwrap();
    let shared = client.intern(&["direction:out", "topic:shared", "type:kafka"], "").unwrap();
    for round in 0..50 {
        for edge in [edge, shared] {
            let input = Input { payload_size: Some(round), now_ns: wall_clock(), ..Input::default() };
            client.set_checkpoint(edge, &input).unwrap();
            calls.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn flush_and_stop_race_with_checkpoints() {
    let agent = Agent::tcp(script());
    let client = client(&agent);
    let (calls, done) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for number in 0..4 {
            let (client, calls, done) = (&client, &calls, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    hammer(client, number, calls);
                    thread::yield_now();
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let _ = client.flush(Duration::from_millis(40));
                }
            });
        }
        thread::sleep(Duration::from_millis(600));
        // Some of what is waiting has a backoff of seconds: stop makes it due.
        client.stop(Duration::from_secs(20)).unwrap();
        done.store(true, Ordering::Relaxed);
    });
    let count = |counter| client.counter(counter);
    let recorded = count(Counter::Checkpoints);
    assert!(recorded > 1000);
    assert_eq!(
        calls.load(Ordering::Relaxed),
        recorded + count(Counter::PassedThrough) + count(Counter::CutBusy) + count(Counter::CutMemory)
    );
    assert_eq!(arrived(&agent, &mut HashMap::new()), recorded);
    assert_eq!(count(Counter::MessagesDelivered), recorded);
    assert!(count(Counter::Uncertain) > 0 && count(Counter::Retries) > 0, "the script was played");
    assert_eq!(count(Counter::MemoryBytes), 0);
}

#[test]
fn a_dropped_client_still_delivers() {
    let agent = Agent::tcp(vec![answer(202, "")]);
    let client = client(&agent);
    let calls = AtomicU64::new(0);
    hammer(&client, 0, &calls);
    drop(client);
    let (deadline, mut seen) = (Instant::now() + Duration::from_secs(10), HashMap::new());
    while arrived(&agent, &mut seen) < calls.load(Ordering::Relaxed) {
        assert!(Instant::now() < deadline, "the reporter's last words did not arrive");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_stop_that_is_too_late_counts_what_it_drops() {
    let agent = Agent::tcp(vec![Act::Deaf(Duration::from_secs(30))]);
    let client = client(&agent);
    let calls = AtomicU64::new(0);
    hammer(&client, 0, &calls);
    let start = Instant::now();
    assert!(client.stop(Duration::from_secs(2)).is_err());
    assert!(start.elapsed() < Duration::from_millis(3800));
    assert_eq!(client.counter(Counter::MessagesDroppedStop), calls.load(Ordering::Relaxed));
    assert_eq!(client.counter(Counter::MessagesDroppedUncertain), calls.load(Ordering::Relaxed));
    assert_eq!(client.counter(Counter::RetryBytes), 0);
}

#[test]
fn without_an_agent_a_flush_keeps_and_a_stop_counts() {
    let config = Config { agent_url: Some("http://127.0.0.1:9".into()), ..Config::default() };
    let client = Client::with_settings(config.resolve(&|_| None).unwrap(), Hooks::default()).unwrap();
    let calls = AtomicU64::new(0);
    hammer(&client, 0, &calls);
    assert!(client.flush(Duration::from_millis(50)).is_err());
    let deadline = Instant::now() + Duration::from_secs(10);
    while client.counter(Counter::AgentUnreachable) == 0 {
        assert!(Instant::now() < deadline, "nothing was tried");
        thread::sleep(Duration::from_millis(5));
    }
    assert!(client.counter(Counter::RetryBytes) > 0);
    assert_eq!(client.counter(Counter::MessagesDroppedStop), 0);
    assert!(client.stop(Duration::from_millis(50)).is_err());
    assert_eq!(client.counter(Counter::MessagesDroppedStop), calls.load(Ordering::Relaxed));
}

#[test]
fn a_payload_that_waits_does_not_keep_buckets_waiting() {
    // A 404 makes the endpoint wait for five minutes; what is recorded then is closed at its time all the same.
    let agent = Agent::tcp(vec![answer(404, "")]);
    let client = client(&agent);
    let calls = AtomicU64::new(0);
    hammer(&client, 0, &calls);
    assert!(client.flush(Duration::from_millis(50)).is_err());
    thread::sleep(Duration::from_millis(50));
    let buckets = client.counter(Counter::Buckets);
    hammer(&client, 0, &calls);
    let deadline = Instant::now() + Duration::from_secs(13);
    while client.counter(Counter::Buckets) == buckets {
        assert!(Instant::now() < deadline, "the bucket was not closed");
        thread::sleep(Duration::from_millis(100));
    }
}
