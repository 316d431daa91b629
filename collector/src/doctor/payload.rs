//! A real client with real checkpoints: their headers read back, their payload delivered.

use super::check::Check;
use datastreams_core::client::{Client, Hooks, Input, wall_clock};
use datastreams_core::config::{Config, Delivery, Settings};
use datastreams_core::delivery::Outcome;
use datastreams_core::edge::Edge;
use datastreams_core::header::{self, Window};
use datastreams_core::pathway::Pathway;
use datastreams_core::transport::Transport;
use std::time::{Duration, Instant};

/// The service that the test's statistics are of, the tags of its two edges, and the latency between them.
pub(super) const SERVICE: &str = "datastreams-doctor";
pub(super) const OUT: [&str; 3] = ["direction:out", "topic:datastreams-doctor", "type:doctor"];
pub(super) const IN: [&str; 4] =
    ["direction:in", "group:datastreams-doctor", "topic:datastreams-doctor", "type:doctor"];
pub(super) const LATENCY: Duration = Duration::from_millis(250);
/// The bytes of each message, and how many there are.
pub(super) const SIZE: u64 = 100;
pub(super) const MESSAGES: u64 = 10;

const HEADER: &str = "header";
const PAYLOAD: &str = "payload";

/// The library's own settings here, for the test's client.
pub(super) fn settings(agent_url: Option<&str>, timeout: Duration) -> Result<Settings, String> {
    let config = Config {
        agent_url: agent_url.map(String::from),
        service: Some(SERVICE.into()),
        language: Some("doctor".into()),
        // What is wrong with it is said already; the rest is to be seen all the same.
        enabled: Some(true),
        delivery: Some(Delivery::Host),
        timeout: Some(timeout),
        ..Config::default()
    };
    config.from_process_env().map_err(|error| error.to_string())
}

/// A client, and what it measured.
pub(super) struct Measured {
    client: Client,
}

impl Measured {
    /// Produces and consumes messages, each header in another form that is on the wire.
    pub(super) fn new(settings: Settings) -> (Option<Self>, Check) {
        let client = match Client::with_settings(settings, Hooks::default()) {
            Ok(client) => client,
            Err(error) => {
                return (
                    None,
                    Check::failed(HEADER, format!("no client: {error}"), "set what the sentence names right"),
                );
            }
        };
        match messages(&client) {
            Ok(forms) => {
                let sentence = format!("{MESSAGES} messages' pathways were written, sent and read back as {forms}");
                (Some(Self { client }), Check::ok(HEADER, sentence))
            }
            Err(sentence) => {
                (None, Check::failed(HEADER, sentence, "this is a fault of the library: please report it"))
            }
        }
    }

    /// Delivers it in the library's way; whether it was taken.
    pub(super) fn deliver(self, transport: &Transport, timeout: Duration) -> (bool, Check) {
        let cannot =
            |what: String| (false, Check::failed(PAYLOAD, what, "this is a fault of the library: please report it"));
        let _ = self.client.flush(timeout);
        let payload = match self.client.take_payload() {
            Ok(Some(payload)) => payload,
            Ok(None) => return cannot("there was nothing to deliver".into()),
            Err(error) => return cannot(error.to_string()),
        };
        let session = match transport.open() {
            Ok(session) => session,
            Err(error) => {
                let advice =
                    "check the root certificates of this machine (SSL_CERT_FILE), and how many files may be open";
                return (false, Check::failed(PAYLOAD, format!("cannot post: {error}"), advice));
            }
        };
        // As the payloads of a client: unlike that of any other.
        let id = format!("doctor-{:x}-{:x}", std::process::id(), wall_clock());
        let began = Instant::now();
        let outcome = session.post(&payload.body, &id, timeout);
        let late = began.elapsed() >= timeout;
        let status = match outcome {
            Outcome::Answer { status, .. } => i32::from(status),
            Outcome::NotSent => 0,
            Outcome::Lost => -1,
        };
        let _ = self.client.settle_payload(payload.id, status);
        let taken = matches!(outcome, Outcome::Answer { status: 200..=299, .. });
        (taken, told(outcome, payload.body.len(), self.client.settings().endpoint.agentless, late.then_some(timeout)))
    }
}

/// Lets messages pass both edges; says in which forms their headers were.
fn messages(client: &Client) -> Result<&'static str, String> {
    let edge = |tags: &[&str]| client.intern(tags, "").map_err(|error| error.to_string());
    let (out, into) = (edge(&OUT)?, edge(&IN)?);
    let now = wall_clock();
    for number in 0..MESSAGES {
        let sent = cross(client, out, now - LATENCY.as_nanos() as i64, &[])?;
        let (mut text, mut binary) = ([0; header::MAX], [0; header::MAX_BINARY]);
        let (text_len, binary_len) =
            (header::encode_base64(&sent, &mut text), header::encode_binary(&sent, &mut binary));
        let header = match number % 3 {
            0 => text[..text_len].to_vec(),
            1 => binary[..binary_len].to_vec(),
            _ => base64(&text[..text_len]),
        };
        let read = header::decode(&header, now, &Window::DEFAULT)
            .map_err(|refusal| format!("a header was refused: {refusal}"))?;
        let millis = |ns: i64| ns / 1_000_000;
        let same = |one: &Pathway, other: &Pathway| {
            (one.hash, millis(one.start_ns), millis(one.edge_start_ns))
                == (other.hash, millis(other.start_ns), millis(other.edge_start_ns))
        };
        if !same(&sent, &read) {
            return Err(format!("a header was read as another than was written: {sent:?}, {read:?}"));
        }
        cross(client, into, now, &header)?;
    }
    Ok("base64, as the older binary form, and as base64 of base64")
}

fn cross(client: &Client, edge: Edge, now_ns: i64, header: &[u8]) -> Result<Pathway, String> {
    let input = Input { payload_size: Some(SIZE), now_ns, header, ..Input::default() };
    let passed = client.set_checkpoint(edge, &input).map_err(|error| error.to_string())?;
    passed.ok_or_else(|| "a checkpoint gave no pathway".into())
}

/// As clients do that take a text for bytes.
fn base64(bytes: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::new();
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, at| bits << 8 | u32::from(three.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= three.len() { letter } else { b'=' });
        }
    }
    text
}

/// `late`: the time that was over.
fn told(outcome: Outcome, bytes: usize, agentless: bool, late: Option<Duration>) -> Check {
    let (sentence, advice) = match outcome {
        Outcome::Answer { status: status @ 200..=299, .. } => {
            return Check::ok(PAYLOAD, format!("{bytes} bytes of statistics were taken ({status})"));
        }
        Outcome::NotSent => (
            match late {
                Some(timeout) => format!("could not be sent within {} s", timeout.as_secs()),
                None => "could not be sent".into(),
            },
            "see what the steps before say of the connection",
        ),
        Outcome::Lost => (
            match late {
                Some(timeout) => format!("was sent, but there was no answer within {} s", timeout.as_secs()),
                None => "was sent, but the connection ended without an answer".into(),
            },
            "what listens there is no agent, or hangs: look at its log",
        ),
        Outcome::Answer { status, .. } => (format!("was refused ({status})"), refusal(status, agentless)),
    };
    Check::failed(PAYLOAD, format!("the payload {sentence}"), advice)
}

fn refusal(status: u16, agentless: bool) -> &'static str {
    match status {
        300..=399 => "redirects are not followed: name the agent itself",
        401 | 403 if agentless => "the API key is not one of this site: check DD_API_KEY and DD_SITE",
        401 | 403 => {
            "the agent's own API key is not valid (api_key in its datadog.yaml, DD_API_KEY where it runs), or a proxy stands \
             before it; a collector that wants a token takes statistics from those who have it"
        }
        404 => "it takes no pipeline statistics: update the agent to 7.34 or later, or check address and port",
        413 => "a proxy before the agent allows too little: let bodies of 1 MiB through",
        408 | 429 => "it has too much to do; the library tries again later: look at the load of the agent",
        400 | 415 => "something between changes what is sent, or what listens there is no agent",
        500..=599 => "the agent, or what is behind it, is in trouble: look at its log; the library tries again later",
        _ => "what listens there is no agent: check address and port",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_all_lengths() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(bytes.as_bytes()), text.as_bytes());
        }
    }
}
