//! The HTTP headers of a payload's post, for the library's own delivery and for hosts that deliver themselves.

use crate::config::Settings;
use std::fmt::Write as _;

/// Carries the payload's id: a retry after a lost answer has the same one, so a receiver that knows it drops the
/// repeat. Agents ignore it.
pub const PAYLOAD_ID: &str = "Datastreams-Payload-Id";

/// The headers that every post of a client carries, in a fixed order. Values that are empty or cannot stand in a header
/// (line breaks, other control characters, non-ASCII) are left out. `DD-API-KEY` is there only without an agent.
#[must_use]
pub fn headers(settings: &Settings) -> Vec<(&'static str, String)> {
    let key = settings.api_key.as_ref().filter(|_| settings.endpoint.agentless).map(|key| key.reveal());
    [
        ("Content-Type", Some("application/msgpack")),
        ("Content-Encoding", Some("gzip")),
        ("Datadog-Meta-Lang", Some(settings.language.as_str())),
        ("Datadog-Meta-Lang-Version", settings.language_version.as_deref()),
        ("Datadog-Meta-Tracer-Version", Some(settings.library_version.as_str())),
        ("Datadog-Container-Id", settings.container.container.as_deref()),
        ("Datadog-Entity-ID", settings.container.entity.as_deref()),
        ("Datadog-External-Env", settings.external_env.as_deref()),
        ("DD-API-KEY", key),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value.filter(|value| is_header_value(value))?.to_owned())))
    .collect()
}

/// [`headers`] and the payload's id as text, `Name: value\r\n` each, for a host that posts itself.
#[must_use]
pub fn header_lines(settings: &Settings, payload_id: &str) -> String {
    let mut lines = String::new();
    for (name, value) in headers(settings).iter().map(|(name, value)| (*name, value.as_str())) {
        let _ = write!(lines, "{name}: {value}\r\n");
    }
    let _ = write!(lines, "{PAYLOAD_ID}: {payload_id}\r\n");
    lines
}

/// Whether `value` can stand in a header: visible ASCII and inner spaces, not empty.
#[must_use]
pub fn is_header_value(value: &str) -> bool {
    !value.is_empty() && value.trim() == value && value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Secret};
    use crate::container::Ids;
    use crate::machine::Machine;

    fn names(config: &Config, machine: &Machine) -> Vec<&'static str> {
        let settings = config.resolve_on(&|_| None, machine).unwrap();
        headers(&settings).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn what_is_unknown_or_cannot_be_sent_is_left_out() {
        let least = ["Content-Type", "Content-Encoding", "Datadog-Meta-Lang", "Datadog-Meta-Tracer-Version"];
        assert_eq!(names(&Config::default(), &Machine::default()), least);
        let hostile = Config {
            language_version: Some("1.0\r\nX-Injected: 1".into()),
            external_env: Some("\u{e9}".into()),
            ..Config::default()
        };
        assert_eq!(names(&hostile, &Machine::default()), least);
    }

    #[test]
    fn lines_for_a_host() {
        let settings = Config::default().resolve_on(&|_| None, &Machine::default()).unwrap();
        let lines = header_lines(&settings, "5-1");
        assert!(lines.starts_with("Content-Type: application/msgpack\r\nContent-Encoding: gzip\r\n"));
        assert!(lines.ends_with("\r\nDatastreams-Payload-Id: 5-1\r\n"));
    }

    #[test]
    fn the_key_goes_only_to_the_intake() {
        let key = Config { api_key: Some(Secret::new("k3y")), ..Config::default() };
        assert!(!names(&key, &Machine::default()).contains(&"DD-API-KEY"));
        let intake = Config { site: Some("datadoghq.eu".into()), ..key };
        let container = Ids { container: Some("c".into()), entity: Some("ci-c".into()) };
        let names = names(&intake, &Machine { container, ..Machine::default() });
        assert_eq!(names[4..], ["Datadog-Container-Id", "Datadog-Entity-ID", "DD-API-KEY"]);
    }
}
