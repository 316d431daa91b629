//! What a client did and what it could not do: every drop by cause, zeros too.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $variant:ident => $name:literal,)+) => {
        /// One thing that is counted. The order is the order of `ds_client_counters`: only ever append.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(usize)]
        pub enum Counter { $($(#[doc = $doc])+ $variant,)+ }

        impl Counter {
            /// All counters, in order.
            pub const ALL: &'static [Counter] = &[$(Counter::$variant,)+];

            /// The name, NUL-terminated for the C interface.
            #[must_use]
            pub const fn name_with_nul(self) -> &'static str {
                match self { $(Counter::$variant => concat!($name, "\0"),)+ }
            }

            /// The name: lower case, words joined by `_`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Counter::$variant => $name,)+ }
            }
        }
    };
}

counters! {
    /// Checkpoints recorded. Each one arrives, or is found again under a `messages_dropped_*` counter.
    Checkpoints => "checkpoints",
    /// Calls that only passed a pathway through, because the client is disabled or stopped.
    PassedThrough => "passed_through",
    /// Checkpoints not recorded because the memory limit was reached. The pathway still went on.
    CutMemory => "cut_memory",
    /// Checkpoints not recorded because every shard was busy. The pathway still went on.
    CutBusy => "cut_busy",
    /// Checkpoints recorded under parent 0 because their edge had too many parents in the bucket.
    CutParents => "cut_parents",
    /// Origin copies not recorded, because too many origin buckets were alive or memory was short; or recorded under
    /// parent 0, because their edge had too many parents in the bucket.
    CutOrigin => "cut_origin",
    /// Values recorded in the lowest bin kept, because their sketch was full. Known when the bucket is taken.
    CutBins => "cut_bins",
    /// Edges answered with `_other`, because too many were interned.
    CutEdges => "cut_edges",
    /// Received headers that were read.
    HeadersRead => "headers_read",
    /// Headers refused: neither base64 nor long enough to be binary.
    HeaderUnreadable => "header_unreadable",
    /// Headers refused: they end within the hash or a time.
    HeaderTruncated => "header_truncated",
    /// Headers refused: a time does not fit nanoseconds since the epoch.
    HeaderOverflow => "header_overflow",
    /// Headers refused: a time lies too far in the future.
    HeaderFuture => "header_future",
    /// Headers refused: a time lies too far in the past.
    HeaderTooOld => "header_too_old",
    /// Latencies that came out negative and were recorded as 0: clocks differ.
    ClockSkew => "clock_skew",
    /// Times in queue that were ignored: too far in the future or the past.
    QueuedIgnored => "queued_ignored",
    /// Pathways restarted by loop protection.
    Restarts => "restarts",
    /// Offsets recorded.
    Offsets => "offsets",
    /// Offsets not recorded because the memory limit was reached or every shard was busy.
    OffsetsCut => "offsets_cut",
    /// Transactions recorded. Each one arrives, or is found again under `transactions_dropped`.
    Transactions => "transactions",
    /// Transactions not recorded because their volume or the memory limit was reached or every shard was busy.
    TransactionsCutVolume => "transactions_cut_volume",
    /// Transactions not recorded because there are too many checkpoint names.
    TransactionsCutNames => "transactions_cut_names",
    /// Transactions that were in payloads that were dropped.
    TransactionsDropped => "transactions_dropped",
    /// Calls refused for their arguments.
    InvalidArguments => "invalid_arguments",
    /// Buckets taken for delivery.
    Buckets => "buckets",
    /// Payloads made.
    Payloads => "payloads",
    /// Payloads that the agent took.
    PayloadsDelivered => "payloads_delivered",
    /// Checkpoints in payloads that the agent took.
    MessagesDelivered => "messages_delivered",
    /// Attempts that will be made again.
    Retries => "retries",
    /// Attempts whose answer was lost: the payload may arrive twice (under one payload id).
    Uncertain => "uncertain",
    /// Payloads that were split because the agent found them too large.
    Splits => "splits",
    /// Payloads dropped whose last attempts may have arrived all the same.
    PayloadsDroppedUncertain => "payloads_dropped_uncertain",
    /// Checkpoints in dropped payloads that may have arrived all the same.
    MessagesDroppedUncertain => "messages_dropped_uncertain",
    /// Payloads dropped: the agent refused them for good.
    PayloadsDroppedRejected => "payloads_dropped_rejected",
    /// Checkpoints in payloads that the agent refused for good.
    MessagesDroppedRejected => "messages_dropped_rejected",
    /// Payloads dropped: a single point was still too large for the agent.
    PayloadsDroppedTooLarge => "payloads_dropped_too_large",
    /// Checkpoints in payloads that were too large for the agent.
    MessagesDroppedTooLarge => "messages_dropped_too_large",
    /// Payloads dropped: not delivered for too long.
    PayloadsDroppedAge => "payloads_dropped_age",
    /// Checkpoints in payloads not delivered for too long.
    MessagesDroppedAge => "messages_dropped_age",
    /// Payloads dropped, oldest first: those waiting for a retry outgrew their limit.
    PayloadsDroppedBytes => "payloads_dropped_bytes",
    /// Checkpoints in payloads that outgrew the retry limit.
    MessagesDroppedBytes => "messages_dropped_bytes",
    /// Payloads dropped: undelivered when the client stopped.
    PayloadsDroppedStop => "payloads_dropped_stop",
    /// Checkpoints undelivered when the client stopped.
    MessagesDroppedStop => "messages_dropped_stop",
    /// Payloads dropped: they could not be encoded, or work on them failed.
    PayloadsDroppedFault => "payloads_dropped_fault",
    /// Checkpoints in payloads that could not be encoded, or on which work failed.
    MessagesDroppedFault => "messages_dropped_fault",
    /// Attempts that found no agent: refused, unreachable or timed out before the request was sent.
    AgentUnreachable => "agent_unreachable",
    /// Answers of the agent with another status than 2xx.
    AgentErrors => "agent_errors",
    /// Health counts that could not be sent to DogStatsD.
    HealthErrors => "health_errors",
    /// Failures to start the reporter's thread; tried again with the next new bucket.
    SpawnFailures => "spawn_failures",
    /// Panics contained: bugs in this library.
    Panics => "panics",
    /// Bytes of aggregation memory in use now (not a count).
    MemoryBytes => "memory_bytes",
    /// Bytes of payloads waiting for delivery now (not a count).
    RetryBytes => "retry_bytes",
    /// Edges interned now (not a count).
    Edges => "edges",
}

impl Counter {
    /// Payloads that were dropped, and the checkpoints in them, by cause.
    pub(crate) const LOSSES: [[Self; 6]; 2] = [
        [
            Self::PayloadsDroppedRejected,
            Self::PayloadsDroppedTooLarge,
            Self::PayloadsDroppedAge,
            Self::PayloadsDroppedBytes,
            Self::PayloadsDroppedStop,
            Self::PayloadsDroppedFault,
        ],
        [
            Self::MessagesDroppedRejected,
            Self::MessagesDroppedTooLarge,
            Self::MessagesDroppedAge,
            Self::MessagesDroppedBytes,
            Self::MessagesDroppedStop,
            Self::MessagesDroppedFault,
        ],
    ];
}

/// The counts of one client. Any thread may add; values only grow, but for the three that say "now".
#[derive(Debug)]
pub struct Counters([AtomicU64; Counter::ALL.len()]);

impl Counters {
    /// All zero.
    #[must_use]
    pub fn new() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }

    /// Adds `n`.
    pub fn add(&self, counter: Counter, n: u64) {
        self.0[counter as usize].fetch_add(n, Ordering::Relaxed);
    }

    /// Sets a value that says "now".
    pub fn set(&self, counter: Counter, value: u64) {
        self.0[counter as usize].store(value, Ordering::Relaxed);
    }

    /// The value.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize].load(Ordering::Relaxed)
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_terminated() {
        let mut seen = std::collections::HashSet::new();
        for (index, &counter) in Counter::ALL.iter().enumerate() {
            assert_eq!(counter as usize, index);
            assert!(seen.insert(counter.name()));
            assert_eq!(counter.name_with_nul(), format!("{}\0", counter.name()));
        }
    }
}
