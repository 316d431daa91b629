//! Charts of lag: how far a group was behind, step by step.

use crate::graph::Clusters;
use crate::history::{History, ReadError};
use crate::lag::{self, PartitionLag, between, greatest};
use crate::model::backlogs::SeriesId;
use crate::model::stats::{LATE_S, SECOND_NS};
use crate::series::{Failed, Grid};
use crate::store::Store;
use crate::view::{Asked, Needs, View};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// The most offsets that are read for one chart.
const MAX_OFFSETS: usize = 1_000_000;

/// `GET /api/lag/series`.
#[derive(Debug, Serialize)]
pub(crate) struct LagSeries {
    from_ms: i64,
    to_ms: i64,
    step_ms: i64,
    points: Vec<Point>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Point {
    at_ms: i64,
    /// Of all partitions together, at the end of the step.
    messages: Option<i64>,
    /// Of that furthest behind.
    seconds: Option<f64>,
}

/// Offsets by the moment, in seconds, at which they were right.
type Timeline = Vec<(i64, i64)>;

/// What became of a partition.
struct Partition {
    committed: Timeline,
    end: Timeline,
}

pub(crate) fn read(
    store: &Store,
    group: &str,
    asked: Asked,
    step: Option<u32>,
    now_ns: i64,
) -> Result<LagSeries, Failed> {
    let needs = Needs { lags: true, ..Needs::default() };
    // Lags of now: what a group commits to is the same at any time.
    let view = View::read(store, Asked::default(), None, needs, now_ns)?;
    let clusters = Clusters::new(&view);
    let groups = lag::groups(&view, &clusters);
    let found = groups.iter().find(|(key, _)| lag::id(key) == group).ok_or(Failed::Unknown("group"))?;
    let (history, ()) = store.read(|_| ());
    let range = asked.resolve(&history, now_ns);
    let grid = Grid::new(&history, &range, step)?;
    let mut left = MAX_OFFSETS;
    let mut partitions = Vec::new();
    for partition in &found.1.partitions {
        partitions.push(timelines(&history, partition, grid.from, grid.to(), &mut left)?);
    }
    let now = now_ns.div_euclid(SECOND_NS);
    let width = |at| history.offset_width(at, now);
    let points = (0..grid.len).map(|place| {
        let lags: Vec<_> =
            partitions.iter().map(|partition| partition.at(grid.at(place) + grid.step, now, &width)).collect();
        let known = lags.iter().filter_map(|lag| lag.0);
        Point {
            at_ms: grid.at(place) * 1000,
            messages: known.fold(None, |sum: Option<i64>, messages| Some(sum.unwrap_or(0).saturating_add(messages))),
            seconds: greatest(lags.iter().copied()),
        }
    });
    let points = points.collect();
    Ok(LagSeries { from_ms: grid.from * 1000, to_ms: grid.to() * 1000, step_ms: grid.step * 1000, points })
}

fn timelines(
    history: &History,
    partition: &PartitionLag,
    from: i64,
    to: i64,
    left: &mut usize,
) -> Result<Partition, ReadError> {
    let lag = &partition.lag;
    let mut committed = BTreeMap::new();
    for &series in &lag.commits {
        read_back(history, series, 0, to, left, &mut committed, |at, _| at <= from)?;
    }
    // Back to where the oldest message was produced that was not read at the beginning.
    let least = committed.values().copied().min().unwrap_or(i64::MAX);
    let mut end = BTreeMap::new();
    for known in &lag.ends {
        read_back(history, known.series, known.plus, to, left, &mut end, |at, end| at <= from && end <= least)?;
    }
    Ok(Partition { committed: committed.into_iter().collect(), end: end.into_iter().collect() })
}

/// Reads offsets back until there are enough. Of one moment the greatest counts.
fn read_back(
    history: &History,
    series: SeriesId,
    plus: i64,
    to: i64,
    left: &mut usize,
    timeline: &mut BTreeMap<i64, i64>,
    enough: impl Fn(i64, i64) -> bool,
) -> Result<(), ReadError> {
    history.back(series, to, |at, value| {
        let value = value.saturating_add(plus);
        let known = timeline.entry(at).or_insert(value);
        *known = value.max(*known);
        *left = left.saturating_sub(1);
        if enough(at, value) || *left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
}

impl Partition {
    /// The lag at a moment, in seconds: messages, and seconds.
    fn at(&self, at: i64, now: i64, width: &impl Fn(i64) -> i64) -> (Option<i64>, Option<f64>) {
        let upto = |timeline: &Timeline| timeline.partition_point(|&(known, _)| known <= at);
        let (commits, ends) = (upto(&self.committed), upto(&self.end));
        let Some(&(committed_at, committed)) = self.committed[..commits].last() else { return (None, None) };
        let Some(&(_, end)) = self.end[..ends].last() else { return (None, None) };
        let messages = end.saturating_sub(committed).max(0);
        if messages == 0 {
            return (Some(0), Some(0.0));
        }
        let below = self.end[..ends].iter().rposition(|&(_, end)| end <= committed);
        let produced = below.map(|place| {
            let above = self.end[place + 1];
            between(self.end[place], above, committed, width(above.0))
        });
        // News of the last seconds is still on its way.
        let at = at.min((now - LATE_S).max(committed_at.min(now)));
        (Some(messages), produced.map(|produced| (at as f64 - produced).max(0.0)))
    }
}
