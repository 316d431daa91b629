//! `GET /metrics`: everything since the start, for Prometheus to fetch.
//!
//! Names and labels are those into which Prometheus translates our OTLP, so that one query fits both ways. A server that
//! asks for protobuf gets native histograms. Text has none: there, the same families are summaries, with quantiles of
//! the last five minutes.

mod accept;
mod protobuf;
mod text;

pub(crate) use accept::Format;

use super::Exports;
use super::histogram::Histogram;
use super::labels::Labels;
use super::lag::{Group, Lags};
use super::series::{Measured, Series, Table};
use serde::Serialize;
use std::borrow::Cow;

/// The quantiles that are ready-made; the last is the maximum.
const QUANTILES: [f64; 4] = [0.5, 0.95, 0.99, 1.0];

/// Names and values.
type Pairs<'a> = Vec<(Cow<'static, str>, Cow<'a, str>)>;

/// What a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    /// A summary in text.
    Histogram,
}

/// A family of metrics: all that has the same name.
#[derive(Debug)]
struct Family<'a> {
    name: Cow<'static, str>,
    help: Cow<'static, str>,
    /// Empty, or what the name ends with, but for `_total`.
    unit: &'static str,
    kind: Kind,
    metrics: Vec<Metric<'a>>,
}

/// One metric of a family.
#[derive(Debug)]
struct Metric<'a> {
    labels: Pairs<'a>,
    value: Value<'a>,
}

#[derive(Debug)]
enum Value<'a> {
    Number(f64),
    Distribution { total: &'a Histogram, since_ns: i64 },
    Summary { count: u64, sum: f64, quantiles: [Option<f64>; QUANTILES.len()] },
}

/// What the collector tells of itself.
#[derive(Clone, Debug)]
pub(crate) struct About {
    received: serde_json::Value,
    cut: serde_json::Value,
    pub(crate) lags: Lags,
}

impl About {
    /// Counters become samples by the names that JSON gives them.
    pub(crate) fn new(received: &impl Serialize, cut: &impl Serialize, lags: Lags) -> Self {
        Self {
            received: serde_json::to_value(received).unwrap_or_default(),
            cut: serde_json::to_value(cut).unwrap_or_default(),
            lags,
        }
    }
}

/// The whole answer.
pub(crate) fn render(exports: &Exports, about: &About, format: Format, now_ns: i64) -> Vec<u8> {
    let mut table = exports.lock();
    let mut families = own(&table, exports, about);
    families.extend(lag(&about.lags));
    families.extend(messages(&mut table, format, now_ns));
    match format {
        Format::Protobuf => protobuf::write(&families),
        Format::Text => text::write(&families, false),
        Format::OpenMetrics => text::write(&families, true),
    }
}

/// What is measured of messages.
fn messages(table: &mut Table, format: Format, now_ns: i64) -> Vec<Family<'_>> {
    let series: Vec<&Series> = table.settled().collect();
    let mut families = vec![Family {
        name: "datastreams_messages_total".into(),
        help: "Messages that passed a checkpoint".into(),
        unit: "",
        kind: Kind::Counter,
        metrics: series.iter().map(|one| number(labels(&one.labels), one.messages as f64)).collect(),
    }];
    for measured in Measured::ALL {
        let (name, help, unit) = match measured {
            Measured::EdgeLatency => ("edge_latency_seconds", "Time since the previous checkpoint", "seconds"),
            Measured::PathwayLatency => ("pathway_latency_seconds", "Time since the origin of the pathway", "seconds"),
            Measured::PayloadSize => ("payload_size_bytes", "Size of the messages with key and headers", "bytes"),
        };
        let metrics = series.iter().filter_map(|&one| {
            Some(Metric { labels: labels(&one.labels), value: value(one, measured, format, now_ns)? })
        });
        families.push(Family {
            name: format!("datastreams_{name}").into(),
            help: help.into(),
            unit,
            kind: Kind::Histogram,
            metrics: metrics.collect(),
        });
    }
    families
}

/// `None` when nothing was measured, as the size of what has none.
fn value(series: &Series, measured: Measured, format: Format, now_ns: i64) -> Option<Value<'_>> {
    let measure = series.measures.get(measured as usize).filter(|measure| !measure.total.is_empty())?;
    Some(if format == Format::Protobuf {
        Value::Distribution { total: &measure.total, since_ns: series.since_ns }
    } else {
        let recent = measure.recent(now_ns);
        let quantiles = QUANTILES.map(|quantile| recent.quantile(quantile));
        Value::Summary { count: measure.total.count, sum: measure.total.sum, quantiles }
    })
}

fn number(labels: Pairs<'_>, value: f64) -> Metric<'_> {
    Metric { labels, value: Value::Number(value) }
}

fn labels(labels: &Labels) -> Pairs<'_> {
    if labels.overflow {
        return vec![("otel_metric_overflow".into(), "true".into())];
    }
    pairs(&labels.env, Some(&labels.service), labels.attributes())
}

/// Labels under Prometheus' names, absent ones left out.
fn pairs<'a>(env: &'a str, service: Option<&'a str>, more: impl Iterator<Item = (&'static str, &'a str)>) -> Pairs<'a> {
    let resource = [("deployment_environment_name", env), ("service_name", service.unwrap_or_default())];
    let resource = resource.into_iter().map(|(name, value)| (Cow::Borrowed(name), value));
    let all = resource.chain(more.map(|(name, value)| (name.replace('.', "_").into(), value)));
    all.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value.into())).collect()
}

fn lag(lags: &Lags) -> [Family<'_>; 2] {
    let messages = lags.groups.iter().map(|(group, behind)| number(group_labels(group), behind.messages as f64));
    let seconds = lags.groups.iter().filter_map(|(group, behind)| Some(number(group_labels(group), behind.seconds?)));
    [
        Family {
            name: "datastreams_consumer_group_lag".into(),
            help: "Messages that a group has not committed, over the partitions of which it is known".into(),
            unit: "",
            kind: Kind::Gauge,
            metrics: messages.collect(),
        },
        Family {
            name: "datastreams_consumer_group_lag_time_seconds".into(),
            help: "Age of the oldest message that a group has not committed".into(),
            unit: "seconds",
            kind: Kind::Gauge,
            metrics: seconds.collect(),
        },
    ]
}

fn group_labels(group: &Group) -> Pairs<'_> {
    pairs(&group.env, None, group.attributes())
}

/// What the collector tells of itself: nothing is lost in silence.
fn own<'a>(table: &Table, exports: &Exports, about: &About) -> Vec<Family<'a>> {
    let family = |name: &'static str, help: &'static str, kind, metrics| Family {
        name: name.into(),
        help: help.into(),
        unit: "",
        kind,
        metrics,
    };
    let single = |value: u64| vec![number(Vec::new(), value as f64)];
    let mut families = vec![
        family(
            "datastreams_collector_received_total",
            "What came: payloads taken, repeated and refused, and what was in them",
            Kind::Counter,
            by_name(&about.received),
        ),
        family(
            "datastreams_collector_cut_total",
            "What did not fit the collector's bounds",
            Kind::Counter,
            by_name(&about.cut),
        ),
        family("datastreams_collector_series", "Sets of labels", Kind::Gauge, single(table.len() as u64)),
        family(
            "datastreams_collector_overflow_messages_total",
            "Messages counted under otel_metric_overflow, since there were too many sets of labels",
            Kind::Counter,
            single(table.overflow_messages),
        ),
        family(
            "datastreams_collector_forgotten_series_total",
            "Idle sets of labels that went because room was needed",
            Kind::Counter,
            single(table.forgotten),
        ),
        family(
            "datastreams_collector_negative_values_total",
            "Latencies below zero, which count as zero: clocks differ",
            Kind::Counter,
            single(table.negative),
        ),
        family(
            "datastreams_collector_omitted_lags",
            "Lags left out of this answer: there are too many groups",
            Kind::Gauge,
            single(about.lags.omitted),
        ),
    ];
    if exports.sent.is_on() {
        families.push(family(
            "datastreams_otlp_total",
            "What became of the data points sent by OTLP, and of the requests",
            Kind::Counter,
            by_name(&exports.sent.counts()),
        ));
        families.push(family(
            "datastreams_otlp_waiting_bytes",
            "Bytes that wait to be sent by OTLP",
            Kind::Gauge,
            single(exports.sent.waiting()),
        ));
    }
    families
}

/// Counters by their names, as a label.
fn by_name<'a>(counters: &impl Serialize) -> Vec<Metric<'a>> {
    let Ok(serde_json::Value::Object(counters)) = serde_json::to_value(counters) else { return Vec::new() };
    let metric =
        |(name, value): (String, serde_json::Value)| Some(number(vec![("what".into(), name.into())], value.as_f64()?));
    counters.into_iter().filter_map(metric).collect()
}
