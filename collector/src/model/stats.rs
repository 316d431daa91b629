//! What is measured of an edge or a step, and how a rate is told from it.

use super::parsed::Measured;
use crate::history::levels::SLOT;
use datastreams_core::sketch::{Encoded, Mapping, Sketch};
use std::borrow::Cow;

pub(crate) const SECOND_NS: i64 = 1_000_000_000;
/// The recent window: five minutes.
pub(crate) const RECENT_S: i64 = 300;
/// How far ahead a service's clock may be, in seconds.
pub(crate) const AHEAD_S: i64 = 60;
/// How long a bucket may be on its way, in seconds: open for ten, sent within the next ten.
pub(crate) const LATE_S: i64 = 20;

/// Statistics of what passed an edge, or one of its steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stats {
    pub(crate) messages: u64,
    /// Seconds.
    pub(crate) edge_latency: Sketch,
    /// Seconds.
    pub(crate) pathway_latency: Sketch,
    /// Bytes; empty where they are not known.
    pub(crate) payload_size: Sketch,
}

impl From<&Measured<'_>> for Stats {
    fn from(measured: &Measured<'_>) -> Self {
        let mut stats = Self::default();
        stats.add(measured);
        stats
    }
}

impl Stats {
    /// Adds what a point says.
    pub(crate) fn add(&mut self, measured: &Measured<'_>) {
        self.messages = self.messages.saturating_add(measured.messages);
        add(&mut self.edge_latency, &measured.edge_latency);
        add(&mut self.pathway_latency, &measured.pathway_latency);
        if let Some(payload_size) = &measured.payload_size {
            add(&mut self.payload_size, payload_size);
        }
    }

    /// The same under the canonical mapping, as the history keeps it.
    pub(crate) fn canonical(&self) -> Cow<'_, Self> {
        let sketches = [&self.edge_latency, &self.pathway_latency, &self.payload_size];
        if sketches.iter().all(|sketch| sketch.mapping().same(&Mapping::CANONICAL)) {
            return Cow::Borrowed(self);
        }
        let mut stats = Self::default();
        stats.merge(self);
        Cow::Owned(stats)
    }

    /// Adds what another one holds.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.messages = self.messages.saturating_add(other.messages);
        self.edge_latency.merge(&other.edge_latency);
        self.pathway_latency.merge(&other.pathway_latency);
        self.payload_size.merge(&other.payload_size);
    }

    /// The bytes that it takes.
    pub(crate) fn memory(&self) -> usize {
        let sketches = [&self.edge_latency, &self.pathway_latency, &self.payload_size];
        size_of::<Self>() + sketches.iter().map(|sketch| sketch.memory()).sum::<usize>()
    }
}

/// Adds a sketch. The first one's mapping is kept: bins are moved once, by whoever needs them otherwise.
fn add(sum: &mut Sketch, sketch: &Encoded<'_>) {
    if !sum.mapping().same(sketch.mapping()) && sum.is_empty() {
        *sum = Sketch::with_mapping(*sketch.mapping());
    }
    sum.merge_encoded(sketch);
}

/// How something began: what is needed to tell the rate of its first seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Began {
    /// The first slot of it that is known, in seconds.
    pub(crate) first: i64,
    /// When the first report arrived, in nanoseconds, and how many messages it had; `None`: before a restart.
    pub(crate) report: Option<(i64, u64)>,
}

impl Began {
    /// The earlier beginning of two. Reports that came at once are one.
    pub(crate) fn or(self, other: Self) -> Self {
        let report = match (self.report, other.report) {
            (Some(a), Some(b)) if (a.0 - b.0).abs() < SECOND_NS => Some((a.0.min(b.0), a.1.saturating_add(b.1))),
            (Some(a), Some(b)) => Some(a.min(b)),
            // One of them was there before the restart.
            _ => None,
        };
        Self { first: self.first.min(other.first), report }
    }
}

/// Messages in a range of time, and the time that they cover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) messages: u64,
    /// The first cell's start and the last one's end, in seconds; `None`: nothing.
    pub(crate) times: Option<(i64, i64)>,
}

impl Span {
    /// Adds a cell.
    pub(crate) fn add(&mut self, messages: u64, from: i64, to: i64) {
        self.merge(Self { messages, times: Some((from, to)) });
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.messages = self.messages.saturating_add(other.messages);
        self.times = match (self.times, other.times) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
    }

    /// Messages per second, in a range of seconds: over the time from where it begins in the range to its last slot; silence
    /// since then counts, less the time that a bucket takes to arrive. While the first slot is that in which everything
    /// began, it is what came after the first report, over the time since then: when its messages began is not known.
    pub(crate) fn per_second(&self, began: Began, range: (i64, i64), now_ns: i64) -> f64 {
        let Some((first, last)) = self.times else { return 0.0 };
        let now = now_ns as f64 / SECOND_NS as f64;
        let mut sum = self.messages;
        let mut start = range.0.max(began.first) as f64;
        let mut end = (last as f64).max((now - LATE_S as f64).min(range.1 as f64));
        if let Some((at_ns, messages)) = began.report
            && first <= began.first
            && (began.first..began.first + SLOT).contains(&at_ns.div_euclid(SECOND_NS))
            // Not over a moment: what comes at once was not recorded at once.
            && sum > messages
            && now_ns - at_ns >= SLOT * SECOND_NS / 2
        {
            sum -= messages;
            start = at_ns as f64 / SECOND_NS as f64;
            end = end.min(now);
        }
        sum as f64 / (end - start).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_786_000_000;

    fn rate(span: Span, began: Began, range: (i64, i64), now: i64) -> f64 {
        span.per_second(began, range, now * SECOND_NS)
    }

    fn span(slots: &[(i64, u64)]) -> Span {
        let mut span = Span::default();
        slots.iter().for_each(|&(slot, messages)| span.add(messages, slot, slot + SLOT));
        span
    }

    #[test]
    fn a_rate_is_over_the_time_that_is_covered() {
        let slots: Vec<_> = (0..30).map(|n| (NOW + n * SLOT, 20)).collect();
        let (all, began) = (span(&slots), Began { first: NOW, report: None });
        assert_eq!(rate(all, began, (NOW - 1000, NOW + 310), NOW + 310), 2.0);
        assert_eq!(rate(all, began, (NOW - 1000, NOW + 620), NOW + 620), 1.0, "silence since then");
        assert_eq!(rate(Span::default(), began, (NOW, NOW + 300), NOW), 0.0);
        let one = span(&[(NOW + 90, 20)]);
        assert_eq!(rate(one, began, (NOW, NOW + 100), NOW + 500), 20.0 / 100.0, "silence before, as it was there");
        assert_eq!(rate(one, Began { first: NOW + 90, ..began }, (NOW, NOW + 100), NOW + 500), 2.0, "it was not");
    }

    #[test]
    fn the_first_seconds() {
        let began = Began { first: NOW, report: Some(((NOW + 3) * SECOND_NS, 30)) };
        let all = (i64::MIN, NOW + 20);
        assert_eq!(rate(span(&[(NOW, 30)]), began, all, NOW + 9), 3.0, "all that there is");
        assert_eq!(rate(span(&[(NOW, 100)]), began, all, NOW + 10), 10.0, "70 in 7 seconds");
        assert_eq!(rate(span(&[(NOW, 100)]), began, (NOW, NOW + 50), NOW + 40), 70.0 / 17.0, "10 silent ones");
        assert_eq!(rate(span(&[(NOW, 100)]), began, all, NOW + 7), 10.0, "not over a moment");
    }
}
