//! Which side of a fork this process is on.
//!
//! All mutable state of a client hangs off the generation. A forked child bumps it, and with that leaves everything it
//! inherited behind: locks that other threads of the parent held, buckets that the parent will send itself, and a
//! reporter thread that does not exist any more. Nothing inherited is locked, joined, freed or sent.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

static GENERATION: AtomicU64 = AtomicU64::new(0);
static PID: AtomicU32 = AtomicU32::new(0);

/// The number of forks between the process that loaded the library and this one.
#[inline]
#[must_use]
pub fn generation() -> u64 {
    GENERATION.load(Ordering::Acquire)
}

/// To be called in the child after fork, as from a `pthread_atfork` handler: one atomic addition, nothing else.
pub fn child() {
    PID.store(std::process::id(), Ordering::Relaxed);
    GENERATION.fetch_add(1, Ordering::AcqRel);
}

/// Remembers the process, so that [`child_without_handler`] can tell a child from it.
pub fn remember() {
    // Only the first one counts: a child is told by its handler.
    let _ = PID.compare_exchange(0, std::process::id(), Ordering::AcqRel, Ordering::Acquire);
}

/// For children made without fork handlers (`clone`, a bare system call). Does nothing in a process that is known. Not
/// for `vfork`, whose child has its parent's memory: it would leave the parent's state behind in the parent.
pub fn child_without_handler() {
    let pid = std::process::id();
    let known = PID.swap(pid, Ordering::AcqRel);
    if known != 0 && known != pid {
        GENERATION.fetch_add(1, Ordering::AcqRel);
    }
}
