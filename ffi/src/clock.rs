//! The wall clock, which the core never reads.

use libc::{CLOCK_REALTIME, clock_gettime, timespec};

/// `now_ns`, or the wall clock when it is 0.
#[inline(always)]
pub(crate) fn or_now(now_ns: i64) -> i64 {
    if now_ns != 0 { now_ns } else { now() }
}

/// Nanoseconds since the Unix epoch; a clock before it says 1, since 0 would mean "no time".
///
/// Not by `std::time::SystemTime`, whose checks and conversions take a hundred instructions more for each message.
#[inline(always)]
pub(crate) fn now() -> i64 {
    let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid pointer to a timespec; this clock always exists, so that the call cannot fail.
    unsafe { clock_gettime(CLOCK_REALTIME, &mut now) };
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec).max(1)
}
