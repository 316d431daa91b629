//! What was taken, as OTLP's messages.

use super::message::{
    Buckets, Data, ExponentialHistogram, ExportMetricsServiceRequest, Gauge, HistogramPoint, KeyValue, Metric, Number,
    NumberPoint, Resource, ResourceMetrics, Scope, ScopeMetrics, Sum, Temporality,
};
use crate::export::histogram::{Histogram, ZERO_THRESHOLD};
use crate::export::labels::Labels;
use crate::export::lag::Lags;
use crate::export::series::{Counted, Measured};
use prost::Message;
use std::collections::BTreeMap;

/// The most series in a request: some 2 MiB of the widest histograms. The OpenTelemetry Collector takes 20 MiB.
const MAX_SERIES: usize = 400;

/// A request, encoded.
#[derive(Clone, Debug)]
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    pub(super) points: u64,
    pub(super) messages: u64,
}

/// When, how and by whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) now_ns: i64,
    pub(super) temporality: Temporality,
    /// Tells apart what several collectors send of one service.
    pub(super) instance: &'a str,
    pub(super) resource: &'a [(String, String)],
}

/// The requests for what was counted, and the lags.
pub(super) fn requests(all: &[Counted], lags: &Lags, context: &Context<'_>) -> Vec<Encoded> {
    let mut requests: Vec<Encoded> = all.chunks(MAX_SERIES).map(|some| of_series(some, context)).collect();
    let groups: Vec<_> = lags.groups.iter().collect();
    requests.extend(groups.chunks(4 * MAX_SERIES).map(|groups| {
        let mut by_env: BTreeMap<&str, [Vec<NumberPoint>; 2]> = BTreeMap::new();
        for (group, behind) in groups {
            let [messages, seconds] = by_env.entry(&group.env).or_default();
            let point = |value| NumberPoint {
                attributes: texts(group.attributes()),
                start_time_unix_nano: 0,
                time_unix_nano: unsigned(context.now_ns),
                value: Some(value),
            };
            messages.push(point(Number::Int(behind.messages)));
            seconds.extend(behind.seconds.map(|seconds| point(Number::Double(seconds))));
        }
        let points = by_env.values().flatten().map(|points| points.len() as u64).sum();
        let resources = by_env.into_iter().map(|(env, [messages, seconds])| {
            let metrics = [
                metric(
                    "datastreams.consumer_group.lag",
                    "Messages that a group has not committed",
                    "{message}",
                    messages,
                ),
                metric(
                    "datastreams.consumer_group.lag_time",
                    "Age of the oldest message that a group has not committed",
                    "s",
                    seconds,
                ),
            ];
            resource_metrics(env, "datastreams", metrics.into_iter().flatten().collect(), context)
        });
        encoded(resources.collect(), points, 0)
    }));
    requests
}

const ENVIRONMENT: &str = "deployment.environment.name";

/// A gauge; `None` without points.
fn metric(name: &str, description: &str, unit: &str, data_points: Vec<NumberPoint>) -> Option<Metric> {
    (!data_points.is_empty()).then(|| Metric {
        name: name.into(),
        description: description.into(),
        unit: unit.into(),
        data: Some(Data::Gauge(Gauge { data_points })),
    })
}

fn of_series(all: &[Counted], context: &Context<'_>) -> Encoded {
    let mut resources: BTreeMap<(&str, &str), Vec<&Counted>> = BTreeMap::new();
    for one in all {
        resources.entry((&one.labels.env, &one.labels.service)).or_default().push(one);
    }
    let (mut points, mut encodable) = (0, Vec::new());
    for ((env, service), series) in resources {
        let counts = series.iter().map(|one| NumberPoint {
            attributes: attributes(&one.labels),
            start_time_unix_nano: unsigned(one.since_ns),
            time_unix_nano: unsigned(context.now_ns),
            value: Some(Number::Int(i64::try_from(one.messages).unwrap_or(i64::MAX))),
        });
        let mut metrics = vec![Metric {
            name: "datastreams.messages".into(),
            description: "Messages that passed a checkpoint".into(),
            unit: "{message}".into(),
            data: Some(Data::Sum(Sum {
                data_points: counts.collect(),
                aggregation_temporality: context.temporality.into(),
                is_monotonic: true,
            })),
        }];
        points += series.len() as u64;
        for measured in Measured::ALL {
            let (name, description, unit) = match measured {
                Measured::EdgeLatency => ("edge.latency", "Time since the previous checkpoint", "s"),
                Measured::PathwayLatency => ("pathway.latency", "Time since the origin of the pathway", "s"),
                Measured::PayloadSize => ("payload.size", "Size of the messages with key and headers", "By"),
            };
            let point = |one: &&Counted| {
                let histogram = one.measures.get(measured as usize).filter(|histogram| !histogram.is_empty())?;
                Some(histogram_point(histogram, one, context))
            };
            let data_points: Vec<_> = series.iter().filter_map(point).collect();
            if data_points.is_empty() {
                continue;
            }
            points += data_points.len() as u64;
            metrics.push(Metric {
                name: format!("datastreams.{name}"),
                description: description.into(),
                unit: unit.into(),
                data: Some(Data::ExponentialHistogram(ExponentialHistogram {
                    data_points,
                    aggregation_temporality: context.temporality.into(),
                })),
            });
        }
        encodable.push(resource_metrics(env, service, metrics, context));
    }
    encoded(encodable, points, all.iter().map(|one| one.messages).fold(0, u64::saturating_add))
}

fn histogram_point(histogram: &Histogram, of: &Counted, context: &Context<'_>) -> HistogramPoint {
    HistogramPoint {
        attributes: attributes(&of.labels),
        start_time_unix_nano: unsigned(of.since_ns),
        time_unix_nano: unsigned(context.now_ns),
        count: histogram.count,
        sum: Some(histogram.sum),
        scale: histogram.scale,
        zero_count: histogram.zero,
        positive: Some(Buckets { offset: histogram.first, bucket_counts: histogram.buckets.clone() }),
        min: histogram.range.map(|(low, _)| low),
        max: histogram.range.map(|(_, high)| high),
        zero_threshold: ZERO_THRESHOLD,
    }
}

fn resource_metrics(env: &str, service: &str, metrics: Vec<Metric>, context: &Context<'_>) -> ResourceMetrics {
    // A service that is not named is that of whoever sends: everything has one.
    let service = if service.is_empty() { "datastreams" } else { service };
    let mut attributes = vec![KeyValue::text("service.name", service)];
    attributes.extend((!env.is_empty()).then(|| KeyValue::text(ENVIRONMENT, env)));
    let known = |key: &str| matches!(key, "service.name" | "service.instance.id" | ENVIRONMENT);
    let more = context.resource.iter().filter(|(key, _)| !known(key));
    attributes.extend(more.map(|(key, value)| KeyValue::text(key, value)));
    // Many engines tell series apart by service and instance alone, and have the rest beside them.
    let instance = [context.instance, env].join("/");
    attributes.push(KeyValue::text("service.instance.id", instance.trim_end_matches('/')));
    ResourceMetrics {
        resource: Some(Resource { attributes }),
        scope_metrics: vec![ScopeMetrics {
            scope: Some(Scope { name: "datastreams".into(), version: env!("CARGO_PKG_VERSION").into() }),
            metrics,
        }],
    }
}

fn attributes(labels: &Labels) -> Vec<KeyValue> {
    if labels.overflow { vec![KeyValue::flag("otel.metric.overflow")] } else { texts(labels.attributes()) }
}

fn texts<'a>(pairs: impl Iterator<Item = (&'static str, &'a str)>) -> Vec<KeyValue> {
    pairs.map(|(key, value)| KeyValue::text(key, value)).collect()
}

fn encoded(resource_metrics: Vec<ResourceMetrics>, points: u64, messages: u64) -> Encoded {
    Encoded { bytes: ExportMetricsServiceRequest { resource_metrics }.encode_to_vec(), points, messages }
}

fn unsigned(time_ns: i64) -> u64 {
    u64::try_from(time_ns).unwrap_or_default()
}
