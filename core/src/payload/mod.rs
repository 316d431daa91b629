//! What is posted to `/v0.1/pipeline_stats`: msgpack maps keyed by name, compressed with gzip.
//!
//! The fields are all that any tracer sends. Those of ours are written in the order of the structs; what is unset (an
//! empty text or list, a `None`) is left out, as the tracers do. [`Payload::decode`] reads what all of them write.

mod borrowed;
mod decode;
mod gzip;
mod halves;
mod reader;

pub use crate::edge::Tags;
pub use borrowed::{Borrowed, BorrowedTags};
pub use gzip::{gunzip, gunzip_into, gzip};
pub use halves::Halves;

use crate::sketch::Sketch;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The bits of [`Payload::product_mask`]: data streams monitoring.
pub const PRODUCT_DATA_STREAMS: u64 = 2;

/// The statistics of one service. `T` are tags and `B` bytes: its own, or those of what it was read from ([`Borrowed`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[serde(bound(serialize = "T: Serialize + AsRef<[Box<str>]>, B: serde_bytes::Serialize + AsRef<[u8]>"))]
pub struct Payload<T = Tags, B = Vec<u8>> {
    /// The environment.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub env: String,
    /// The service; always written.
    pub service: String,
    /// The tag by which an organisation splits its services further.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub primary_tag: String,
    /// The version of the service.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub version: String,
    /// The version of the library that measured.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub tracer_version: String,
    /// The language of the service.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub lang: String,
    /// The host.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub hostname: String,
    /// The statistics; always written.
    pub stats: Vec<Bucket<T, B>>,
    /// `key:value` tags of everything in the payload.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Box<str>>,
    /// `key:value` tags that tell what the process runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub process_tags: Vec<Box<str>>,
    /// Which products are on; see [`PRODUCT_DATA_STREAMS`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_mask: Option<u64>,
    /// Whether monitoring is on by default, not by choice (dd-trace-dotnet).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_in_default_state: Option<bool>,
}

/// The statistics of one interval. The same interval may come in several payloads, and in several buckets of one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[serde(bound(serialize = "T: Serialize + AsRef<[Box<str>]>, B: serde_bytes::Serialize + AsRef<[u8]>"))]
pub struct Bucket<T = Tags, B = Vec<u8>> {
    /// Nanoseconds since the epoch.
    pub start: u64,
    /// Nanoseconds.
    pub duration: u64,
    /// One for each edge, parent and kind of time.
    pub stats: Vec<Point<T, B>>,
    /// Offsets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub backlogs: Vec<Backlog<T>>,
    /// Records of transactions; their format is told in [`crate::transaction`].
    #[serde(skip_serializing_if = "no_bytes", with = "serde_bytes")]
    pub transactions: B,
    /// The names of the checkpoints that the records mention, and maybe others.
    #[serde(skip_serializing_if = "no_bytes", with = "serde_bytes")]
    pub transaction_checkpoint_ids: B,
    /// Uses of a schema registry (dd-trace-java).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schema_registry_usages: Vec<SchemaRegistryUsage>,
    /// Configurations of Kafka clients (dd-trace-java).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub configs: Vec<KafkaConfig>,
}

/// The statistics of one step of a pathway. The sketches are encoded: see [`crate::sketch`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[serde(bound(serialize = "T: Serialize + AsRef<[Box<str>]>, B: serde_bytes::Serialize + AsRef<[u8]>"))]
pub struct Point<T = Tags, B = Vec<u8>> {
    /// What was passed.
    #[serde(skip_serializing_if = "no_tags")]
    pub edge_tags: T,
    /// The pathway after it.
    pub hash: u64,
    /// The pathway before it; 0: none.
    pub parent_hash: u64,
    /// Seconds since the origin.
    #[serde(with = "serde_bytes")]
    pub pathway_latency: B,
    /// Seconds since the previous checkpoint.
    #[serde(with = "serde_bytes")]
    pub edge_latency: B,
    /// Bytes; dd-trace-rb has none.
    #[serde(skip_serializing_if = "no_bytes", with = "serde_bytes")]
    pub payload_size: B,
    /// Which time placed it in its bucket. Tracers that never send origin copies leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_type: Option<TimestampType>,
    /// The service, as data-streams-go wrote it once. Read, never written.
    #[serde(skip)]
    pub service: Option<Box<str>>,
}

/// Which time placed a point in its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestampType {
    /// The time of the checkpoint.
    Current,
    /// The time at which the pathway started. Such a point is a copy: the same messages are in a current one.
    Origin,
}

/// How far a producer or consumer of a queue has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Backlog<T = Tags> {
    /// `type:kafka_commit` and what it belongs to.
    pub tags: T,
    /// The offset.
    pub value: i64,
}

/// How often a schema was used in a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SchemaRegistryUsage {
    /// The topic.
    pub topic: Box<str>,
    /// The Kafka cluster.
    pub kafka_cluster_id: Box<str>,
    /// The number in the registry; -1 when unknown.
    pub schema_id: i64,
    /// Whether it worked.
    pub is_success: bool,
    /// Whether it was the key of the message, not its value.
    pub is_key: bool,
    /// `serialize` or `deserialize`.
    pub operation: Box<str>,
    /// How often.
    pub count: i64,
}

/// The configuration of a Kafka client, or its membership in a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct KafkaConfig {
    /// `kafka_producer` or `kafka_consumer`.
    pub r#type: Box<str>,
    /// The Kafka cluster.
    pub kafka_cluster_id: Box<str>,
    /// The group of a consumer.
    pub consumer_group: Box<str>,
    /// The member in it.
    pub member_id: Box<str>,
    /// The generation of the group; -1: none.
    pub generation_id: i64,
    /// How the partitions are assigned.
    pub member_protocol: Box<str>,
    /// Option and value.
    pub config: BTreeMap<Box<str>, Box<str>>,
}

impl Payload {
    /// The msgpack bytes.
    ///
    /// # Errors
    /// When a list is longer than msgpack can say (2^32 - 1).
    pub fn encode(&self) -> Result<Vec<u8>, PayloadError> {
        rmp_serde::to_vec_named(self).map_err(|error| PayloadError::Encode(error.to_string()))
    }

    /// Reads msgpack bytes of any tracer: maps and integers of any width, `nil` for what is absent, text as `str` or
    /// `bin`, unknown keys. A negative hash is the same 64 bits unsigned. Never panics; uses at most
    /// [`MAX_DECODED`] bytes.
    ///
    /// # Errors
    /// [`PayloadError::Decode`] when it is not such a payload, [`PayloadError::TooLarge`] when it would use too much
    /// memory.
    pub fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        decode::payload(bytes, MAX_DECODED)
    }

    /// Checkpoints: the messages of all points but origin copies.
    #[must_use]
    pub fn messages(&self) -> u64 {
        let points = self.stats.iter().flat_map(|bucket| &bucket.stats);
        points.filter(|point| !point.is_origin()).map(Point::messages).fold(0, u64::saturating_add)
    }

    /// Two payloads with half of the items each (points, backlogs, records of transactions, ...), or this one back when
    /// it cannot be split any further. Together they say the same: the rest is in both.
    #[must_use]
    pub fn halves(self) -> Halves {
        halves::halves(self)
    }
}

impl<T, B: AsRef<[u8]>> Payload<T, B> {
    /// Records of transactions.
    #[must_use]
    pub fn transactions(&self) -> u64 {
        self.stats.iter().map(|bucket| halves::records(bucket.transactions.as_ref()).count() as u64).sum()
    }
}

impl<T, B> Point<T, B> {
    /// Whether it is a copy, placed by the time of the origin: it must not count as throughput or latency.
    #[must_use]
    pub fn is_origin(&self) -> bool {
        self.timestamp_type == Some(TimestampType::Origin)
    }
}

impl Point {
    /// Messages that passed: each has an edge latency. A sketch that cannot be read has none.
    #[must_use]
    pub fn messages(&self) -> u64 {
        Sketch::decode(&self.edge_latency).map_or(0, |sketch| sketch.count().round() as u64)
    }
}

fn no_tags(tags: &impl AsRef<[Box<str>]>) -> bool {
    tags.as_ref().is_empty()
}

fn no_bytes(bytes: &impl AsRef<[u8]>) -> bool {
    bytes.as_ref().is_empty()
}

/// The most memory that [`Payload::decode`] uses, in bytes. A payload of ordinary spread takes twice its msgpack form;
/// without a limit, empty texts of one byte each would take fifty times theirs.
pub const MAX_DECODED: usize = 256 << 20;

/// Why a payload was not written or read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadError {
    /// It cannot be written.
    Encode(String),
    /// It cannot be read.
    Decode {
        /// The offset of the first byte that does not fit.
        at: usize,
        /// What is wrong there.
        reason: String,
    },
    /// It uses more than so many bytes.
    TooLarge(usize),
    /// It is not gzip.
    Gzip(String),
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encode(reason) => write!(f, "the payload cannot be encoded: {reason}"),
            Self::Decode { at, reason } => write!(f, "the payload cannot be read at byte {at}: {reason}"),
            Self::TooLarge(limit) => write!(f, "the payload is larger than {limit} bytes"),
            Self::Gzip(reason) => write!(f, "the payload is not gzip: {reason}"),
        }
    }
}

impl std::error::Error for PayloadError {}

#[cfg(test)]
mod tests;
