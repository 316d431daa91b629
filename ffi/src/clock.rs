//! The wall clock, which the core never reads.

use datastreams_core::client::wall_clock;

/// `now_ns`, or the wall clock when it is 0.
#[inline(always)]
pub(crate) fn or_now(now_ns: i64) -> i64 {
    if now_ns != 0 { now_ns } else { now() }
}

/// Nanoseconds since the Unix epoch; a clock before it says 1, since 0 would mean "no time".
#[inline(always)]
pub(crate) fn now() -> i64 {
    wall_clock().max(1)
}
