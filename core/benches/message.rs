//! A message's way through the client, against a floor measured in the same run: one clock read, the rest of the pathway
//! hash and six increments.

#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)] // a program for developers

use datastreams_core::client::{Client, Hooks, Input, wall_clock};
use datastreams_core::config::{Config, Delivery};
use datastreams_core::hash;
use std::hint::black_box;
use std::time::Instant;

fn time(name: &str, rounds: u32, mut work: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..7 {
        let start = Instant::now();
        for _ in 0..rounds {
            work();
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(rounds));
    }
    println!("{name:<44} {best:8.1} ns");
    best
}

fn main() {
    let config = Config { service: Some("bench".into()), delivery: Some(Delivery::Host), ..Config::default() };
    let client = Client::new(&config, Hooks::default()).unwrap();
    let edge_in = client.intern(&["direction:in", "group:billing", "topic:orders", "type:kafka"], "").unwrap();
    let edge_out = client.intern(&["direction:out", "topic:invoices", "type:kafka"], "").unwrap();

    let prefix = hash::prefix(hash::node("bench", "", "", &["direction:in"]));
    let mut cells = [0u32; 64];
    let mut parent = 1u64;
    let floor = time("floor: clock, hash, six increments", 1_000_000, || {
        let now = wall_clock();
        parent = hash::extend(prefix, black_box(parent));
        for step in 0..6 {
            cells[(parent >> (step * 6)) as usize & 63] += 1;
        }
        black_box(now);
    });
    black_box(&cells);

    let root = client.set_checkpoint(edge_out, &Input { now_ns: wall_clock(), ..Input::default() }).unwrap().unwrap();
    let mut header = [0; 36];
    let len = root.encode_base64(&mut header);
    let mut out = [0; 36];
    let message = time("message: decode, checkpoint, encode", 1_000_000, || {
        let input = Input {
            payload_size: Some(black_box(1000)),
            now_ns: wall_clock(),
            header: black_box(&header[..len]),
            ..Input::default()
        };
        let pathway = client.set_checkpoint(edge_in, &input).unwrap().unwrap();
        black_box(pathway.encode_base64(&mut out));
    });
    let hop = time("hop: decode, in, out, encode", 1_000_000, || {
        let input = Input {
            payload_size: Some(black_box(1000)),
            now_ns: wall_clock(),
            header: black_box(&header[..len]),
            ..Input::default()
        };
        let pathway = client.set_checkpoint(edge_in, &input).unwrap();
        let output = Input {
            payload_size: Some(black_box(500)),
            now_ns: wall_clock(),
            parent: pathway.as_ref(),
            ..Input::default()
        };
        let pathway = client.set_checkpoint(edge_out, &output).unwrap().unwrap();
        black_box(pathway.encode_base64(&mut out));
    });
    let decode = time("decode alone", 1_000_000, || {
        let window = datastreams_core::header::Window::DEFAULT;
        black_box(datastreams_core::header::decode(black_box(&header[..len]), root.start_ns, &window)).ok();
    });
    let encode = time("encode alone", 1_000_000, || {
        black_box(black_box(&root).encode_base64(&mut out));
    });
    let clock = time("clock alone", 1_000_000, || {
        black_box(wall_clock());
    });
    println!("message / floor: {:.2}   hop / floor: {:.2}", message / floor, hop / floor);
    println!("message without decode, encode and clock: {:.1} ns", message - decode - encode - clock);
}
