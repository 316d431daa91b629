//! A closer look at an edge or a pathway: all its numbers, and how they came about.

use super::answers::{Edge, Pathway, Point, Quantiles};
use super::app::App;
use super::draw::{Theme, span};
use super::fetch::{Close, Subject};
use super::grid::fit;
use super::row::{About, Row, service, way};
use crate::plain::plain;
use crate::units;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Sparkline};

/// The rows of a chart with its caption: what is enough for one, and what it takes where there is room.
const CHART_LEAST: usize = 2;
const CHART_MOST: usize = 6;
/// A sparkline takes whole numbers: the largest value is drawn as this many.
const SCALE: f64 = 1000.0;

/// A chart.
struct Chart {
    caption: String,
    values: Vec<Option<f64>>,
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, theme: &Theme) {
    let width = usize::from(area.width);
    let Some(row) = app.subject_row() else {
        let lines = vec![Line::from("there were no messages here in this time: ] for a longer one, Esc back")];
        return frame.render_widget(Paragraph::new(lines), area);
    };
    let close = app.close.as_ref();
    let mut lines = vec![Line::styled(fit(&row.name, width), theme.title)];
    let texts = match &row.about {
        About::Edge(edge) => about_edge(row, edge, close),
        About::Pathway(pathway) => about_pathway(pathway),
    };
    lines.extend(texts.iter().map(|text| Line::from(fit(text, width))));
    let charts = match close {
        None => Vec::new(),
        Some(Err(why)) => {
            lines.push(Line::styled(fit(&format!("no charts: {why}"), width), theme.trouble));
            Vec::new()
        }
        Some(Ok(close)) => charts(close, app.subject.as_ref(), app.last),
    };
    // The numbers first; charts where there is room.
    let room = usize::from(area.height).saturating_sub(lines.len());
    let shown = charts.len().min(room / CHART_LEAST);
    let height = (room / shown.max(1)).min(CHART_MOST) as u16;
    let mut parts = vec![Constraint::Min(0)];
    parts.extend(std::iter::repeat_n(Constraint::Length(height), shown));
    let areas = Layout::vertical(parts).split(area);
    for (place, area) in areas.iter().enumerate() {
        match place.checked_sub(1).and_then(|chart| charts.get(chart)) {
            None => frame.render_widget(Paragraph::new(std::mem::take(&mut lines)), *area),
            Some(chart) => spark(frame, *area, chart, theme.chart),
        }
    }
}

fn about_edge(row: &Row, edge: &Edge, close: Option<&Result<Close, String>>) -> Vec<String> {
    let mut lines = vec![
        format!("{}{}", plain(&edge.kind), by(edge)),
        format!("{} messages, {} a second", row.messages, units::count(row.rate)),
        String::new(),
        format!("{:20}{:>10}{:>10}{:>10}{:>10}", "", "p50", "p95", "p99", "max"),
        quantiles("edge latency", row.edge_latency.as_ref(), units::seconds),
        quantiles("latency from origin", row.pathway_latency.as_ref(), units::seconds),
        quantiles("payload size", row.payload_size.as_ref(), units::bytes),
        String::new(),
    ];
    if let Some(lag) = &row.lag {
        let messages = lag.messages.map_or_else(|| "unknown".into(), |messages| messages.to_string());
        let oldest = lag.seconds.map(|seconds| format!(", the oldest {} old", units::seconds(seconds)));
        lines.push(format!(
            "lag of group {}: {messages} messages{} in {} partitions",
            plain(&lag.group),
            oldest.unwrap_or_default(),
            lag.partitions
        ));
        if let Some(Ok(close)) = close {
            lines.extend(partitions(row, close));
        }
        lines.push(String::new());
    }
    lines
}

/// Whose it is; nobody's own when it leads from queue to queue.
fn by(edge: &Edge) -> String {
    if edge.service.is_empty() {
        return String::new();
    }
    format!(" by {}: {}", service(&edge.env, &edge.service), plain(&edge.tags.join(" ")))
}

fn partitions(row: &Row, close: &Close) -> Vec<String> {
    let Some(group) = row.group(&close.lags) else { return Vec::new() };
    let number = |number: Option<i64>| number.map_or_else(|| "-".into(), |number| number.to_string());
    let mut lines = vec![format!("{:>10}{:>12}{:>12}{:>12}{:>12}", "partition", "committed", "end", "lag", "lag time")];
    for row in &group.partitions {
        let name = row.partition.as_str().map_or_else(|| row.partition.to_string(), plain);
        let age = row.seconds.map_or_else(|| "-".into(), units::seconds);
        let [committed, end, lag] = [row.committed, row.end, row.messages].map(number);
        lines.push(format!("{name:>10}{committed:>12}{end:>12}{lag:>12}{age:>12}"));
    }
    lines
}

fn about_pathway(pathway: &Pathway) -> Vec<String> {
    let mut lines = vec![
        format!("{} messages, {} a second", pathway.messages, units::count(pathway.rate)),
        String::new(),
        format!("{:20}{:>10}{:>10}{:>10}{:>10}", "", "p50", "p95", "p99", "max"),
        quantiles("from end to end", pathway.latency.as_ref(), units::seconds),
        String::new(),
    ];
    for (place, step) in pathway.steps.iter().enumerate() {
        let latency = step
            .edge_latency
            .as_ref()
            .map(|q| format!("  p50 {}  p95 {}", units::seconds(q.p50), units::seconds(q.p95)));
        lines.push(format!(
            "{:>3} {} {}{}",
            place + 1,
            service(&step.env, &step.service),
            way(step),
            latency.unwrap_or_default()
        ));
    }
    lines.push(String::new());
    lines
}

fn quantiles(name: &str, quantiles: Option<&Quantiles>, unit: fn(f64) -> String) -> String {
    let cells = match quantiles {
        Some(q) => [q.p50, q.p95, q.p99, q.max].map(unit),
        None => ["-"; 4].map(String::from),
    };
    let [p50, p95, p99, max] = cells;
    format!("{name:20}{p50:>10}{p95:>10}{p99:>10}{max:>10}")
}

fn charts(close: &Close, subject: Option<&Subject>, last: u32) -> Vec<Chart> {
    let series = &close.series;
    if series.points.is_empty() {
        return Vec::new();
    }
    let of = |what: &str, unit: fn(f64) -> String, value: &dyn Fn(&Point) -> Option<f64>| {
        chart(what, last, series.step_ms, unit, series.points.iter().map(value).collect())
    };
    let origin = of("latency from origin p95", units::seconds, &|point| point.pathway_latency.as_ref().map(|q| q.p95));
    if !matches!(subject, Some(Subject::Edge(_))) {
        return vec![origin];
    }
    let mut charts = vec![of("edge latency p95", units::seconds, &|point| point.edge_latency.as_ref().map(|q| q.p95))];
    if !close.lag.points.is_empty() {
        let messages = close.lag.points.iter().map(|point| point.messages).collect();
        charts.push(chart("lag in messages", last, close.lag.step_ms, units::count, messages));
    }
    charts.push(of("messages a second", units::count, &|point| point.rate));
    charts.push(origin);
    charts
}

fn chart(what: &str, last: u32, step_ms: i64, unit: fn(f64) -> String, values: Vec<Option<f64>>) -> Chart {
    let step = units::seconds(step_ms as f64 / 1e3);
    let most = values.iter().flatten().copied().fold(0.0, f64::max);
    Chart { caption: format!("{what}, {}, by {step}; at most {}", span(last), unit(most)), values }
}

fn spark(frame: &mut Frame<'_>, area: Rect, chart: &Chart, style: Style) {
    let layout = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]);
    let [caption, below] = layout.areas(area);
    frame.render_widget(Line::from(fit(&chart.caption, caption.width.into())), caption);
    let width = usize::from(below.width);
    // The newest when there are more than places; each as wide as there is room for when there are fewer.
    let newest = &chart.values[chart.values.len().saturating_sub(width)..];
    let times = (width / newest.len().max(1)).max(1);
    let most = newest.iter().flatten().copied().fold(f64::MIN_POSITIVE, f64::max);
    let bar = |value: &Option<f64>| {
        value.filter(|value| value.is_finite()).map(|value| (value.max(0.0) / most * SCALE) as u64)
    };
    let bars: Vec<Option<u64>> = newest.iter().flat_map(|value| std::iter::repeat_n(bar(value), times)).collect();
    frame.render_widget(Sparkline::default().data(bars).max(SCALE as u64).style(style).absent_value_symbol(" "), below);
}
