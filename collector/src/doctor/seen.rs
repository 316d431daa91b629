//! Whether the collector shows what was sent, with the numbers that it was sent with.

use super::check::Check;
use super::payload::{IN, LATENCY, MESSAGES, OUT, SERVICE, SIZE};
use crate::ask::{Collector, Round, Trouble};
use crate::top::{Edge, Graph, Pathways, Quantiles};
use std::time::{Duration, Instant};

const NAME: &str = "seen";
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(100);
/// How far a quantile may be off: twice what a sketch may be.
const OFF: f64 = 0.02;

/// What the collector knew of earlier tests.
pub(super) struct Before {
    out: u64,
    into: u64,
}

pub(super) fn before(round: &Round<'_>, env: &str) -> Result<Before, Trouble> {
    let graph: Graph = round.json("/api/graph")?;
    let messages = |tags| find(&graph, env, tags).map_or(0, |edge| edge.messages);
    Ok(Before { out: messages(&OUT), into: messages(&IN) })
}

/// Looks until it is there, or the time is over.
pub(super) fn seen(collector: &Collector, before: &Before, env: &str, timeout: Duration) -> Check {
    let deadline = Instant::now() + timeout;
    loop {
        match look(collector, before, env) {
            Ok(()) => {
                let latency = LATENCY.as_millis();
                let sentence = format!(
                    "the collector shows service {SERVICE}: {MESSAGES} messages, {latency} ms in the queue, {SIZE} bytes each"
                );
                return Check::ok(NAME, sentence);
            }
            Err(_) if Instant::now() < deadline => std::thread::sleep(LOOK),
            Err(why) => {
                return Check::failed(
                    NAME,
                    format!("the collector took it, but {why}"),
                    "see `cut` and `received` in the collector's /api/graph: a limit may be reached; else please report it",
                );
            }
        }
    }
}

fn look(collector: &Collector, before: &Before, env: &str) -> Result<(), String> {
    let round = collector.open().map_err(|trouble| trouble.to_string())?;
    let graph: Graph = round.json("/api/graph").map_err(|trouble| trouble.to_string())?;
    for (tags, before) in [(&OUT[..], before.out), (&IN[..], before.into)] {
        let what = tags[0];
        let edge = find(&graph, env, tags).ok_or_else(|| format!("does not show its edge {what}"))?;
        // Another doctor may be at work too.
        let more = edge.messages.saturating_sub(before);
        if more < MESSAGES {
            return Err(format!("shows {more} messages at {what} where {MESSAGES} passed"));
        }
        let latency = if what == IN[0] { LATENCY.as_secs_f64() } else { 0.0 };
        near(edge.edge_latency.as_ref(), latency)
            .map_err(|wrong| format!("shows an edge latency at {what} of {wrong} s"))?;
        near(edge.pathway_latency.as_ref(), latency)
            .map_err(|wrong| format!("shows a latency from origin at {what} of {wrong} s"))?;
        near(edge.payload_size.as_ref(), SIZE as f64)
            .map_err(|wrong| format!("shows a size at {what} of {wrong} bytes"))?;
    }
    let pathways: Pathways = round.json("/api/pathways?all=true").map_err(|trouble| trouble.to_string())?;
    let tags = [&OUT[..], &IN[..]];
    let whole = pathways.pathways.iter().any(|pathway| {
        pathway.origin == "known"
            && pathway.steps.len() == tags.len()
            && pathway
                .steps
                .iter()
                .zip(tags)
                .all(|(step, tags)| step.service == SERVICE && step.env == env && step.tags == tags)
    });
    if whole { Ok(()) } else { Err("shows no pathway from its first edge to its second".into()) }
}

fn find<'a>(graph: &'a Graph, env: &str, tags: &[&str]) -> Option<&'a Edge> {
    graph.edges.iter().find(|edge| edge.service == SERVICE && edge.env == env && edge.tags == tags)
}

/// The median, where it is not `expected` or nothing was measured.
fn near(quantiles: Option<&Quantiles>, expected: f64) -> Result<(), String> {
    match quantiles {
        None => Err("nothing".into()),
        Some(Quantiles { p50, .. }) if (p50 - expected).abs() <= expected * OFF => Ok(()),
        Some(Quantiles { p50, .. }) => Err(format!("{p50} where {expected} are right; the median")),
    }
}
