//! DDSketch: quantiles with a bounded relative error (Masson, Rim and Lee, VLDB 2019).
//!
//! Two types, one for each side of a bucket's life. [`Bins`] is where checkpoints are recorded: counts of the canonical
//! mapping only, a few nanoseconds for a value, memory charged before it is taken. [`Sketch`] is what receivers work
//! with: any mapping a tracer sends, negative values, merging across mappings, quantiles; an [`Encoded`] one can be merged
//! into it from the bytes in which it came.

mod bins;
mod encoded;
mod index;
mod mapping;
#[expect(clippy::module_inception, reason = "the type gives its file its name")]
mod sketch;
mod store;
#[cfg(test)]
mod tests;
mod thresholds;
mod wire;

pub use bins::{Bins, Growth};
pub use encoded::Encoded;
pub use index::{ZERO, index};
pub use mapping::{Interpolation, Mapping};
pub use sketch::Sketch;
pub use wire::SketchError;

/// Bins that one store keeps at most. Past that the lowest are folded into one, so that high quantiles stay right.
pub const MAX_BINS: usize = 2048;

/// By how many bins a window grows: small, because ten thousand groups hold three sketches each.
const CHUNK: usize = 32;
