//! Health counts leave with each closing of buckets and at a stop, over real sockets; without an address, none.
#![allow(clippy::unwrap_used)] // helpers of tests fail like tests

use datastreams_core::client::{Client, Hooks, Input};
use datastreams_core::config::{Config, Delivery};
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

const NOW: i64 = 1_790_000_005_000_000_000;
const NAMES: [&str; 6] =
    ["payloads_in", "flushed_payloads", "flushed_buckets", "flush_errors", "dropped_payloads", "dropped_transactions"];

/// Two checkpoints, a closed bucket, and a stop.
fn run(url: &str) {
    let config = Config {
        service: Some("health".into()),
        delivery: Some(Delivery::Host),
        dogstatsd_url: Some(url.into()),
        ..Config::default()
    };
    let client = Client::with_settings(config.resolve(&|_| None).unwrap(), Hooks::default()).unwrap();
    let edge = client.intern(&["direction:in"], "").unwrap();
    for now_ns in [NOW, NOW + 20_000_000_000] {
        client.set_checkpoint(edge, &Input { now_ns, ..Input::default() }).unwrap();
        client.poll(now_ns).unwrap();
    }
    client.stop(Duration::ZERO).unwrap();
}

/// The sum of each count over all datagrams.
fn sums(receive: impl Fn(&mut [u8]) -> std::io::Result<usize>) -> Vec<u64> {
    let mut sums = vec![0; NAMES.len()];
    let mut seen = vec![false; NAMES.len()];
    let mut buffer = [0; 2000];
    while let Ok(len) = receive(&mut buffer) {
        for line in std::str::from_utf8(&buffer[..len]).unwrap().lines() {
            let name = line.strip_prefix("datadog.datastreams.processor.").unwrap();
            let (name, rest) = name.split_once(':').unwrap();
            let (value, tags) = rest.split_once("|c|#").unwrap();
            assert!(tags.contains("service:health"), "{tags}");
            let at = NAMES.iter().position(|known| *known == name).unwrap();
            sums[at] += value.parse::<u64>().unwrap();
            seen[at] = true;
        }
    }
    assert_eq!(seen, [true; 6], "zeros too");
    sums
}

#[test]
fn over_udp() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    run(&format!("udp://{}", socket.local_addr().unwrap()));
    let sums = sums(|buffer| socket.recv(buffer));
    assert_eq!((sums[0], sums[2]), (2, 2), "what was recorded last is told at the stop");
}

#[test]
fn over_a_unix_socket() {
    let path = std::env::temp_dir().join(format!("datastreams-health-{}.socket", std::process::id()));
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    run(&format!("unix://{}", path.display()));
    std::fs::remove_file(&path).unwrap();
    let sums = sums(|buffer| socket.recv(buffer));
    assert_eq!((sums[0], sums[2]), (2, 2));
}
