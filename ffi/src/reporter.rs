//! The reporter's thread, as the core asks for it: the core has no `unsafe` to keep signals away from it.

use std::io;
use std::thread;

use crate::boundary::guard;
use crate::fault;
use crate::signals::Blocked;

/// What the reporter needs: it encodes and compresses payloads, resolves names and speaks TLS, most of it on the heap.
const STACK: usize = 512 << 10;

/// Starts a thread that takes no signal and contains panics. It is never joined: the core waits for it by a channel,
/// and a forked child must not wait for it at all.
///
/// # Errors
/// The system has no thread to give; the core counts that and tries again.
pub(crate) fn spawn(body: Box<dyn FnOnce() + Send>) -> io::Result<()> {
    // A thread inherits the mask of the one that makes it.
    let _blocked = Blocked::all();
    thread::Builder::new().name("datastreams".to_owned()).stack_size(STACK).spawn(|| guard("thread", (), body))?;
    Ok(())
}

/// Where the core lets a test panic within an iteration of the reporter.
pub(crate) const FAULT: Option<fn()> = if cfg!(feature = "fault") { Some(|| fault::point("reporter")) } else { None };
