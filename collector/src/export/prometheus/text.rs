//! The text formats: that of Prometheus and OpenMetrics, which differ in little.

use super::{Family, Kind, QUANTILES, Value};
use std::borrow::Cow;
use std::fmt::Write;

type Label<'a> = (Cow<'static, str>, Cow<'a, str>);

pub(super) fn write(families: &[Family<'_>], open_metrics: bool) -> Vec<u8> {
    let mut out = String::new();
    for family in families.iter().filter(|family| !family.metrics.is_empty()) {
        let name = &*family.name;
        // OpenMetrics names a counter's family without its suffix.
        let head = if open_metrics && family.kind == Kind::Counter { name.trim_end_matches("_total") } else { name };
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "summary",
        };
        let _ = writeln!(out, "# HELP {head} {}\n# TYPE {head} {kind}", family.help);
        if open_metrics && !family.unit.is_empty() {
            let _ = writeln!(out, "# UNIT {head} {}", family.unit);
        }
        for metric in &family.metrics {
            let labels = &*metric.labels;
            match &metric.value {
                Value::Number(value) => sample(&mut out, name, "", labels, None, *value),
                Value::Summary { count, sum, quantiles } => {
                    for (at, value) in QUANTILES.iter().zip(quantiles) {
                        sample(&mut out, name, "", labels, Some(*at), value.unwrap_or(f64::NAN));
                    }
                    sample(&mut out, name, "_sum", labels, None, *sum);
                    sample(&mut out, name, "_count", labels, None, *count as f64);
                }
                // Text has no native histograms; they are not asked for.
                Value::Distribution { .. } => {}
            }
        }
    }
    if open_metrics {
        out.push_str("# EOF\n");
    }
    out.into_bytes()
}

fn sample(out: &mut String, name: &str, suffix: &str, labels: &[Label<'_>], quantile: Option<f64>, value: f64) {
    let _ = write!(out, "{name}{suffix}");
    let quantile = quantile.map(|quantile| ("quantile".into(), decimal(quantile).into()));
    let mut before = '{';
    for (name, value) in labels.iter().chain(&quantile) {
        let _ = write!(out, "{before}{name}=\"");
        escape(out, value);
        out.push('"');
        before = ',';
    }
    let end = if before == ',' { "}" } else { "" };
    let _ = writeln!(out, "{end} {}", decimal(value));
}

/// Quantiles have a point in OpenMetrics, numbers may; whole ones are written whole. A sum of latencies that no clock
/// measured may be infinite.
fn decimal(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".into(),
        _ if value.is_nan() => "NaN".into(),
        _ => value.to_string(),
    }
}

fn escape(out: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::prometheus::Metric;

    fn families() -> Vec<Family<'static>> {
        let labels = || vec![("service_name".into(), "a\\b\"c\nd ä".into())];
        vec![
            Family {
                name: "x_total".into(),
                help: "Xs".into(),
                unit: "",
                kind: Kind::Counter,
                metrics: vec![Metric { labels: labels(), value: Value::Number(3.0) }],
            },
            Family { name: "none".into(), help: "".into(), unit: "", kind: Kind::Gauge, metrics: Vec::new() },
            Family {
                name: "y_seconds".into(),
                help: "Ys".into(),
                unit: "seconds",
                kind: Kind::Histogram,
                metrics: vec![Metric {
                    labels: Vec::new(),
                    value: Value::Summary { count: 7, sum: 1.5, quantiles: [Some(0.25), None, Some(1e-9), Some(2e20)] },
                }],
            },
        ]
    }

    #[test]
    fn both_formats() {
        let text = |open| String::from_utf8(write(&families(), open)).unwrap();
        assert_eq!(
            text(false),
            "# HELP x_total Xs\n# TYPE x_total counter\nx_total{service_name=\"a\\\\b\\\"c\\nd ä\"} 3\n\
             # HELP y_seconds Ys\n# TYPE y_seconds summary\n\
             y_seconds{quantile=\"0.5\"} 0.25\ny_seconds{quantile=\"0.95\"} NaN\n\
             y_seconds{quantile=\"0.99\"} 0.000000001\ny_seconds{quantile=\"1\"} 200000000000000000000\n\
             y_seconds_sum 1.5\ny_seconds_count 7\n"
        );
        let open = text(true);
        assert!(open.starts_with("# HELP x Xs\n# TYPE x counter\nx_total{"), "{open}");
        assert!(open.contains("# UNIT y_seconds seconds\n") && open.ends_with("y_seconds_count 7\n# EOF\n"), "{open}");
    }
}
