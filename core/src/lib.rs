//! Measures how long messages take through asynchronous pipelines.
//!
//! A *checkpoint* is set when a message is produced or consumed. The *pathway* (a hash of the path so far, the time
//! at the origin and the time of the last checkpoint) travels in a message header. A [`client::Client`] aggregates
//! edge latency, pathway latency and payload size into [`sketch`]es, in buckets of ten seconds, and its reporter posts
//! them as a [`payload`] to anything that takes `/v0.1/pipeline_stats`.
//!
//! Nothing here reads a clock on its own but the reporter: time is an argument, in nanoseconds since the Unix epoch.
#![forbid(unsafe_code)]

pub mod assemble;
pub mod backlog;
pub mod bucket;
pub mod client;
pub mod config;
pub mod container;
pub mod counters;
pub mod delivery;
pub mod dogstatsd;
pub mod edge;
pub mod endpoint;
pub mod error;
pub mod fork;
pub mod hash;
pub mod header;
pub mod intern;
pub mod machine;
pub mod pathway;
pub mod payload;
pub mod process_tags;
pub mod reporter;
pub mod request;
pub mod shard;
pub mod sketch;
mod state;
#[cfg(feature = "tls")]
mod tls;
pub mod transaction;
#[cfg(feature = "http")]
pub mod transport;
pub mod varint;
