//! Who may read and post, over real sockets.

use crate::collect::{GZIP, orders};
use crate::common::{Collector, datastreams, request, run, socket_path, unix};
use datastreams_core::payload::gzip;
use std::io::Read;
use std::process::Stdio;

const STATS: &str = "/v0.1/pipeline_stats";
const KIND: (&str, &str) = ("Content-Type", "application/msgpack");
const SECRET: &str = "a+secret/of-16==";

#[test]
fn only_known_hosts_are_answered() {
    let socket = socket_path("hosts");
    let mut collector =
        Collector::start(&["--unix", socket.to_str().unwrap(), "--allow-host", "one.example", "--allow-host", "two"]);
    collector.line();
    let body = gzip(&orders()).unwrap();
    let get = |host: &str| request(collector.tcp(), "GET", "/api/graph", &[("Host", host)], b"").status;
    let post = |host: &str| request(collector.tcp(), "POST", STATS, &[("Host", host), KIND, GZIP], &body).status;
    for host in [collector.address.as_str(), "localhost:8126", "127.0.0.1", "[::1]:8126", "one.example", "two:80"] {
        assert_eq!((get(host), post(host)), (200, 202), "{host}");
    }
    assert_eq!((get("evil.example"), post("evil.example:8126"), get("169.254.169.254")), (403, 403, 403));
    let refusal = request(collector.tcp(), "GET", "/info", &[("Host", "collector:8126")], b"");
    let sentence =
        "this collector does not answer to the name collector: start it with --allow-host collector if it should\n";
    assert_eq!((refusal.status, refusal.text()), (403, sentence));
    assert_eq!(request(unix(&socket), "POST", STATS, &[("Host", "evil.example"), KIND, GZIP], &body).status, 202);
    let received = collector.json("/api/graph")["received"].clone();
    assert_eq!((received["payloads"].as_u64(), received["refused"].as_u64()), (Some(7), Some(1)));
}

#[test]
fn pages_of_other_origins_are_not_answered() {
    let collector = Collector::start(&[]);
    let own = format!("http://{}", collector.address);
    let get = |headers: &[(&str, &str)]| {
        let host = ("Host", collector.address.as_str());
        let headers: Vec<_> = headers.iter().copied().chain([host]).collect();
        request(collector.tcp(), "GET", "/api/graph", &headers, b"")
    };
    assert_eq!(get(&[("Origin", &own), ("Sec-Fetch-Site", "same-origin")]).status, 200);
    assert_eq!(get(&[("Origin", "http://localhost:3000")]).status, 403);
    assert_eq!(get(&[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")]).status, 403);
    let preflight = [("Origin", "https://evil.example"), ("Access-Control-Request-Method", "POST")];
    let answer = request(collector.tcp(), "OPTIONS", STATS, &preflight, b"");
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (403, None));
    let answer = get(&[]);
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
}

#[test]
fn reading_needs_the_token_and_posting_does_not() {
    let file = socket_path("token").with_extension("file");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let collector = Collector::start(&["--token-file", file.to_str().unwrap()]);
    std::fs::remove_file(&file).unwrap();
    let get = |path: &str, headers: &[(&str, &str)]| request(collector.tcp(), "GET", path, headers, b"");
    assert_eq!(get("/info", &[]).status, 200, "tracers ask it first");
    assert_eq!(collector.post(&[], &orders()).status, 202);
    for path in ["/api/graph", "/api/pathways", "/api/graph?last=300"] {
        let refusal = get(path, &[]);
        assert_eq!(refusal.status, 401, "{path}");
        assert!(refusal.text().starts_with("a token is needed here: open /?token=TOKEN"), "{}", refusal.text());
        assert_eq!(refusal.header("www-authenticate"), Some("Bearer realm=\"datastreams\""));
        assert_eq!(get(path, &[("Authorization", &format!("Bearer {SECRET}"))]).status, 200, "{path}");
    }
    assert_eq!(get("/api/graph", &[("Authorization", "Bearer another")]).status, 401);
    assert_eq!(get("/api/graph?token=another", &[]).status, 401);
    let entered = get("/api/graph?last=300&token=a%2Bsecret/of-16==", &[]);
    assert_eq!((entered.status, entered.header("location")), (303, Some("/api/graph?last=300")));
    let cookie = entered.header("set-cookie").unwrap().split(';').next().unwrap();
    assert_eq!(get("/api/graph", &[("Cookie", cookie)]).status, 200);
    assert_eq!(get("/api/graph", &[("Cookie", &cookie.replace('a', "b"))]).status, 401);
}

#[test]
fn posting_needs_the_token_when_it_is_said() {
    let socket = socket_path("posts");
    let mut command = datastreams(&["collect", "--listen", "127.0.0.1:0", "--token-for-posts", "--unix"]);
    let mut collector = Collector::spawn(command.arg(&socket).env("DATASTREAMS_TOKEN", SECRET));
    collector.line();
    let body = orders();
    let refusal = collector.post(&[], &body);
    assert_eq!(refusal.status, 401);
    assert!(refusal.text().starts_with("a token is needed here: send it as DD-API-KEY"), "{}", refusal.text());
    assert_eq!(collector.post(&[("DD-API-KEY", SECRET)], &body).status, 202);
    assert_eq!(collector.post(&[("Authorization", &format!("Bearer {SECRET}"))], &body).status, 202);
    assert_eq!(request(unix(&socket), "POST", STATS, &[KIND], &body).status, 401, "the socket may be open to all");
    assert_eq!(request(unix(&socket), "POST", STATS, &[KIND, ("DD-API-KEY", SECRET)], &body).status, 202);
    let headers = [("Authorization", "Bearer a+secret/of-16==")];
    let graph = request(collector.tcp(), "GET", "/api/graph", &headers, b"");
    let graph: serde_json::Value = serde_json::from_slice(&graph.body).unwrap();
    assert_eq!((graph["received"]["payloads"].as_u64(), graph["received"]["refused"].as_u64()), (Some(3), Some(2)));
    let line = std::fs::read(format!("/proc/{}/cmdline", collector.child.id())).unwrap();
    assert!(!String::from_utf8_lossy(&line).contains(SECRET), "nobody sees it in the list of processes");
}

#[test]
fn what_is_wrong_with_options() {
    let fails = |arguments: &[&str], code, sentence: &str| {
        let output = run(&[&["collect"], arguments].concat());
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(sentence) && output.status.code() == Some(code), "{text}");
    };
    // None of them comes to listen on the default port.
    fails(&["--token-file", "/nowhere"], 1, "error: cannot read the token in /nowhere: ");
    fails(&["--token-file", "/dev/null"], 1, "error: --token-file: a token must have 8 to 256 characters");
    fails(&["--token-for-posts"], 1, "error: --token-for-posts needs a token: --token-file PATH, or");
    fails(&["--allow-host", "http://a"], 1, "error: \"http://a\" is no host name");
    fails(&["--upstream", "https://agent"], 1, "error: \"https://agent\" is not an agent's address: https is not");
    fails(&["--listen", "localhost"], 2, "give host and port");
    fails(
        &["--listen", "no-such-name.invalid:0"],
        1,
        "error: cannot listen on no-such-name.invalid:0: the name is not",
    );
}

#[test]
fn names_and_all_addresses() {
    let mut command = datastreams(&["collect", "--listen", "localhost:0"]);
    let named = Collector::spawn(command.stderr(Stdio::piped()));
    assert!(named.address.starts_with("127.0.0.1:") || named.address.starts_with("[::1]:"), "{}", named.address);
    assert_eq!(named.get("/info").status, 200);

    let mut command = datastreams(&["collect", "--listen", "0.0.0.0:0"]);
    let mut open = Collector::spawn(command.stderr(Stdio::piped()));
    let tcp = std::net::TcpStream::connect(open.address.replace("0.0.0.0", "127.0.0.1")).unwrap();
    assert_eq!(request(tcp, "GET", "/info", &[("Host", "192.168.7.7:8126")], b"").status, 200, "one of its addresses");
    open.signal("TERM");
    open.ended();
    let mut said = String::new();
    open.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let note = "datastreams: everybody who reaches this address can read and post: set a token with --token-file\n";
    assert_eq!(said, note);
}
