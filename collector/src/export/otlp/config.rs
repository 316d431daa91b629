//! Where OTLP is sent, and how: options, and the environment as OpenTelemetry specifies it.

use clap::Args;
use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::path::PathBuf;
use std::time::Duration;

/// The path of metrics below a base URL.
const PATH: &str = "v1/metrics";
/// How often, unless said otherwise: a bucket of statistics.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long a request may take, unless said otherwise; OpenTelemetry's own.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Options of `datastreams collect`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct Options {
    /// Send everything to an OpenTelemetry Collector as well: the base URL of its OTLP/HTTP receiver, such as
    /// http://localhost:4318 [env: OTEL_EXPORTER_OTLP_ENDPOINT]
    #[arg(long, value_name = "URL")]
    otlp: Option<String>,
    /// A header for --otlp; several are possible [env: OTEL_EXPORTER_OTLP_HEADERS]
    #[arg(long, value_name = "NAME=VALUE")]
    otlp_header: Vec<String>,
    /// How often --otlp sends [env: OTEL_METRIC_EXPORT_INTERVAL, in milliseconds] [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    otlp_interval: Option<u64>,
    /// What --otlp sends: what came since the last time, or everything since the start, as Prometheus itself takes it
    /// [env: OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE] [default: delta]
    #[arg(long, value_enum)]
    otlp_temporality: Option<Temporality>,
}

/// What a histogram or a count is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Temporality {
    /// The time since the last one.
    Delta,
    /// The time since the start.
    Cumulative,
}

/// What was decided.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) timeout: Duration,
    pub(super) interval: Duration,
    pub(super) gzip: bool,
    pub(super) temporality: Temporality,
    /// A file of the certificates to trust, instead of the machine's.
    pub(super) certificate: Option<PathBuf>,
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    pub(super) resource: Vec<(String, String)>,
}

impl Config {
    /// Decides; `None`: nothing is to be sent. `variable` reads the environment.
    pub(crate) fn new(options: &Options, variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        // An empty variable counts as none, and one for metrics before one for everything.
        let set = |name: &str| variable(name).map(|value| value.trim().to_string()).filter(|value| !value.is_empty());
        let otlp = |what: &str| {
            let of = |name: String| set(&name).map(|value| (name, value));
            of(format!("OTEL_EXPORTER_OTLP_METRICS_{what}")).or_else(|| of(format!("OTEL_EXPORTER_OTLP_{what}")))
        };
        let base = |name: &str, text: &str| base(text).map_err(|reason| format!("{name}: {reason}"));
        let url = match (&options.otlp, otlp("ENDPOINT")) {
            (Some(text), _) => base("--otlp", text)?,
            // The one for metrics is used as it is.
            (None, Some((name, text))) if name.contains("METRICS") => {
                url(&text).map_err(|reason| format!("{name}: {reason}"))?
            }
            (None, Some((name, text))) => base(&name, &text)?,
            (None, None) if *options == Options::default() => return Ok(None),
            (None, None) => return Err("--otlp-header, --otlp-interval and --otlp-temporality need --otlp".into()),
        };
        if let Some((name, protocol)) = otlp("PROTOCOL").filter(|(_, protocol)| protocol != "http/protobuf") {
            return Err(format!("{name}: {protocol} is not possible here; http/protobuf is"));
        }
        let gzip = match otlp("COMPRESSION") {
            None => true,
            Some((name, kind)) => match &*kind {
                "gzip" => true,
                "none" => false,
                _ => return Err(format!("{name}: {kind} is not possible here; gzip and none are")),
            },
        };
        const PREFERENCE: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        let preferred = set(PREFERENCE).map(|value| value.to_ascii_lowercase());
        let temporality = match (options.otlp_temporality, preferred.as_deref()) {
            (Some(temporality), _) => temporality,
            (None, None | Some("delta" | "lowmemory")) => Temporality::Delta,
            (None, Some("cumulative")) => Temporality::Cumulative,
            (None, Some(other)) => {
                return Err(format!("{PREFERENCE}: {other} is not possible here; delta and cumulative are"));
            }
        };
        let mut headers = HeaderMap::new();
        if let Some((name, list)) = otlp("HEADERS") {
            for (key, value) in pairs(&list).map_err(|reason| format!("{name}: {reason}"))? {
                put(&mut headers, &key, &value).map_err(|reason| format!("{name}: {reason}"))?;
            }
        }
        for header in &options.otlp_header {
            let said = header.split_once('=').ok_or("give NAME=VALUE".to_string());
            said.and_then(|(key, value)| put(&mut headers, key.trim(), value.trim()))
                .map_err(|reason| format!("--otlp-header: {reason}"))?;
        }
        let milliseconds = |name: &str, text: &str| match text.parse() {
            Ok(ms @ 1..=3_600_000) => Ok(Duration::from_millis(ms)),
            _ => Err(format!("{name}: give milliseconds from 1 to 3600000")),
        };
        let interval = match (options.otlp_interval, set("OTEL_METRIC_EXPORT_INTERVAL")) {
            (Some(seconds), _) => Duration::from_secs(seconds),
            (None, Some(text)) => milliseconds("OTEL_METRIC_EXPORT_INTERVAL", &text)?,
            (None, None) => INTERVAL,
        };
        Ok(Some(Self {
            url,
            headers,
            timeout: match otlp("TIMEOUT") {
                Some((name, text)) => milliseconds(&name, &text)?,
                None => TIMEOUT,
            },
            interval,
            gzip,
            temporality,
            certificate: otlp("CERTIFICATE").map(|(_, path)| path.into()),
            resource: match set("OTEL_RESOURCE_ATTRIBUTES") {
                Some(list) => pairs(&list).map_err(|reason| format!("OTEL_RESOURCE_ATTRIBUTES: {reason}"))?,
                None => Vec::new(),
            },
        }))
    }
}

fn url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| format!("{text} is no URL; give one like http://localhost:4318"))?;
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(format!("{text}: only http and https")) }
}

/// The URL of metrics below a base. Who gives the whole one means it.
fn base(text: &str) -> Result<Url, String> {
    let mut url = url(text)?;
    let path = url.path().trim_end_matches('/');
    if !path.ends_with(&format!("/{PATH}")) {
        url.set_path(&format!("{path}/{PATH}"));
    }
    Ok(url)
}

/// `a=1,b=2`, values percent-encoded: as W3C Baggage has it, without properties.
fn pairs(list: &str) -> Result<Vec<(String, String)>, String> {
    let pair = |item: &str| {
        let (key, value) = item.split_once('=').ok_or_else(|| format!("`{item}` is not NAME=VALUE"))?;
        Ok((decoded(key.trim())?, decoded(value.trim())?))
    };
    list.split(',').map(str::trim).filter(|item| !item.is_empty()).map(pair).collect()
}

fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = if *first == b'%' { tail.get(..2) } else { None };
        let escaped = escaped.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| "a value is not UTF-8".into())
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let key = HeaderName::try_from(name).map_err(|_| format!("`{name}` is no name of a header"))?;
    // The value is a secret, mostly: no message shows it.
    let mut value = HeaderValue::try_from(value).map_err(|_| format!("the value of {name} is not possible"))?;
    value.set_sensitive(true);
    headers.insert(key, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(options: &[&str], variables: &[(&str, &str)]) -> Result<Option<Config>, String> {
        #[derive(clap::Parser)]
        struct Cli {
            #[command(flatten)]
            options: Options,
        }
        let arguments = ["x"].iter().chain(options);
        let cli: Cli = clap::Parser::try_parse_from(arguments).map_err(|error| error.to_string())?;
        Config::new(&cli.options, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
        })
    }

    fn sent_to(options: &[&str], variables: &[(&str, &str)]) -> String {
        of(options, variables).unwrap().unwrap().url.to_string()
    }

    #[test]
    fn nothing_unless_asked() {
        assert!(of(&[], &[]).unwrap().is_none());
        assert!(of(&[], &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).unwrap().is_none(), "empty is unset");
    }

    #[test]
    fn endpoints_as_specified() {
        const BASE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        const METRICS: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
        assert_eq!(sent_to(&["--otlp", "http://localhost:4318"], &[]), "http://localhost:4318/v1/metrics");
        assert_eq!(sent_to(&["--otlp", "https://h/otlp/"], &[(BASE, "http://no")]), "https://h/otlp/v1/metrics");
        assert_eq!(sent_to(&["--otlp", "http://h/v1/metrics"], &[]), "http://h/v1/metrics");
        assert_eq!(sent_to(&[], &[(BASE, "http://h:1/x")]), "http://h:1/x/v1/metrics");
        assert_eq!(sent_to(&[], &[(BASE, "http://h:1"), (METRICS, "http://m:2/own")]), "http://m:2/own");
        assert_eq!(sent_to(&[], &[(METRICS, "http://m:2")]), "http://m:2/", "as it is: the root");
    }

    #[test]
    fn headers_and_times() {
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b%3D, x=1 ,, y = 2"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "60000"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
            ("OTEL_RESOURCE_ATTRIBUTES", "k8s.cluster.name=west,a=b%2Cc"),
        ];
        let config = of(&["--otlp-header", "x=from the option=3"], &variables).unwrap().unwrap();
        let header = |name: &str| config.headers[name].to_str().unwrap().to_string();
        assert_eq!([header("api-key"), header("x"), header("y")], ["a b=", "from the option=3", "2"]);
        assert!(!format!("{:?}", config.headers).contains("a b="), "secrets are not printed");
        assert_eq!((config.timeout.as_millis(), config.interval.as_secs(), config.gzip), (2500, 60, false));
        assert_eq!(config.resource, [("k8s.cluster.name".into(), "west".into()), ("a".into(), "b,c".into())]);
        let wanted = |options: &[&str], value| {
            let variable = ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", value);
            of(&[&["--otlp", "http://h"], options].concat(), &[variable]).unwrap().unwrap().temporality
        };
        assert_eq!((wanted(&[], ""), wanted(&[], "LowMemory")), (Temporality::Delta, Temporality::Delta));
        assert_eq!(wanted(&[], "Cumulative"), Temporality::Cumulative);
        assert_eq!(wanted(&["--otlp-temporality", "delta"], "cumulative"), Temporality::Delta);
        let config = of(&["--otlp-interval", "5"], &variables).unwrap().unwrap();
        assert_eq!(config.interval.as_secs(), 5);
        let own = [&variables[..], &[("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "z=1")]].concat();
        assert_eq!(of(&[], &own).unwrap().unwrap().headers.len(), 1, "not mixed with those for everything");
        let plain = of(&["--otlp", "http://h"], &[]).unwrap().unwrap();
        assert_eq!((plain.timeout.as_secs(), plain.interval.as_secs(), plain.gzip), (10, 10, true));
    }

    #[test]
    fn reasons() {
        let why = |options: &[&str], variables: &[(&str, &str)]| of(options, variables).unwrap_err();
        assert!(why(&["--otlp", "localhost"], &[]).contains("--otlp: localhost is no URL"));
        assert!(why(&["--otlp", "grpc://h:4317"], &[]).contains("only http and https"));
        assert!(why(&["--otlp", "http://h", "--otlp-header", "x"], &[]).contains("NAME=VALUE"));
        assert!(why(&["--otlp", "http://h", "--otlp-header", "a b=secret"], &[]).contains("`a b` is no name"));
        assert!(why(&["--otlp-interval", "5"], &[]).contains("need --otlp"));
        assert!(why(&["--otlp", "http://h", "--otlp-interval", "0"], &[]).contains("1..=3600"));
        let with = |name, value| why(&["--otlp", "http://h"], &[(name, value)]);
        assert!(with("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc").contains("http/protobuf is"));
        assert!(with("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "zstd").contains("METRICS_COMPRESSION: zstd"));
        assert!(with("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "both").contains("both is not possible"));
        assert!(with("OTEL_EXPORTER_OTLP_TIMEOUT", "10s").contains("milliseconds"));
        assert!(with("OTEL_EXPORTER_OTLP_HEADERS", "x").contains("`x` is not NAME=VALUE"));
    }
}
