//! Which format a server gets.

/// A format of the exposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Length-prefixed `io.prometheus.client.MetricFamily`.
    Protobuf,
    /// The text format 0.0.4, which every server reads.
    Text,
    /// The OpenMetrics text format 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The one that an `Accept` header likes best; text for a header that wants nothing of ours, or none at all.
    pub(crate) fn of(accept: &str) -> Self {
        let mut best = (0.0, Self::Text);
        for range in accept.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default().to_ascii_lowercase();
            let (mut quality, mut fits) = (1.0, true);
            let format = match &*media {
                "application/vnd.google.protobuf" => Self::Protobuf,
                "application/openmetrics-text" => Self::OpenMetrics,
                "text/plain" | "text/*" | "*/*" => Self::Text,
                _ => continue,
            };
            for (name, value) in parts.filter_map(|part| part.split_once('=')) {
                let (name, value) = (name.trim(), value.trim().trim_matches('"'));
                match &*name.to_ascii_lowercase() {
                    "q" => quality = value.parse().unwrap_or(0.0),
                    "proto" => fits &= value == "io.prometheus.client.MetricFamily",
                    "encoding" => fits &= value == "delimited",
                    "version" if format == Self::OpenMetrics => fits &= value == "1.0.0",
                    _ => {}
                }
            }
            if fits && quality > best.0 {
                best = (quality, format);
            }
        }
        best.1
    }

    /// The `Content-Type` of an answer.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Format::{self, OpenMetrics, Protobuf, Text};

    #[test]
    fn what_servers_send() {
        const PROTOBUF: &str =
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
        for (accept, format) in [
            (String::new(), Text),
            ("*/*".into(), Text),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8".into(), Text),
            ("application/json".into(), Text),
            (PROTOBUF.into(), Protobuf),
            // Prometheus 3 with and without native histograms, and 2.42.
            (
                format!(
                    "{PROTOBUF};q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
                     application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
                     text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
                ),
                Protobuf,
            ),
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,\
                 text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
                    .into(),
                OpenMetrics,
            ),
            ("application/openmetrics-text;version=0.0.1;q=0.9,text/plain;q=0.5".into(), Text),
            (format!("text/plain;version=0.0.4;q=0.7,{PROTOBUF};q=0.3"), Text),
            (format!("{PROTOBUF};q=0, text/plain"), Text),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text,*/*;q=0.1"
                    .into(),
                Text,
            ),
            ("application/vnd.google.protobuf; proto=other.Message; encoding=delimited".into(), Text),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\"; Q=1".into(), OpenMetrics),
        ] {
            assert_eq!(Format::of(&accept), format, "{accept}");
        }
    }
}
