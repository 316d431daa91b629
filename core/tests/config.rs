//! Options: explicit, else environment, else default; and what is refused.
#![allow(clippy::unwrap_used)] // helpers of tests fail like tests

use datastreams_core::config::*;
use datastreams_core::dogstatsd::Address;
use datastreams_core::machine::Machine;
use std::time::Duration;

fn machine() -> Machine {
    Machine {
        executable: Some("/opt/shop/checkout-server".into()),
        workdir: Some("/srv/shop".into()),
        hostname: Some("node-7".into()),
        default_socket: false,
        ..Machine::default()
    }
}

fn resolve(config: &Config, env: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    resolve_on(config, env, &machine())
}

fn resolve_on(config: &Config, env: &[(&str, &str)], machine: &Machine) -> Result<Settings, ConfigError> {
    let get = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    config.resolve_on(&get, machine)
}

fn from_env(env: &[(&str, &str)]) -> Settings {
    resolve(&Config::default(), env).unwrap()
}

fn refused(env: &[(&str, &str)]) -> String {
    resolve(&Config::default(), env).unwrap_err().to_string()
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn list(tags: &[Box<str>]) -> Vec<&str> {
    tags.iter().map(AsRef::as_ref).collect()
}

#[test]
fn defaults() {
    let settings = from_env(&[]);
    assert!(settings.enabled);
    assert_eq!(settings.service, "checkout-server");
    assert_eq!((settings.env.as_str(), settings.version.as_str(), settings.primary_tag.as_str()), ("", "", ""));
    assert_eq!(settings.hostname, "node-7");
    assert_eq!(settings.endpoint.url(), "http://localhost:8126/v0.1/pipeline_stats");
    assert_eq!((settings.language.as_str(), settings.language_version), ("c", None));
    assert_eq!(settings.library_version, env!("CARGO_PKG_VERSION"));
    assert_eq!((settings.dogstatsd, settings.external_env, settings.api_key), (None, None, None));
    assert_eq!(settings.delivery, Delivery::Thread);
    assert!(settings.tags.is_empty());
    assert_eq!(
        (settings.memory_limit, settings.retry_limit, settings.max_payload_bytes),
        (64 << 20, 16 << 20, 1 << 20)
    );
    assert_eq!((settings.max_edges, settings.max_parents, settings.max_origin_buckets), (4096, 256, 64));
    assert_eq!(settings.transaction_limit, 2_300_000);
    assert_eq!((settings.retry_age, settings.timeout), (Duration::from_secs(3600), Duration::from_secs(10)));
    assert_eq!(settings.max_header_age, Duration::from_secs(31 * 86400));
    assert_eq!(settings.max_header_future, Duration::from_secs(60));
    let bare = resolve_on(&Config::default(), &[], &Machine::default()).unwrap();
    assert_eq!((bare.service.as_str(), bare.hostname.as_str()), ("unnamed-service", ""));
}

#[test]
fn explicit_before_environment_before_default() {
    let env = [
        ("DD_SERVICE", " billing "),
        ("DD_ENV", "prod"),
        ("DD_VERSION", "1.2"),
        ("DD_PRIMARY_TAG", "dc:1"),
        ("DD_HOSTNAME", "h1"),
        ("DD_EXTERNAL_ENV", "it-false"),
        ("DD_DATA_STREAMS_ENABLED", "false"),
        ("DD_TRACE_AGENT_TIMEOUT", "2.5"),
        ("DD_DOGSTATSD_URL", "udp://d:1"),
    ];
    let settings = from_env(&env);
    assert_eq!(
        (settings.service.as_str(), settings.env.as_str(), settings.version.as_str()),
        ("billing", "prod", "1.2")
    );
    assert_eq!((settings.primary_tag.as_str(), settings.hostname.as_str()), ("dc:1", "h1"));
    assert_eq!((settings.external_env.as_deref(), settings.enabled), (Some("it-false"), false));
    assert_eq!(settings.timeout, Duration::from_millis(2500));
    assert_eq!(settings.dogstatsd, Some(Address::Udp { host: "d".into(), port: 1 }));

    let explicit = Config {
        service: text(" mine "),
        env: text("dev"),
        version: text("9"),
        primary_tag: text("p"),
        hostname: text("h2"),
        external_env: text("x"),
        enabled: Some(true),
        timeout: Some(Duration::from_secs(1)),
        dogstatsd_url: text("unix:///d"),
        ..Config::default()
    };
    let settings = resolve(&explicit, &env).unwrap();
    assert_eq!((settings.service.as_str(), settings.env.as_str(), settings.version.as_str()), ("mine", "dev", "9"));
    assert_eq!((settings.primary_tag.as_str(), settings.hostname.as_str()), ("p", "h2"));
    assert_eq!((settings.external_env.as_deref(), settings.enabled), (Some("x"), true));
    assert_eq!(settings.timeout, Duration::from_secs(1));
    assert_eq!(settings.dogstatsd, Some(Address::Unix("/d".into())));

    // Empty and blank are not set, on either side.
    let blank = Config { service: text("  "), env: text(""), ..Config::default() };
    let settings = resolve(&blank, &[("DD_SERVICE", ""), ("DD_ENV", "  "), ("DD_HOSTNAME", " ")]).unwrap();
    assert_eq!((settings.service.as_str(), settings.env.as_str()), ("checkout-server", ""));
    assert_eq!(settings.hostname, "node-7");
}

#[test]
fn limits_are_options() {
    let config = Config {
        memory_limit: Some(1),
        retry_limit: Some(2),
        retry_age: Some(Duration::from_secs(3)),
        max_edges: Some(4),
        max_parents: Some(5),
        max_origin_buckets: Some(6),
        max_payload_bytes: Some(7),
        transaction_limit: Some(8),
        max_header_age: Some(Duration::from_secs(9)),
        max_header_future: Some(Duration::from_secs(10)),
        delivery: Some(Delivery::Host),
        timeout: Some(Duration::MAX),
        ..Config::default()
    };
    let settings = resolve(&config, &[]).unwrap();
    assert_eq!((settings.memory_limit, settings.retry_limit, settings.max_edges), (1, 2, 4));
    assert_eq!((settings.max_parents, settings.max_origin_buckets), (5, 6));
    assert_eq!((settings.max_payload_bytes, settings.transaction_limit), (7, 8));
    assert_eq!((settings.limits().bytes, settings.limits().age), (2, 3_000_000_000));
    assert_eq!((settings.max_header_age.as_secs(), settings.max_header_future.as_secs()), (9, 10));
    assert_eq!((settings.delivery, settings.timeout.as_secs()), (Delivery::Host, 3600));

    let zero = |config: Config, name: &str| {
        let error = resolve(&config, &[]).unwrap_err().to_string();
        assert_eq!(error, format!("{name} is \"0\": it must be above 0"));
    };
    zero(Config { memory_limit: Some(0), ..Config::default() }, "memory_limit");
    zero(Config { max_edges: Some(0), ..Config::default() }, "max_edges");
    zero(Config { retry_age: Some(Duration::ZERO), ..Config::default() }, "retry_age");
    zero(Config { timeout: Some(Duration::ZERO), ..Config::default() }, "timeout");
}

#[test]
fn tags_of_the_environment() {
    let settings = from_env(&[("DD_TAGS", "team:a, env:prod ,service:s1,,region:eu west,version:3,:x,flag")]);
    assert_eq!((settings.service.as_str(), settings.env.as_str(), settings.version.as_str()), ("s1", "prod", "3"));
    assert_eq!(list(&settings.tags), ["team:a", "region:eu west", "flag"]);
    let settings = from_env(&[("DD_TAGS", " team:a  url:http://x:1 env: "), ("DD_SERVICE", "s2")]);
    assert_eq!((settings.service.as_str(), settings.env.as_str()), ("s2", ""));
    assert_eq!(list(&settings.tags), ["team:a", "url:http://x:1"]);
    let explicit = Config { tags: vec![" a:b ".into(), String::new()], ..Config::default() };
    let settings = resolve(&explicit, &[("DD_TAGS", "service:s3,c:d")]).unwrap();
    assert_eq!((settings.service.as_str(), list(&settings.tags)), ("s3", vec!["a:b"]));
    // A service from tags was named by the user.
    assert!(list(&settings.process_tags).contains(&"svc.user:true"));
}

#[test]
fn process_tags_and_their_switch() {
    let expected = [
        "entrypoint.basedir:shop",
        "entrypoint.name:checkout-server",
        "entrypoint.type:executable",
        "entrypoint.workdir:shop",
        "svc.auto:checkout-server",
    ];
    assert_eq!(list(&from_env(&[]).process_tags), expected);
    let name = "DD_EXPERIMENTAL_PROPAGATE_PROCESS_TAGS_ENABLED";
    assert!(from_env(&[(name, "False")]).process_tags.is_empty());
    let explicit = Config { process_tags: Some(true), ..Config::default() };
    assert_eq!(resolve(&explicit, &[(name, "0")]).unwrap().process_tags.len(), 5);
    assert!(refused(&[(name, "perhaps")]).starts_with(name));
}

#[test]
fn enabled() {
    for (value, enabled) in
        [("true", true), ("TRUE", true), ("1", true), ("false", false), ("False", false), ("0", false)]
    {
        assert_eq!(from_env(&[("DD_DATA_STREAMS_ENABLED", value)]).enabled, enabled, "{value}");
    }
    assert!(from_env(&[("DD_DATA_STREAMS_ENABLED", "")]).enabled);
    assert_eq!(
        refused(&[("DD_DATA_STREAMS_ENABLED", "yes")]),
        "DD_DATA_STREAMS_ENABLED is \"yes\": it must be true, 1, false or 0"
    );
}

#[test]
fn where_payloads_go() {
    let with_socket = Machine { default_socket: true, ..machine() };
    let url = |config: &Config, env: &[(&str, &str)]| {
        let endpoint = resolve_on(config, env, &with_socket).unwrap().endpoint;
        match endpoint.socket {
            Some(socket) => socket.display().to_string(),
            None => endpoint.origin,
        }
    };
    let none = Config::default();
    let intake = "https://trace.agent.datadoghq.eu";
    let (site, key) = (("DD_SITE", "datadoghq.eu"), ("DD_API_KEY", "k"));
    let (agent_url, host) = (("DD_TRACE_AGENT_URL", "http://u:1"), ("DD_AGENT_HOST", "h"));
    // From last to first.
    assert_eq!(url(&none, &[]), "/var/run/datadog/apm.socket");
    assert_eq!(url(&none, &[site]), "/var/run/datadog/apm.socket");
    assert_eq!(url(&none, &[key]), "/var/run/datadog/apm.socket");
    assert_eq!(url(&none, &[site, key]), intake);
    assert_eq!(url(&none, &[site, key, host]), "http://h:8126");
    assert_eq!(url(&none, &[("DD_TRACE_AGENT_PORT", "9")]), "http://localhost:9");
    assert_eq!(url(&none, &[("DD_AGENT_HOST", "::1"), ("DD_TRACE_AGENT_PORT", "9")]), "http://[::1]:9");
    assert_eq!(url(&none, &[site, key, host, agent_url]), "http://u:1");
    assert_eq!(url(&none, &[("DD_TRACE_AGENT_URL", "unix:///a.socket")]), "/a.socket");
    let site_option = Config { site: text("datadoghq.eu"), ..Config::default() };
    assert_eq!(url(&site_option, &[key]), intake);
    assert_eq!(url(&site_option, &[key, agent_url]), "http://u:1", "half of it was explicit");
    let both = Config { api_key: Some(Secret::new("k")), ..site_option };
    assert_eq!(url(&both, &[agent_url, host]), intake);
    let url_option = Config { agent_url: text(" https://o "), ..both };
    assert_eq!(url(&url_option, &[agent_url, host, site, key]), "https://o");
}

#[test]
fn where_health_counts_go() {
    let to = |env: &[(&str, &str)]| from_env(env).dogstatsd;
    let udp = |host: &str, port| Some(Address::Udp { host: host.into(), port });
    assert_eq!(to(&[("DD_AGENT_HOST", "a")]), None);
    assert_eq!(to(&[("DD_DOGSTATSD_HOST", "d")]), udp("d", 8125));
    assert_eq!(to(&[("DD_DOGSTATSD_PORT", "9")]), udp("localhost", 9));
    assert_eq!(to(&[("DD_DOGSTATSD_PORT", "9"), ("DD_AGENT_HOST", "a")]), udp("a", 9));
    assert_eq!(to(&[("DD_DOGSTATSD_HOST", "::1"), ("DD_DOGSTATSD_PORT", "9")]), udp("::1", 9));
    assert_eq!(to(&[("DD_DOGSTATSD_URL", "unix:///d"), ("DD_DOGSTATSD_HOST", "d")]), Some(Address::Unix("/d".into())));
}

#[test]
fn a_refusal_names_the_variable_and_its_value() {
    let begins = |env: &[(&str, &str)], start: &str| {
        let error = refused(env);
        assert!(error.starts_with(start) && error.len() < 252 && error.is_ascii(), "{error}");
    };
    begins(&[("DD_TRACE_AGENT_URL", "agent:8126")], "DD_TRACE_AGENT_URL is \"agent:8126\": ");
    begins(&[("DD_TRACE_AGENT_PORT", "0x1")], "DD_TRACE_AGENT_PORT is \"0x1\": ");
    begins(&[("DD_AGENT_HOST", "http://a")], "DD_AGENT_HOST is \"http://a\": ");
    begins(&[("DD_SITE", "a b"), ("DD_API_KEY", "k")], "DD_SITE is \"a b\": ");
    begins(&[("DD_DOGSTATSD_URL", "tcp://a")], "DD_DOGSTATSD_URL is \"tcp://a\": ");
    begins(&[("DD_DOGSTATSD_PORT", "70000")], "DD_DOGSTATSD_PORT is \"70000\": ");
    begins(&[("DD_DOGSTATSD_HOST", "a/b")], "DD_DOGSTATSD_HOST is \"a/b\": ");
    for bad in ["0", "-1", "NaN", "inf", "1e30", "ten", "3601"] {
        begins(&[("DD_TRACE_AGENT_TIMEOUT", bad)], &format!("DD_TRACE_AGENT_TIMEOUT is \"{bad}\": "));
    }
    begins(&[("DD_TRACE_AGENT_URL", &"x\u{1b}\u{7f}".repeat(5000))], "DD_TRACE_AGENT_URL is \"x\\u{1b}");
    let config = Config { agent_url: text("nowhere"), ..Config::default() };
    assert!(resolve(&config, &[]).unwrap_err().to_string().starts_with("agent_url is \"nowhere\": "));
}

#[test]
fn the_key_is_never_shown() {
    let secret = "0123456789abcdef0123456789abcdef";
    let config = Config { api_key: Some(Secret::new(secret)), site: text("datadoghq.com"), ..Config::default() };
    let settings = resolve(&config, &[]).unwrap();
    assert_eq!(settings.api_key.as_ref().map(Secret::reveal), Some(secret));
    assert!(!format!("{config:?}{settings:?}{settings:#?}").contains(secret));
    let broken = format!("{secret}\r\nX: y");
    let error = refused(&[("DD_API_KEY", &broken), ("DD_SITE", "datadoghq.com")]);
    assert!(error.contains("DD_API_KEY") && !error.contains(secret), "{error}");
    // With an agent it is not used, and so not judged.
    assert!(resolve(&Config::default(), &[("DD_API_KEY", &broken), ("DD_AGENT_HOST", "a")]).is_ok());
}

#[test]
fn this_process() {
    let settings = Config { agent_url: text("http://a"), enabled: Some(true), ..Config::default() };
    let settings = settings.from_process_env().unwrap();
    assert!(!settings.service.is_empty() && !settings.hostname.is_empty());
}
