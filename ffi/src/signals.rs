//! Signals belong to the host: the reporter's thread takes none, and a delivery in the host's thread leaves no SIGPIPE.

use core::mem::MaybeUninit;
use core::ptr;

/// Signals that a thread raises by its own fault. Blocked, they would kill the process without the host's crash
/// handler, so they stay as they are.
const SYNCHRONOUS: [i32; 6] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS];

/// Blocks signals in this thread until dropped.
pub(crate) struct Blocked {
    before: libc::sigset_t,
}

impl Blocked {
    /// Blocks every signal that is not a thread's own fault: a thread made meanwhile inherits that and keeps it.
    pub(crate) fn all() -> Self {
        let mut set = MaybeUninit::uninit();
        // SAFETY: a local that `sigfillset` initialises.
        unsafe { libc::sigfillset(set.as_mut_ptr()) };
        for signal in SYNCHRONOUS {
            // SAFETY: initialised above; the numbers are valid.
            unsafe { libc::sigdelset(set.as_mut_ptr(), signal) };
        }
        // SAFETY: initialised above.
        Self::these(unsafe { set.assume_init() })
    }

    fn these(set: libc::sigset_t) -> Self {
        let mut before = empty();
        // SAFETY: both point to initialised locals. It fails only for an unknown `how`.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, &mut before) };
        Self { before }
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        // SAFETY: the mask that this thread had.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, ptr::null_mut()) };
    }
}

/// Runs `body` so that a broken connection cannot raise SIGPIPE in the host's thread, whatever the host does with that
/// signal. One that was pending before stays pending; ours is consumed.
pub(crate) fn without_sigpipe<T>(body: impl FnOnce() -> T) -> T {
    let pipe = Pipe { pending: pending(), _blocked: Blocked::these(only(libc::SIGPIPE)) };
    let result = body();
    drop(pipe);
    result
}

/// Consumes our SIGPIPE, then (fields drop after) unblocks: also when `body` unwinds.
struct Pipe {
    pending: bool,
    _blocked: Blocked,
}

impl Drop for Pipe {
    fn drop(&mut self) {
        if self.pending || !pending() {
            return;
        }
        let set = only(libc::SIGPIPE);
        let mut signal = 0;
        // SAFETY: locals, and the signal is pending and blocked, so this returns at once.
        unsafe { libc::sigwait(&set, &mut signal) };
    }
}

/// Whether a SIGPIPE waits for this thread.
fn pending() -> bool {
    let mut set = empty();
    // SAFETY: an initialised local.
    unsafe { libc::sigpending(&mut set) };
    // SAFETY: as above.
    unsafe { libc::sigismember(&set, libc::SIGPIPE) == 1 }
}

fn empty() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: a local that `sigemptyset` initialises.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: initialised above.
    unsafe { set.assume_init() }
}

fn only(signal: i32) -> libc::sigset_t {
    let mut set = empty();
    // SAFETY: an initialised local and a valid number.
    unsafe { libc::sigaddset(&mut set, signal) };
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocked(signal: i32) -> bool {
        let mut set = empty();
        // SAFETY: asks only; an initialised local.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), &mut set) };
        // SAFETY: as above.
        unsafe { libc::sigismember(&set, signal) == 1 }
    }

    fn raise() {
        // SAFETY: no arguments, no conditions.
        let this = unsafe { libc::pthread_self() };
        // SAFETY: this thread lives, and blocks SIGPIPE.
        unsafe { libc::pthread_kill(this, libc::SIGPIPE) };
    }

    #[test]
    fn a_thread_made_inside_takes_no_signal() {
        let guard = Blocked::all();
        let thread = std::thread::spawn(|| (blocked(libc::SIGTERM), blocked(libc::SIGPIPE), blocked(libc::SIGSEGV)));
        drop(guard);
        assert_eq!(thread.join().unwrap(), (true, true, false));
        assert!(!blocked(libc::SIGTERM));
    }

    #[test]
    fn our_sigpipe_is_consumed_and_the_hosts_is_kept() {
        without_sigpipe(raise);
        assert!(!pending());
        let host = Blocked::these(only(libc::SIGPIPE));
        raise();
        without_sigpipe(raise);
        assert!(pending());
        let set = only(libc::SIGPIPE);
        let mut signal = 0;
        // SAFETY: locals; the signal is pending.
        unsafe { libc::sigwait(&set, &mut signal) };
        drop(host);
        assert!(!blocked(libc::SIGPIPE));
    }
}
