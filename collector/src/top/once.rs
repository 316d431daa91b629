//! `datastreams top --once`: tables, or JSON for scripts.

use super::answers::{Lag, Quantiles};
use super::column::Column;
use super::fetch;
use super::grid::Grid;
use super::row::{About, Map, Row, select};
use crate::ask::Collector;
use crate::{cli, clock, output, plain};
use serde::Serialize;
use std::process::ExitCode;

/// The order and choice of lines.
#[derive(Clone, Copy)]
struct Choice<'a> {
    filter: &'a str,
    sort: Column,
    reverse: bool,
}

pub(super) fn run(options: &cli::Top, collector: &Collector) -> ExitCode {
    let map = match fetch::map(collector, options.last) {
        Ok(map) => map,
        Err(trouble) => return output::fail(trouble, 1),
    };
    let choice = Choice { filter: &options.filter, sort: options.sort, reverse: options.reverse };
    if !options.json {
        return output::result(tables(&map, choice).trim_end(), ExitCode::SUCCESS);
    }
    match serde_json::to_string_pretty(&printed(&map, &collector.url, options.last, choice)) {
        Ok(json) => output::result(plain::json(&json), ExitCode::SUCCESS),
        Err(error) => output::fail(error, 1),
    }
}

/// Both tables, by name.
pub(crate) fn text(map: &Map) -> String {
    tables(map, Choice { filter: "", sort: Column::Name, reverse: false })
}

fn tables(map: &Map, choice: Choice<'_>) -> String {
    let mut text = clock::date(map.now_ms);
    let parts = [("edges", &map.edges, &Column::EDGES[..]), ("pathways", &map.pathways, &Column::PATHWAYS[..])];
    for (what, rows, columns) in parts {
        let sort = if columns.contains(&choice.sort) { choice.sort } else { Column::Name };
        let rows = select(rows, choice.filter, sort, choice.reverse);
        text.push('\n');
        if rows.is_empty() {
            text.push_str(&format!("no {what}\n"));
            continue;
        }
        let grid = Grid::wide(columns, &rows);
        let mut line = |cells: Vec<String>| {
            text.push_str(cells.concat().trim_end());
            text.push('\n');
        };
        line(grid.cells(|column| if column == Column::Name { what.to_uppercase() } else { column.heading().into() }));
        rows.iter().for_each(|row| line(grid.cells(|column| column.text(row))));
    }
    text
}

/// What `--once --json` prints. Fields are added, never renamed or taken away.
#[derive(Debug, Serialize)]
struct Printed<'a> {
    /// Of this shape.
    format: u32,
    url: &'a str,
    now_ms: i64,
    /// How far back was looked; null: everything that is kept.
    last_seconds: Option<u32>,
    edges: Vec<PrintedEdge<'a>>,
    pathways: Vec<PrintedPathway<'a>>,
}

#[derive(Debug, Serialize)]
struct PrintedEdge<'a> {
    id: &'a str,
    name: &'a str,
    kind: &'a str,
    from: &'a str,
    to: &'a str,
    env: &'a str,
    service: &'a str,
    tags: &'a [String],
    messages: u64,
    rate: f64,
    edge_latency: &'a Option<Quantiles>,
    pathway_latency: &'a Option<Quantiles>,
    payload_size: &'a Option<Quantiles>,
    lag: &'a Option<Lag>,
}

#[derive(Debug, Serialize)]
struct PrintedPathway<'a> {
    id: &'a str,
    name: &'a str,
    origin: &'a str,
    /// The ids of the edges.
    edges: Vec<&'a str>,
    services: Vec<&'a str>,
    messages: u64,
    rate: f64,
    latency: &'a Option<Quantiles>,
}

fn printed(map: &Map, url: &str, last: u32, choice: Choice<'_>) -> serde_json::Value {
    let sorted = |rows: &[Row], columns: &[Column]| {
        let sort = if columns.contains(&choice.sort) { choice.sort } else { Column::Name };
        select(rows, choice.filter, sort, choice.reverse)
    };
    let (edges, pathways) = (sorted(&map.edges, &Column::EDGES), sorted(&map.pathways, &Column::PATHWAYS));
    serde_json::json!(Printed {
        format: 1,
        url,
        now_ms: map.now_ms,
        last_seconds: Some(last).filter(|&last| last > 0),
        edges: edges.iter().filter_map(edge).collect(),
        pathways: pathways.iter().filter_map(pathway).collect(),
    })
}

fn edge(row: &Row) -> Option<PrintedEdge<'_>> {
    let About::Edge(edge) = &row.about else { return None };
    Some(PrintedEdge {
        id: &edge.id,
        name: &row.name,
        kind: &edge.kind,
        from: &edge.from,
        to: &edge.to,
        env: &edge.env,
        service: &edge.service,
        tags: &edge.tags,
        messages: edge.messages,
        rate: edge.rate,
        edge_latency: &edge.edge_latency,
        pathway_latency: &edge.pathway_latency,
        payload_size: &edge.payload_size,
        lag: &edge.lag,
    })
}

fn pathway(row: &Row) -> Option<PrintedPathway<'_>> {
    let About::Pathway(pathway) = &row.about else { return None };
    Some(PrintedPathway {
        id: &pathway.id,
        name: &row.name,
        origin: &pathway.origin,
        edges: pathway.steps.iter().map(|step| &*step.edge).collect(),
        services: pathway.steps.iter().map(|step| &*step.service).collect(),
        messages: pathway.messages,
        rate: pathway.rate,
        latency: &pathway.latency,
    })
}
