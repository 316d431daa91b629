//! A distribution of one series, over the times that are asked for.

use super::histogram::{Histogram, whole};
use datastreams_core::sketch::Sketch;
use std::collections::VecDeque;

/// The grain of recent values.
pub(crate) const SLOT_NS: i64 = 60_000_000_000;
/// For how many slots values count as recent, beside the one that is now: ready-made quantiles are of these.
const RECENT: i64 = 5;

/// The bounds of what is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Series, the one for the rest not counted. OpenTelemetry's own default is 2000.
    pub(crate) series: usize,
    /// Edges whose series is remembered, so that it need not be looked up by its labels.
    pub(crate) edges: usize,
    /// Buckets of a histogram since the start. Prometheus takes those in use alone, so gaps cost nothing.
    pub(crate) total_buckets: usize,
    /// Buckets of a histogram to be sent once. All between the first and the last in use are sent.
    pub(crate) delta_buckets: usize,
}

impl Bounds {
    pub(crate) const DEFAULT: Self = Self { series: 2000, edges: 8192, total_buckets: 640, delta_buckets: 320 };
}

/// What is measured of messages, in the order in which series have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measured {
    EdgeLatency = 0,
    PathwayLatency = 1,
    PayloadSize = 2,
}

impl Measured {
    pub(crate) const ALL: [Self; 3] = [Self::EdgeLatency, Self::PathwayLatency, Self::PayloadSize];

    /// Its name, and what it is.
    pub(crate) fn about(self) -> (&'static str, &'static str) {
        match self {
            Self::EdgeLatency => ("datastreams.edge.latency", "Time since the previous checkpoint"),
            Self::PathwayLatency => ("datastreams.pathway.latency", "Time since the origin of the pathway"),
            Self::PayloadSize => ("datastreams.payload.size", "Size of the messages with key and headers"),
        }
    }
}

/// What is kept besides totals: memory that most do without.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kept {
    /// What came since it was taken last.
    pub(crate) deltas: bool,
    /// What came in the last minutes.
    pub(crate) recent: bool,
}

/// A distribution over the times that are asked for.
#[derive(Debug)]
pub(crate) struct Measure {
    /// What came since it was last sorted in; adding to it is cheap.
    pending: Sketch,
    /// Since the series began.
    pub(crate) total: Histogram,
    /// Since it was taken last.
    pub(crate) delta: Histogram,
    /// By minutes, ascending.
    pub(crate) recent: VecDeque<(i64, Histogram)>,
    bounds: Bounds,
}

impl Measure {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            pending: Sketch::new(),
            total: Histogram::new(bounds.total_buckets),
            delta: Histogram::new(bounds.delta_buckets),
            recent: VecDeque::new(),
            bounds,
        }
    }

    /// Returns how many values were found to be negative.
    pub(crate) fn add(&mut self, sketch: &Sketch, slot: i64, kept: Kept) -> u64 {
        let mut negative = 0;
        // Bins of two mappings in one sketch would be moved twice.
        if !self.pending.mapping().same(sketch.mapping()) {
            negative = self.settle(slot, kept);
            self.pending = Sketch::with_mapping(*sketch.mapping());
        }
        self.pending.merge(sketch);
        negative
    }

    /// Sorts what came into the histograms. Returns how many values were negative.
    pub(crate) fn settle(&mut self, slot: i64, kept: Kept) -> u64 {
        if self.pending.is_empty() {
            return 0;
        }
        let mut negative = 0u64;
        if kept.recent && self.recent.back().is_none_or(|&(last, _)| last != slot) {
            self.recent.retain(|&(known, _)| (slot - RECENT..slot).contains(&known));
            self.recent.push_back((slot, Histogram::new(self.bounds.delta_buckets)));
        }
        for (value, count) in whole(&self.pending) {
            negative = negative.saturating_add(if value < 0.0 { count } else { 0 });
            self.total.add(value, count);
            if kept.deltas {
                self.delta.add(value, count);
            }
            if let Some((_, recent)) = self.recent.back_mut().filter(|_| kept.recent) {
                recent.add(value, count);
            }
        }
        self.pending = Sketch::with_mapping(*self.pending.mapping());
        negative
    }

    /// The last five to six minutes.
    pub(crate) fn recent(&self, now_ns: i64) -> Histogram {
        let slot = now_ns.div_euclid(SLOT_NS);
        let mut sum = Histogram::new(self.bounds.total_buckets);
        for (_, histogram) in self.recent.iter().filter(|&&(known, _)| known >= slot - RECENT) {
            sum.merge(histogram);
        }
        sum
    }
}
