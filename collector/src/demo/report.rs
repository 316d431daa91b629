//! The end of the demonstration: what was measured, beside what was put in.

use super::plan::{self, Delay, Expected, Plan};
use super::watch::Known;
use crate::top::{Edge, Pathway, Quantiles};
use serde::Serialize;
use std::collections::BTreeMap;

/// How far below its delay a median may be. Kafka's timestamps, by which the sinks tell a message's age, are whole
/// milliseconds, cut off; the sketch is 0.8 % off at the most.
const BELOW_MS: f64 = 2.0;
const BELOW: f64 = 0.01;
/// The longest time in the queue of one that rests: a message may come a little after the rest began, and the rest may be
/// noticed to be over a little later.
const REST_BELOW_MS: f64 = 300.0;
const REST_ABOVE_MS: f64 = 1000.0;

/// What the services said at their end: how many messages they handled.
pub(super) type Said = BTreeMap<&'static str, u64>;

/// How far the archive was behind, in messages.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Lag {
    /// What comes during a rest, if there was a whole one.
    expected: Option<i64>,
    /// The most that was seen.
    peak: Option<i64>,
    /// What was seen at the end.
    last: Option<i64>,
}

impl Lag {
    pub(super) fn add(&mut self, lag: Option<i64>) {
        self.peak = self.peak.max(lag);
        self.last = lag.or(self.last);
    }

    /// What is wrong with it. Commits are up to two seconds old when they are seen, and ends up to one.
    fn problem(&self) -> Option<String> {
        if self.last != Some(0) {
            return Some(format!("its lag is {} at the end, when it has consumed everything", number(self.last)));
        }
        let expected = self.expected?;
        let (least, most) = (expected * 2 / 3, expected * 5 / 3);
        let peak = self.peak.unwrap_or(0);
        (!(least..=most).contains(&peak)).then(|| {
            format!(
                "its lag was {peak} at most, where {expected} messages came in a rest: {least} to {most} are expected"
            )
        })
    }
}

/// The report.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Whether everything is as it should be.
    pub(super) ok: bool,
    /// Orders produced, as the service itself counted them.
    pub(super) orders: u64,
    /// A median may be this much above the delay that was put in, for each checkpoint since the one that it is measured
    /// from.
    pub(super) tolerance_ms: u32,
    pub(super) pathways: Vec<Measured>,
    /// Of the archive.
    pub(super) lag: Lag,
    /// What is not as it should be.
    pub(super) problems: Vec<String>,
}

/// A pathway that was expected.
#[derive(Debug, Serialize)]
pub(super) struct Measured {
    /// The services that it passes.
    pub(super) services: Vec<&'static str>,
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
    pub(super) tags: Vec<String>,
    /// The checkpoints since the first one.
    #[serde(skip)]
    since_origin: u32,
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
    /// What was put in is that of the slowest message, not of each.
    pub(super) at_most: bool,
    pub(super) p50_ms: Option<f64>,
    pub(super) p95_ms: Option<f64>,
    pub(super) max_ms: Option<f64>,
}

impl Latency {
    fn new(put_in_ms: u32, at_most: bool, quantiles: Option<&Quantiles>) -> Self {
        let ms = |of: fn(&Quantiles) -> f64| quantiles.map(|quantiles| of(quantiles) * 1e3);
        Self {
            put_in_ms,
            at_most,
            p50_ms: ms(|quantiles| quantiles.p50),
            p95_ms: ms(|quantiles| quantiles.p95),
            max_ms: ms(|quantiles| quantiles.max),
        }
    }

    /// What is wrong with it; `rested`: the slowest message was there.
    fn problem(&self, tolerance_ms: u32, rested: bool) -> Option<String> {
        let put_in = f64::from(self.put_in_ms);
        let (Some(p50), Some(max)) = (self.p50_ms, self.max_ms) else { return Some("nothing was measured".into()) };
        let (what, value, least, most) = if self.at_most {
            let least = if rested { put_in * (1.0 - BELOW) - REST_BELOW_MS } else { 0.0 };
            ("a maximum", max, least, put_in * (1.0 + BELOW) + REST_ABOVE_MS)
        } else {
            ("a median", p50, put_in * (1.0 - BELOW) - BELOW_MS, put_in + f64::from(tolerance_ms))
        };
        (!(least..=most).contains(&value)).then(|| {
            format!("{what} of {value:.1} ms, where {put_in} ms were put in: {least:.1} to {most:.1} ms are expected")
        })
    }
}

/// How many messages passed a checkpoint so far.
pub(super) fn passed(known: &Known, step: &plan::Step) -> u64 {
    edges(known, step).iter().map(|edge| edge.messages).sum()
}

/// Compares what the collector knows with the plan and with what the services say.
pub(super) fn report(plan: &Plan, known: &Known, said: &Said, mut lag: Lag, tolerance_ms: u32) -> Report {
    let orders = said.get(plan::ORDERS).copied().unwrap_or(0);
    let rested = plan::has_rested(orders);
    lag.expected = rested.then(|| i64::from(plan::RATE * plan::REST_MS / 1000));
    let mut problems = Vec::new();
    let mut seen: Vec<(&str, Vec<String>)> = Vec::new();
    let mut measured = Vec::new();
    for expected in &plan.pathways {
        let pathway = measure(known, expected);
        let name = expected.services.join(" -> ");
        if !pathway.found {
            problems.push(format!("the pathway {name} is missing"));
        }
        for step in &pathway.steps {
            // All pathways begin with the same checkpoints.
            let key = (step.service, step.tags.clone());
            if seen.contains(&key) {
                continue;
            }
            seen.push(key);
            problems.extend(problem(step, said, tolerance_ms, rested));
        }
        measured.push(pathway);
    }
    if orders == 0 {
        problems.push("no orders were produced".into());
    } else {
        problems.extend(lag.problem().map(|problem| format!("{}: {problem}", plan::ARCHIVE)));
    }
    Report { ok: problems.is_empty(), orders, tolerance_ms, pathways: measured, lag, problems }
}

fn problem(step: &Step, said: &Said, tolerance_ms: u32, rested: bool) -> Vec<String> {
    let at = format!("{} at {}", step.service, step.tags.join(","));
    let mut problems = Vec::new();
    match said.get(step.service) {
        None => problems.push(format!("{at}: the service did not say how many messages it handled")),
        Some(&said) if said != step.messages => {
            problems.push(format!("{at}: {} messages were reported, {said} were handled", step.messages));
        }
        Some(_) => {}
    }
    let latencies = [("edge latency", &step.edge, 1), ("latency from origin", &step.origin, step.since_origin.max(1))];
    let wrong = latencies
        .iter()
        .filter_map(|(name, latency, checkpoints)| Some((name, latency.problem(tolerance_ms * checkpoints, rested)?)));
    problems.extend(wrong.map(|(name, wrong)| format!("{at}: {name}: {wrong}")));
    problems
}

fn measure(known: &Known, expected: &Expected) -> Measured {
    let mut steps = Vec::new();
    let (mut since_origin_ms, mut rests) = (0, false);
    for (place, step) in expected.steps.iter().enumerate() {
        let (delay_ms, at_most) = match step.delay {
            Delay::Put(ms) => (ms, false),
            Delay::Rest => (plan::REST_MS, true),
        };
        since_origin_ms += delay_ms;
        rests |= at_most;
        let edge = edges(known, step).into_iter().max_by_key(|edge| edge.messages);
        let upto = pathways(known, &expected.steps[..=place]);
        let largest = upto.iter().max_by_key(|pathway| pathway.messages);
        steps.push(Step {
            service: step.service,
            tags: step.tags.clone(),
            since_origin: place as u32,
            messages: upto.iter().map(|pathway| pathway.messages).sum(),
            edge: Latency::new(delay_ms, at_most, edge.and_then(|edge| edge.edge_latency.as_ref())),
            origin: Latency::new(since_origin_ms, rests, largest.and_then(|pathway| pathway.latency.as_ref())),
        });
    }
    let whole = pathways(known, &expected.steps);
    Measured {
        services: expected.services.clone(),
        found: !whole.is_empty(),
        messages: whole.iter().map(|pathway| pathway.messages).sum(),
        steps,
    }
}

/// The pathways of exactly these steps: more than one when a client told the cluster's id for some messages only.
fn pathways<'a>(known: &'a Known, steps: &[plan::Step]) -> Vec<&'a Pathway> {
    let is_it = |pathway: &&Pathway| {
        pathway.origin == "known"
            && pathway.steps.len() == steps.len()
            && pathway.steps.iter().zip(steps).all(|(step, wanted)| is(&step.service, &step.tags, wanted))
    };
    known.pathways.pathways.iter().filter(is_it).collect()
}

fn edges<'a>(known: &'a Known, wanted: &plan::Step) -> Vec<&'a Edge> {
    known.graph.edges.iter().filter(|edge| is(&edge.service, &edge.tags, wanted)).collect()
}

/// There is one cluster: its id tells nothing.
fn is(service: &str, tags: &[String], wanted: &plan::Step) -> bool {
    service == wanted.service && tags.iter().filter(|tag| !tag.starts_with("kafka_cluster_id:")).eq(&wanted.tags)
}

fn number(number: Option<i64>) -> String {
    number.map_or_else(|| "unknown".into(), |number| number.to_string())
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
                write!(f, "{:34}", format!("{} {}", step.service, way(&step.tags)))?;
                for latency in [&step.edge, &step.origin] {
                    let most = if latency.at_most { "<= " } else { "" };
                    write!(f, "  {:>10}", format!("{most}{}", latency.put_in_ms))?;
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
        let came = self.lag.expected.map(|expected| format!(", where {expected} came in a rest")).unwrap_or_default();
        let (peak, last) = (number(self.lag.peak), number(self.lag.last));
        writeln!(f, "the archive was {peak} messages behind at most{came}, and {last} at the end\n")?;
        if self.ok {
            let Self { orders, tolerance_ms, .. } = self;
            return write!(
                f,
                "as expected: all of {orders} orders counted at every checkpoint, every median within {tolerance_ms} ms \
                 for each checkpoint on the way"
            );
        }
        write!(f, "not as expected:")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// `out kafka payments`.
fn way(tags: &[String]) -> String {
    let tag = |key: &str| crate::top::tag(tags, key).unwrap_or_default();
    format!("{} {} {}", tag("direction"), tag("type"), tag("topic"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// So many orders that the archive rested.
    const ORDERS: u64 = 120;

    fn plan() -> Plan {
        Plan::new(true, true)
    }

    /// What a collector shows when all messages passed every checkpoint of the plan, `extra_ms` late at `late`.
    fn known(late: &str, extra_ms: u32, leave_out: &str) -> Known {
        let (mut edges, mut pathways): (Vec<Value>, Vec<Value>) = Default::default();
        let quantiles = |ms: u32| {
            let s = f64::from(ms) / 1e3;
            json!({"count": ORDERS, "p50": s, "p95": s, "p99": s, "max": s})
        };
        for pathway in plan().pathways {
            let mut origin = 0;
            let mut steps: Vec<Value> = Vec::new();
            for step in &pathway.steps {
                let extra = if step.service == late { extra_ms } else { 0 };
                let delay = extra
                    + match step.delay {
                        Delay::Put(ms) => ms,
                        Delay::Rest => plan::REST_MS,
                    };
                origin += delay;
                if step.service == leave_out {
                    break;
                }
                let mut tags = step.tags.clone();
                if step.service == plan::TRACKING {
                    tags.insert(1, "kafka_cluster_id:c".into());
                }
                let id = format!("{} {tags:?}", step.service);
                steps.push(json!({"edge": id, "service": step.service, "tags": tags}));
                let whole = json!({
                    "id": format!("{steps:?}"), "origin": "known", "steps": steps, "messages": ORDERS, "rate": 1.0,
                    "latency": quantiles(origin),
                });
                if !pathways.contains(&whole) {
                    pathways.push(whole);
                    edges.push(
                        json!({"id": id, "kind": "consume", "from": "", "to": "", "env": "", "service": step.service,
                        "tags": tags, "messages": ORDERS, "rate": 1.0, "edge_latency": quantiles(delay),
                        "pathway_latency": quantiles(origin), "payload_size": null, "lag": null}),
                    );
                }
            }
        }
        let graph = serde_json::from_value(json!({"now_ms": 1, "nodes": [], "edges": edges})).unwrap();
        Known { graph, pathways: serde_json::from_value(json!({"pathways": pathways})).unwrap() }
    }

    fn said(count: u64) -> Said {
        let plan = plan();
        plan.consumers.iter().map(|service| service.name).chain(["orders"]).map(|name| (name, count)).collect()
    }

    fn lag(peak: i64, last: i64) -> Lag {
        let mut lag = Lag::default();
        [None, Some(peak), Some(last), None].into_iter().for_each(|seen| lag.add(seen));
        lag
    }

    fn report_of(known: &Known, said: &Said, lag: Lag) -> Report {
        report(&plan(), known, said, lag, 30)
    }

    #[test]
    fn what_is_as_planned_is_well() {
        let report = report_of(&known("", 0, ""), &said(ORDERS), lag(63, 0));
        assert_eq!(report.problems, [""; 0]);
        assert!(report.ok && report.orders == ORDERS);
        let text = report.to_string();
        assert!(text.contains("orders -> payments -> shipping -> tracking: 120 messages"), "{text}");
        assert!(
            text.contains("the archive was 63 messages behind at most, where 60 came in a rest, and 0 at the end"),
            "{text}"
        );
        assert!(text.lines().all(|line| line.len() <= 120), "{text}");
        let json = serde_json::to_value(&report).unwrap();
        let ledger = &json["pathways"][0]["steps"][3];
        assert_eq!(ledger["origin"]["put_in_ms"], plan::WORK_MS + plan::LEDGER_MS);
        assert_eq!(ledger["edge"]["p50_ms"], 150.0);
        let tracking = &json["pathways"][3]["steps"][6];
        assert_eq!(tracking["origin"]["put_in_ms"], plan::WORK_MS + plan::SHIPPING_MS + plan::TRACKING_MS);
    }

    #[test]
    fn a_latency_that_is_off_is_a_problem() {
        let found = report_of(&known("ledger", 31, ""), &said(ORDERS), lag(60, 0));
        assert!(!found.ok);
        assert_eq!(found.problems.len(), 1, "the edge alone: {:?}", found.problems);
        assert!(found.problems[0].contains("ledger at direction:in,group:ledger"), "{:?}", found.problems);
        assert!(report_of(&known("ledger", 25, ""), &said(ORDERS), lag(60, 0)).ok);
        let found = report_of(&known("ledger", 91, ""), &said(ORDERS), lag(60, 0));
        assert_eq!(found.problems.len(), 2, "three checkpoints from the origin: {:?}", found.problems);
        let found = report_of(&known("archive", 1200, ""), &said(ORDERS), lag(60, 0));
        assert!(
            found.problems[0].contains("a maximum of 7200.0 ms, where 6000 ms were put in"),
            "{:?}",
            found.problems
        );
        let short = Latency { put_in_ms: 100, at_most: false, p50_ms: Some(96.9), p95_ms: None, max_ms: Some(1e9) };
        assert!(short.problem(30, true).is_some_and(|problem| problem.contains("97.0 to 130.0 ms")));
        assert!(Latency { p50_ms: Some(97.1), ..short }.problem(30, true).is_none());
        assert!(Latency { p50_ms: None, ..short }.problem(30, true).is_some());
        let rest = Latency { put_in_ms: 6000, at_most: true, p50_ms: Some(1.0), p95_ms: None, max_ms: Some(100.0) };
        assert!(rest.problem(30, true).is_some(), "it did not rest");
        assert!(rest.problem(30, false).is_none(), "it had no time to");
    }

    #[test]
    fn a_lag_that_is_off_is_a_problem() {
        let problem = |peak, last| report_of(&known("", 0, ""), &said(ORDERS), lag(peak, last)).problems.join("\n");
        assert!(
            problem(39, 0).contains("archive: its lag was 39 at most, where 60 messages came in a rest: 40 to 100")
        );
        assert!(problem(101, 0).contains("its lag was 101 at most"));
        assert!(problem(60, 3).contains("archive: its lag is 3 at the end"));
        assert!(
            report_of(&known("", 0, ""), &said(ORDERS), Lag::default()).problems[0]
                .contains("its lag is unknown at the end")
        );
    }

    #[test]
    fn a_pathway_that_is_missing_is_a_problem() {
        let report = report_of(&known("", 0, "mailer"), &said(ORDERS), lag(60, 0));
        assert!(report.problems.contains(&"the pathway orders -> payments -> mailer is missing".into()));
        assert!(!report.problems.iter().any(|problem| problem.contains("ledger")), "{:?}", report.problems);
        let empty = report_of(&known("", 0, "orders"), &Said::new(), Lag::default());
        assert!(!empty.ok && empty.problems.contains(&"no orders were produced".into()));
    }

    #[test]
    fn messages_that_were_not_reported_are_a_problem() {
        let report = report_of(&known("", 0, ""), &said(ORDERS + 1), lag(60, 0));
        assert_eq!(report.problems.len(), 10, "{:?}", report.problems);
        assert!(report.problems[0].ends_with("120 messages were reported, 121 were handled"));
    }
}
