//! The table that `collect --print` shows.

use crate::graph::{Clusters, Kind, Queue, graph, kind};
use crate::history::ReadError;
use crate::model::edge::EdgeKey;
use crate::model::stats::RECENT_S;
use crate::quantiles::Quantiles;
use crate::store::Store;
use crate::view::{Asked, Needs, View};
use crate::{clock, units};
use std::collections::HashMap;

/// The columns; "origin" is the latency from origin.
const HEADINGS: [&str; 12] =
    ["EDGE", "MSG/S", "EDGE p50", "p95", "p99", "max", "ORIGIN p50", "p95", "p99", "max", "SIZE p50", "LAG"];

/// A line for each edge that something passed in the last five minutes.
///
/// # Errors
/// When the history cannot be read.
pub(crate) fn table(store: &Store, now_ns: i64) -> Result<String, ReadError> {
    let needs = Needs { edges: true, lags: true, ..Needs::default() };
    let view = View::read(store, Asked::last(RECENT_S, now_ns), None, needs, now_ns)?;
    let mut lines = rows(&view);
    lines.sort();
    let heading = clock::date(now_ns / 1_000_000);
    if lines.is_empty() {
        return Ok(format!("{heading}  no messages in the last five minutes\n"));
    }
    lines.insert(0, HEADINGS.map(String::from));
    Ok(format!("{heading}\n{}", columns(&lines)))
}

fn rows(view: &View) -> Vec<[String; 12]> {
    let clusters = Clusters::new(view);
    let keys: HashMap<String, &EdgeKey> = view.edges.values().map(|edge| (edge.key.id(), &*edge.key)).collect();
    let graph = graph(view);
    let shown = graph.edges.iter().filter(|arrow| arrow.messages > 0 && arrow.kind != Kind::Route);
    let row = |arrow: &crate::graph::Arrow<'_>| {
        let key = keys.get(&arrow.id)?;
        let [edge, origin] =
            [arrow.edge_latency, arrow.pathway_latency].map(|quantiles| cells(quantiles, units::seconds));
        let [edge_50, edge_95, edge_99, edge_max] = edge;
        let [origin_50, origin_95, origin_99, origin_max] = origin;
        let [size, ..] = cells(arrow.payload_size, units::bytes);
        let lag = arrow.lag.as_ref().map_or_else(|| "-".into(), |lag| lag.messages.to_string());
        Some([
            name(key, clusters.queue(key)),
            units::count(arrow.rate),
            edge_50,
            edge_95,
            edge_99,
            edge_max,
            origin_50,
            origin_95,
            origin_99,
            origin_max,
            size,
            lag,
        ])
    };
    shown.filter_map(row).collect()
}

/// `orders -> kafka orders`, `kafka orders -> payments (group billing)`.
fn name(edge: &EdgeKey, queue: Queue<'_>) -> String {
    let service = match &*edge.env {
        "" => edge.service.to_string(),
        env => format!("{env}/{}", edge.service),
    };
    let queue = [queue.kind, queue.name].join(" ").trim().to_string();
    let queue = if queue.is_empty() { edge.tags.join(" ") } else { queue };
    let group = edge.tag("group").map(|group| format!(" (group {group})")).unwrap_or_default();
    let name = match kind(edge) {
        Kind::Consume => format!("{queue} -> {service}{group}"),
        _ => format!("{service} -> {queue}{group}"),
    };
    // Names come from whoever sends them: no control character of theirs reaches the terminal.
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn cells(quantiles: Option<Quantiles>, unit: fn(f64) -> String) -> [String; 4] {
    match quantiles {
        Some(Quantiles { p50, p95, p99, max, .. }) => [p50, p95, p99, max].map(unit),
        None => ["-"; 4].map(String::from),
    }
}

/// The first column to the left, the numbers to the right.
fn columns(lines: &[[String; 12]]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 12] = std::array::from_fn(width);
    let mut text = String::new();
    for line in lines {
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            if column == 0 {
                text.push_str(&format!("{cell:<width$}"));
            } else {
                text.push_str(&format!("  {cell:>width$}"));
            }
        }
        text.push('\n');
    }
    text
}
