//! Sends what is counted to an OpenTelemetry Collector: OTLP over HTTP, as deltas or since the start.
//!
//! Requests wait in a bounded queue until they are taken. While there is no room nothing is taken out of the table: the
//! next request then tells of a longer time, and nothing is lost but that resolution. Totals since the start only wait
//! when none does: the next says it all. What is refused, was perhaps sent
//! twice, or is given up at the end, is counted and said.

mod config;
mod encode;
mod message;
mod sender;

use config::Temporality;
pub(crate) use config::{Config, Options};

use super::{Exports, source};
use crate::collect::server::Shared;
use crate::{clock, output};
use datastreams_core::payload::gzip;
use encode::Context;
use sender::{Answer, Sender};
use serde::Serialize;
use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Bytes that may wait; a last interval may go beyond it.
const MAX_WAITING: usize = 32 << 20;
/// The first pause after a failure, and the longest.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];
/// The longest pause at the end, when time is short.
const LAST_PAUSE: Duration = Duration::from_millis(500);
/// How long what waits may take to be sent at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// What became of what was sent, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Requests that were taken.
    pub(crate) requests: u64,
    /// Data points that were taken.
    pub(crate) points: u64,
    /// Data points that the receiver rejected, of requests that it took.
    pub(crate) rejected_points: u64,
    /// Data points of requests that were refused for good.
    pub(crate) refused_points: u64,
    /// Messages that those counted.
    pub(crate) refused_messages: u64,
    /// Posts that failed and were tried again.
    pub(crate) retries: u64,
    /// Those of which the receiver may have taken what it was sent, since its answer was lost: it may count twice.
    pub(crate) uncertain: u64,
    /// Intervals that were joined with the next, since too much waited.
    pub(crate) joined_intervals: u64,
}

/// A request that waits.
#[derive(Clone, Debug)]
struct Waiting {
    body: Arc<[u8]>,
    points: u64,
    messages: u64,
}

/// The queue and the counts.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    on: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counts: Counts,
    queue: VecDeque<Waiting>,
    bytes: usize,
}

impl Sent {
    /// Whether anything is sent at all.
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// Bytes that wait.
    pub(crate) fn waiting(&self) -> u64 {
        self.lock().bytes as u64
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, waiting: Waiting) {
        self.bytes += waiting.body.len();
        self.queue.push_back(waiting);
    }

    fn clear(&mut self) {
        self.queue.clear();
        self.bytes = 0;
    }

    fn pop(&mut self) {
        if let Some(done) = self.queue.pop_front() {
            self.bytes = self.bytes.saturating_sub(done.body.len());
        }
    }
}

/// Takes, encodes and sends.
#[derive(Debug)]
pub(crate) struct Exporter {
    config: Arc<Config>,
    sender: Sender,
    instance: Arc<str>,
    exports: Arc<Exports>,
    shared: Arc<Shared>,
    failures: u32,
}

impl Exporter {
    /// Prepares; sends nothing yet. `address` is where the collector listens, which tells it from others.
    pub(crate) fn new(config: Config, shared: Arc<Shared>, address: SocketAddr) -> Result<Self, String> {
        let exports = source::exports(&shared);
        if config.temporality == Temporality::Delta {
            exports.lock().keep_deltas(clock::now_ns());
        }
        exports.sent.on.store(true, Ordering::Relaxed);
        let named = config.resource.iter().find(|(key, _)| key == "service.instance.id");
        let instance = named.map_or_else(|| format!("{}:{}", hostname(), address.port()), |(_, value)| value.clone());
        Ok(Self {
            sender: Sender::new(&config)?,
            config: Arc::new(config),
            instance: instance.into(),
            exports,
            shared,
            failures: 0,
        })
    }

    /// Where it sends to, for people.
    pub(crate) fn target(&self) -> String {
        self.sender.target()
    }

    /// Sends every interval until the other end of `stopped` is dropped, then what is left, for a few seconds.
    pub(crate) async fn run(mut self, mut stopped: watch::Receiver<()>) {
        let (mut next, mut retry_at) = (Instant::now() + self.config.interval, Instant::now());
        let mut end = None;
        while stopped.has_changed().is_ok() {
            let wake = if self.front().is_some() { next.min(retry_at) } else { next };
            tokio::select! {
                () = sleep_until(wake) => {}
                _ = stopped.changed() => continue,
            }
            if Instant::now() >= next {
                self.take(false).await;
                // Of intervals that were missed there is only one.
                next = (next + self.config.interval).max(Instant::now());
            }
            while Instant::now() >= retry_at && Instant::now() < next {
                let mut sending = pin!(self.send());
                let sent = tokio::select! {
                    sent = &mut sending => sent,
                    // What is under way may be taken, and would count twice.
                    _ = stopped.changed() => {
                        let _ = timeout_at(*end.insert(Instant::now() + FAREWELL), sending).await;
                        break;
                    }
                };
                match sent {
                    None => break,
                    Some(pause) => retry_at = Instant::now() + pause,
                }
            }
        }
        let end = end.unwrap_or_else(|| Instant::now() + FAREWELL);
        self.take(true).await;
        let draining = async {
            while Instant::now() < end
                && let Some(pause) = self.send().await
            {
                tokio::time::sleep(pause.min(LAST_PAUSE)).await;
            }
        };
        let _ = timeout_at(end, draining).await;
        let state = self.exports.sent.lock();
        let (requests, messages) =
            state.queue.iter().fold((0, 0u64), |(requests, sum), it| (requests + 1, sum.saturating_add(it.messages)));
        if requests > 0 {
            output::note(format!(
                "{requests} requests with the statistics of {messages} messages were not sent to {}",
                self.target()
            ));
        }
    }

    fn front(&self) -> Option<Waiting> {
        self.exports.sent.lock().queue.front().cloned()
    }

    /// Puts what came since the last time into the queue, if there is room or it is the last time.
    async fn take(&self, last: bool) {
        let waiting = self.exports.sent.waiting() as usize;
        let cumulative = self.config.temporality == Temporality::Cumulative;
        if !last && waiting >= if cumulative { 1 } else { MAX_WAITING } {
            self.exports.sent.lock().counts.joined_intervals += 1;
            return;
        }
        let shared = self.shared.clone();
        let (instance, config) = (self.instance.clone(), self.config.clone());
        let work = move || {
            let lags = source::about(&shared, clock::now_ns()).lags;
            let exports = source::exports(&shared);
            let now_ns = clock::now_ns();
            let counted = if cumulative { exports.lock().totals() } else { exports.lock().take(now_ns) };
            let temporality = if cumulative { message::Temporality::Cumulative } else { message::Temporality::Delta };
            let context = Context { now_ns, temporality, instance: &instance, resource: &config.resource };
            let mut all = Vec::new();
            for request in encode::requests(&counted, &lags, &context) {
                let body = if config.gzip { gzip(&request.bytes).ok() } else { Some(request.bytes) };
                // Writing gzip into memory does not fail.
                let Some(body) = body else { continue };
                all.push(Waiting { body: body.into(), points: request.points, messages: request.messages });
            }
            let mut state = exports.sent.lock();
            if cumulative {
                // The newest says all that older ones do.
                state.clear();
            }
            all.into_iter().for_each(|waiting| state.push(waiting));
        };
        if let Err(error) = tokio::task::spawn_blocking(work).await {
            output::note(format!("taking the statistics for {} failed: {error}", self.target()));
        }
    }

    /// Sends the first that waits. Returns how long to pause before the next; `None`: nothing waits.
    async fn send(&mut self) -> Option<Duration> {
        let waiting = self.front()?;
        let answer = self.sender.post(waiting.body.clone()).await;
        let mut state = self.exports.sent.lock();
        let counts = &mut state.counts;
        match answer {
            Answer::Taken { rejected, reason } => {
                counts.requests += 1;
                counts.points += waiting.points.saturating_sub(rejected);
                counts.rejected_points += rejected;
                state.pop();
                if self.failures > 0 {
                    output::note(format!("{} takes statistics again", self.target()));
                }
                self.failures = 0;
                if rejected > 0 || !reason.is_empty() {
                    output::note(format!("{} rejected {rejected} data points: {reason}", self.target()));
                }
            }
            Answer::Refused { reason } => {
                counts.refused_points += waiting.points;
                counts.refused_messages = counts.refused_messages.saturating_add(waiting.messages);
                state.pop();
                output::note(format!(
                    "{} refused {} data points of {} messages: {reason}",
                    self.target(),
                    waiting.points,
                    waiting.messages
                ));
            }
            Answer::Later { after, uncertain, reason } => {
                counts.retries += 1;
                counts.uncertain += u64::from(uncertain);
                if self.failures == 0 {
                    output::note(format!("cannot send statistics to {}: {reason}; trying again", self.target()));
                }
                self.failures = self.failures.saturating_add(1);
                return Some(after.unwrap_or_else(|| pause(self.failures)));
            }
        }
        Some(Duration::ZERO)
    }
}

/// Twice as long after every failure, and not at once with all the others.
fn pause(failures: u32) -> Duration {
    let [first, longest] = PAUSES;
    let whole = first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest);
    let chance = (RandomState::new().hash_one(failures) >> 11) as f64 / (1u64 << 53) as f64;
    whole.mul_f64(0.5 + chance / 2.0)
}

fn hostname() -> String {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = if kernel.trim().is_empty() { std::env::var("HOSTNAME").unwrap_or_default() } else { kernel };
    if name.trim().is_empty() { "localhost".into() } else { name.trim().into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::access::Access;
    use crate::collect::limits::Limits;
    use crate::tests::{add, model, point};
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    #[tokio::test]
    async fn while_too_much_waits_nothing_is_taken_and_nothing_is_lost() {
        let shared = Arc::new(Shared::new(Limits::DEFAULT, model(), Access::default(), None));
        let nobody = |name: &str| (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| "http://127.0.0.1:1".into());
        let config = Config::new(&Options::default(), nobody).unwrap().unwrap();
        let exporter = Exporter::new(config, shared.clone(), "127.0.0.1:1".parse().unwrap()).unwrap();
        let pass = || add(&shared.store, "s", vec![point(&["direction:out"], 0, 1, &[0.1; 5], &[0.1; 5])]);
        let sent = &exporter.exports.sent;
        pass();
        exporter.take(false).await;
        assert_eq!(sent.lock().queue.iter().map(|waiting| waiting.messages).sum::<u64>(), 5);
        sent.lock().push(Waiting { body: vec![0; MAX_WAITING].into(), points: 0, messages: 0 });
        let full = sent.waiting();
        for intervals in 1..=3 {
            pass();
            exporter.take(false).await;
            assert_eq!((sent.waiting(), sent.counts().joined_intervals), (full, intervals));
        }
        // It is gone, and the next request tells of all that came meanwhile.
        sent.lock().clear();
        exporter.take(false).await;
        assert_eq!(sent.lock().queue.iter().map(|waiting| waiting.messages).sum::<u64>(), 15);
    }

    /// Answers each request some time after it is here, and tells of it then.
    fn slow_receiver(here: tokio::sync::mpsc::UnboundedSender<()>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, here) = (BufReader::new(stream.unwrap()), here.clone());
                std::thread::spawn(move || {
                    loop {
                        let (mut length, mut line) = (0, String::new());
                        while line != "\r\n" {
                            line.clear();
                            if stream.read_line(&mut line).unwrap_or(0) == 0 {
                                return;
                            }
                            let head = line.to_ascii_lowercase();
                            let found = head.strip_prefix("content-length:").map(|length| length.trim().parse());
                            length = found.map_or(length, Result::unwrap);
                        }
                        stream.read_exact(&mut vec![0; length]).unwrap();
                        here.send(()).unwrap();
                        std::thread::sleep(Duration::from_millis(300));
                        let _ = stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                    }
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn what_is_under_way_at_the_end_is_not_sent_twice() {
        let shared = Arc::new(Shared::new(Limits::DEFAULT, model(), Access::default(), None));
        let (here, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let address = slow_receiver(here);
        let config = Config::new(&Options::default(), |name| match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(format!("http://{address}")),
            "OTEL_METRIC_EXPORT_INTERVAL" => Some("20".into()),
            _ => None,
        });
        let exporter = Exporter::new(config.unwrap().unwrap(), shared.clone(), address).unwrap();
        add(&shared.store, "s", vec![point(&["direction:out"], 0, 1, &[0.1; 5], &[0.1; 5])]);
        let exports = exporter.exports.clone();
        let (last, ending) = watch::channel(());
        let running = tokio::spawn(exporter.run(ending));
        heard.recv().await.unwrap();
        add(&shared.store, "s", vec![point(&["direction:out"], 0, 1, &[0.1; 7], &[0.1; 7])]);
        drop(last);
        running.await.unwrap();
        let mut requests = 1;
        while heard.try_recv().is_ok() {
            requests += 1;
        }
        assert_eq!((requests, exports.sent.counts().requests), (2, 2), "the one under way, and the last");
        assert_eq!(exports.sent.waiting(), 0);
    }

    #[test]
    fn pauses_grow_and_end() {
        for failures in 1..40 {
            let whole = 2f64.powi(failures - 1).min(60.0);
            let pause = pause(failures as u32).as_secs_f64();
            assert!((whole / 2.0..=whole).contains(&pause), "{failures}: {pause}");
        }
    }
}
