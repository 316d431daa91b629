//! The one panic boundary: nothing unwinds into C, and a contained panic prints nothing.

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::atomic::{AtomicBool, Ordering};

use datastreams_core::counters::Counter;

use crate::client::ds_client;
use crate::fault;
use crate::status::{DS_ERR_NULL, DS_ERR_PANIC, DS_OK, Failure, Refused, ds_status};

/// Takes the printing out of panics.
///
/// The hook is silent for every thread, not only for those inside the boundary. That costs nothing on the hot path and
/// is right, because this standard library is ours alone: the shared library carries its own copy, the installed
/// archive is linked so that its copy is private, and the crate cannot be a dependency of a Rust program. A Rust host
/// therefore keeps its own hook, and threads that a dependency starts (name resolution) are as silent as the reporter.
///
/// Nobody waits here, since a child that was forked meanwhile would wait for ever: the same hook may be set twice.
pub(crate) fn silence() {
    static SILENT: AtomicBool = AtomicBool::new(false);
    if !SILENT.load(Ordering::Acquire) {
        set_hook(Box::new(|_| {}));
        SILENT.store(true, Ordering::Release);
    }
}

/// Runs `body`; when it panics, the answer is `panicked`. `name` is the export's, for the tests that inject faults.
#[inline(always)]
pub(crate) fn guard<T>(name: &'static str, panicked: T, body: impl FnOnce() -> T) -> T {
    // Unwind safety: what a panic leaves half done lies behind the core's locks, which unwinding releases. The core is safe
    // code, so that at worst a count is off; the panic is counted. Nothing of this crate is shared.
    match catch_unwind(AssertUnwindSafe(|| {
        fault::point(name);
        body()
    })) {
        Ok(value) => value,
        Err(payload) => contained(payload, panicked),
    }
}

#[cold]
#[inline(never)]
fn contained<T>(payload: Box<dyn std::any::Any + Send>, panicked: T) -> T {
    // Dropping a payload may panic again, outside of any boundary.
    std::mem::forget(payload);
    panicked
}

/// Runs a call on a client: refuses NULL, contains panics, counts both kinds of failure on the client.
#[inline(always)]
pub(crate) fn call(
    name: &'static str,
    client: Option<&ds_client>,
    body: impl FnOnce(&ds_client) -> Refused<()>,
) -> ds_status {
    let Some(client) = client else { return DS_ERR_NULL };
    let status = guard(name, DS_ERR_PANIC, || match body(client) {
        Ok(()) => DS_OK,
        Err(failure) => refused(client, &failure),
    });
    if status == DS_ERR_PANIC {
        count_panic(client);
    }
    status
}

#[cold]
fn count_panic(client: &ds_client) {
    // Within the boundary as well: what panicked once may do so again.
    guard("", (), || client.core().count(Counter::Panics));
}

/// Runs a call that needs no client.
#[inline(always)]
pub(crate) fn plain(name: &'static str, body: impl FnOnce() -> Refused<()>) -> ds_status {
    guard(name, DS_ERR_PANIC, || match body() {
        Ok(()) => DS_OK,
        Err(failure) => failure.status,
    })
}

#[cold]
fn refused(client: &ds_client, failure: &Failure) -> ds_status {
    if !failure.counted() {
        client.core().count(Counter::InvalidArguments);
    }
    failure.status
}

/// The pointee, or a refusal.
///
/// # Safety
/// `pointer` is NULL or readable as a `T` during `'a`, and not written meanwhile.
#[inline(always)]
pub(crate) unsafe fn required<'a, T>(pointer: *const T, what: &'static str) -> Refused<&'a T> {
    // SAFETY: `as_ref` tests for NULL; the rest is the caller's promise.
    unsafe { pointer.as_ref() }.ok_or_else(|| Failure::null(what))
}

/// Refuses a NULL output, before anything is recorded.
#[inline(always)]
pub(crate) fn writable<T>(pointer: *mut T, what: &'static str) -> Refused<Output<T>> {
    if pointer.is_null() { Err(Failure::null(what)) } else { Ok(Output(pointer)) }
}

/// An output that is not NULL.
#[derive(Clone, Copy)]
pub(crate) struct Output<T>(*mut T);

impl<T> Output<T> {
    /// Writes the value.
    ///
    /// # Safety
    /// The pointer is writable as a `T`, and no reference to it lives.
    #[inline(always)]
    pub(crate) unsafe fn set(self, value: T) {
        // SAFETY: not NULL by construction; writable by the caller's promise. `write` drops nothing, so uninitialised
        // memory is fine.
        unsafe { self.0.write(value) }
    }
}

/// A struct that starts with its size, `struct_size`, and may come from an older or a newer header.
///
/// # Safety
/// `repr(C)`, the first field is `struct_size: usize`, and every bit pattern including all zeros is a value.
pub(crate) unsafe trait Versioned: Copy {
    /// The size in the first version: nobody can have a smaller one.
    const FIRST: usize;
}

/// More than any version will have; what is larger cannot be a size.
const SIZE_LIMIT: usize = 4096;

/// Copies a sized struct in. Fields that an older caller has not are zero; what a newer caller has beyond ours must
/// be zero, since it would be ignored.
///
/// # Safety
/// `pointer` is NULL, or points to a `size_t` followed by as many bytes as it says.
pub(crate) unsafe fn sized<T: Versioned>(pointer: *const T, what: &'static str) -> Refused<T> {
    if pointer.is_null() {
        return Err(Failure::null(what));
    }
    // SAFETY: not NULL; the first field is the size.
    let size = unsafe { pointer.cast::<usize>().read() };
    if !(T::FIRST..=SIZE_LIMIT).contains(&size) {
        return Err(Failure::invalid(what, "has an impossible struct_size: use the INIT macro"));
    }
    if size == size_of::<T>() {
        // SAFETY: the caller's struct is as large as ours.
        return Ok(unsafe { pointer.read() });
    }
    // SAFETY: `size` bytes are readable by the caller's promise, and `size` is below SIZE_LIMIT.
    let given = unsafe { core::slice::from_raw_parts(pointer.cast::<u8>(), size) };
    let known = size.min(size_of::<T>());
    if given[known..].iter().any(|&byte| byte != 0) {
        return Err(Failure::invalid(what, "sets fields that this version of the library does not have"));
    }
    let mut value = core::mem::MaybeUninit::<T>::zeroed();
    // SAFETY: `known` bytes fit both, and a local cannot overlap the caller's memory.
    unsafe { core::ptr::copy_nonoverlapping(given.as_ptr(), value.as_mut_ptr().cast::<u8>(), known) };
    // SAFETY: all bytes are set, and every bit pattern is a value (the trait's promise).
    Ok(unsafe { value.assume_init() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::DS_ERR_INVALID;

    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(C)]
    struct Thing {
        struct_size: usize,
        first: u64,
        later: u64,
    }
    // SAFETY: repr(C), starts with the size, plain integers.
    unsafe impl Versioned for Thing {
        const FIRST: usize = 16;
    }

    #[repr(C)]
    struct Newer {
        thing: Thing,
        more: u64,
    }

    #[test]
    fn a_panic_becomes_its_value_and_prints_nothing() {
        silence();
        assert_eq!(guard("test", 7, || panic!("contained")), 7);
        assert_eq!(guard("test", 7, || 8), 8);
    }

    #[test]
    fn older_and_newer_structs() {
        let mut thing = Thing { struct_size: 24, first: 1, later: 2 };
        let read = |thing: &Thing| {
            // SAFETY: a live struct, and sizes below its own.
            unsafe { sized(thing, "thing") }
        };
        assert_eq!(read(&thing).unwrap(), thing);
        thing.struct_size = 16;
        assert_eq!(read(&thing).unwrap(), Thing { later: 0, ..thing });
        for size in [0, 8, 15, 4097, usize::MAX] {
            thing.struct_size = size;
            assert_eq!(read(&thing).unwrap_err().status, DS_ERR_INVALID);
        }
        let mut newer = Newer { thing: Thing { struct_size: 32, first: 1, later: 2 }, more: 0 };
        let pointer: *const Newer = &newer;
        // SAFETY: 32 readable bytes.
        assert_eq!(unsafe { sized(pointer.cast::<Thing>(), "thing") }.unwrap(), newer.thing);
        newer.more = 1;
        let pointer: *const Newer = &newer;
        // SAFETY: 32 readable bytes.
        assert_eq!(unsafe { sized(pointer.cast::<Thing>(), "thing") }.unwrap_err().status, DS_ERR_INVALID);
        // SAFETY: NULL is refused.
        assert_eq!(unsafe { sized::<Thing>(core::ptr::null(), "thing") }.unwrap_err().status, DS_ERR_NULL);
    }
}
