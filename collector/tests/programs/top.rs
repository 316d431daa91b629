//! `datastreams top --once`, and what it says when there is no collector.

use crate::common::{Collector, datastreams, run, socket_path};
use crate::payloads::{about, orders, payments};
use crate::scripted::{Scripted, answer};
use serde_json::{Value, json};

fn top(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = run(&[&["top", "--once"], arguments].concat());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// A collector in which orders were paid.
fn paid(arguments: &[&str]) -> (Collector, String) {
    let collector = Collector::start(arguments);
    for payload in [orders(), payments()] {
        assert_eq!(collector.post(&[], &payload).status, 202);
    }
    let url = format!("http://{}", collector.address);
    (collector, url)
}

#[test]
fn json_of_a_running_collector() {
    let (_collector, url) = paid(&[]);
    let (code, out, err) = top(&["--json", "--last", "0", "--url", &url, "--sort", "edge-p50"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let printed: Value = serde_json::from_str(&out).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(keys(&printed), "edges format last_seconds now_ms pathways url");
    assert_eq!((&printed["format"], &printed["url"], &printed["last_seconds"]), (&json!(1), &json!(url), &Value::Null));
    let [consume, produce] = printed["edges"].as_array().unwrap().as_slice() else { panic!("{out}") };
    assert_eq!(
        keys(consume),
        "edge_latency env from id kind lag messages name pathway_latency payload_size rate service tags to"
    );
    assert_eq!(consume["name"], "kafka t -> test/payments (group g)", "the largest first");
    assert_eq!((&consume["kind"], &consume["messages"]), (&json!("consume"), &json!(100)));
    about(&consume["edge_latency"]["p50"], 0.25);
    about(&consume["pathway_latency"]["max"], 0.26);
    about(&consume["payload_size"]["p99"], 512.0);
    assert_eq!((&consume["lag"]["messages"], &consume["lag"]["group"]), (&json!(2), &json!("g")));
    assert_eq!((&produce["name"], &produce["lag"]), (&json!("test/orders -> kafka t"), &Value::Null));
    let [pathway] = printed["pathways"].as_array().unwrap().as_slice() else { panic!("{out}") };
    assert_eq!(keys(pathway), "edges id latency messages name origin rate services");
    assert_eq!((&pathway["services"], &pathway["origin"]), (&json!(["orders", "payments"]), &json!("known")));
    assert_eq!(pathway["edges"], json!([produce["id"], consume["id"]]));
    about(&pathway["latency"]["p95"], 0.26);

    let (code, out, _) = top(&["--json", "--last", "0", "--url", &url, "--filter", "PAYMENTS in"]);
    let printed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, printed["edges"].as_array().unwrap().len()), (Some(0), 1));
}

#[test]
fn tables_of_a_running_collector() {
    let socket = socket_path("top");
    let (mut collector, _url) = paid(&["--unix", socket.to_str().unwrap()]);
    collector.line();
    let (code, out, err) = top(&["--last", "0", "--url", &format!("unix://{}", socket.display())]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[1].starts_with("EDGES ") && lines[1].ends_with("LAG TIME"), "{out}");
    assert!(lines[2].starts_with("kafka t -> test/payments (group g)") && lines[2].contains(" 250 ms"), "{out}");
    assert!(lines[5].starts_with("PATHWAYS ") && lines[6].starts_with("test/orders -> test/payments ["), "{out}");
}

#[test]
fn what_cannot_be_shown_is_a_sentence() {
    let fails = |url: &str, expected: &str| {
        let (code, out, err) = top(&["--url", url]);
        assert_eq!((code, out.as_str(), err.lines().count()), (Some(1), "", 1), "{err}");
        assert!(err.starts_with("error: ") && err.contains(expected), "{err}");
    };
    fails("http://127.0.0.1:1", "no collector at http://127.0.0.1:1: ");
    fails("unix:///nowhere/top.sock", "no collector at unix:///nowhere/top.sock: ");
    let answers = [
        ("401 Unauthorized", "text/plain", "no\n", "wants a token (401): give it in $DATASTREAMS_TOKEN"),
        (
            "500 Oops",
            "text/plain",
            "it \u{1b}[31mbroke\nbadly",
            "answered 500 to /api/graph?last=300: it \\u{1b}[31mbroke\n",
        ),
        ("200 OK", "text/html", "<html>", "is no collector: /api/graph?last=300 is not the JSON of one"),
        ("200 OK", "application/json", "{}", "is not the JSON of one (missing field `now_ms`"),
    ];
    for (status, kind, body, expected) in answers {
        let server = Scripted::start(move |_| answer(status, &[("Content-Type", kind)], body));
        fails(&server.url(), expected);
    }
    fails(&Scripted::start(|_| "SSH-2.0-nothing\r\n".into()).url(), "what answered at http://127.0.0.1:");

    for wrong in
        [&["--url", "localhost:8126"][..], &["--sort", "age"], &["--token-file", "/nowhere"], &["--every", "0"]]
    {
        let (code, out, err) = top(wrong);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{wrong:?}: {err}");
    }
    assert_eq!(run(&["top", "--json"]).status.code(), Some(2), "--json is for --once");
    let output = run(&["top"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("no terminal: use --once"));
}

/// What a script writes into a file is there, or it is told.
#[test]
fn an_output_that_takes_nothing_is_told() {
    let collector = Collector::start(&[]);
    let url = format!("http://{}", collector.address);
    let tag = ["hash", "--service", "a", "b"];
    let header = ["decode", "--json", "MnkGAAAAAAD2kare+meg5are+mc="];
    let doctor = ["doctor", "--json", "--agent-url", &url];
    let once = ["top", "--once", "--url", &url];
    for arguments in [&once[..], &[&once[..], &["--json"]].concat(), &tag, &header, &doctor] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = datastreams(arguments).stdout(full).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {err}");
        assert!(err.starts_with("error: cannot write the output: No space left"), "{arguments:?}: {err}");
        // One that has read enough is no fault.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = datastreams(arguments).stdout(writer).output().unwrap();
        assert!(output.stderr.is_empty() && output.status.success(), "{arguments:?}: {output:?}");
    }
}

#[test]
fn the_token_goes_with_every_question() {
    let script =
        |request: &str| match request.lines().any(|line| line.eq_ignore_ascii_case("authorization: Bearer s3cret")) {
            false => answer("401 Unauthorized", &[], ""),
            true if request.starts_with("GET /api/graph?last=60 ") => {
                answer("200 OK", &[], r#"{"now_ms":1,"nodes":[],"edges":[]}"#)
            }
            true => answer("200 OK", &[], r#"{"pathways":[]}"#),
        };
    let server = Scripted::start(script);
    let url = server.url();
    let with = |arguments: &[&str], token: &str| {
        let fixed = ["top", "--once", "--last", "60", "--url", &url];
        datastreams(&[&fixed, arguments].concat()).env("DATASTREAMS_TOKEN", token).output().unwrap()
    };
    assert_eq!(with(&[], "s3cret").status.code(), Some(0));
    let wrong = with(&[], "wrong");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("wants another token (401)"));
    let file = socket_path("token");
    std::fs::write(&*file, "s3cret\n").unwrap();
    assert_eq!(with(&["--token-file", file.to_str().unwrap()], "wrong").status.code(), Some(0), "the file wins");
    std::fs::write(&*file, "a\r\nb").unwrap();
    let output = with(&["--token-file", file.to_str().unwrap()], "");
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(2) && err.contains("it is not shown here") && !err.contains("a\r\nb"),
        "{err}"
    );
}
