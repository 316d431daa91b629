//! One value into a sketch, beside libdatadog's sketch in the same run: compare the ratio, not the nanoseconds.
#![allow(missing_docs, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use datastreams_core::sketch::{Bins, Growth};

const VALUES: usize = 4096;
const ROUNDS: usize = 5;
const RUNS: usize = 400;

/// Nanoseconds for a value: the least over short runs, as other work on the machine only ever adds.
fn measure(mut round: impl FnMut()) -> f64 {
    let mut runs: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            (0..ROUNDS).for_each(|_| round());
            start.elapsed().as_nanos() as f64 / (ROUNDS * VALUES) as f64
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    runs[0]
}

fn main() {
    // Latencies from 0.3 ms to 0.4 s, in no order that a branch predictor could learn.
    let mut state = 1_u64;
    let values: Vec<f64> = (0..VALUES)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            3e-4 * (7.2 * (state >> 11) as f64 / (1_u64 << 53) as f64).exp()
        })
        .collect();

    let floor = measure(|| values.iter().for_each(|value| _ = black_box(*value)));
    let mut bins = Bins::new();
    let ours = measure(|| {
        for &value in &values {
            let index = Bins::index_of(black_box(value));
            if bins.covers(index) || bins.grow(index, &mut |_| true) != Growth::Refused {
                bins.bump(index);
            }
        }
    });
    assert_eq!(bins.count(), (RUNS * ROUNDS * VALUES) as u64);
    let mut theirs = libdd_ddsketch::DDSketch::default();
    let libdatadog = measure(|| {
        for &value in &values {
            let _ = theirs.add(black_box(value));
        }
    });
    println!("sketch add: loop {floor:.2} ns, ours {ours:.2} ns, libdd-ddsketch {libdatadog:.2} ns");
    println!("sketch add: {:.1} times as fast; {} bytes held", libdatadog / ours, bins.bytes());
}
