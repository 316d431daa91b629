//! Options of a client, and the settings they resolve to: explicit option, else environment, else default.

use crate::container::Ids;
use crate::delivery::Limits;
use crate::dogstatsd::Address;
use crate::endpoint::{self, Endpoint};
use crate::machine::Machine;
use crate::process_tags::process_tags;
use crate::request::is_header_value;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The service when nothing names one and the program is unknown.
pub const DEFAULT_SERVICE: &str = "unnamed-service";
/// The language of a client that no binding named.
pub const DEFAULT_LANGUAGE: &str = "c";
/// This library's version, sent as the tracer version.
pub const LIBRARY_VERSION: &str = env!("CARGO_PKG_VERSION");
/// Aggregation memory of a client, in bytes.
pub const DEFAULT_MEMORY_LIMIT: usize = 64 << 20;
/// Payloads waiting for delivery, in bytes: at one payload of 50 KB per 10 s, 55 minutes of a missing agent.
pub const DEFAULT_RETRY_LIMIT: usize = 16 << 20;
/// How long a payload waits for delivery at most.
pub const DEFAULT_RETRY_AGE: Duration = Duration::from_secs(3600);
/// Edges interned.
pub const DEFAULT_MAX_EDGES: usize = 4096;
/// Parents of one edge in one bucket.
pub const DEFAULT_MAX_PARENTS: usize = 256;
/// Origin buckets alive.
pub const DEFAULT_MAX_ORIGIN_BUCKETS: usize = 64;
/// A payload, compressed, in bytes. Downstream of some agents 1 MB is the cap of a message.
pub const DEFAULT_MAX_PAYLOAD_BYTES: usize = 1 << 20;
/// Transaction records, in bytes per 10 s.
pub const DEFAULT_TRANSACTION_LIMIT: usize = 2_300_000;
/// The age of the times in a received header, at most.
pub const DEFAULT_MAX_HEADER_AGE: Duration = Duration::from_secs(31 * 24 * 3600);
/// How far the times in a received header may lie in the future.
pub const DEFAULT_MAX_HEADER_FUTURE: Duration = Duration::from_secs(60);
/// One post, from the first connection attempt to the answer (dd-trace-go's and dd-trace-java's 10 s).
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// Most edges that may be interned.
const MAX_EDGES_MAX: usize = 1 << 20;
/// Longest timeout that is accepted: a reporter must get to its next bucket.
const TIMEOUT_MAX: Duration = Duration::from_secs(3600);

/// Who closes buckets and posts payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// One reporter thread, started on the first checkpoint.
    #[default]
    Thread,
    /// The host calls poll, which closes buckets and posts.
    Poll,
    /// The host calls poll, which closes buckets, then takes, posts and settles payloads itself.
    Host,
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one header that carries it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Explicit options of a client. `None`, and a text of spaces only, mean: take the environment's, else the default.
/// Texts are trimmed.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Whether anything is recorded. `DD_DATA_STREAMS_ENABLED`; on when unset.
    pub enabled: Option<bool>,
    /// `DD_SERVICE`, else `service:` in `DD_TAGS`, else the program's name, else [`DEFAULT_SERVICE`].
    pub service: Option<String>,
    /// `DD_ENV`, else `env:` in `DD_TAGS`, else empty.
    pub env: Option<String>,
    /// `DD_VERSION`, else `version:` in `DD_TAGS`, else empty.
    pub version: Option<String>,
    /// `DD_PRIMARY_TAG`, else empty. Hashed when set.
    pub primary_tag: Option<String>,
    /// `key:value` texts sent with each payload; `DD_TAGS` when empty (its service, env and version are taken out).
    pub tags: Vec<String>,
    /// `DD_HOSTNAME`, else the machine's name.
    pub hostname: Option<String>,
    /// `http://host:port`, `https://host:port` or `unix:///path`. See [`Config::resolve_on`] for what else may decide.
    pub agent_url: Option<String>,
    /// `DD_SITE`: with an API key, payloads go to the intake without an agent.
    pub site: Option<String>,
    /// `DD_API_KEY`. Never printed and never part of an error.
    pub api_key: Option<Secret>,
    /// `udp://host:port` or `unix:///path` for health counts; `DD_DOGSTATSD_URL`, else `DD_DOGSTATSD_HOST` and
    /// `DD_DOGSTATSD_PORT`, else none are sent.
    pub dogstatsd_url: Option<String>,
    /// `DD_EXTERNAL_ENV`: what the cluster agent's admission controller injected.
    pub external_env: Option<String>,
    /// The language of the binding, such as `go`; [`DEFAULT_LANGUAGE`].
    pub language: Option<String>,
    /// The version of the language's runtime.
    pub language_version: Option<String>,
    /// Whether process tags are sent. `DD_EXPERIMENTAL_PROPAGATE_PROCESS_TAGS_ENABLED`; on when unset.
    pub process_tags: Option<bool>,
    /// Who delivers.
    pub delivery: Option<Delivery>,
    /// Bytes; [`DEFAULT_MEMORY_LIMIT`].
    pub memory_limit: Option<usize>,
    /// Bytes; [`DEFAULT_RETRY_LIMIT`].
    pub retry_limit: Option<usize>,
    /// [`DEFAULT_RETRY_AGE`].
    pub retry_age: Option<Duration>,
    /// [`DEFAULT_MAX_EDGES`].
    pub max_edges: Option<usize>,
    /// [`DEFAULT_MAX_PARENTS`].
    pub max_parents: Option<usize>,
    /// [`DEFAULT_MAX_ORIGIN_BUCKETS`].
    pub max_origin_buckets: Option<usize>,
    /// Bytes, compressed; [`DEFAULT_MAX_PAYLOAD_BYTES`].
    pub max_payload_bytes: Option<usize>,
    /// Bytes per 10 s; [`DEFAULT_TRANSACTION_LIMIT`].
    pub transaction_limit: Option<usize>,
    /// [`DEFAULT_MAX_HEADER_AGE`].
    pub max_header_age: Option<Duration>,
    /// [`DEFAULT_MAX_HEADER_FUTURE`].
    pub max_header_future: Option<Duration>,
    /// One post. `DD_TRACE_AGENT_TIMEOUT` in seconds (as dd-trace-go and dd-trace-java read it); [`DEFAULT_TIMEOUT`].
    pub timeout: Option<Duration>,
}

/// What a client runs with: every option decided. Immutable; share it in an `Arc`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// False: calls pass pathways through and record nothing.
    pub enabled: bool,
    /// Never empty.
    pub service: String,
    /// May be empty.
    pub env: String,
    /// May be empty.
    pub version: String,
    /// May be empty: then it is not hashed.
    pub primary_tag: String,
    /// `key:value` texts.
    pub tags: Arc<[Box<str>]>,
    /// Sorted by key; empty when switched off.
    pub process_tags: Arc<[Box<str>]>,
    /// May be empty.
    pub hostname: String,
    /// Where payloads go.
    pub endpoint: Endpoint,
    /// Sent only when `endpoint.agentless`.
    pub api_key: Option<Secret>,
    /// Where health counts go, if anywhere.
    pub dogstatsd: Option<Address>,
    /// Sent as a header when set.
    pub external_env: Option<String>,
    /// The container of this process.
    pub container: Ids,
    /// The binding's language.
    pub language: String,
    /// The version of the language's runtime, if known.
    pub language_version: Option<String>,
    /// [`LIBRARY_VERSION`].
    pub library_version: String,
    /// Who delivers.
    pub delivery: Delivery,
    /// Aggregation memory, in bytes.
    pub memory_limit: usize,
    /// Payloads waiting for delivery, in bytes.
    pub retry_limit: usize,
    /// How long a payload waits for delivery at most.
    pub retry_age: Duration,
    /// Edges interned.
    pub max_edges: usize,
    /// Parents of one edge in one bucket.
    pub max_parents: usize,
    /// Origin buckets alive.
    pub max_origin_buckets: usize,
    /// A payload, compressed, in bytes.
    pub max_payload_bytes: usize,
    /// Transaction records, in bytes per 10 s.
    pub transaction_limit: usize,
    /// The age of the times in a received header, at most.
    pub max_header_age: Duration,
    /// How far the times in a received header may lie in the future.
    pub max_header_future: Duration,
    /// One post.
    pub timeout: Duration,
}

impl Settings {
    /// The bounds of the retry queue.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits { bytes: self.retry_limit, age: u64::try_from(self.retry_age.as_nanos()).unwrap_or(u64::MAX) }
    }
}

/// An option or variable that cannot be meant: a sentence that names it and its value (never the API key).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl ConfigError {
    /// `name` has a `value` that cannot be meant, because of `why`.
    pub(crate) fn new(name: &str, value: &str, why: &str) -> Self {
        // Long enough to recognise, short enough for the C interface's 252 bytes; escaped: it ends up in a terminal.
        let mut shown: String = value.chars().take(60).flat_map(char::escape_default).take(80).collect();
        if value.chars().nth(60).is_some() {
            shown.push_str("...");
        }
        Self(format!("{name} is \"{shown}\": {why}"))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

fn refuse(name: &str, value: &str, why: &str) -> ConfigError {
    ConfigError::new(name, value, why)
}

/// The environment as options see it: trimmed, and empty is unset.
struct Env<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Env<'_> {
    fn get(&self, name: &str) -> Option<String> {
        given((self.0)(name).as_deref())
    }

    fn or(&self, option: Option<&String>, name: &str) -> Option<String> {
        given(option.map(String::as_str)).or_else(|| self.get(name))
    }

    /// The value and the name to blame for it.
    fn named<'n>(&self, option: Option<&String>, label: &'n str, name: &'n str) -> Option<(String, &'n str)> {
        let explicit = given(option.map(String::as_str)).map(|value| (value, label));
        explicit.or_else(|| self.get(name).map(|value| (value, name)))
    }

    fn flag(&self, option: Option<bool>, name: &str) -> Result<bool, ConfigError> {
        match (option, self.get(name)) {
            (Some(flag), _) => Ok(flag),
            (None, None) => Ok(true),
            (None, Some(value)) => match value.to_ascii_lowercase().as_str() {
                "true" | "1" => Ok(true),
                "false" | "0" => Ok(false),
                _ => Err(refuse(name, &value, "it must be true, 1, false or 0")),
            },
        }
    }
}

fn given(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

impl Config {
    /// [`Config::resolve`] with the environment of this process.
    pub fn from_process_env(&self) -> Result<Settings, ConfigError> {
        self.resolve(&|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// [`Config::resolve_on`] with the machine this runs on.
    pub fn resolve(&self, env: &dyn Fn(&str) -> Option<String>) -> Result<Settings, ConfigError> {
        self.resolve_on(env, &Machine::read())
    }

    /// Decides every option. Pure. Where payloads go is decided by the first of:
    ///
    /// 1. the option `agent_url`
    /// 2. the options `site` and `api_key`, both: the intake, without an agent
    /// 3. `DD_TRACE_AGENT_URL`
    /// 4. `DD_AGENT_HOST` and `DD_TRACE_AGENT_PORT`, either (the other: `localhost`, 8126)
    /// 5. a site and an API key from either source: the intake. One of them alone changes nothing, since both variables
    ///    are commonly set for other purposes
    /// 6. the agent's default unix socket, if it exists
    /// 7. `http://localhost:8126`
    pub fn resolve_on(&self, env: &dyn Fn(&str) -> Option<String>, machine: &Machine) -> Result<Settings, ConfigError> {
        let env = Env(env);
        let env_tags = env.get("DD_TAGS").map(|text| parse_tags(&text)).unwrap_or_default();
        let from_tags = |key: &str| {
            let value = env_tags.iter().rev().find_map(|tag| tag.strip_prefix(key)?.strip_prefix(':'));
            given(value)
        };
        let named = env.or(self.service.as_ref(), "DD_SERVICE").or_else(|| from_tags("service"));
        let inferred = named.is_none();
        let service = named.or_else(|| machine.program()).unwrap_or_else(|| DEFAULT_SERVICE.to_owned());

        let explicit_tags: Vec<&str> = self.tags.iter().map(|tag| tag.trim()).filter(|tag| !tag.is_empty()).collect();
        let tags = if explicit_tags.is_empty() {
            // Those three have fields of their own.
            let own = |tag: &String| ["service:", "env:", "version:"].iter().any(|key| tag.starts_with(key));
            env_tags.iter().filter(|tag| !own(tag)).map(|tag| tag.clone().into_boxed_str()).collect()
        } else {
            explicit_tags.into_iter().map(Box::from).collect()
        };

        let with_process_tags = env.flag(self.process_tags, "DD_EXPERIMENTAL_PROPAGATE_PROCESS_TAGS_ENABLED")?;
        let process_tags =
            if with_process_tags { process_tags(machine, &service, inferred) } else { Arc::from(Vec::new()) };

        let api_key = given(self.api_key.as_ref().map(Secret::reveal)).or_else(|| env.get("DD_API_KEY"));
        let endpoint = self.endpoint(&env, machine, api_key.is_some())?;
        if endpoint.agentless && api_key.as_deref().is_some_and(|key| !is_header_value(key)) {
            return Err(ConfigError(
                "api_key (DD_API_KEY) holds characters that cannot be in a header; it is not shown here".to_owned(),
            ));
        }

        Ok(Settings {
            enabled: env.flag(self.enabled, "DD_DATA_STREAMS_ENABLED")?,
            env: env.or(self.env.as_ref(), "DD_ENV").or_else(|| from_tags("env")).unwrap_or_default(),
            version: env.or(self.version.as_ref(), "DD_VERSION").or_else(|| from_tags("version")).unwrap_or_default(),
            primary_tag: env.or(self.primary_tag.as_ref(), "DD_PRIMARY_TAG").unwrap_or_default(),
            hostname: env
                .or(self.hostname.as_ref(), "DD_HOSTNAME")
                .or_else(|| given(machine.hostname.as_deref()))
                .unwrap_or_default(),
            dogstatsd: self.dogstatsd(&env)?,
            external_env: env.or(self.external_env.as_ref(), "DD_EXTERNAL_ENV"),
            container: machine.container.clone(),
            language: given(self.language.as_deref()).unwrap_or_else(|| DEFAULT_LANGUAGE.to_owned()),
            language_version: given(self.language_version.as_deref()),
            library_version: LIBRARY_VERSION.to_owned(),
            delivery: self.delivery.unwrap_or_default(),
            memory_limit: positive("memory_limit", self.memory_limit, DEFAULT_MEMORY_LIMIT)?,
            retry_limit: positive("retry_limit", self.retry_limit, DEFAULT_RETRY_LIMIT)?,
            retry_age: span("retry_age", self.retry_age, DEFAULT_RETRY_AGE)?,
            max_edges: match positive("max_edges", self.max_edges, DEFAULT_MAX_EDGES)? {
                // Their table is made with the client.
                edges if edges > MAX_EDGES_MAX => {
                    return Err(refuse("max_edges", &edges.to_string(), "it must be at most 1048576"));
                }
                edges => edges,
            },
            max_parents: positive("max_parents", self.max_parents, DEFAULT_MAX_PARENTS)?,
            max_origin_buckets: positive("max_origin_buckets", self.max_origin_buckets, DEFAULT_MAX_ORIGIN_BUCKETS)?,
            max_payload_bytes: positive("max_payload_bytes", self.max_payload_bytes, DEFAULT_MAX_PAYLOAD_BYTES)?,
            transaction_limit: positive("transaction_limit", self.transaction_limit, DEFAULT_TRANSACTION_LIMIT)?,
            max_header_age: span("max_header_age", self.max_header_age, DEFAULT_MAX_HEADER_AGE)?,
            max_header_future: span("max_header_future", self.max_header_future, DEFAULT_MAX_HEADER_FUTURE)?,
            timeout: self.timeout(&env)?,
            api_key: api_key.map(Secret),
            service,
            tags,
            process_tags,
            endpoint,
        })
    }

    fn endpoint(&self, env: &Env<'_>, machine: &Machine, has_key: bool) -> Result<Endpoint, ConfigError> {
        let agent = |name: &str, url: String| Endpoint::agent(&url).map_err(|why| refuse(name, &url, why));
        let intake = |name: &str, site: String| Endpoint::intake(&site).map_err(|why| refuse(name, &site, why));
        if let Some(url) = given(self.agent_url.as_deref()) {
            return agent("agent_url", url);
        }
        let explicit_key = given(self.api_key.as_ref().map(Secret::reveal)).is_some();
        if let (Some(site), true) = (given(self.site.as_deref()), explicit_key) {
            return intake("site", site);
        }
        if let Some(url) = env.get("DD_TRACE_AGENT_URL") {
            return agent("DD_TRACE_AGENT_URL", url);
        }
        let (host, port) = (env.get("DD_AGENT_HOST"), env.get("DD_TRACE_AGENT_PORT"));
        if host.is_some() || port.is_some() {
            let port = match port {
                Some(text) => endpoint::parse_port(&text).map_err(|why| refuse("DD_TRACE_AGENT_PORT", &text, why))?,
                None => endpoint::DEFAULT_PORT,
            };
            let host = host.unwrap_or_else(|| endpoint::DEFAULT_HOST.to_owned());
            return Endpoint::tcp(&host, port).map_err(|why| refuse("DD_AGENT_HOST", &host, why));
        }
        match env.named(self.site.as_ref(), "site", "DD_SITE") {
            Some((site, name)) if has_key => return intake(name, site),
            _ => {}
        }
        let fallback = if machine.default_socket {
            Endpoint::unix(std::path::Path::new(endpoint::DEFAULT_SOCKET))
        } else {
            Endpoint::tcp(endpoint::DEFAULT_HOST, endpoint::DEFAULT_PORT)
        };
        fallback.map_err(|why| refuse("the default agent", endpoint::DEFAULT_SOCKET, why))
    }

    fn dogstatsd(&self, env: &Env<'_>) -> Result<Option<Address>, ConfigError> {
        if let Some((url, name)) = env.named(self.dogstatsd_url.as_ref(), "dogstatsd_url", "DD_DOGSTATSD_URL") {
            return Address::parse(&url).map(Some).map_err(|why| refuse(name, &url, why));
        }
        let (host, port) = (env.get("DD_DOGSTATSD_HOST"), env.get("DD_DOGSTATSD_PORT"));
        if host.is_none() && port.is_none() {
            return Ok(None);
        }
        let port = match port {
            Some(text) => endpoint::parse_port(&text).map_err(|why| refuse("DD_DOGSTATSD_PORT", &text, why))?,
            None => crate::dogstatsd::DEFAULT_PORT,
        };
        // A port alone means the agent's machine, as the tracers take it.
        let host = host.or_else(|| env.get("DD_AGENT_HOST")).unwrap_or_else(|| endpoint::DEFAULT_HOST.to_owned());
        Address::udp(&host, port).map(Some).map_err(|why| refuse("DD_DOGSTATSD_HOST", &host, why))
    }

    fn timeout(&self, env: &Env<'_>) -> Result<Duration, ConfigError> {
        let name = "DD_TRACE_AGENT_TIMEOUT";
        let timeout = match (self.timeout, env.get(name)) {
            (None, Some(text)) => {
                let seconds = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
                let fits = seconds.filter(|seconds| !seconds.is_zero() && *seconds <= TIMEOUT_MAX);
                fits.ok_or_else(|| refuse(name, &text, "it must be a number of seconds above 0, at most 3600"))?
            }
            (explicit, _) => span("timeout", explicit, DEFAULT_TIMEOUT)?,
        };
        Ok(timeout.min(TIMEOUT_MAX))
    }
}

fn positive(name: &str, option: Option<usize>, default: usize) -> Result<usize, ConfigError> {
    match option {
        Some(0) => Err(refuse(name, "0", "it must be above 0")),
        option => Ok(option.unwrap_or(default)),
    }
}

fn span(name: &str, option: Option<Duration>, default: Duration) -> Result<Duration, ConfigError> {
    match option {
        Some(Duration::ZERO) => Err(refuse(name, "0", "it must be above 0")),
        option => Ok(option.unwrap_or(default)),
    }
}

/// Tags separated by commas, or by spaces when there is no comma (then values may not hold spaces), as in all tracers.
fn parse_tags(text: &str) -> Vec<String> {
    let parts: Vec<&str> = if text.contains(',') { text.split(',').collect() } else { text.split(' ').collect() };
    let useful = |tag: &&str| !tag.is_empty() && !tag.starts_with(':');
    parts.into_iter().map(str::trim).filter(useful).map(str::to_owned).collect()
}
