//! Where a service that runs here would send its statistics, and variables that would surprise whoever set them.

use super::check::Check;
use crate::plain::sentence;
use datastreams_core::config::{Config, ConfigError, Settings};

/// A variable's value: trimmed, and empty is unset, as the library has it.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Those of this process.
pub(super) fn process(name: &str) -> Option<String> {
    let value = std::env::var_os(name)?.to_string_lossy().trim().to_owned();
    Some(value).filter(|value| !value.is_empty())
}

const NAME: &str = "settings";
/// How much of a value is shown, in characters.
const SHOWN: usize = 80;

/// Decides as the library does; and says what there is to say about it.
pub(super) fn settings(agent_url: Option<&str>, env: Variables<'_>) -> (Option<Settings>, Vec<Check>) {
    let config = Config { agent_url: agent_url.map(String::from), ..Config::default() };
    let settings = match config.resolve(env) {
        Ok(settings) => settings,
        Err(error) => return (None, vec![refused(&error)]),
    };
    let by = decided_by(agent_url, env, &settings);
    let env_name = if settings.env.is_empty() { "no env".into() } else { format!("env {}", shown(&settings.env)) };
    let service = shown(&settings.service);
    let mut checks = vec![Check::ok(NAME, format!("{} ({by}); service {service}, {env_name}", settings.endpoint))];
    if !settings.enabled {
        checks.push(Check::failed(
            NAME,
            format!(
                "DD_DATA_STREAMS_ENABLED is {}: nothing is recorded",
                shown(&env("DD_DATA_STREAMS_ENABLED").unwrap_or_default())
            ),
            "set it to true, or take it away",
        ));
    }
    checks.extend(surprises(agent_url, env, &settings).into_iter().map(|sentence| Check::note(NAME, sentence)));
    (Some(settings), checks)
}

fn refused(error: &ConfigError) -> Check {
    let advice = "set it right, or take it away: with it a client cannot be made, and the service is not measured";
    Check::failed(NAME, error.to_string(), advice)
}

/// Which setting named the agent.
fn decided_by(agent_url: Option<&str>, env: Variables<'_>, settings: &Settings) -> String {
    let set = |names: &[&'static str]| {
        names.iter().copied().filter(|name| env(name).is_some()).collect::<Vec<_>>().join(" and ")
    };
    if agent_url.is_some() {
        return "by --agent-url".into();
    }
    if settings.endpoint.agentless {
        return "the intake itself, by DD_SITE and DD_API_KEY".into();
    }
    for names in [&["DD_TRACE_AGENT_URL"][..], &["DD_AGENT_HOST", "DD_TRACE_AGENT_PORT"]] {
        let set = set(names);
        if !set.is_empty() {
            return format!("by {set}");
        }
    }
    match settings.endpoint.socket {
        Some(_) => "the agent's usual socket, since it exists and no variable names another".into(),
        None => "by default, since no variable names another".into(),
    }
}

/// What is set, and does not do what one might think.
fn surprises(agent_url: Option<&str>, env: Variables<'_>, settings: &Settings) -> Vec<String> {
    let mut notes = Vec::new();
    let set = |name: &&str| env(name).is_some();
    if env("DD_SERVICE").is_none() && !env("DD_TAGS").is_some_and(|tags| tags.contains("service:")) {
        notes.push("DD_SERVICE is not set: a service that gives no name in its code is called as its program".into());
    }
    let url = if agent_url.is_some() { Some("--agent-url") } else { Some("DD_TRACE_AGENT_URL").filter(set) };
    let weaker = ["DD_TRACE_AGENT_URL", "DD_AGENT_HOST", "DD_TRACE_AGENT_PORT"];
    if let Some(stronger) = url {
        let ignored: Vec<_> = weaker.into_iter().filter(|name| *name != stronger).filter(set).collect();
        if !ignored.is_empty() {
            notes.push(format!("{stronger} wins: {} is not looked at", ignored.join(" and ")));
        }
    }
    match (env("DD_SITE").is_some(), env("DD_API_KEY").is_some()) {
        (true, true) if !settings.endpoint.agentless => {
            notes.push("DD_SITE and DD_API_KEY are not used, since an agent is named".into());
        }
        (true, false) => {
            notes.push("DD_SITE alone changes nothing: without DD_API_KEY, statistics go to an agent".into())
        }
        (false, true) => {
            notes.push("DD_API_KEY alone changes nothing: without DD_SITE, statistics go to an agent".into())
        }
        _ => {}
    }
    if set(&"DD_APM_RECEIVER_SOCKET") {
        notes.push(
            "DD_APM_RECEIVER_SOCKET is the agent's own: services are told with DD_TRACE_AGENT_URL=unix:///path".into(),
        );
    }
    for proxy in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].iter().filter(|name| set(name)) {
        notes.push(format!("{proxy} is not used: statistics never go through a proxy"));
    }
    for name in ["DD_SERVICE", "DD_ENV", "DD_VERSION", "DD_PRIMARY_TAG", "DD_TAGS", "DD_HOSTNAME"] {
        let quoted =
            |value: &String| value.len() > 1 && ['"', '\''].iter().any(|&q| value.starts_with(q) && value.ends_with(q));
        if let Some(value) = env(name).filter(quoted) {
            notes.push(format!("{name} is {}, with the quotes: files of variables take them literally", shown(&value)));
        }
    }
    notes
}

fn shown(value: &str) -> String {
    sentence(value, SHOWN)
}

#[cfg(test)]
mod tests {
    use super::super::check::Verdict;
    use super::*;

    fn said(agent_url: Option<&str>, variables: &[(&str, &str)]) -> (Option<String>, Vec<String>) {
        let env = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
        let (settings, checks) = settings(agent_url, &env);
        (settings.map(|settings| settings.endpoint.to_string()), checks.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn who_decided() {
        let by = |agent_url, variables: &[(&str, &str)]| said(agent_url, variables).1[0].clone();
        assert!(
            by(Some("http://a:1"), &[("DD_TRACE_AGENT_URL", "http://b:1")]).contains("http://a:1 (by --agent-url)")
        );
        assert!(
            by(None, &[("DD_TRACE_AGENT_URL", "unix:///a.sock")]).contains("unix:///a.sock (by DD_TRACE_AGENT_URL)")
        );
        let host =
            by(None, &[("DD_AGENT_HOST", "a"), ("DD_TRACE_AGENT_PORT", "9"), ("DD_SERVICE", "s"), ("DD_ENV", "e")]);
        assert!(host.contains("http://a:9 (by DD_AGENT_HOST and DD_TRACE_AGENT_PORT); service s, env e"), "{host}");
        assert!(by(None, &[("DD_SITE", "datadoghq.eu"), ("DD_API_KEY", "k")]).contains("the intake itself"));
        assert!(by(None, &[]).contains("since "));
    }

    #[test]
    fn what_cannot_be_meant_is_named() {
        let (endpoint, checks) = said(None, &[("DD_TRACE_AGENT_URL", "localhost:8126")]);
        assert_eq!((endpoint, checks.len()), (None, 1));
        assert!(
            checks[0].starts_with("FAILED  settings  DD_TRACE_AGENT_URL is \"localhost:8126\": it must start with"),
            "{checks:?}"
        );
        assert!(checks[0].contains("\n                  -> set it right"), "{checks:?}");
        assert!(said(None, &[("DD_DATA_STREAMS_ENABLED", "yes")]).1[0].contains("it must be true, 1, false or 0"));
    }

    #[test]
    fn surprises_are_told() {
        let noted = |variables: &[(&str, &str)], expected: &str| {
            let (_, checks) = said(None, variables);
            assert!(checks.iter().any(|check| check.contains(expected)), "{expected}: {checks:#?}");
        };
        noted(
            &[("DD_DATA_STREAMS_ENABLED", "0")],
            "FAILED  settings  DD_DATA_STREAMS_ENABLED is 0: nothing is recorded",
        );
        noted(&[], "note    settings  DD_SERVICE is not set");
        noted(
            &[("DD_TRACE_AGENT_URL", "http://a"), ("DD_AGENT_HOST", "b")],
            "DD_TRACE_AGENT_URL wins: DD_AGENT_HOST is not looked at",
        );
        noted(&[("DD_SITE", "datadoghq.eu")], "DD_SITE alone changes nothing");
        noted(&[("DD_API_KEY", "k")], "DD_API_KEY alone changes nothing");
        noted(&[("DD_SITE", "datadoghq.eu"), ("DD_API_KEY", "k"), ("DD_AGENT_HOST", "b")], "since an agent is named");
        noted(&[("HTTP_PROXY", "http://p")], "HTTP_PROXY is not used");
        noted(&[("DD_ENV", "\"prod\"")], "DD_ENV is \"prod\", with the quotes");
        noted(&[("DD_APM_RECEIVER_SOCKET", "/a")], "DD_APM_RECEIVER_SOCKET is the agent's own");
        let (settings, checks) = settings(None, &|name| (name == "DD_SERVICE").then(|| "s\u{1b}[2J".into()));
        assert!(settings.is_some() && checks.len() == 1 && checks[0].result == Verdict::Ok, "{checks:?}");
        assert!(checks[0].sentence.contains("service s\\u{1b}[2J"), "{checks:?}");
    }
}
