//! A payload of which every sketch was read, once.

use datastreams_core::payload::{Borrowed, BorrowedTags, Point};
use datastreams_core::sketch::{Encoded, SketchError};

/// A payload that can be taken. Its tags and the counts of its sketches stay in its bytes.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    pub(crate) payload: Borrowed<'a>,
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
    pub(crate) fn new(payload: Borrowed<'a>) -> Result<Self, String> {
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

#[inline] // what it returns is large
fn sketches<'a>(point: &Point<BorrowedTags<'a>, &'a [u8]>) -> Result<Measured<'a>, (&'static str, SketchError)> {
    let read = |name, bytes| Encoded::read(bytes).map_err(|error| (name, error));
    let edge_latency = read("EdgeLatency", point.edge_latency)?;
    Ok(Measured {
        messages: edge_latency.count().round() as u64,
        edge_latency,
        pathway_latency: read("PathwayLatency", point.pathway_latency)?,
        payload_size: match point.payload_size {
            [] => None,
            bytes => Some(read("PayloadSize", bytes)?),
        },
    })
}
