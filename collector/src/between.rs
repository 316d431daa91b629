//! The time between any two edges that lie on a pathway.

use crate::model::stats::Stats;
use crate::model::{EdgeId, HopId, HopKey};
use crate::pathways::{Origin, Parents};
use crate::quantiles::Quantiles;
use crate::view::View;
use datastreams_core::sketch::Sketch;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The most values by which a distribution is added up.
const MAX_VALUES: usize = 256;
/// The most distributions that are added up for one answer, those of the pathways with the most messages.
const MAX_SUMS: usize = 2000;

/// `GET /api/between`.
#[derive(Debug, Serialize)]
pub(crate) struct Between {
    from_ms: i64,
    to_ms: i64,
    source: String,
    target: String,
    /// How many pathways lead from one to the other.
    pathways: usize,
    /// What came through, having passed the source.
    messages: u64,
    mean: Option<f64>,
    latency: Option<Quantiles>,
    /// Whether it was measured; else it was added up.
    exact: bool,
}

/// Steps from the source, which is left out, to the target, and how the pathway began: those that are added up alike.
type Steps = Vec<EdgeId>;

/// The hops of each step.
#[derive(Default)]
struct Gathered {
    messages: u64,
    hops: Vec<BTreeSet<HopId>>,
}

/// `None`: no pathway that something passed in the range leads from one to the other.
pub(crate) fn between(view: &View, source: &str, target: &str) -> Option<Between> {
    let named = |id: &str| view.edges.iter().find(|(_, edge)| edge.key.id() == id).map(|(&id, _)| id);
    let (from, to) = (named(source)?, named(target)?);
    let parents = Parents::new(view);
    let ids: HashMap<HopKey, HopId> = view.hops.iter().map(|&(key, hop)| (key, hop.id)).collect();
    let passed = |hop: HopId| view.hop_sums.get(&hop).map(|sum| &sum.stats).filter(|stats| stats.messages > 0);

    let mut measured = Sketch::new();
    let mut messages = 0u64;
    let mut pathways = BTreeSet::new();
    let mut apart: BTreeMap<Steps, Gathered> = BTreeMap::new();
    for &(key, hop) in view.hops.iter().filter(|(key, _)| key.edge == to) {
        let Some(stats) = passed(hop.id) else { continue };
        let way = parents.way(key);
        let before = way.hops.len() - 1;
        let Some(place) = way.hops[..before].iter().rposition(|hop| hop.edge == from) else { continue };
        pathways.insert(way.steps().0.iter().map(|hop| hop.edge).collect::<Vec<_>>());
        messages = messages.saturating_add(stats.messages);
        if place == 0 && way.origin == Origin::Known {
            measured.merge(&stats.pathway_latency);
        } else if place + 1 == before {
            measured.merge(&stats.edge_latency);
        } else {
            let steps = &way.hops[place + 1..];
            let gathered = apart.entry(steps.iter().map(|hop| hop.edge).collect()).or_default();
            gathered.messages = gathered.messages.saturating_add(stats.messages);
            gathered.hops.resize_with(steps.len(), BTreeSet::new);
            for (hops, step) in gathered.hops.iter_mut().zip(steps) {
                hops.extend(ids.get(step));
            }
        }
    }
    if pathways.is_empty() {
        return None;
    }
    let exact = apart.is_empty();
    let mut all: Vec<Gathered> = apart.into_values().collect();
    all.sort_by_key(|gathered| std::cmp::Reverse(gathered.messages));
    let mut left = MAX_SUMS;
    for gathered in all {
        left = match left.checked_sub(gathered.hops.len()) {
            Some(left) => left,
            None => break,
        };
        let steps = gathered.hops.iter().map(|hops| step(hops.iter().filter_map(|&hop| passed(hop))));
        if let Some(sum) = add_up(steps, gathered.messages as f64) {
            measured.merge(&sum);
        }
    }
    Some(Between {
        from_ms: view.range.ms().0,
        to_ms: view.range.ms().1,
        source: source.into(),
        target: target.into(),
        pathways: pathways.len(),
        messages,
        mean: measured.mean().map(|mean| mean.max(0.0)),
        latency: Quantiles::of(&measured),
        exact,
    })
}

/// The edge latency of some hops together.
fn step<'a>(hops: impl Iterator<Item = &'a Stats>) -> Sketch {
    let mut sum = Sketch::new();
    hops.for_each(|stats| sum.merge(&stats.edge_latency));
    sum
}

/// The distribution of the sum of independent values of these distributions, as of `count` of them.
fn add_up(steps: impl Iterator<Item = Sketch>, count: f64) -> Option<Sketch> {
    let mut sum: Vec<(f64, f64)> = vec![(0.0, count)];
    let mut result = None;
    for step in steps {
        let step = few(&step);
        let total: f64 = step.iter().map(|(_, count)| count).sum();
        // A step that nothing passed: its latency is not known, and neither is the sum.
        if total <= 0.0 {
            return None;
        }
        let mut next = Sketch::new();
        for (a, count) in &sum {
            for (b, part) in &step {
                next.add_count(a + b, count * part / total);
            }
        }
        sum = few(&next);
        result = Some(next);
    }
    result
}

/// At most [`MAX_VALUES`] values with their counts: neighbours are made one by their mean, so that the mean of all stays.
fn few(sketch: &Sketch) -> Vec<(f64, f64)> {
    let mut values: Vec<(f64, f64)> = sketch.values().map(|(value, count)| (value.max(0.0), count)).collect();
    while values.len() > MAX_VALUES {
        values = values
            .chunks(2)
            .map(|pair| {
                let count: f64 = pair.iter().map(|(_, count)| count).sum();
                (pair.iter().map(|(value, part)| value * part).sum::<f64>() / count, count)
            })
            .collect();
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(values: impl Iterator<Item = f64>) -> Sketch {
        let mut sketch = Sketch::new();
        values.for_each(|value| assert!(sketch.add(value)));
        sketch
    }

    #[test]
    fn sums_of_independent_values() {
        let one = sketch((0..1000).map(|n| 0.1 + f64::from(n) * 1e-4));
        let other = sketch((0..1000).map(|n| if n < 900 { 0.05 } else { 2.0 }));
        let sum = add_up([one.clone(), other, one].into_iter(), 500.0).unwrap();
        assert!((sum.count() - 500.0).abs() < 1e-6);
        let mean = 0.14995 + 0.05 * 0.9 + 0.2 + 0.14995;
        assert!((sum.mean().unwrap() / mean - 1.0).abs() < 0.016, "{:?}", sum.mean());
        // 90 % are 0.05 more than two uniform ones, whose middle is 0.3; the slow tenth begins above.
        let at = |q| sum.quantile(q).unwrap();
        assert!((at(0.45) / 0.35 - 1.0).abs() < 0.03, "{}", at(0.45));
        assert!(at(0.89) < 0.46 && at(0.92) > 2.2, "{} {}", at(0.89), at(0.92));
        assert!(add_up([Sketch::new()].into_iter(), 1.0).is_none());
    }

    #[test]
    fn many_values_become_few_of_the_same_mean() {
        let wide = sketch((0..1500).map(|n| 1.02f64.powi(n) * 1e-6));
        let few = few(&wide);
        assert!(few.len() <= MAX_VALUES);
        let mean = few.iter().map(|(value, count)| value * count).sum::<f64>() / 1500.0;
        assert!((mean / wide.mean().unwrap() - 1.0).abs() < 1e-9);
    }
}
