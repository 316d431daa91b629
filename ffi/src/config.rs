//! Configuration
//!
//! Every field that is zero takes its value from the environment variable named beside it, and
//! without one its default. Start from DS_CONFIG_INIT: then fields that a later version adds are
//! zero. Everything is copied; the config may be dropped after ds_client_new.

use core::ffi::c_void;

use std::time::Duration;

use datastreams_core::client::{Log, level};
use datastreams_core::config::{self, Config, Delivery, Secret};

use crate::boundary::Versioned;
use crate::status::{Failure, Refused};
use crate::text::ds_str;

/// Takes a line for the host's log: userdata from the config, one of DS_LOG_*, and text that is
/// borrowed for the call. Comes from the reporter's thread, or from a flush, poll or stop, never from
/// a checkpoint; not from two threads at once. It must not throw, longjmp or call into the client.
pub type ds_log_fn = Option<unsafe extern "C" fn(userdata: *mut c_void, level: i32, message: ds_str)>;

/// One thread, all signals blocked, from the first checkpoint on; sleeps when idle.
pub const DS_DELIVERY_THREAD: u32 = 0;
/// No thread: ds_client_poll closes buckets and posts.
pub const DS_DELIVERY_POLL: u32 = 1;
/// No thread, no HTTP: after ds_client_poll the host takes and posts payloads.
pub const DS_DELIVERY_HOST: u32 = 2;
/// Data was lost.
pub const DS_LOG_ERROR: i32 = 1;
/// Delivery does not work, or works again. Further levels would matter less.
pub const DS_LOG_WARNING: i32 = 2;

const _: () = assert!(DS_LOG_ERROR == level::ERROR && DS_LOG_WARNING == level::WARNING);

/// How a client is made. Limits are per client.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ds_config {
    /// sizeof(ds_config), set by DS_CONFIG_INIT.
    pub struct_size: usize,
    /// DD_SERVICE, else the program's name. The name on the map; hashed into every pathway.
    pub service: ds_str,
    /// DD_ENV. Such as "prod"; hashed into every pathway.
    pub env: ds_str,
    /// DD_VERSION. The version of the service.
    pub version: ds_str,
    /// DD_PRIMARY_TAG. One more tag to hash into every pathway.
    pub primary_tag: ds_str,
    /// DD_TAGS. "key:value,key:value", reported with every payload.
    pub tags: ds_str,
    /// http://, https:// or unix:///path. DD_TRACE_AGENT_URL, DD_AGENT_HOST and
    /// DD_TRACE_AGENT_PORT, the agent's own unix socket, else http://localhost:8126.
    pub agent_url: ds_str,
    /// DD_API_KEY. Without an agent, payloads go straight to site.
    pub api_key: ds_str,
    /// DD_SITE. Such as "datadoghq.com"; used with api_key.
    pub site: ds_str,
    /// DD_HOSTNAME. Default: the system's.
    pub hostname: ds_str,
    /// DD_DOGSTATSD_URL, or _HOST and _PORT. Health counts; default: nowhere.
    pub dogstatsd_url: ds_str,
    /// The language that payloads name. Default "c"; bindings set theirs.
    pub language: ds_str,
    /// The version of that language. Default: not named.
    pub language_version: ds_str,
    /// Bytes for edges' statistics. Default 64 MiB.
    pub memory_limit: u64,
    /// Bytes of payloads that wait for delivery. Default 16 MiB.
    pub retry_limit: u64,
    /// Compressed bytes of one payload. Default 1 MiB.
    pub max_payload_bytes: u64,
    /// Bytes of transaction records in 10 s. Default 2 300 000.
    pub transaction_limit: u64,
    /// DD_DATA_STREAMS_ENABLED. 1: on, 2: off. Default: on.
    pub enabled: u32,
    /// One of DS_DELIVERY_*.
    pub delivery: u32,
    /// DD_TRACE_AGENT_TIMEOUT (s). Milliseconds for one post. Default 10 000.
    pub request_timeout_ms: u32,
    /// Seconds that an undelivered payload is kept. Default 3 600.
    pub retry_age_s: u32,
    /// Up to 2^20 edges; then "_other" by direction. Default 4 096.
    pub max_edges: u32,
    /// Parents of an edge in a bucket; then parent 0. Default 256.
    pub max_parents: u32,
    /// Origin buckets alive; then the origin's copy is cut. Default 64.
    pub max_origin_buckets: u32,
    /// Seconds; an older header starts a new pathway. Default 31 days.
    pub header_max_age_s: u32,
    /// Seconds; so does one from further ahead. Default 60.
    pub header_max_future_s: u32,
    /// DD_EXPERIMENTAL_PROPAGATE_PROCESS_TAGS_ENABLED. Report process tags
    /// (never hashed). 1: on, 2: off. Default: on.
    pub process_tags: u32,
    /// Takes log lines; NULL: none. Nothing is ever printed.
    pub log: ds_log_fn,
    /// Handed to log. Must live until the client is freed.
    pub log_userdata: *mut c_void,
}

// SAFETY: repr(C), starts with its size; integers, raw pointers and an optional function pointer may all be zero. A
// function pointer that is not NULL is the caller's promise that it is one.
unsafe impl Versioned for ds_config {
    const FIRST: usize = 288;
}

const _: () = assert!(size_of::<ds_config>() == ds_config::FIRST, "a field was added: that is fine, FIRST stays");

// The defaults that the comments above promise.
const _: () = {
    assert!(config::DEFAULT_MEMORY_LIMIT == 64 << 20);
    assert!(config::DEFAULT_RETRY_LIMIT == 16 << 20);
    assert!(config::DEFAULT_MAX_PAYLOAD_BYTES == 1 << 20);
    assert!(config::DEFAULT_TRANSACTION_LIMIT == 2_300_000);
    assert!(config::DEFAULT_TIMEOUT.as_millis() == 10_000);
    assert!(config::DEFAULT_RETRY_AGE.as_secs() == 3_600);
    assert!(config::DEFAULT_MAX_EDGES == 4_096);
    assert!(config::DEFAULT_MAX_PARENTS == 256);
    assert!(config::DEFAULT_MAX_ORIGIN_BUCKETS == 64);
    assert!(config::DEFAULT_MAX_HEADER_AGE.as_secs() == 31 * 86_400);
    assert!(config::DEFAULT_MAX_HEADER_FUTURE.as_secs() == 60);
};

impl ds_config {
    /// For the core: every text copied, every integer checked.
    ///
    /// # Safety
    /// The texts are readable during the call.
    pub(crate) unsafe fn core(&self) -> Refused<Config> {
        // SAFETY: the caller's promise is what `set` asks for.
        let set = |text: ds_str, what| unsafe { text.set(what) };
        Ok(Config {
            enabled: switch(self.enabled, "enabled")?,
            service: set(self.service, "service")?,
            env: set(self.env, "env")?,
            version: set(self.version, "version")?,
            primary_tag: set(self.primary_tag, "primary_tag")?,
            tags: list(set(self.tags, "tags")?),
            hostname: set(self.hostname, "hostname")?,
            agent_url: set(self.agent_url, "agent_url")?,
            site: set(self.site, "site")?,
            api_key: set(self.api_key, "api_key")?.map(Secret::new),
            dogstatsd_url: set(self.dogstatsd_url, "dogstatsd_url")?,
            external_env: None,
            language: set(self.language, "language")?,
            language_version: set(self.language_version, "language_version")?,
            process_tags: switch(self.process_tags, "process_tags")?,
            delivery: Some(match self.delivery {
                DS_DELIVERY_THREAD => Delivery::Thread,
                DS_DELIVERY_POLL => Delivery::Poll,
                DS_DELIVERY_HOST => Delivery::Host,
                _ => return Err(Failure::invalid("delivery", "is none of DS_DELIVERY_*")),
            }),
            memory_limit: limit(self.memory_limit),
            retry_limit: limit(self.retry_limit),
            retry_age: seconds(self.retry_age_s),
            max_edges: limit(self.max_edges.into()),
            max_parents: limit(self.max_parents.into()),
            max_origin_buckets: limit(self.max_origin_buckets.into()),
            max_payload_bytes: limit(self.max_payload_bytes),
            transaction_limit: limit(self.transaction_limit),
            max_header_age: seconds(self.header_max_age_s),
            max_header_future: seconds(self.header_max_future_s),
            timeout: (self.request_timeout_ms != 0).then(|| Duration::from_millis(self.request_timeout_ms.into())),
        })
    }

    /// The host's log, when it has one.
    pub(crate) fn log(&self) -> Option<Log> {
        let target = Target { call: self.log?, userdata: self.log_userdata };
        Some(Box::new(move |level, message| target.line(level, message)))
    }
}

fn switch(value: u32, what: &'static str) -> Refused<Option<bool>> {
    match value {
        0 => Ok(None),
        1 => Ok(Some(true)),
        2 => Ok(Some(false)),
        _ => Err(Failure::invalid(what, "is none of 0, 1 and 2")),
    }
}

fn limit(value: u64) -> Option<usize> {
    (value != 0).then(|| usize::try_from(value).unwrap_or(usize::MAX))
}

fn seconds(value: u32) -> Option<Duration> {
    (value != 0).then(|| Duration::from_secs(value.into()))
}

/// The parts between commas, as in DD_TAGS.
fn list(text: Option<String>) -> Vec<String> {
    let text = text.unwrap_or_default();
    text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

/// The host's log function and what it asked to be handed.
struct Target {
    call: unsafe extern "C" fn(*mut c_void, i32, ds_str),
    userdata: *mut c_void,
}

// SAFETY: the pointer is only handed back to the host, whose promise (in the documentation of `ds_log_fn`) is that its
// function may be called with it from the reporter's thread.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

impl Target {
    fn line(&self, level: i32, message: &str) {
        // SAFETY: the host's own function with the host's own pointer; the text lives during the call.
        unsafe { (self.call)(self.userdata, level, ds_str::of(message)) }
    }
}
