//! A payload of which every sketch was read, once.

use datastreams_core::payload::{Payload, Point};
use datastreams_core::sketch::{Encoded, SketchError};

/// A payload that can be taken. The counts of its sketches stay in its bytes.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    pub(crate) payload: &'a Payload,
    /// Of every point of every bucket, in order; `None` for origin copies.
    pub(crate) stats: Vec<Option<Measured<'a>>>,
}

/// What a point says of the messages that passed.
#[derive(Debug)]
pub(crate) struct Measured<'a> {
    pub(crate) messages: u64,
    /// Seconds.
    pub(crate) edge_latency: Encoded<'a>,
    /// Seconds.
    pub(crate) pathway_latency: Encoded<'a>,
    /// Bytes; `None`: dd-trace-rb knows none.
    pub(crate) payload_size: Option<Encoded<'a>>,
}

impl<'a> Parsed<'a> {
    /// Reads all sketches. A payload of which not everything can be read is refused: half of it would look like a loss of
    /// messages.
    pub(crate) fn new(payload: &'a Payload) -> Result<Self, String> {
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

fn sketches(point: &Point) -> Result<Measured<'_>, (&'static str, SketchError)> {
    fn read<'a>(name: &'static str, bytes: &'a [u8]) -> Result<Encoded<'a>, (&'static str, SketchError)> {
        Encoded::read(bytes).map_err(|error| (name, error))
    }
    let edge_latency = read("EdgeLatency", &point.edge_latency)?;
    Ok(Measured {
        messages: edge_latency.count().round() as u64,
        edge_latency,
        pathway_latency: read("PathwayLatency", &point.pathway_latency)?,
        payload_size: match &*point.payload_size {
            [] => None,
            bytes => Some(read("PayloadSize", bytes)?),
        },
    })
}
