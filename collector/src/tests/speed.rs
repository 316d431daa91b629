//! What taking and reading cost; not run by itself: `cargo test --release -p datastreams-collector speed -- --ignored
//! --nocapture --test-threads 1`.

use super::*;
use crate::collect::intake::read;
use crate::model::parsed::Parsed;
use datastreams_core::payload::gzip;
use std::time::Instant;

/// Payloads of 100 points, each sketch of some hundred messages of ordinary spread.
fn payloads(services: usize, slot: i64) -> Vec<Vec<u8>> {
    let mut state = 1u64;
    let mut unit = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let of = |service: usize| {
        let points = (0..100).map(|edge| {
            let topic = format!("topic:t{edge}");
            let tags = ["direction:in", "group:g", &topic, "type:kafka"];
            let latencies: Vec<f64> = (0..200).map(|_| 0.05 * (1.0 + unit()) / (1.02 - unit())).collect();
            point(&tags, 0, (service * 100 + edge) as u64 + 1, &latencies, &latencies)
        });
        let mut payload = payload(&format!("service-{service}"), points.collect());
        payload.stats[0].start = slot as u64 * SECOND as u64;
        gzip(&payload.encode().unwrap()).unwrap()
    };
    (0..services).map(of).collect()
}

#[test]
#[ignore = "a measurement"]
fn speed_of_taking() {
    let path = std::env::temp_dir().join(format!("ds-speed-{}.db", std::process::id()));
    for data in [None, Some(&*path)] {
        let store = Store::open(Limits::DEFAULT, data, None, NOW).unwrap();
        let bodies = payloads(10, NOW / SECOND);
        let (mut parsed, mut taken, mut committed) = (0.0, 0.0, 0.0);
        const ROUNDS: usize = 600;
        for round in 0..ROUNDS {
            let now = NOW + round as i64 * SECOND / 200;
            for (service, body) in bodies.iter().enumerate() {
                let at = Instant::now();
                let take = |payload: &Parsed<'_>| {
                    parsed += at.elapsed().as_secs_f64();
                    let at = Instant::now();
                    assert!(store.take(Some(&format!("{round}-{service}")), payload, now));
                    taken += at.elapsed().as_secs_f64();
                };
                read(body, Encoding::Gzip, 64 << 20, take).unwrap();
            }
            // As many payloads as come in a second.
            if round % 200 == 199 {
                let at = Instant::now();
                store.commit(now).unwrap();
                committed += at.elapsed().as_secs_f64();
            }
        }
        let payloads = (ROUNDS * bodies.len()) as f64;
        let us = |seconds: f64| seconds * 1e6 / payloads;
        println!(
            "{}: {:.0} payloads/s of 100 points; us each: read {:.0}, take {:.0}, commit {:.0}; {} bytes each",
            if data.is_some() { "file" } else { "memory" },
            payloads / (parsed + taken + committed),
            us(parsed),
            us(taken),
            us(committed),
            bodies.iter().map(Vec::len).sum::<usize>() / bodies.len(),
        );
    }
    for end in ["", "-wal"] {
        let _ = std::fs::remove_file(format!("{}{end}", path.display()));
    }
}

#[test]
#[ignore = "a measurement"]
fn speed_of_reading() {
    let store = Store::open(Limits::DEFAULT, None, None, NOW).unwrap();
    for slot in 0..30 {
        let now = NOW + slot * 10 * SECOND;
        for body in payloads(10, now / SECOND) {
            read(&body, Encoding::Gzip, 64 << 20, |payload| store.take(None, payload, now)).unwrap();
        }
        store.commit(now).unwrap();
    }
    let now = NOW + 300 * SECOND;
    for (name, asked) in [("last 300 s", Asked::last(300, now)), ("everything", Asked::default())] {
        let at = Instant::now();
        let view = View::read(&store, asked, None, Needs { edges: true, lags: true, ..Needs::default() }, now).unwrap();
        let read = at.elapsed();
        let text = serde_json::to_string(&graph::graph(&view)).unwrap();
        println!("graph of 1000 edges, {name}: read {read:?}, all {:?}, {} bytes", at.elapsed(), text.len());
        let at = Instant::now();
        let view = View::read(&store, asked, None, Needs { hops: true, ..Needs::default() }, now).unwrap();
        let text = serde_json::to_string(&pathways::list(&view, false)).unwrap();
        println!("pathways, {name}: {:?}, {} bytes", at.elapsed(), text.len());
    }
}
