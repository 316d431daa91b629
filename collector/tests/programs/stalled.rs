//! Whoever reads the table may stop reading it: the services must not notice.

use crate::common::Collector;
use datastreams_core::payload::{Bucket, Payload, Point};
use datastreams_core::sketch::Sketch;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// More edges than a pipe holds lines of.
fn many_edges() -> Vec<u8> {
    let mut second = Sketch::new();
    assert!(second.add(1.0));
    let mut latency = Vec::new();
    second.encode(&mut latency);
    let point = |number: u64| Point {
        edge_tags: ["direction:in".into(), format!("topic:{number}").into(), "type:kafka".into()].into(),
        hash: number + 1,
        pathway_latency: latency.clone(),
        edge_latency: latency.clone(),
        ..Point::default()
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let start = now / 10 * 10 * 1_000_000_000;
    let bucket = Bucket { start, duration: 10_000_000_000, stats: (0..2000).map(point).collect(), ..Bucket::default() };
    Payload { service: "s".into(), stats: vec![bucket], ..Payload::default() }.encode().unwrap()
}

#[test]
fn a_reader_that_stalls_holds_up_nothing_but_the_table() {
    let mut collector = Collector::start(&["--print", "1"]);
    let body = many_edges();
    assert_eq!(collector.post(&[], &body).status, 202);
    // Nobody reads. Two tables are due in this time, and a pipe does not hold one.
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(collector.json("/api/graph")["received"]["messages"], 2000);
    assert_eq!(collector.post(&[], &body).status, 202);
    collector.signal("TERM");
    assert_eq!(collector.ended(), Some(0));
}
