//! The end of the demonstration: what was measured, beside what was put in.

use super::plan::{self, Expected};
use crate::history::ReadError;
use crate::model::stats::Stats;
use crate::pathways::{self, Origin, Pathways};
use crate::quantiles::Quantiles;
use crate::store::Store;
use crate::view::{Asked, Needs, View};
use serde::Serialize;
use std::collections::BTreeMap;

/// How far below its delay a median may be. Kafka's timestamps, by which the sinks tell a message's age, are whole
/// milliseconds, cut off; the sketch is 0.8 % off at the most.
const BELOW_MS: f64 = 2.0;
const BELOW: f64 = 0.01;

/// What the services said at their end: how many messages they handled.
pub(super) type Said = BTreeMap<&'static str, u64>;

/// The report.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Whether everything is as it should be.
    pub(super) ok: bool,
    /// Orders produced, as the service itself counted them.
    pub(super) orders: u64,
    /// A median may be this much above the delay that was put in.
    pub(super) tolerance_ms: u32,
    pub(super) pathways: Vec<Measured>,
    /// What is not as it should be.
    pub(super) problems: Vec<String>,
}

/// A pathway that was expected.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    /// The services that it passes.
    pub(super) services: [&'static str; 3],
    /// Whether the collector knows it, from its first checkpoint to its last.
    pub(super) found: bool,
    /// Messages that reached its end.
    pub(super) messages: u64,
    pub(super) steps: Vec<Step>,
}

/// A checkpoint of it.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    pub(super) service: &'static str,
    pub(super) tags: &'static [&'static str],
    pub(super) messages: u64,
    /// Since the checkpoint before.
    pub(super) edge: Latency,
    /// Since the first one.
    pub(super) origin: Latency,
}

/// A latency, in milliseconds; `None`: nothing was measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Latency {
    pub(super) put_in_ms: u32,
    pub(super) p50_ms: Option<f64>,
    pub(super) p95_ms: Option<f64>,
    pub(super) max_ms: Option<f64>,
}

impl Latency {
    fn new(put_in_ms: u32, quantiles: Option<Quantiles>) -> Self {
        let ms = |of: fn(&Quantiles) -> f64| quantiles.as_ref().map(|quantiles| of(quantiles) * 1e3);
        Self {
            put_in_ms,
            p50_ms: ms(|quantiles| quantiles.p50),
            p95_ms: ms(|quantiles| quantiles.p95),
            max_ms: ms(|quantiles| quantiles.max),
        }
    }

    /// What is wrong with it.
    fn problem(&self, tolerance_ms: u32) -> Option<String> {
        let put_in = f64::from(self.put_in_ms);
        let Some(p50) = self.p50_ms else { return Some("nothing was measured".into()) };
        let (least, most) = (put_in * (1.0 - BELOW) - BELOW_MS, put_in + f64::from(tolerance_ms));
        (!(least..=most).contains(&p50)).then(|| {
            format!("a median of {p50:.1} ms, where {put_in} ms were put in: {least:.1} to {most:.1} ms are expected")
        })
    }
}

/// How many messages passed an edge so far.
pub(super) fn passed(view: &View, service: &str, tags: &[&str]) -> u64 {
    edge(view, service, tags).map_or(0, |stats| stats.messages)
}

/// What the collector knows by now.
pub(super) fn view(store: &Store, now_ns: i64) -> Result<View, ReadError> {
    View::read(store, Asked::default(), None, Needs { edges: true, hops: true, lags: false }, now_ns)
}

/// Compares what the collector knows with the plan and with what the services say.
pub(super) fn report(view: &View, said: &Said, tolerance_ms: u32) -> Report {
    let known = pathways::list(view, true);
    let mut problems = Vec::new();
    let mut seen = Vec::new();
    let mut measured = Vec::new();
    for expected in &plan::PATHWAYS {
        let pathway = measure(view, &known, expected);
        let name = expected.services.join(" -> ");
        if !pathway.found {
            problems.push(format!("the pathway {name} is missing"));
        }
        for step in &pathway.steps {
            // Both pathways begin with the same checkpoints.
            if seen.contains(&(step.service, step.tags)) {
                continue;
            }
            seen.push((step.service, step.tags));
            problems.extend(problem(step, said, tolerance_ms));
        }
        measured.push(pathway);
    }
    let orders = said.get(plan::ORDERS.name).copied().unwrap_or(0);
    if orders == 0 {
        problems.push("no orders were produced".into());
    }
    Report { ok: problems.is_empty(), orders, tolerance_ms, pathways: measured, problems }
}

fn problem(step: &Step, said: &Said, tolerance_ms: u32) -> Vec<String> {
    let at = format!("{} at {}", step.service, step.tags.join(","));
    let mut problems = Vec::new();
    match said.get(step.service) {
        None => problems.push(format!("{at}: the service did not say how many messages it handled")),
        Some(&said) if said != step.messages => {
            problems.push(format!("{at}: {} messages were reported, {said} were handled", step.messages));
        }
        Some(_) => {}
    }
    let latencies = [("edge latency", &step.edge), ("latency from origin", &step.origin)];
    let wrong = latencies.iter().filter_map(|(name, latency)| Some((name, latency.problem(tolerance_ms)?)));
    problems.extend(wrong.map(|(name, wrong)| format!("{at}: {name}: {wrong}")));
    problems
}

fn measure(view: &View, known: &Pathways<'_>, expected: &Expected) -> Measured {
    let mut steps = Vec::new();
    let mut since_origin_ms = 0;
    for (place, step) in expected.steps.iter().enumerate() {
        since_origin_ms += step.delay_ms;
        let stats = edge(view, step.service, step.tags);
        let upto = find(known, &expected.steps[..=place]);
        steps.push(Step {
            service: step.service,
            tags: step.tags,
            messages: upto.map_or(0, |pathway| pathway.messages),
            edge: Latency::new(step.delay_ms, stats.and_then(|stats| Quantiles::of(&stats.edge_latency))),
            origin: Latency::new(since_origin_ms, upto.and_then(|pathway| pathway.latency)),
        });
    }
    let whole = find(known, &expected.steps);
    Measured {
        services: expected.services,
        found: whole.is_some(),
        messages: whole.map_or(0, |pathway| pathway.messages),
        steps,
    }
}

/// The pathway of exactly these steps.
fn find<'a, 'm>(known: &'a Pathways<'m>, steps: &[plan::Step]) -> Option<&'a pathways::Pathway<'m>> {
    known.pathways.iter().find(|pathway| {
        pathway.origin == Origin::Known
            && pathway.steps.len() == steps.len()
            && pathway.steps.iter().zip(steps).all(|(step, wanted)| {
                step.service == wanted.service && step.tags.iter().map(|tag| &**tag).eq(wanted.tags.iter().copied())
            })
    })
}

fn edge<'v>(view: &'v View, service: &str, tags: &[&str]) -> Option<&'v Stats> {
    let edge = view.edges.iter().find(|(_, edge)| {
        &*edge.key.service == service && edge.key.tags.iter().map(|tag| &**tag).eq(tags.iter().copied())
    });
    view.edge_sums.get(edge?.0).map(|sum| &sum.stats)
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for pathway in &self.pathways {
            writeln!(f, "{}: {} messages, in ms", pathway.services.join(" -> "), pathway.messages)?;
            writeln!(f, "{:34}  {:^34}  {:>27}", "", "EDGE LATENCY", "LATENCY FROM ORIGIN")?;
            write!(f, "{:34}", "checkpoint")?;
            for _ in 0..2 {
                write!(f, "  {:>10}{:>8}{:>8}{:>8}", "put in", "p50", "p95", "max")?;
            }
            writeln!(f)?;
            for step in &pathway.steps {
                write!(f, "{:34}", format!("{} {}", step.service, way(step.tags)))?;
                for latency in [&step.edge, &step.origin] {
                    write!(f, "  {:>10}", latency.put_in_ms)?;
                    for value in [latency.p50_ms, latency.p95_ms, latency.max_ms] {
                        match value {
                            Some(value) => write!(f, "{value:>8.1}")?,
                            None => write!(f, "{:>8}", "-")?,
                        }
                    }
                }
                writeln!(f)?;
            }
            writeln!(f)?;
        }
        if self.ok {
            let Self { orders, tolerance_ms, .. } = self;
            return write!(
                f,
                "as expected: all of {orders} orders counted at every checkpoint, every median within {tolerance_ms} ms"
            );
        }
        write!(f, "not as expected:")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// `out kafka payments`.
fn way(tags: &[&str]) -> String {
    let tag = |key: &str| tags.iter().find_map(|tag| tag.strip_prefix(key)?.strip_prefix(':')).unwrap_or_default();
    format!("{} {} {}", tag("direction"), tag("type"), tag("topic"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::limits::Limits;
    use crate::model::parsed::Parsed;
    use datastreams_core::payload::{Bucket, Payload, Point};
    use datastreams_core::sketch::Sketch;

    const NOW: i64 = 1_786_000_000_000_000_000;

    /// A collector that has seen 20 messages pass every checkpoint of the plan, `extra_ms` late at `late`.
    fn seen(late: &str, extra_ms: u32, leave_out: &str) -> View {
        let store = empty();
        let mut hashes: BTreeMap<Vec<&str>, u64> = BTreeMap::new();
        for pathway in &plan::PATHWAYS {
            let (mut parent, mut origin) = (0, 0);
            for step in &pathway.steps {
                let extra = if step.service == late { extra_ms } else { 0 };
                let delay = f64::from(step.delay_ms + extra) / 1e3;
                origin += step.delay_ms + extra;
                let next = 1 + hashes.len() as u64;
                let known = hashes.contains_key(step.tags);
                let hash = *hashes.entry(step.tags.to_vec()).or_insert(next);
                if !known && step.service != leave_out {
                    let sketch = |value| {
                        let mut sketch = Sketch::new();
                        sketch.add_count(value, 20.0);
                        let mut bytes = Vec::new();
                        sketch.encode(&mut bytes);
                        bytes
                    };
                    let point = Point {
                        edge_tags: step.tags.iter().map(|&tag| tag.into()).collect(),
                        hash,
                        parent_hash: parent,
                        edge_latency: sketch(delay),
                        pathway_latency: sketch(f64::from(origin) / 1e3),
                        payload_size: sketch(100.0),
                        ..Point::default()
                    };
                    let bucket =
                        Bucket { start: NOW as u64, duration: 10_000_000_000, stats: vec![point], ..Bucket::default() };
                    let payload = Payload { service: step.service.into(), stats: vec![bucket], ..Payload::default() };
                    assert!(store.take(None, &Parsed::new(payload).unwrap(), NOW));
                }
                parent = hash;
            }
        }
        view(&store, NOW).unwrap()
    }

    fn empty() -> Store {
        Store::open(Limits::DEFAULT, None, None, NOW).unwrap()
    }

    fn said(count: u64) -> Said {
        ["orders", "payments", "ledger", "mailer"].map(|name| (name, count)).into()
    }

    #[test]
    fn what_is_as_planned_is_well() {
        let report = report(&seen("", 0, ""), &said(20), 30);
        assert_eq!(report.problems, [""; 0]);
        assert!(report.ok && report.orders == 20);
        let text = report.to_string();
        assert!(text.contains("orders -> payments -> mailer: 20 messages"), "{text}");
        assert!(text.lines().all(|line| line.len() <= 120), "{text}");
        let json = serde_json::to_value(&report).unwrap();
        let ledger = &json["pathways"][0]["steps"][3];
        assert_eq!(ledger["origin"]["put_in_ms"], plan::WORK_MS + plan::LEDGER_MS);
        let p50 = ledger["edge"]["p50_ms"].as_f64().unwrap();
        assert!((p50 - 150.0).abs() < 1.5, "{p50}");
    }

    #[test]
    fn a_latency_that_is_off_is_a_problem() {
        let found = report(&seen("ledger", 31, ""), &said(20), 30);
        assert!(!found.ok);
        assert_eq!(found.problems.len(), 2, "edge and origin: {:?}", found.problems);
        assert!(found.problems[0].contains("ledger at direction:in,group:ledger"), "{:?}", found.problems);
        assert!(report(&seen("ledger", 25, ""), &said(20), 30).ok);
        let short = Latency { put_in_ms: 100, p50_ms: Some(96.9), p95_ms: None, max_ms: None };
        assert!(short.problem(30).is_some_and(|problem| problem.contains("97.0 to 130.0 ms")));
        assert!(Latency { p50_ms: Some(97.1), ..short }.problem(30).is_none());
        assert!(Latency { p50_ms: None, ..short }.problem(30).is_some());
    }

    #[test]
    fn a_pathway_that_is_missing_is_a_problem() {
        let report = report(&seen("", 0, "mailer"), &said(20), 30);
        assert!(report.problems.contains(&"the pathway orders -> payments -> mailer is missing".into()));
        assert!(!report.problems.iter().any(|problem| problem.contains("ledger")), "{:?}", report.problems);
        let empty = super::report(&view(&empty(), NOW).unwrap(), &Said::new(), 30);
        assert!(!empty.ok && empty.problems.contains(&"no orders were produced".into()));
    }

    #[test]
    fn messages_that_were_not_reported_are_a_problem() {
        let report = report(&seen("", 0, ""), &said(21), 30);
        assert_eq!(report.problems.len(), 5, "{:?}", report.problems);
        assert!(report.problems[0].ends_with("20 messages were reported, 21 were handled"));
    }
}
