//! `datastreams doctor` over a real collector, and over agents that fail in each way.

use crate::common::{Collector, datastreams, socket_path};
use crate::scripted::{Scripted, answer};
use serde_json::{Value, json};
use std::os::unix::net::UnixListener;
use std::time::{Duration, SystemTime};

const INFO: &str =
    r#"{"version":"7.70.0","endpoints":["/v0.4/traces","/v0.1/pipeline_stats"],"config":{"receiver_port":8126}}"#;

/// Runs it with these variables and no other `DD_` ones: exit code, the text, and the checks as JSON. It waits for answers
/// longer than any takes, unless it is told how long.
fn doctor(variables: &[(&str, &str)], arguments: &[&str]) -> (Option<i32>, String, Vec<Value>) {
    let run = |json: &[&str]| {
        let timeout: &[&str] = if arguments.contains(&"--timeout") { &[] } else { &["--timeout", "20"] };
        let mut command = datastreams(&[&["doctor"], timeout, arguments, json].concat());
        for (name, _) in std::env::vars() {
            if name.starts_with("DD_") || name.starts_with("DATASTREAMS_") || name.to_lowercase().ends_with("_proxy") {
                command.env_remove(name);
            }
        }
        command.env("DD_SERVICE", "checkout").env("DD_ENV", "test").envs(variables.iter().copied()).output().unwrap()
    };
    let (text, json) = (run(&[]), run(&["--json"]));
    assert_eq!(text.status.code(), json.status.code());
    let report: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(report["ok"], json!(json.status.code() == Some(0)), "{report:#}");
    (text.status.code(), String::from_utf8(text.stdout).unwrap(), report["checks"].as_array().unwrap().clone())
}

/// The check of this name that is no note.
fn check<'a>(checks: &'a [Value], name: &str) -> (&'a str, &'a str, &'a str) {
    let check = checks.iter().rev().find(|check| check["name"] == name && check["result"] != "note");
    let check = check.unwrap_or_else(|| panic!("no {name} in {checks:#?}"));
    let text = |field: &str| check[field].as_str().unwrap_or_default();
    (text("result"), text("sentence"), text("advice"))
}

/// An agent that answers so to `/info` and to a payload.
fn agent(info: &'static str, taken: &'static str) -> Scripted {
    Scripted::start(move |request| {
        let date = httpdate::fmt_http_date(SystemTime::now());
        let path = request.split(' ').nth(1).unwrap();
        let status = if path == "/info" { "200 OK" } else { taken };
        answer(status, &[("Date", &date)], if path == "/info" { info } else { "" })
    })
}

#[test]
fn a_collector_proves_everything() {
    let socket = socket_path("doctor");
    let mut collector = Collector::start(&["--unix", socket.to_str().unwrap()]);
    collector.line();
    let tcp = format!("http://{}", collector.address);
    for (round, url) in [tcp, format!("unix://{}", socket.display())].iter().enumerate() {
        let (code, text, checks) = doctor(&[("DD_TRACE_AGENT_URL", url)], &[]);
        assert_eq!(code, Some(0), "{text}");
        let names: Vec<&str> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["settings", "agent", "info", "clock", "header", "payload", "seen"]);
        assert!(checks.iter().all(|check| check["result"] == "ok"), "{checks:#?}");
        assert!(
            check(&checks, "settings").1.contains("(by DD_TRACE_AGENT_URL); service checkout, env test"),
            "{checks:#?}"
        );
        assert!(check(&checks, "info").1.starts_with("a collector, 0."), "{checks:#?}");
        assert!(check(&checks, "payload").1.ends_with("bytes of statistics were taken (202)"), "{checks:#?}");
        let shown = "the collector shows service datastreams-doctor: 10 messages, 250 ms in the queue, 100 bytes each";
        assert_eq!(check(&checks, "seen").1, shown);
        assert!(text.ends_with("all is well: what a service measures here arrives\n"), "{text}");
        // Each run twice, as text and as JSON; and it is really there.
        let graph = collector.json("/api/graph");
        let messages: Vec<&Value> = graph["edges"].as_array().unwrap().iter().map(|edge| &edge["messages"]).collect();
        assert_eq!(messages, [20 * (round as u64 + 1); 2]);
    }
}

#[test]
fn an_agent_proves_what_it_can() {
    let agent = agent(INFO, "202 Accepted");
    let (code, text, checks) = doctor(&[("DD_TRACE_AGENT_URL", &agent.url())], &[]);
    assert_eq!(code, Some(3), "{text}");
    assert_eq!(check(&checks, "info").1, "an agent, 7.70.0, which takes /v0.1/pipeline_stats");
    assert_eq!(check(&checks, "payload").0, "ok");
    let (result, sentence, advice) = check(&checks, "seen");
    assert_eq!(result, "unknown");
    assert!(
        sentence.contains("does not tell what becomes of it: look there for the service datastreams-doctor"),
        "{sentence}"
    );
    assert!(advice.contains("point DD_TRACE_AGENT_URL at a `datastreams collect`"), "{advice}");
    assert!(text.ends_with("nothing is wrong, but not all could be proved\n"), "{text}");
}

#[test]
fn nobody_there() {
    let fails = |variables: &[(&str, &str)], sentence: &str, advice: &str| {
        let (code, text, checks) = doctor(variables, &[]);
        let found = check(&checks, "agent");
        assert!(
            code == Some(1) && found.0 == "failed" && found.1.contains(sentence) && found.2.contains(advice),
            "{checks:#?}"
        );
        assert_eq!(check(&checks, "header").0, "ok", "what needs no agent is proved all the same");
        for skipped in ["info", "clock", "payload", "seen"] {
            assert_eq!(check(&checks, skipped).0, "skipped", "{checks:#?}");
        }
        assert!(text.contains("FAILED  agent ") && text.ends_with("not all is well\n"), "{text}");
    };
    let port = [("DD_AGENT_HOST", "127.0.0.1"), ("DD_TRACE_AGENT_PORT", "1")];
    fails(&port, "nobody answers: 127.0.0.1:1: connection refused", "start the agent, or `datastreams collect`");
    fails(&[("DD_AGENT_HOST", "nowhere.invalid")], "the name nowhere.invalid", "name");
    fails(
        &[("DD_TRACE_AGENT_URL", "unix:///nowhere/a.sock")],
        "there is no socket /nowhere/a.sock",
        "mount the agent's socket",
    );
    fails(&[("DD_TRACE_AGENT_URL", "unix:///etc/passwd")], "/etc/passwd is no socket", "remove it");
    let socket = socket_path("left");
    drop(UnixListener::bind(&*socket).unwrap());
    let url = format!("unix://{}", socket.display());
    fails(&[("DD_TRACE_AGENT_URL", &url)], "nobody listens on", "start the agent");
    std::fs::remove_file(&*socket).unwrap();
}

#[test]
fn what_answers_is_no_agent() {
    let fails = |info: (&'static str, &'static str), sentence: &str, advice: &str| {
        let (status, body) = info;
        let server = Scripted::start(move |_| if status == "raw" { body.into() } else { answer(status, &[], body) });
        let silent = info == ("raw", "");
        let (code, _, checks) =
            doctor(&[("DD_TRACE_AGENT_URL", &server.url())], if silent { &["--timeout", "1"] } else { &[] });
        let found = check(&checks, "info");
        assert!(
            code == Some(1) && found.0 == "failed" && found.1.contains(sentence) && found.2.contains(advice),
            "{checks:#?}"
        );
        assert_eq!(check(&checks, "agent").0, "ok", "somebody is there");
        checks
    };
    fails(
        ("404 Not Found", "no\u{1b}[2Jthing"),
        "404: it knows no /info (no\\u{1b}[2Jthing)",
        "no agent, or a very old one",
    );
    fails(("403 Forbidden", "no"), "403: asking is not allowed", "do as it says; when a proxy");
    fails(("302 Found", ""), "it answered 302", "redirects are not followed");
    fails(("503 Busy", "soon"), "it answered 503 (soon)", "look at the log");
    fails(
        ("200 OK", "<html>It works!</html>"),
        "the answer is no agent's (<html>It works!</html>)",
        "check address and port",
    );
    fails(("200 OK", "[]"), "the answer is no agent's", "check address and port");
    fails(("raw", "SSH-2.0-OpenSSH\r\n"), "does not speak HTTP", "check address, scheme and port");
    // Nothing, for ever.
    let checks = fails(("raw", ""), "connected, but no answer within 1 s", "no agent, or hangs");
    assert!(check(&checks, "payload").1.contains("there was no answer within 1 s"), "{checks:#?}");
    let old = r#"{"version":"7.30.0","endpoints":["/v0.4/traces"],"config":{"receiver_port":8126}}"#;
    let checks = fails(("200 OK", old), "an agent, 7.30.0, does not list /v0.1/pipeline_stats", "update the agent");
    assert_eq!(check(&checks, "clock").0, "unknown", "it told no time");
}

#[test]
fn payloads_are_refused() {
    for (status, advice) in [
        ("400 Bad", "something between changes what is sent"),
        ("401 No", "the agent's own API key is not valid"),
        ("403 No", "the agent's own API key is not valid"),
        ("404 No", "it takes no pipeline statistics"),
        ("413 Large", "let bodies of 1 MiB through"),
        ("429 Later", "it has too much to do"),
        ("302 Found", "redirects are not followed"),
        ("500 Oops", "the agent, or what is behind it, is in trouble"),
    ] {
        let agent = agent(INFO, status);
        let (code, _, checks) = doctor(&[("DD_TRACE_AGENT_URL", &agent.url())], &[]);
        let found = check(&checks, "payload");
        assert_eq!((code, found.0), (Some(1), "failed"), "{checks:#?}");
        assert_eq!(found.1, format!("the payload was refused ({})", &status[..3]));
        assert!(found.2.contains(advice), "{status}: {}", found.2);
        assert_eq!((check(&checks, "info").0, check(&checks, "seen").0), ("ok", "skipped"), "{checks:#?}");
    }
}

#[test]
fn clocks_that_differ_are_found() {
    for (ahead, sentence) in [(true, "s behind the agent's"), (false, "s ahead of the agent's")] {
        let server = Scripted::start(move |_| {
            let hour = Duration::from_secs(3600);
            let then = if ahead { SystemTime::now() + hour } else { SystemTime::now() - hour };
            answer("200 OK", &[("Date", &httpdate::fmt_http_date(then))], INFO)
        });
        let (code, _, checks) = doctor(&[("DD_TRACE_AGENT_URL", &server.url())], &[]);
        let found = check(&checks, "clock");
        assert!(code == Some(1) && found.0 == "failed" && found.1.contains(sentence), "{checks:#?}");
        assert!(found.1.contains("lose their pathway") && found.2.contains("NTP"), "{checks:#?}");
    }
}

#[test]
fn settings_that_are_wrong() {
    let (code, text, checks) = doctor(&[("DD_TRACE_AGENT_URL", "localhost:8126")], &[]);
    assert_eq!(code, Some(1));
    assert!(
        text.contains("FAILED  settings  DD_TRACE_AGENT_URL is \"localhost:8126\": it must start with http://"),
        "{text}"
    );
    assert_eq!((checks.len(), check(&checks, "seen").0), (7, "skipped"));
    // Off: all else is proved, and yet it fails.
    let collector = Collector::start(&[]);
    let url = format!("http://{}", collector.address);
    let (code, _, checks) = doctor(&[("DD_TRACE_AGENT_URL", &url), ("DD_DATA_STREAMS_ENABLED", "false")], &[]);
    assert_eq!((code, check(&checks, "seen").0), (Some(1), "ok"), "{checks:#?}");
    assert_eq!(check(&checks, "settings").1, "DD_DATA_STREAMS_ENABLED is false: nothing is recorded");
    // What the code of a service names wins.
    let wrong = [("DD_TRACE_AGENT_URL", "http://127.0.0.1:1")];
    let (code, text, _) = doctor(&wrong, &["--agent-url", &url]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("note    settings  --agent-url wins: DD_TRACE_AGENT_URL is not looked at"), "{text}");
    assert_eq!(doctor_code(&["--timeout", "0"]), Some(2));
    assert_eq!(doctor_code(&["--token-file", "/nowhere"]), Some(2));
}

fn doctor_code(arguments: &[&str]) -> Option<i32> {
    datastreams(&[&["doctor"], arguments].concat()).output().unwrap().status.code()
}

/// A collector that takes everything, and shows what a test says.
fn showing(edges: &'static str, graph_status: &'static str) -> Scripted {
    const INFO: &str = r#"{"version":"9","endpoints":["v0.1/pipeline_stats"],"config":{"max_request_bytes":1}}"#;
    Scripted::start(move |request| {
        let date = httpdate::fmt_http_date(SystemTime::now());
        let (status, body) = match request.split(' ').nth(1).unwrap() {
            "/info" => ("200 OK", INFO.to_string()),
            "/v0.1/pipeline_stats" => ("202 Accepted", "{}".into()),
            "/api/graph" => (graph_status, format!(r#"{{"now_ms":1,"nodes":[],"edges":[{edges}]}}"#)),
            _ => ("200 OK", r#"{"pathways":[]}"#.into()),
        };
        answer(status, &[("Date", &date)], &body)
    })
}

#[test]
fn a_collector_that_shows_other_numbers_is_found_out() {
    let seen = |edges: &'static str, status: &'static str| {
        let server = showing(edges, status);
        // It looks again and again until then.
        let (code, _, checks) = doctor(&[("DD_TRACE_AGENT_URL", &server.url())], &["--timeout", "2"]);
        let (result, sentence, advice) = check(&checks, "seen");
        (code, result.to_string(), format!("{sentence} {advice}"))
    };
    let (code, result, text) = seen("", "200 OK");
    assert!(code == Some(1) && result == "failed" && text.contains("does not show its edge direction:out"), "{text}");
    // Known before, and no message more.
    let stuck = r#"{"id":"1","kind":"produce","from":"s","to":"q","env":"test","service":"datastreams-doctor",
        "tags":["direction:out","topic:datastreams-doctor","type:doctor"],"messages":7,"rate":1.0,
        "edge_latency":null,"pathway_latency":null,"payload_size":null,"lag":null}"#;
    let (code, result, text) = seen(stuck, "200 OK");
    assert!(code == Some(1) && result == "failed", "{text}");
    assert!(text.contains("shows 0 messages at direction:out where 10 passed"), "{text}");
    let (code, result, text) = seen("", "401 Unauthorized");
    assert!(code == Some(3) && result == "unknown" && text.contains("wants a token (401)"), "{text}");
    assert!(text.contains("give the collector's token in $DATASTREAMS_TOKEN"), "{text}");
}

/// What is wrong with a collector that has no wish for a token is not mended by one.
#[test]
fn a_collector_that_cannot_be_asked_is_told_as_it_is() {
    let server = showing("", "500 Oops");
    let (code, _, checks) = doctor(&[("DD_TRACE_AGENT_URL", &server.url())], &[]);
    let (result, sentence, advice) = check(&checks, "seen");
    assert!(code == Some(3) && result == "unknown" && sentence.contains("answered 500 to /api/graph"), "{checks:#?}");
    assert!(!advice.contains("token") && advice.contains("/api/graph"), "{advice}");
}

/// Who hangs up has not let anybody wait.
#[test]
fn one_that_hangs_up_is_not_called_slow() {
    let server = Scripted::start(|request| match request.split(' ').nth(1).unwrap() {
        "/info" => answer("200 OK", &[("Date", &httpdate::fmt_http_date(SystemTime::now()))], INFO),
        _ => "SSH-2.0\r\n".into(),
    });
    let (code, _, checks) = doctor(&[("DD_TRACE_AGENT_URL", &server.url())], &[]);
    let (result, sentence, _) = check(&checks, "payload");
    let expected = "the payload was sent, but the connection ended without an answer";
    assert_eq!((code, result, sentence), (Some(1), "failed", expected));
}

/// Of a collector before an agent `/info` is the agent's, and all the rest can be proved.
#[test]
fn a_collector_before_an_agent_proves_everything() {
    let agent = agent(INFO, "202 Accepted");
    let collector = Collector::start(&["--upstream", &agent.url()]);
    let url = format!("http://{}", collector.address);
    let (code, text, checks) = doctor(&[("DD_TRACE_AGENT_URL", &url)], &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(check(&checks, "info").1.starts_with("an agent, 7.70.0"), "{checks:#?}");
    assert!(
        check(&checks, "seen").1.starts_with("the collector shows service datastreams-doctor: 10 messages"),
        "{text}"
    );
    // One that wants a token is known by it.
    let guarded = Collector::spawn(
        datastreams(&["collect", "--listen", "127.0.0.1:0", "--upstream", &agent.url()])
            .env("DATASTREAMS_TOKEN", "only-for-those"),
    );
    let url = format!("http://{}", guarded.address);
    let (code, _, checks) = doctor(&[("DD_TRACE_AGENT_URL", &url)], &[]);
    let (result, sentence, advice) = check(&checks, "seen");
    assert!(code == Some(3) && result == "unknown" && sentence.contains("wants a token (401)"), "{checks:#?}");
    assert!(advice.contains("--token-file"), "{advice}");
    let (code, text, _) = doctor(&[("DD_TRACE_AGENT_URL", &url), ("DATASTREAMS_TOKEN", "only-for-those")], &[]);
    assert_eq!(code, Some(0), "{text}");
}
