//! What a forked child inherits, seen without forking: the generation is bumped as the fork handler does it, while the
//! threads of the "parent" go on.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used)]

mod agent;

use agent::{Agent, answer};
use datastreams_core::client::{Client, Hooks, Input, wall_clock};
use datastreams_core::config::{Config, Delivery};
use datastreams_core::counters::Counter;
use datastreams_core::fork;
use datastreams_core::pathway::Pathway;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The generation belongs to the process: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn client(config: Config, hooks: Hooks) -> Client {
    Client::with_settings(config.resolve(&|_| None).unwrap(), hooks).unwrap()
}

fn host() -> Config {
    Config { delivery: Some(Delivery::Host), ..Config::default() }
}

fn checkpoint(client: &Client) {
    let edge = client.intern(&["direction:in", "type:kafka"], "").unwrap();
    client.set_checkpoint(edge, &Input { now_ns: wall_clock(), ..Input::default() }).unwrap();
}

#[test]
fn a_stopped_client_stays_stopped_in_a_child() {
    let _alone = alone();
    let client = client(host(), Hooks::default());
    let edge = client.intern(&["direction:in"], "").unwrap();
    client.stop(Duration::ZERO).unwrap();
    fork::child();
    let now_ns = wall_clock();
    let from = Pathway { hash: 7, start_ns: now_ns, edge_start_ns: now_ns, ..Pathway::default() };
    let input = Input { now_ns, parent: Some(&from), ..Input::default() };
    assert_eq!(client.set_checkpoint(edge, &input), Ok(Some(from)));
    assert_eq!(client.counter(Counter::PassedThrough), 1);
    assert_eq!(client.counter(Counter::Checkpoints), 0);
}

#[test]
fn a_child_that_frees_without_stopping_delivers_its_own() {
    let _alone = alone();
    let agent = Agent::tcp(vec![answer(202, "")]);
    let client = client(Config { agent_url: Some(agent.url()), ..Config::default() }, Hooks::default());
    checkpoint(&client);
    client.flush(Duration::from_secs(10)).unwrap();
    assert_eq!(agent.taken().count(), 1);
    fork::child();
    checkpoint(&client);
    drop(client);
    assert!((0..20).any(|_| agent.request().is_some()), "the child's reporter has its last words as well");
}

#[test]
fn a_child_waits_for_no_lock_of_its_parent() {
    let _alone = alone();
    // The first line is never finished: the parent's thread is in the log when the child begins.
    let (first, (entered, parent_logs)) = (AtomicBool::new(true), channel());
    let lines = Arc::new(Mutex::new(0));
    let said = Arc::clone(&lines);
    let entered = Mutex::new(entered);
    let log = Box::new(move |_: i32, _: &str| {
        if first.swap(false, Ordering::SeqCst) {
            entered.lock().unwrap().send(()).unwrap();
            loop {
                thread::park();
            }
        }
        *said.lock().unwrap() += 1;
    });
    let client = Arc::new(client(host(), Hooks { log: Some(log), ..Hooks::default() }));
    let one = |client: &Client| {
        checkpoint(client);
        client.flush(Duration::ZERO).unwrap();
        let payload = client.take_payload().unwrap().unwrap();
        client.settle_payload(payload.id, 500).unwrap();
    };
    let parent = Arc::clone(&client);
    thread::spawn(move || one(&parent));
    parent_logs.recv_timeout(Duration::from_secs(10)).unwrap();
    fork::child();
    let (sender, receiver) = channel();
    thread::spawn(move || {
        one(&client);
        drop(client);
        sender.send(()).unwrap();
    });
    receiver.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(*lines.lock().unwrap(), 1, "the child says itself that delivery fails");
}
