//! What is counted for other engines: one series for each set of labels, of a bounded number.

use super::histogram::Histogram;
use super::labels::Labels;
use super::measure::{Bounds, Kept, Measure, SLOT_NS};
use crate::model::EdgeId;
use crate::model::edge::EdgeKey;
use crate::model::stats::Stats;
use std::collections::HashMap;

const SECOND_NS: i64 = 1_000_000_000;
/// When room is needed, series without a message for so long may go.
const IDLE_NS: i64 = 3600 * SECOND_NS;
/// How often such are looked for.
const SWEEP_NS: i64 = 10 * SECOND_NS;

/// What is counted under one set of labels.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    pub(crate) messages: u64,
    untaken_messages: u64,
    pub(crate) measures: [Measure; 3],
    pub(crate) since_ns: i64,
    last_ns: i64,
    /// The minute that pending values belong to.
    slot: i64,
}

impl Series {
    fn new(labels: Labels, now_ns: i64, bounds: Bounds) -> Self {
        Self {
            labels,
            messages: 0,
            untaken_messages: 0,
            measures: [Measure::new(bounds), Measure::new(bounds), Measure::new(bounds)],
            since_ns: now_ns,
            last_ns: now_ns,
            slot: now_ns.div_euclid(SLOT_NS),
        }
    }

    fn settle(&mut self, kept: Kept) -> u64 {
        let slot = self.slot;
        self.measures.iter_mut().fold(0, |sum, measure| sum.saturating_add(measure.settle(slot, kept)))
    }
}

/// What a series counted since a time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Counted {
    pub(crate) labels: Labels,
    pub(crate) since_ns: i64,
    pub(crate) messages: u64,
    /// In the order of [`Measured`]; empty ones too.
    pub(crate) measures: [Histogram; 3],
}

/// All series.
#[derive(Debug)]
pub(crate) struct Table {
    bounds: Bounds,
    series: Vec<Series>,
    overflow: Series,
    places: HashMap<Labels, usize>,
    /// The places of edges, by their number, which is never given again; `None`: there was no room when it was looked for
    /// last.
    edges: HashMap<EdgeId, Option<usize>>,
    kept: Kept,
    taken_ns: i64,
    swept_ns: i64,
    /// Values below zero, which count as zero.
    pub(crate) negative: u64,
    /// Messages in the series for the rest.
    pub(crate) overflow_messages: u64,
    /// Series that went because they were idle and room was needed.
    pub(crate) forgotten: u64,
}

impl Table {
    pub(crate) fn new(bounds: Bounds, now_ns: i64) -> Self {
        Self {
            bounds,
            series: Vec::new(),
            overflow: Series::new(Labels::overflow(), now_ns, bounds),
            places: HashMap::new(),
            edges: HashMap::new(),
            kept: Kept::default(),
            taken_ns: now_ns,
            swept_ns: i64::MIN,
            negative: 0,
            overflow_messages: 0,
            forgotten: 0,
        }
    }

    /// Keeps what [`Table::take`] returns, from now on.
    pub(crate) fn keep_deltas(&mut self, now_ns: i64) {
        self.settled().for_each(drop);
        self.kept.deltas = true;
        self.taken_ns = now_ns;
    }

    /// Keeps what came recently, from now on. Returns whether it was kept before.
    pub(crate) fn keep_recent(&mut self) -> bool {
        if !self.kept.recent {
            self.settled().for_each(drop);
        }
        std::mem::replace(&mut self.kept.recent, true)
    }

    /// Counts what passed an edge; `None`: one of those for which the model has no room.
    pub(crate) fn add(&mut self, edge: Option<(EdgeId, &EdgeKey)>, passed: &Stats, now_ns: i64) {
        let kept = self.kept;
        let place = edge.and_then(|(id, edge)| self.place(id, edge, now_ns));
        let series = match place.and_then(|place| self.series.get_mut(place)) {
            Some(series) => series,
            None => {
                self.overflow_messages = self.overflow_messages.saturating_add(passed.messages);
                &mut self.overflow
            }
        };
        series.messages = series.messages.saturating_add(passed.messages);
        if kept.deltas {
            series.untaken_messages = series.untaken_messages.saturating_add(passed.messages);
        }
        series.last_ns = now_ns;
        let slot = now_ns.div_euclid(SLOT_NS);
        let mut negative = 0u64;
        if series.slot != slot {
            negative = series.settle(kept);
            series.slot = slot;
        }
        let sketches = [&passed.edge_latency, &passed.pathway_latency, &passed.payload_size];
        for (measure, sketch) in series.measures.iter_mut().zip(sketches) {
            negative = negative.saturating_add(measure.add(sketch, slot, kept));
        }
        self.negative = self.negative.saturating_add(negative);
    }

    /// Those that have counted something, with all that came sorted in.
    pub(crate) fn settled(&mut self) -> impl Iterator<Item = &Series> {
        let kept = self.kept;
        let mut negative = 0u64;
        for series in self.series.iter_mut().chain([&mut self.overflow]) {
            negative = negative.saturating_add(series.settle(kept));
        }
        self.negative = self.negative.saturating_add(negative);
        self.series.iter().chain((self.overflow.messages > 0).then_some(&self.overflow))
    }

    /// How many series there are.
    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    /// What came since the last time. Series without anything are left out.
    pub(crate) fn take(&mut self, now_ns: i64) -> Vec<Counted> {
        self.settled().for_each(drop);
        let since_ns = std::mem::replace(&mut self.taken_ns, now_ns);
        let empty = Histogram::new(self.bounds.delta_buckets);
        let counted = |series: &mut Series| {
            let nothing =
                series.untaken_messages == 0 && series.measures.iter().all(|measure| measure.delta.is_empty());
            (!nothing).then(|| Counted {
                labels: series.labels.clone(),
                since_ns,
                messages: std::mem::take(&mut series.untaken_messages),
                measures: series.measures.each_mut().map(|it| std::mem::replace(&mut it.delta, empty.clone())),
            })
        };
        self.series.iter_mut().chain([&mut self.overflow]).filter_map(counted).collect()
    }

    /// Everything since each series began.
    pub(crate) fn totals(&mut self) -> Vec<Counted> {
        let counted = |series: &Series| Counted {
            labels: series.labels.clone(),
            since_ns: series.since_ns,
            messages: series.messages,
            measures: series.measures.each_ref().map(|measure| measure.total.clone()),
        };
        self.settled().map(counted).collect()
    }

    /// The place of an edge's series; `None`: there is no room for another.
    fn place(&mut self, id: EdgeId, edge: &EdgeKey, now_ns: i64) -> Option<usize> {
        match self.edges.get(&id) {
            Some(&place) if place.is_some() || !self.sweeps(now_ns) => return place,
            _ => {}
        }
        let labels = Labels::of(edge);
        let mut place = self.places.get(&labels).copied();
        if place.is_none() && self.series.len() >= self.bounds.series {
            self.forget_idle(now_ns);
        }
        if place.is_none() && self.series.len() < self.bounds.series {
            place = Some(self.series.len());
            self.places.insert(labels.clone(), self.series.len());
            self.series.push(Series::new(labels, now_ns, self.bounds));
        }
        // Numbers of edges that are gone are among them.
        if self.edges.len() >= self.bounds.edges {
            self.edges.clear();
        }
        self.edges.insert(id, place);
        place
    }

    /// Whether it is time to look for idle series.
    fn sweeps(&self, now_ns: i64) -> bool {
        now_ns >= self.swept_ns.saturating_add(SWEEP_NS)
    }

    /// Makes room: topics for replies come and go. What was not taken yet stays.
    fn forget_idle(&mut self, now_ns: i64) {
        if !self.sweeps(now_ns) {
            return;
        }
        self.swept_ns = now_ns;
        let before = self.series.len();
        self.settled().for_each(drop);
        self.series.retain(|series| {
            let untaken =
                series.untaken_messages > 0 || series.measures.iter().any(|measure| !measure.delta.is_empty());
            untaken || series.last_ns > now_ns - IDLE_NS
        });
        if self.series.len() == before {
            return;
        }
        self.forgotten += (before - self.series.len()) as u64;
        self.edges.clear();
        self.places = self.series.iter().enumerate().map(|(at, series)| (series.labels.clone(), at)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datastreams_core::sketch::Sketch;

    const NOW: i64 = 1_786_000_000 * SECOND_NS;

    fn edge(topic: &str, more: &str) -> EdgeKey {
        let tags = ["direction:in", &format!("topic:{topic}"), more].map(Box::from).into();
        EdgeKey { env: "e".into(), service: "s".into(), tags }
    }

    fn add(table: &mut Table, edge: &EdgeKey, values: &[f64], now_ns: i64) {
        let mut sketch = Sketch::new();
        values.iter().for_each(|&value| assert!(sketch.add(value)));
        add_sketch(table, edge, &sketch, values.len() as u64, now_ns);
    }

    fn add_sketch(table: &mut Table, edge: &EdgeKey, sketch: &Sketch, messages: u64, now_ns: i64) {
        let (edge_latency, pathway_latency) = (sketch.clone(), sketch.clone());
        let passed = Stats { messages, edge_latency, pathway_latency, ..Stats::default() };
        // One number for each, as the model gives them.
        let id = edge.id().bytes().fold(0u32, |id, byte| id.wrapping_mul(31).wrapping_add(byte.into()));
        table.add(Some((id, edge)), &passed, now_ns);
    }

    fn sums(table: &mut Table) -> Vec<(String, u64, u64)> {
        let of =
            |series: &Series| (series.labels.destination.to_string(), series.messages, series.measures[0].total.count);
        table.settled().map(of).collect()
    }

    #[test]
    fn edges_that_differ_in_other_tags_are_one_series() {
        let mut table = Table::new(Bounds::DEFAULT, NOW);
        add(&mut table, &edge("a", "x:1"), &[0.1, 0.2], NOW);
        add(&mut table, &edge("a", "x:2"), &[0.3], NOW);
        add(&mut table, &edge("b", "x:1"), &[0.4], NOW);
        assert_eq!(sums(&mut table), [("a".into(), 3, 3), ("b".into(), 1, 1)]);
    }

    #[test]
    fn what_is_taken_adds_up_to_the_total() {
        let mut table = Table::new(Bounds::DEFAULT, NOW);
        add(&mut table, &edge("a", "x:1"), &[9.0], NOW);
        table.keep_deltas(NOW);
        let mut whole = Histogram::new(640);
        table.settled().for_each(drop);
        for (round, values) in [&[0.1, 0.2][..], &[], &[0.2, 3.0, -1.0]].into_iter().enumerate() {
            if !values.is_empty() {
                add(&mut table, &edge("a", "x:1"), values, NOW + round as i64);
            }
            let deltas = table.take(NOW + 10 * (round as i64 + 1));
            assert_eq!(deltas.len(), usize::from(!values.is_empty()), "nothing is said of what was idle");
            for delta in deltas {
                assert_eq!(delta.since_ns, NOW + 10 * round as i64);
                assert_eq!(delta.messages, values.len() as u64);
                whole.merge(&delta.measures[0]);
            }
        }
        let totals = table.totals();
        assert_eq!((totals[0].since_ns, totals[0].messages, totals[0].measures[0].count), (NOW, 6, 6));
        let total = table.settled().next().unwrap();
        assert_eq!((total.messages, whole.count, whole.zero), (6, 5, 1), "{whole:?}");
        assert_eq!(table.negative, 2, "of both latencies");
    }

    #[test]
    fn the_rest_is_one_series() {
        let mut table = Table::new(Bounds { series: 2, edges: 3, ..Bounds::DEFAULT }, NOW);
        table.keep_deltas(NOW);
        for topic in ["a", "b", "c", "d", "a"] {
            add(&mut table, &edge(topic, "x:1"), &[0.1], NOW);
        }
        assert_eq!(sums(&mut table), [("a".into(), 2, 2), ("b".into(), 1, 1), (String::new(), 2, 2)]);
        assert_eq!((table.overflow_messages, table.edges.len()), (2, 2));
        let deltas = table.take(NOW + 1);
        assert!(deltas[2].labels.overflow && deltas[2].messages == 2);
        // After an hour of silence there is room.
        let later = NOW + 2 * IDLE_NS;
        add(&mut table, &edge("a", "x:1"), &[0.1], later);
        add(&mut table, &edge("c", "x:1"), &[0.1], later);
        assert_eq!(sums(&mut table), [("a".into(), 3, 3), ("c".into(), 1, 1), (String::new(), 2, 2)]);
        assert_eq!(table.forgotten, 1);
    }

    #[test]
    fn counts_that_no_number_holds() {
        let mut table = Table::new(Bounds::DEFAULT, NOW);
        let mut sketch = Sketch::new();
        for value in [-2.0, -1.0, 0.0, 1.0] {
            assert!(sketch.add_count(value, 2f64.powi(64)));
        }
        for minute in 0..3 {
            add_sketch(&mut table, &edge("a", "x:1"), &sketch, u64::MAX, NOW + minute * SLOT_NS);
        }
        assert_eq!(sums(&mut table), [("a".into(), u64::MAX, u64::MAX)]);
        assert_eq!(table.negative, u64::MAX);
    }

    #[test]
    fn what_was_not_taken_is_not_forgotten() {
        let mut table = Table::new(Bounds { series: 1, ..Bounds::DEFAULT }, NOW);
        table.keep_deltas(NOW);
        add(&mut table, &edge("a", "x:1"), &[0.1], NOW);
        add(&mut table, &edge("b", "x:1"), &[0.1], NOW + 2 * IDLE_NS);
        let taken: u64 = table.take(NOW + 2 * IDLE_NS).iter().map(|delta| delta.messages).sum();
        assert_eq!((taken, table.forgotten), (2, 0));
    }

    #[test]
    fn recent_values_go() {
        let mut table = Table::new(Bounds::DEFAULT, NOW);
        assert!(!table.keep_recent() && table.keep_recent());
        for minute in 0..20 {
            add(&mut table, &edge("a", "x:1"), &[0.1], NOW + minute * SLOT_NS);
        }
        let now = NOW + 19 * SLOT_NS;
        let series = table.settled().next().unwrap();
        let recent = |now| series.measures[0].recent(now).count;
        assert_eq!((recent(now), recent(now + 3 * SLOT_NS), recent(now + 10 * SLOT_NS)), (6, 3, 0));
        assert!(series.measures[0].recent.len() <= 6);
        assert_eq!(series.measures[0].total.count, 20);
    }
}
