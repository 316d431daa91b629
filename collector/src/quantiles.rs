//! What is said of a distribution.

use datastreams_core::sketch::Sketch;
use serde::Serialize;

/// Quantiles, in the unit of what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Quantiles {
    /// How many values.
    pub(crate) count: u64,
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Quantiles {
    /// `None` when nothing was measured.
    pub(crate) fn of(sketch: &Sketch) -> Option<Self> {
        // dd-trace-java and -js report negative latencies when clocks differ; the others clamp them.
        let at = |quantile| sketch.quantile(quantile).map(|value| value.max(0.0));
        Some(Self {
            count: sketch.count().round() as u64,
            p50: at(0.5)?,
            p95: at(0.95)?,
            p99: at(0.99)?,
            max: at(1.0)?,
        })
    }
}
