//! Asks a running collector over its HTTP interface, by the library's own way to an agent.

use crate::{cli, plain};
use datastreams_core::config::Config;
use datastreams_core::machine::Machine;
use datastreams_core::transport::{Answer, Session, Transport, Unanswered};
use serde::de::DeserializeOwned;
use std::fmt;
use std::time::Duration;

/// The variable that holds a collector's token.
pub(crate) const TOKEN: &str = "DATASTREAMS_TOKEN";
/// The largest answer that is read, in bytes.
const MOST: usize = 64 << 20;
/// How much of a refusal is shown, in characters.
const SHOWN: usize = 300;

/// The token of the file, else of the environment, else none.
pub(crate) fn token(options: &cli::Token) -> Result<Option<String>, String> {
    let (from, text) = match &options.token_file {
        Some(path) => {
            let cannot = |error| format!("cannot read the token from {}: {error}", path.display());
            (path.display().to_string(), std::fs::read_to_string(path).map_err(cannot)?)
        }
        None => match std::env::var_os(TOKEN) {
            Some(token) if !token.is_empty() => (format!("${TOKEN}"), token.to_string_lossy().into_owned()),
            _ => return Ok(None),
        },
    };
    let token = text.trim();
    if datastreams_core::request::is_header_value(token) {
        return Ok(Some(token.into()));
    }
    Err(format!("the token in {from} is empty, or holds characters that cannot be in a header; it is not shown here"))
}

/// Why there is no answer that can be used: a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    sentence: String,
    /// A token, or another one, is all that is missing.
    pub(crate) wants_token: bool,
}

impl Trouble {
    fn new(sentence: String) -> Self {
        Self { sentence, wants_token: false }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

/// A collector.
#[derive(Debug)]
pub(crate) struct Collector {
    /// Its address, as it was given.
    pub(crate) url: String,
    transport: Transport,
    authorization: Option<String>,
    timeout: Duration,
}

impl Collector {
    /// Connects to nothing yet.
    pub(crate) fn new(url: &str, token: Option<&str>, timeout: Duration) -> Result<Self, String> {
        let config = Config { agent_url: Some(url.into()), timeout: Some(timeout), ..Config::default() };
        // Of the machine and the environment, nothing.
        let settings = config.resolve_on(&|_| None, &Machine::default()).map_err(|error| {
            let error = error.to_string();
            error.strip_prefix("agent_url").map_or_else(|| error.clone(), |rest| format!("the collector's URL{rest}"))
        })?;
        Ok(Self {
            url: settings.endpoint.to_string(),
            transport: Transport::new(&settings).map_err(|error| error.to_string())?,
            authorization: token.map(|token| format!("Bearer {token}")),
            timeout,
        })
    }

    /// Opens a round of questions; they share a connection.
    pub(crate) fn open(&self) -> Result<Round<'_>, Trouble> {
        let session =
            self.transport.open().map_err(|error| Trouble::new(format!("cannot ask {}: {error}", self.url)))?;
        Ok(Round { collector: self, session })
    }
}

/// A round of questions.
pub(crate) struct Round<'a> {
    collector: &'a Collector,
    session: Session<'a>,
}

impl Round<'_> {
    /// Any answer.
    pub(crate) fn get(&self, path: &str) -> Result<Answer, Unanswered> {
        let bearer = self.collector.authorization.as_deref().map(|token| ("Authorization", token));
        let headers: Vec<_> = [("Accept", "application/json")].into_iter().chain(bearer).collect();
        self.session.get(path, &headers, MOST, self.collector.timeout)
    }

    /// The answer's JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        let (url, timeout) = (&self.collector.url, self.collector.timeout.as_secs());
        let answer = self.get(path).map_err(|unanswered| {
            Trouble::new(match unanswered {
                Unanswered::NotSent(why) => {
                    format!(
                        "no collector at {url}: {}; start one with `datastreams collect`",
                        plain::sentence(&why, SHOWN)
                    )
                }
                Unanswered::Timeout => format!("{url} did not answer within {timeout} s"),
                Unanswered::TooLarge => format!("the answer of {url} is larger than {} MiB", MOST >> 20),
                Unanswered::Broken(why) => {
                    format!("what answered at {url} is no collector: {}", plain::sentence(&why, SHOWN))
                }
            })
        })?;
        match answer.status {
            200 => serde_json::from_slice(&answer.body).map_err(|error| {
                Trouble::new(format!("what answered at {url} is no collector: {path} is not the JSON of one ({error})"))
            }),
            401 => {
                let another = if self.collector.authorization.is_some() { "another" } else { "a" };
                let give = format!("give it in ${TOKEN}, or in a file with --token-file");
                Err(Trouble { sentence: format!("{url} wants {another} token (401): {give}"), wants_token: true })
            }
            status => {
                let said = plain::sentence(&String::from_utf8_lossy(&answer.body), SHOWN);
                Err(Trouble::new(format!("{url} answered {status} to {path}: {said}")))
            }
        }
    }
}
