//! The statistics of a cell as bytes: small, and quick to add to a sum.
//!
//! Messages, then three sketches under the canonical mapping: edge latency, pathway latency, payload size. A sketch is two
//! lists of bins (positive, negative: how many, the distance of each index from the one before, its count) and the count of
//! zeros. Numbers are varints; a count that is no integer is a 1 and the float.

use crate::model::stats::Stats;
use datastreams_core::sketch::Sketch;

/// A cell that cannot be read: its bytes were changed by something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

type Bins = Vec<(i32, f64)>;

pub(crate) fn encode(stats: &Stats, out: &mut Vec<u8>) {
    put(out, stats.messages);
    for sketch in [&stats.edge_latency, &stats.pathway_latency, &stats.payload_size] {
        put_bins(out, sketch.positive_bins());
        put_bins(out, sketch.negative_bins());
        put_count(out, sketch.zero_count());
    }
}

/// The messages alone.
pub(crate) fn messages(mut bytes: &[u8]) -> Result<u64, Damaged> {
    take(&mut bytes)
}

/// Adds cells to sums; keeps its buffers from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Adder {
    positive: Bins,
    negative: Bins,
}

impl Adder {
    /// Adds a cell to a sum, which is right only when all of it could be read.
    pub(crate) fn add(&mut self, mut bytes: &[u8], sum: &mut Stats) -> Result<(), Damaged> {
        let bytes = &mut bytes;
        sum.messages = sum.messages.saturating_add(take(bytes)?);
        for sketch in [&mut sum.edge_latency, &mut sum.pathway_latency, &mut sum.payload_size] {
            self.add_sketch(bytes, sketch)?;
        }
        if bytes.is_empty() { Ok(()) } else { Err(Damaged) }
    }

    fn add_sketch(&mut self, bytes: &mut &[u8], sketch: &mut Sketch) -> Result<(), Damaged> {
        take_bins(bytes, &mut self.positive)?;
        take_bins(bytes, &mut self.negative)?;
        let zero = take_count(bytes)?;
        sketch.add_bins(&self.positive, &self.negative, zero);
        Ok(())
    }
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_count(out: &mut Vec<u8>, count: f64) {
    if count.fract() == 0.0 && count < (1u64 << 53) as f64 {
        put(out, (count as u64) << 1);
    } else {
        put(out, 1);
        out.extend_from_slice(&count.to_le_bytes());
    }
}

fn put_bins(out: &mut Vec<u8>, bins: impl Iterator<Item = (i32, f64)>) {
    // Most have less than 128 bins: the byte is set afterwards.
    let at = out.len();
    out.push(0);
    let (mut len, mut last) = (0u64, 0i32);
    for (index, count) in bins {
        let step = index.wrapping_sub(last);
        put(out, u64::from((step << 1 ^ step >> 31) as u32));
        put_count(out, count);
        last = index;
        len += 1;
    }
    if len < 0x80 {
        out[at] = len as u8;
    } else {
        let mut head = Vec::new();
        put(&mut head, len);
        out.splice(at..=at, head);
    }
}

fn take(bytes: &mut &[u8]) -> Result<u64, Damaged> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(Damaged)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Damaged)
}

fn take_count(bytes: &mut &[u8]) -> Result<f64, Damaged> {
    let count = take(bytes)?;
    if count & 1 == 0 {
        return Ok((count >> 1) as f64);
    }
    let (float, rest) = bytes.split_first_chunk().ok_or(Damaged)?;
    *bytes = rest;
    Ok(f64::from_le_bytes(*float))
}

fn take_bins(bytes: &mut &[u8], bins: &mut Bins) -> Result<(), Damaged> {
    bins.clear();
    let mut last = 0i32;
    for _ in 0..take(bytes)? {
        let step = take(bytes)? as u32;
        last = last.wrapping_add((step >> 1) as i32 ^ -((step & 1) as i32));
        bins.push((last, take_count(bytes)?));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(values: &[f64]) -> Stats {
        let mut stats = Stats { messages: values.len() as u64, ..Stats::default() };
        for &value in values {
            stats.edge_latency.add(value);
            stats.pathway_latency.add(value * 3.0);
        }
        stats.payload_size.add_count(100.0, 0.25);
        stats
    }

    fn bytes(stats: &Stats) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(stats, &mut bytes);
        bytes
    }

    fn values(stats: &Stats) -> Vec<Vec<(f64, f64)>> {
        [&stats.edge_latency, &stats.pathway_latency, &stats.payload_size]
            .map(|sketch| sketch.values().collect())
            .into()
    }

    #[test]
    fn what_is_written_is_read() {
        let all: Vec<f64> = (0..3000).map(|n| 1.003f64.powi(n) - 2.0).collect();
        for values_in in [&[][..], &[0.0], &[0.5, 0.5, 2.0, -1.0, 0.0], &all] {
            let stats = stats(values_in);
            let bytes = bytes(&stats);
            let (mut sum, mut adder) = (Stats::default(), Adder::default());
            adder.add(&bytes, &mut sum).unwrap();
            assert_eq!((sum.messages, values(&sum)), (stats.messages, values(&stats)));
            assert_eq!(messages(&bytes), Ok(stats.messages));
            adder.add(&bytes, &mut sum).unwrap();
            assert_eq!(sum.edge_latency.count(), 2.0 * stats.edge_latency.count());
        }
        assert!(bytes(&stats(&[0.1; 1000])).len() < 40, "small");
    }

    #[test]
    fn what_was_damaged_is_told() {
        let bytes = bytes(&stats(&[0.1, 0.2, 0.4]));
        for end in 0..bytes.len() {
            assert_eq!(Adder::default().add(&bytes[..end], &mut Stats::default()), Err(Damaged), "{end}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(Adder::default().add(&longer, &mut Stats::default()), Err(Damaged));
        // Whatever the bytes say, memory and time are bounded by their number.
        let mut state = 1u32;
        for _ in 0..20_000 {
            let noise: Vec<u8> = (0..40)
                .map(|_| {
                    state = state.wrapping_mul(1664525).wrapping_add(1013904223);
                    (state >> 24) as u8
                })
                .collect();
            let mut sum = Stats::default();
            let _ = Adder::default().add(&noise, &mut sum);
            assert!(sum.memory() <= 6 * 2048 * 8);
        }
    }
}
