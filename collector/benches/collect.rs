//! What a payload costs the collector: a real one on one core, posted to over real connections, against a floor measured
//! in the same run: decompressing the same bodies and passing over their msgpack.
//!
//! Costs are counted in time on the processor, so that other programs on the machine do not count: the program's own and
//! what the system does for it.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::panic, missing_docs)] // a program for developers

use datastreams_core::payload::{Bucket, Payload, Point, TimestampType, gunzip, gzip};
use datastreams_core::sketch::Sketch;
use serde::de::IgnoredAny;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// 4000 edges, which is as many as a collector keeps.
const SERVICES: u64 = 40;
const POINTS: u64 = 100;
/// Two kinds of payloads, by the messages of a point: one and ten a second on every edge. All points are current ones: of
/// what our clients send half are origin copies, which are read and not added.
const KINDS: [(&str, u64); 2] = [("light", 10), ("heavy", 100)];
const BODIES: u64 = 3 * SERVICES;
const POSTS: usize = 4000;
const CONNECTIONS: usize = 8;
/// What the collector is made for, on one core.
const GOAL: f64 = 2000.0;

/// A sketch of values around `middle`, the greatest at most `spread` times the least.
fn sketch(messages: u64, middle: f64, spread: f64, random: &mut u64) -> Vec<u8> {
    let mut sketch = Sketch::new();
    for _ in 0..messages {
        // The logarithm is a sum of four: nearly log-normal, as latencies are.
        let mut sum = 0;
        for _ in 0..4 {
            *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            sum += *random >> 33;
        }
        let even = sum as f64 / (4.0 * (1u64 << 31) as f64);
        assert!(sketch.add(middle * spread.powf(even - 0.5)));
    }
    let mut bytes = Vec::new();
    sketch.encode(&mut bytes);
    bytes
}

fn body(number: u64, messages: u64, start: u64) -> Vec<u8> {
    let service = number % SERVICES;
    let mut random = number;
    let points = (0..POINTS).map(|point| {
        let topic = format!("topic:topic-{}", point / 2);
        let direction = if point % 2 == 0 { "direction:in" } else { "direction:out" };
        let group = format!("group:group-{service}");
        let mut tags = vec![direction, &topic, "type:kafka"];
        if point % 2 == 0 {
            tags.insert(1, &group);
        }
        Point {
            edge_tags: tags.into_iter().map(Into::into).collect(),
            hash: 1 + service * POINTS + point,
            parent_hash: 7,
            pathway_latency: sketch(messages, 2.0, 8.0, &mut random),
            edge_latency: sketch(messages, 0.02, 8.0, &mut random),
            payload_size: sketch(messages, 800.0, 1.5, &mut random),
            timestamp_type: Some(TimestampType::Current),
            service: None,
        }
    });
    let bucket = Bucket { start, duration: 10_000_000_000, stats: points.collect(), ..Bucket::default() };
    let payload = Payload {
        env: "bench".into(),
        service: format!("service-{service}"),
        lang: "go".into(),
        stats: vec![bucket],
        ..Payload::default()
    };
    gzip(&payload.encode().unwrap()).unwrap()
}

/// Seconds that a process has been on a processor: itself, and the system for it.
fn cpu(process: &str) -> [f64; 2] {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // Behind the name, which may hold anything: user and system time, in ticks of 10 ms.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    [fields[11], fields[12]].map(|ticks| ticks.parse::<f64>().unwrap() / 100.0)
}

/// MiB of a line of /proc/PROCESS/status.
fn memory(process: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

struct Collector(Child);

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn post(stream: &mut BufReader<TcpStream>, id: usize, body: &[u8]) {
    let head = format!(
        "POST /v0.1/pipeline_stats HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/msgpack\r\n\
         Content-Encoding: gzip\r\nDatastreams-Payload-Id: {id}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.get_mut().write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 202"), "{line}");
    let mut length = 0;
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).unwrap();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
    }
    stream.read_exact(&mut vec![0; length]).unwrap();
}

fn main() {
    for (number, (kind, messages)) in KINDS.into_iter().enumerate() {
        if number > 0 {
            println!();
        }
        measure(kind, messages);
    }
}

fn measure(kind: &str, messages: u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let start = now - now % 10_000_000_000;
    let bodies: Vec<Vec<u8>> = (0..BODIES).map(|number| body(number, messages, start)).collect();
    let sent: usize = bodies.iter().map(Vec::len).sum::<usize>() / bodies.len();

    let before = cpu("self");
    let rounds = 10 * bodies.len();
    let mut raw = 0;
    for body in bodies.iter().cycle().take(rounds) {
        let bytes = gunzip(black_box(body), 64 << 20).unwrap();
        raw = bytes.len();
        black_box(rmp_serde::from_slice::<IgnoredAny>(&bytes).unwrap());
    }
    let floor = (cpu("self")[0] - before[0]) / rounds as f64;

    // The first argument that cargo gives is not for us.
    let mut command = Command::new("taskset"); // of util-linux
    command.args(["-c", "0", env!("CARGO_BIN_EXE_datastreams"), "collect", "--listen", "127.0.0.1:0"]);
    let mut collector = Collector(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(collector.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").unwrap();
    let id = collector.0.id();
    let next = AtomicUsize::new(0);
    let work = |until: usize| {
        std::thread::scope(|scope| {
            for _ in 0..CONNECTIONS {
                scope.spawn(|| {
                    let mut stream = BufReader::new(TcpStream::connect(address).unwrap());
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= until {
                            break;
                        }
                        post(&mut stream, number, &bodies[number % bodies.len()]);
                    }
                });
            }
        });
    };
    // All edges are known once each service has reported.
    work(bodies.len());
    next.store(bodies.len(), Ordering::Relaxed);
    let (before, began) = (cpu(&id.to_string()), Instant::now());
    work(bodies.len() + POSTS);
    let wall = began.elapsed().as_secs_f64();
    let after = cpu(&id.to_string());
    let own = (after[0] - before[0]) / POSTS as f64;
    let cost = own + (after[1] - before[1]) / POSTS as f64;

    println!(
        "{kind}: {POINTS} points of {messages} messages, {raw} bytes, {sent} compressed; {CONNECTIONS} connections"
    );
    println!("{:<44} {:8.0} us", "floor: gunzip, msgpack passed over", floor * 1e6);
    println!("{:<44} {:8.0} us {:8.2} x floor", "the collector, on its processor", cost * 1e6, cost / floor);
    println!("{:<44} {:8.0} us {:8.2} x floor", "of that itself, the rest in the system", own * 1e6, own / floor);
    println!("{:<44} {:8.0} /s {:8.2} x goal", "payloads that one core takes", 1.0 / cost, 1.0 / cost / GOAL);
    println!("{:<44} {:8.0} /s", "payloads taken in this run", POSTS as f64 / wall);
    println!("{:<44} {:8.0} %", "of a core used meanwhile", 100.0 * cost * POSTS as f64 / wall);
    println!("{:<44} {:8.1} MiB", "most memory (VmHWM)", memory(id, "VmHWM"));
}
