//! A payload of which every sketch was read, once.

use super::stats::Stats;
use datastreams_core::payload::{Payload, Point};
use datastreams_core::sketch::{Sketch, SketchError};

/// A payload that can be taken.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) payload: Payload,
    /// Of every point of every bucket, in order; `None` for origin copies.
    pub(crate) stats: Vec<Option<Stats>>,
}

impl Parsed {
    /// Reads all sketches. A payload of which not everything can be read is refused: half of it would look like a loss of
    /// messages.
    pub(crate) fn new(payload: Payload) -> Result<Self, String> {
        let mut stats = Vec::with_capacity(payload.stats.iter().map(|bucket| bucket.stats.len()).sum());
        for (number, bucket) in payload.stats.iter().enumerate() {
            for (index, point) in bucket.stats.iter().enumerate() {
                let read = sketches(point)
                    .map_err(|(field, error)| format!("{field} of point {index} in bucket {number}: {error}"))?;
                stats.push((!point.is_origin()).then_some(read));
            }
        }
        Ok(Self { payload, stats })
    }
}

fn sketches(point: &Point) -> Result<Stats, (&'static str, SketchError)> {
    let read = |name, bytes: &[u8]| Sketch::decode(bytes).map_err(|error| (name, error));
    let edge_latency = read("EdgeLatency", &point.edge_latency)?;
    Ok(Stats {
        messages: edge_latency.count().round() as u64,
        edge_latency,
        pathway_latency: read("PathwayLatency", &point.pathway_latency)?,
        // dd-trace-rb knows none.
        payload_size: match &*point.payload_size {
            [] => Sketch::new(),
            bytes => read("PayloadSize", bytes)?,
        },
    })
}
