//! The client: one configured instance with its reporter.

use crate::bucket::Values;
use crate::config::{Config, Delivery, Settings};
use crate::counters::{Counter, Counters};
use crate::delivery::{Outcome, PARCEL_OVERHEAD};
use crate::edge::{Edge, Edges};
use crate::error::Error;
use crate::fork;
use crate::header::{self, Refusal, Window};
use crate::pathway::{Crossing, Pathway};
use crate::request;
use crate::shard::Recorded;
use crate::sketch::Bins;
use crate::state::{Losses, Parts, State, States};
use crate::transaction::{self, Names};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Starts a thread for the reporter.
pub type Spawn = fn(Box<dyn FnOnce() + Send>) -> std::io::Result<()>;
/// Takes a level (see [`level`]) and a line, from the reporter, flush, poll and stop: never from a checkpoint.
pub type Log = Box<dyn Fn(i32, &str) + Send + Sync>;

/// The levels of the log.
pub mod level {
    /// Data was lost.
    pub const ERROR: i32 = 1;
    /// Delivery does not work, or works again.
    pub const WARNING: i32 = 2;
}

/// What a client needs of its host.
pub struct Hooks {
    /// Starts the reporter's thread. The C library blocks every signal in it.
    pub spawn: Spawn,
    /// Nanoseconds since the Unix epoch, for the reporter.
    pub wall: fn() -> i64,
    /// Nanoseconds of a clock that never steps.
    pub monotonic: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Where to say that delivery fails.
    pub log: Option<Log>,
    /// Called at each turn of the reporter: where tests make it panic.
    pub fault: Option<fn()>,
}

impl Default for Hooks {
    fn default() -> Self {
        let origin = Instant::now();
        Self {
            spawn: |run| std::thread::Builder::new().name("datastreams".into()).spawn(run).map(drop),
            wall: wall_clock,
            monotonic: Arc::new(move || u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX)),
            log: None,
            fault: None,
        }
    }
}

/// Nanoseconds since the Unix epoch; 0 before it.
#[inline]
#[must_use]
pub fn wall_clock() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64)
}

/// What is known of a message at a checkpoint.
#[derive(Clone, Copy, Debug, Default)]
pub struct Input<'a> {
    /// Key, value and headers in bytes, without our header; `None`: unknown, not recorded.
    pub payload_size: Option<u64>,
    /// The time of the checkpoint, in nanoseconds since the epoch.
    pub now_ns: i64,
    /// When the message entered the queue: the start of a pathway that begins here. 0: unknown.
    pub queued_ns: i64,
    /// The received header; empty: none. When it is readable it wins over `parent`.
    pub header: &'a [u8],
    /// The pathway to go on from; `None`, or one that does not exist: a new one begins.
    pub parent: Option<&'a Pathway>,
}

/// A payload for a host that delivers itself, valid until it is settled.
#[derive(Clone, Debug)]
pub struct HostPayload {
    /// Its number in this client.
    pub id: u64,
    /// The path to post to.
    pub path: Arc<str>,
    /// The headers, one a line, each line ended by CR LF.
    pub headers: Arc<str>,
    /// The body.
    pub body: Arc<[u8]>,
}

/// One configured instance. Any thread may use it. Dropping it stops it without waiting.
pub struct Client {
    shared: Arc<Shared>,
}

/// What the client and its reporter's thread have in common. A forked child has it too, so there is no lock in it.
pub(crate) struct Shared {
    pub(crate) parts: Arc<Parts>,
    pub(crate) states: States,
    pub(crate) hooks: Hooks,
    #[cfg(feature = "http")]
    pub(crate) transport: Option<crate::transport::Transport>,
    /// Tells this client's payloads from all others'; also spreads the processes' reports.
    pub(crate) boot: u64,
    /// The generation that made the client.
    born: u64,
    window: Window,
    pub(crate) freed: AtomicBool,
    /// The bucket of the last poll.
    pub(crate) polled: AtomicI64,
}

impl Client {
    /// A client with the options of `config`, else those of the environment, else the defaults. Starts no thread and
    /// opens no connection.
    ///
    /// # Errors
    /// [`Error::Invalid`] with a sentence that names the option or variable.
    pub fn new(config: &Config, hooks: Hooks) -> Result<Self, Error> {
        let settings = config.from_process_env().map_err(|error| Error::invalid(error.to_string()))?;
        Self::with_settings(settings, hooks)
    }

    /// A client with these settings.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the transport cannot work at all: https in a build without TLS.
    pub fn with_settings(settings: Settings, hooks: Hooks) -> Result<Self, Error> {
        fork::remember();
        let ns = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let window = Window { past_ns: ns(settings.max_header_age), future_ns: ns(settings.max_header_future) };
        #[cfg(feature = "http")]
        let transport = match settings.delivery {
            Delivery::Host => None,
            _ if !settings.enabled => None,
            _ => Some(crate::transport::Transport::new(&settings).map_err(|error| Error::invalid(error.to_string()))?),
        };
        let max_edges = if settings.enabled { settings.max_edges as u32 } else { 0 };
        let edges = Edges::new(&settings.service, &settings.env, &settings.primary_tag, max_edges);
        let boot = random();
        let parts = Arc::new(Parts { settings, edges, names: Names::new(), stopped: AtomicBool::new(false) });
        let shared = Shared {
            parts,
            states: States::default(),
            hooks,
            #[cfg(feature = "http")]
            transport,
            boot,
            born: fork::generation(),
            window,
            freed: AtomicBool::new(false),
            polled: AtomicI64::new(i64::MIN),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What was decided from options, environment and defaults.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.shared.parts.settings
    }

    #[inline]
    fn state(&self) -> &State {
        self.shared.states.here(&self.shared.parts)
    }

    /// Interns a tag set, such as `direction:in`, `group:billing`, `topic:orders`, `type:kafka`: once per edge, not per
    /// message. The order of the tags does not matter. An empty `service` means the client's own.
    ///
    /// # Errors
    /// No tags, too many or too long ones, or an empty one.
    pub fn intern(&self, tags: &[&str], service: &str) -> Result<Edge, Error> {
        let parts = &self.shared.parts;
        if parts.settings.enabled {
            parts.edges.intern(tags, service, &self.state().counters)
        } else {
            // Any edge will do: nothing is recorded for it.
            Ok(parts.edges.other(tags))
        }
    }

    /// A message passes an edge: measures and records it, and answers with the pathway to send on.
    ///
    /// Does not wait, does not allocate once the edge and parent are known in the bucket, and never fails for what the
    /// message carries. `None` only when the client is disabled or stopped and there is nothing to pass through.
    ///
    /// # Errors
    /// [`Error::Edge`], or [`Error::Invalid`] for a time that cannot be meant.
    // Into the caller, so that the pathway after it stays in registers: through memory, written by words and read by
    // vectors, it costs ten nanoseconds on some processors.
    #[inline(always)]
    pub fn set_checkpoint(&self, edge: Edge, input: &Input<'_>) -> Result<Option<Pathway>, Error> {
        let shared = &*self.shared;
        let state = self.state();
        let edges = &shared.parts.edges;
        let Some((number, info)) = edges.number(edge).and_then(|number| Some((number, edges.get(number)?))) else {
            return Err(self.unknown_edge());
        };
        if input.now_ns <= 0 || input.queued_ns < 0 {
            return Err(self.refuse("a time must be in nanoseconds since the Unix epoch"));
        }
        // Taken before there is anything to put in: a locked instruction waits for all work before it, and memory is not read
        // past it. Here nothing waits yet, and what is looked up in the shard overlaps with the rest.
        let enabled = shared.parts.settings.enabled;
        let shard = if enabled { state.shards.free() } else { None };
        let mut received = None;
        if !input.header.is_empty() {
            match header::decode(input.header, input.now_ns, &shared.window) {
                Ok(pathway) => received = Some(pathway),
                Err(refusal) => refused(refusal, &state.counters),
            }
        }
        // A value from here on, not a place in memory: see above.
        let before = match received {
            Some(_) => received,
            None => input.parent.copied().filter(Pathway::exists),
        };
        if !enabled {
            state.counters.add(Counter::PassedThrough, 1);
            return Ok(before);
        }
        let queued_ns = if input.queued_ns == 0 { 0 } else { self.queued(input.queued_ns, input.now_ns) };
        let crossing = Crossing { prefix: info.prefix, direction: info.direction, now_ns: input.now_ns, queued_ns };
        let step = Pathway::cross(before, crossing);
        let values = Values {
            edge_latency: Bins::index_of(step.edge_latency_ns as f64 / 1e9),
            pathway_latency: Bins::index_of(step.pathway_latency_ns as f64 / 1e9),
            payload_size: input.payload_size.map(|size| Bins::index_of(size as f64)),
        };
        let Some(mut shard) = shard else {
            state.counters.add(Counter::CutBusy, 1);
            return Ok(Some(step.pathway));
        };
        let max_origins = shared.parts.settings.max_origin_buckets;
        let recorded = shard.record((number, info), &step, values, max_origins, &shared.parts.bounds(state));
        if received.is_some() && recorded != Recorded::Closed {
            shard.headers_read += 1;
        }
        drop(shard);
        if recorded != Recorded::Yes || step.skewed || step.restarted {
            self.recorded_otherwise(state, recorded, step.skewed, step.restarted);
            if recorded == Recorded::Closed {
                return Ok(before);
            }
        }
        Ok(Some(step.pathway))
    }

    /// Everything that is not the ordinary outcome of a checkpoint.
    #[cold]
    #[inline(never)]
    fn recorded_otherwise(&self, state: &State, recorded: Recorded, skewed: bool, restarted: bool) {
        let counters = &state.counters;
        match recorded {
            Recorded::Closed => return counters.add(Counter::PassedThrough, 1),
            Recorded::NoRoom => counters.add(Counter::CutMemory, 1),
            Recorded::Opened => self.shared.wake(state),
            Recorded::Yes => {}
        }
        counters.add(Counter::ClockSkew, u64::from(skewed));
        counters.add(Counter::Restarts, u64::from(restarted));
    }

    #[cold]
    fn unknown_edge(&self) -> Error {
        self.state().counters.add(Counter::InvalidArguments, 1);
        Error::Edge
    }

    #[cold]
    fn refuse(&self, sentence: &str) -> Error {
        self.state().counters.add(Counter::InvalidArguments, 1);
        Error::invalid(sentence)
    }

    /// A time in queue that lies outside the window of headers is no better than theirs.
    #[cold]
    fn queued(&self, queued_ns: i64, now_ns: i64) -> i64 {
        let window = self.shared.window;
        let early = queued_ns < now_ns.saturating_sub(window.past_ns);
        if early || queued_ns > now_ns.saturating_add(window.future_ns) {
            self.state().counters.add(Counter::QueuedIgnored, 1);
            return 0;
        }
        queued_ns
    }

    /// Reports how far a producer or consumer has come: the greatest offset of each bucket is kept.
    ///
    /// `backlog` names the queue and the kind (`type:kafka_commit`, `topic:orders`, `consumer_group:g`,
    /// `kafka_cluster_id:c`); `partition` may be [`crate::backlog::NO_PARTITION`].
    ///
    /// # Errors
    /// [`Error::Edge`], or [`Error::Invalid`] for a negative offset or time.
    pub fn track_offset(&self, backlog: Edge, partition: i32, offset: i64, now_ns: i64) -> Result<(), Error> {
        let parts = &self.shared.parts;
        let number = parts.edges.number(backlog).filter(|&number| parts.edges.get(number).is_some());
        let Some(number) = number else { return Err(self.unknown_edge()) };
        if offset < 0 || partition < crate::backlog::NO_PARTITION || now_ns <= 0 {
            return Err(self.refuse("an offset, a partition or a time is negative"));
        }
        self.record_other(Counter::Offsets, Counter::OffsetsCut, |state| {
            let mut shard = state.shards.free()?;
            Some(shard.record_offset(number, partition, offset, now_ns, &parts.bounds(state)))
        });
        Ok(())
    }

    /// Reports that the transaction `id` passed the named checkpoint at `at_ns`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an id or a name that is empty or longer than 255 bytes, or a negative time.
    pub fn track_transaction(&self, id: &[u8], checkpoint: &str, at_ns: i64, now_ns: i64) -> Result<(), Error> {
        let good = 1..=transaction::MAX_LEN;
        if !good.contains(&id.len()) || !good.contains(&checkpoint.len()) {
            return Err(self.refuse("an id or name of a transaction is empty or longer than 255 bytes"));
        }
        if at_ns <= 0 || now_ns <= 0 {
            return Err(self.refuse("a time must be in nanoseconds since the Unix epoch"));
        }
        let parts = &self.shared.parts;
        if !parts.settings.enabled {
            self.state().counters.add(Counter::PassedThrough, 1);
            return Ok(());
        }
        let Some(name) = parts.names.number(checkpoint) else {
            self.state().counters.add(Counter::TransactionsCutNames, 1);
            return Ok(());
        };
        self.record_other(Counter::Transactions, Counter::TransactionsCutVolume, |state| {
            let mut shard = state.shards.free()?;
            let (bytes, limit) = (transaction::len(id) as u64, parts.settings.transaction_limit as u64);
            // Never above the limit, not even for a moment, and not below zero when a tick comes in between.
            let fits = |used: u64| Some(used + bytes).filter(|&used| used <= limit);
            if state.transaction_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_err() {
                return Some(Recorded::NoRoom);
            }
            let recorded = shard.record_transaction(name, at_ns, id, now_ns, &parts.bounds(state));
            if matches!(recorded, Recorded::NoRoom | Recorded::Closed) {
                let back = |used: u64| Some(used.saturating_sub(bytes));
                let _ = state.transaction_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, back);
            }
            Some(recorded)
        });
        Ok(())
    }

    fn record_other(&self, done: Counter, cut: Counter, record: impl FnOnce(&State) -> Option<Recorded>) {
        let state = self.state();
        if !self.shared.parts.settings.enabled {
            state.counters.add(Counter::PassedThrough, 1);
            return;
        }
        match record(state) {
            Some(Recorded::Yes) => state.counters.add(done, 1),
            Some(Recorded::Opened) => {
                state.counters.add(done, 1);
                self.shared.wake(state);
            }
            Some(Recorded::Closed) => state.counters.add(Counter::PassedThrough, 1),
            Some(Recorded::NoRoom) | None => state.counters.add(cut, 1),
        }
    }

    /// Delivers everything recorded so far, the open bucket too. With [`Delivery::Host`] it only closes the buckets, and
    /// makes what waits for a retry due.
    ///
    /// # Errors
    /// [`Error::Timeout`]: something is still queued, and kept.
    pub fn flush(&self, timeout: Duration) -> Result<(), Error> {
        let Some(state) = self.shared.states.existing() else { return Ok(()) };
        let done = self.shared.flush(state, after(timeout), false);
        if done { Ok(()) } else { Err(Error::Timeout) }
    }

    /// Delivers everything recorded so far and ends the reporter. Later calls pass pathways through, counted. With
    /// [`Delivery::Host`] payloads can be taken after it, and a second stop drops those that were not; else it does nothing.
    ///
    /// # Errors
    /// [`Error::Timeout`]: something was not delivered in time; it is dropped and counted.
    pub fn stop(&self, timeout: Duration) -> Result<(), Error> {
        let state = self.state();
        if self.shared.parts.stopped.swap(true, Ordering::SeqCst) {
            if self.shared.parts.settings.delivery == Delivery::Host {
                state.drop_queue();
            }
            return Ok(());
        }
        let done = self.shared.flush(state, after(timeout), true);
        if self.shared.parts.settings.delivery != Delivery::Host {
            state.drop_queue();
            self.shared.tell_losses(state, true);
        }
        // What was counted since the last bucket was closed.
        state.report_health(&self.shared.parts.edges);
        self.shared.quit(state);
        if done { Ok(()) } else { Err(Error::Timeout) }
    }

    /// The reporter of a host that has no thread for us ([`Delivery::Poll`], [`Delivery::Host`]): closes buckets that
    /// are over at `now_ns` and, with [`Delivery::Poll`], posts. Answers after how long it wants to be called again.
    ///
    /// # Errors
    /// [`Error::Invalid`] with [`Delivery::Thread`], or for a time that cannot be meant.
    pub fn poll(&self, now_ns: i64) -> Result<Duration, Error> {
        if self.shared.parts.settings.delivery == Delivery::Thread {
            return Err(self.refuse("poll is for clients without a reporter thread"));
        }
        if now_ns <= 0 {
            return Err(self.refuse("a time must be in nanoseconds since the Unix epoch"));
        }
        Ok(Duration::from_nanos(self.shared.poll(self.state(), now_ns)))
    }

    /// The next payload that is due, for a host that delivers itself ([`Delivery::Host`]). None comes while those that
    /// were taken and not settled have more bytes than may be kept for a retry.
    ///
    /// # Errors
    /// [`Error::Invalid`] with another delivery.
    pub fn take_payload(&self) -> Result<Option<HostPayload>, Error> {
        if self.shared.parts.settings.delivery != Delivery::Host {
            return Err(self.refuse("payloads can be taken only with host delivery"));
        }
        let state = self.state();
        let lent: usize = state.lent().values().map(|payload| payload.body.len() + PARCEL_OVERHEAD).sum();
        if lent >= self.shared.parts.settings.retry_limit {
            return Ok(None);
        }
        let Some(parcel) = state.queue().due(self.shared.mono(), &state.counters) else { return Ok(None) };
        let settings = &self.shared.parts.settings;
        let id = (request::PAYLOAD_ID, self.shared.payload_id(parcel.id));
        let lines = request::headers(settings).into_iter().chain([id]);
        let headers: String = lines.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let payload = HostPayload {
            id: parcel.id,
            path: settings.endpoint.path.as_str().into(),
            headers: headers.into(),
            body: parcel.body,
        };
        state.lent().insert(payload.id, payload.clone());
        Ok(Some(payload))
    }

    /// Says what became of a taken payload: an HTTP status, or 0 when it was not sent.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the payload is not in the host's hands, or the status is none.
    pub fn settle_payload(&self, id: u64, http_status: i32) -> Result<(), Error> {
        let outcome = match http_status {
            0 => Outcome::NotSent,
            -1 => Outcome::Lost,
            100..=599 => Outcome::Answer { status: http_status as u16, retry_after: None },
            _ => return Err(self.refuse("an HTTP status lies between 100 and 599; 0 means not sent, -1 answer lost")),
        };
        let state = self.state();
        if state.lent().remove(&id).is_none() {
            return Err(self.refuse("that payload was not taken, or is settled already"));
        }
        self.shared.settle(state, id, outcome);
        Ok(())
    }

    /// Copies the counters in the order of [`Counter::ALL`], as many as fit, and answers how many there are.
    pub fn counters(&self, values: &mut [u64]) -> usize {
        let counters = self.state().counters(&self.shared.parts.edges);
        for (value, &counter) in values.iter_mut().zip(Counter::ALL) {
            *value = counters.get(counter);
        }
        Counter::ALL.len()
    }

    /// One counter.
    #[must_use]
    pub fn counter(&self, counter: Counter) -> u64 {
        self.state().counters(&self.shared.parts.edges).get(counter)
    }

    /// Counts something that happened outside: a contained panic, an argument that never came this far.
    pub fn count(&self, counter: Counter) {
        self.state().counters.add(counter, 1);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let shared = &self.shared;
        if shared.born != fork::generation() {
            // Some of this belongs to the parent, and may be half-written or locked for ever: leave all of it.
            std::mem::forget(Arc::clone(shared));
        }
        let Some(state) = shared.states.existing() else { return };
        state.hush();
        if !shared.parts.stopped.swap(true, Ordering::SeqCst) {
            shared.freed.store(true, Ordering::SeqCst);
        }
        shared.quit(state);
    }
}

impl Shared {
    pub(crate) fn mono(&self) -> u64 {
        (self.hooks.monotonic)()
    }

    /// The id that a payload keeps over all its attempts: unlike that of any other process or client.
    pub(crate) fn payload_id(&self, id: u64) -> String {
        format!("{:016x}-{:x}-{id}", self.boot, fork::generation() ^ u64::from(std::process::id()) << 32)
    }

    /// Tells the log when delivery begins to fail, when it works again, and what is refused for good.
    pub(crate) fn tell(&self, state: &State, outcome: Outcome) {
        let (now, line) = match outcome {
            Outcome::Answer { status: 200..=299, .. } => (1, "payloads are delivered again".to_owned()),
            Outcome::Answer { status: 404, .. } => {
                (2, "the agent does not take pipeline statistics (404); asked again every 5 minutes".to_owned())
            }
            Outcome::Answer { status, .. } => (2, format!("the agent answered {status} to a payload")),
            Outcome::NotSent => (2, format!("no agent at {}; payloads are kept", self.parts.settings.endpoint)),
            Outcome::Lost => (2, "the agent's answer to a payload was lost; it is sent again".to_owned()),
        };
        let before = state.said.swap(now, Ordering::Relaxed);
        if before == now || (before == 0 && now == 1) {
            return;
        }
        if let Some(log) = &self.hooks.log {
            state.aloud(|| log(level::WARNING, &line));
        }
    }

    /// Tells the log what was lost since it was last told: once a minute, or now when there is no later.
    pub(crate) fn tell_losses(&self, state: &State, last: bool) {
        let Some(log) = &self.hooks.log else { return };
        let [payloads, messages] =
            Counter::LOSSES.map(|of| of.iter().map(|&counter| state.counters.get(counter)).sum());
        let mut told = state.losses();
        if payloads == told.payloads || (!last && self.mono() < told.again) {
            return;
        }
        let lost: (u64, u64) = (payloads - told.payloads, messages - told.messages);
        *told = Losses { payloads, messages, again: self.mono().saturating_add(60_000_000_000) };
        drop(told);
        let line = format!("{} payloads with {} checkpoints were lost; the counters say why", lost.0, lost.1);
        state.aloud(|| log(level::ERROR, &line));
    }
}

/// The moment when a timeout is over; one beyond all clocks lasts a century.
fn after(timeout: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
    Instant::now() + timeout.min(CENTURY)
}

#[cold]
fn refused(refusal: Refusal, counters: &Counters) {
    let counter = match refusal {
        Refusal::Unreadable => Counter::HeaderUnreadable,
        Refusal::Truncated => Counter::HeaderTruncated,
        Refusal::Overflow => Counter::HeaderOverflow,
        Refusal::TooOld => Counter::HeaderTooOld,
        Refusal::Future => Counter::HeaderFuture,
    };
    counters.add(counter, 1);
}

/// A number unlike that of any other client: std seeds its hash maps from the system's randomness.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id()) ^ wall_clock() as u64
}
