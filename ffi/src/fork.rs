//! Forks

use std::sync::atomic::{AtomicBool, Ordering};

use datastreams_core::fork;

use crate::boundary::guard;
use crate::status::{DS_ERR_SYSTEM, Failure, Refused};

/// Registers the handler that a forked child runs. It stays: the library is linked so that `dlclose` does not unmap it.
///
/// When it answers the handler is there, whatever other threads do: two that come at once may both register it, and a
/// child that counts twice is a child all the same. A mark set before the deed would be inherited by a child forked in
/// between, which then had no handler for children of its own.
pub(crate) fn watch() -> Refused<()> {
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if REGISTERED.load(Ordering::Acquire) {
        return Ok(());
    }
    fork::remember();
    // SAFETY: the handler is async-signal-safe and never unmapped.
    if unsafe { libc::pthread_atfork(None, None, Some(child)) } != 0 {
        return Err(Failure::other(DS_ERR_SYSTEM, "no memory for the fork handler"));
    }
    REGISTERED.store(true, Ordering::Release);
    Ok(())
}

/// Runs in the child, between fork and its first instruction: only bumps a number.
extern "C" fn child() {
    fork::child();
}

/// For forks that run no pthread_atfork handlers (a bare clone or syscall): call it in the child
/// before anything else. Does nothing in the same process, and nothing after an ordinary fork. A child
/// that shares its parent's memory (vfork, CLONE_VM) calls nothing of this library.
#[unsafe(no_mangle)]
pub extern "C" fn ds_after_fork() {
    guard("ds_after_fork", (), fork::child_without_handler);
}
