//! The wall clock, which the core never reads.

use std::time::{SystemTime, UNIX_EPOCH};

/// `now_ns`, or the wall clock when it is 0.
#[inline(always)]
pub(crate) fn or_now(now_ns: i64) -> i64 {
    if now_ns != 0 { now_ns } else { now() }
}

/// Nanoseconds since the Unix epoch; a clock before it says 1, since 0 would mean "no time".
#[inline(always)]
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
