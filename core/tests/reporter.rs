//! The reporter keeps its ten seconds, whatever the agent makes it wait for.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used)]

mod agent;

use agent::{Act, Agent, answer};
use datastreams_core::client::{Client, Hooks, Input};
use datastreams_core::config::Config;
use datastreams_core::counters::Counter;
use std::thread;
use std::time::{Duration, Instant};

/// A wall clock that stands: 200 ms before the end of a bucket. So the reporter ticks at least every 700 ms.
const NOW_NS: i64 = 1_790_000_009_800_000_000;
/// In the bucket before: the next tick takes it.
const BEFORE_NS: i64 = NOW_NS - 10_000_000_000;

fn client(config: Config) -> Client {
    let hooks = Hooks { wall: || NOW_NS, ..Hooks::default() };
    Client::with_settings(config.resolve(&|_| None).unwrap(), hooks).unwrap()
}

fn checkpoint(client: &Client, topic: usize) {
    let edge = client.intern(&["direction:in", &format!("topic:{topic}"), "type:kafka"], "").unwrap();
    client.set_checkpoint(edge, &Input { now_ns: BEFORE_NS, ..Input::default() }).unwrap();
}

fn wait_for(what: &str, patience: Duration, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < patience, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_bucket_leaves_in_time_while_a_payload_waits_for_its_retry() {
    let agent = Agent::tcp(vec![answer(404, "")]);
    let client = client(Config { agent_url: Some(agent.url()), ..Config::default() });
    checkpoint(&client, 1);
    // Tried once, and again in five minutes.
    wait_for("the first payload", Duration::from_secs(20), || client.counter(Counter::Retries) == 1);
    thread::sleep(Duration::from_millis(300));
    checkpoint(&client, 2);
    wait_for("the second bucket", Duration::from_secs(10), || client.counter(Counter::Buckets) == 2);
}

#[test]
fn a_slow_agent_holds_up_no_tick() {
    // Each post takes half a second; a payload is a single point.
    let agent = Agent::tcp(vec![Act::Drip(Duration::from_secs(1))]);
    let client = client(Config { agent_url: Some(agent.url()), max_payload_bytes: Some(1), ..Config::default() });
    (0..40).for_each(|topic| checkpoint(&client, topic));
    wait_for("a delivery", Duration::from_secs(20), || client.counter(Counter::PayloadsDelivered) > 0);
    checkpoint(&client, 0);
    wait_for("the second bucket", Duration::from_secs(10), || client.counter(Counter::Buckets) == 2);
    assert!(client.counter(Counter::PayloadsDelivered) < 40, "the first bucket's payloads are still under way");
}

#[test]
fn a_patient_flush_holds_up_no_tick() {
    let client = client(Config { agent_url: Some("http://127.0.0.1:9".into()), ..Config::default() });
    checkpoint(&client, 1);
    thread::scope(|scope| {
        let flush = scope.spawn(|| client.flush(Duration::from_secs(12)));
        wait_for("an attempt", Duration::from_secs(10), || client.counter(Counter::AgentUnreachable) > 0);
        checkpoint(&client, 2);
        wait_for("the second bucket", Duration::from_secs(6), || client.counter(Counter::Buckets) == 2);
        assert!(flush.join().unwrap().is_err());
    });
}

#[test]
fn a_stop_is_not_kept_waiting_by_a_patient_flush() {
    // The agent asks for patience, and is well again before that is over.
    let agent = Agent::tcp(vec![answer(503, "Retry-After: 60\r\n"), answer(202, "")]);
    let client = client(Config { agent_url: Some(agent.url()), ..Config::default() });
    checkpoint(&client, 1);
    thread::scope(|scope| {
        scope.spawn(|| client.flush(Duration::from_secs(15)));
        wait_for("an attempt", Duration::from_secs(10), || client.counter(Counter::AgentErrors) > 0);
        assert_eq!(client.stop(Duration::from_secs(5)), Ok(()));
    });
    assert_eq!(client.counter(Counter::MessagesDelivered), 1);
}

#[test]
fn a_panic_that_comes_again_and_again_keeps_no_processor_busy() {
    let hooks = Hooks { fault: Some(|| std::panic::resume_unwind(Box::new(()))), ..Hooks::default() };
    let client = Client::with_settings(Config::default().resolve(&|_| None).unwrap(), hooks).unwrap();
    checkpoint(&client, 1);
    thread::sleep(Duration::from_secs(1));
    assert!((1..=20).contains(&client.counter(Counter::Panics)));
}
