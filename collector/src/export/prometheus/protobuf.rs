//! The protobuf format: `MetricFamily` messages, each after its length, with native histograms.

use super::{Family, Kind, Value};
use crate::export::histogram::{Histogram, ZERO_THRESHOLD};
use prost::Message;
use std::borrow::Cow;

pub(super) fn write(families: &[Family<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for family in families.iter().filter(|family| !family.metrics.is_empty()) {
        let kind = match family.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
        };
        let family = MetricFamily {
            name: Some(family.name.to_string()),
            help: Some(family.help.to_string()),
            r#type: Some(kind.into()),
            metric: family.metrics.iter().map(|one| metric(one, kind)).collect(),
            unit: Some(family.unit.to_string()).filter(|unit| !unit.is_empty()),
        };
        // A vector grows as is needed.
        let _ = family.encode_length_delimited(&mut out);
    }
    out
}

fn metric(metric: &super::Metric<'_>, kind: MetricType) -> Metric {
    let label = |(name, value): &(Cow<'_, str>, Cow<'_, str>)| LabelPair {
        name: Some(name.to_string()),
        value: Some(value.to_string()),
    };
    let mut out = Metric { label: metric.labels.iter().map(label).collect(), ..Metric::default() };
    match &metric.value {
        Value::Number(value) if kind == MetricType::Counter => out.counter = Some(Number { value: Some(*value) }),
        Value::Number(value) => out.gauge = Some(Number { value: Some(*value) }),
        Value::Distribution { total, since_ns } => out.histogram = Some(native(total, *since_ns)),
        // Protobuf has the whole distribution; summaries are not asked for.
        Value::Summary { .. } => {}
    }
    out
}

/// Buckets in use, in spans without gaps, as differences to the one before.
fn native(histogram: &Histogram, since_ns: i64) -> NativeHistogram {
    let (mut spans, mut deltas): (Vec<BucketSpan>, Vec<i64>) = (Vec::new(), Vec::new());
    let (mut expected, mut before) = (0, 0i64);
    for (index, count) in histogram.used() {
        // Prometheus numbers a bucket by its upper bound, OpenTelemetry by its lower one.
        let index = index + 1;
        match spans.last_mut().filter(|_| index == expected) {
            Some(span) => span.length = span.length.map(|length| length + 1),
            None => spans.push(BucketSpan { offset: Some(index - expected), length: Some(1) }),
        }
        expected = index + 1;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        deltas.push(count - before);
        before = count;
    }
    NativeHistogram {
        sample_count: Some(histogram.count),
        sample_sum: Some(histogram.sum),
        schema: Some(histogram.scale),
        zero_threshold: Some(ZERO_THRESHOLD),
        zero_count: Some(histogram.zero),
        positive_span: spans,
        positive_delta: deltas,
        created_timestamp: Some(Timestamp {
            seconds: since_ns.div_euclid(1_000_000_000),
            nanos: since_ns.rem_euclid(1_000_000_000) as i32,
        }),
    }
}

// The messages of io/prometheus/client/metrics.proto, as far as they are used here.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
enum MetricType {
    Counter = 0,
    Gauge = 1,
    Histogram = 4,
}

#[derive(Clone, PartialEq, Message)]
struct MetricFamily {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    help: Option<String>,
    #[prost(enumeration = "MetricType", optional, tag = "3")]
    r#type: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Metric>,
    #[prost(string, optional, tag = "5")]
    unit: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<LabelPair>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<Number>,
    #[prost(message, optional, tag = "3")]
    counter: Option<Number>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<NativeHistogram>,
}

#[derive(Clone, PartialEq, Message)]
struct LabelPair {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    value: Option<String>,
}

/// A gauge or a counter: equal as far as they are used.
#[derive(Clone, PartialEq, Message)]
struct Number {
    #[prost(double, optional, tag = "1")]
    value: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct NativeHistogram {
    #[prost(uint64, optional, tag = "1")]
    sample_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    sample_sum: Option<f64>,
    #[prost(sint32, optional, tag = "5")]
    schema: Option<i32>,
    #[prost(double, optional, tag = "6")]
    zero_threshold: Option<f64>,
    #[prost(uint64, optional, tag = "7")]
    zero_count: Option<u64>,
    #[prost(message, repeated, tag = "12")]
    positive_span: Vec<BucketSpan>,
    #[prost(sint64, repeated, packed = "false", tag = "13")]
    positive_delta: Vec<i64>,
    #[prost(message, optional, tag = "15")]
    created_timestamp: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
struct BucketSpan {
    #[prost(sint32, optional, tag = "1")]
    offset: Option<i32>,
    #[prost(uint32, optional, tag = "2")]
    length: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_family_after_its_length() {
        let family = Family {
            name: "x_total".into(),
            help: "Xs".into(),
            unit: "",
            kind: Kind::Counter,
            metrics: vec![crate::export::prometheus::Metric {
                labels: vec![("a".into(), "b\"\n".into())],
                value: Value::Number(3.0),
            }],
        };
        let bytes = write(&[family]);
        assert_eq!(bytes[0] as usize, bytes.len() - 1);
        let family = MetricFamily::decode_length_delimited(&*bytes).unwrap();
        assert_eq!((family.name.as_deref(), family.r#type, family.unit), (Some("x_total"), Some(0), None));
        assert_eq!(family.metric[0].label[0].value.as_deref(), Some("b\"\n"));
        assert_eq!(family.metric[0].counter, Some(Number { value: Some(3.0) }));
    }

    proptest! {
        /// A reader that follows the spans and adds the differences up finds every bucket again.
        #[test]
        fn spans_and_differences(values in proptest::collection::vec((1e-6..1e3f64, 1..1000u64), 0..50), zeros in 0..5u64) {
            let mut histogram = Histogram::new(640);
            values.iter().for_each(|&(value, count)| histogram.add(value, count));
            histogram.add(0.0, zeros);
            let native = native(&histogram, 1_500_000_000);
            let (mut at, mut count, mut read) = (0, 0, Vec::new());
            let mut deltas = native.positive_delta.iter();
            for span in &native.positive_span {
                at += span.offset.unwrap();
                for _ in 0..span.length.unwrap() {
                    count += deltas.next().unwrap();
                    read.push((at - 1, count as u64));
                    at += 1;
                }
            }
            prop_assert!(deltas.next().is_none());
            let sum: u64 = read.iter().map(|&(_, count)| count).sum();
            prop_assert_eq!(read, histogram.used().collect::<Vec<_>>());
            prop_assert_eq!(sum + native.zero_count.unwrap(), native.sample_count.unwrap());
            prop_assert_eq!(native.created_timestamp.unwrap(), Timestamp { seconds: 1, nanos: 500_000_000 });
        }
    }
}
