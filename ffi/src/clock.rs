//! The wall clock, which the core never reads.

use libc::{CLOCK_REALTIME, clock_gettime, timespec};

/// The clock of the last timer tick, some milliseconds behind: enough for a window of a minute, at a fifth of the cost.
#[cfg(target_os = "linux")]
const COARSE: libc::clockid_t = libc::CLOCK_REALTIME_COARSE;
#[cfg(not(target_os = "linux"))]
const COARSE: libc::clockid_t = CLOCK_REALTIME;

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
    read(CLOCK_REALTIME)
}

/// As [`now`], to the tick: for comparing a header's times with the window.
#[inline(always)]
pub(crate) fn about_now() -> i64 {
    read(COARSE)
}

#[inline(always)]
fn read(clock: libc::clockid_t) -> i64 {
    let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a valid pointer to a timespec; both clocks always exist, so that the call cannot fail.
    unsafe { clock_gettime(clock, &mut now) };
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec).max(1)
}
