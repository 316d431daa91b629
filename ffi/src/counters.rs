//! Counters

use core::ffi::c_char;

use datastreams_core::counters::Counter;

use crate::boundary::{call, guard, writable};
use crate::client::ds_client;
use crate::status::{Failure, ds_status};

/// Copies what the client did and what it could not do, every drop by its cause: up to cap values, in
/// the order of ds_counter_name. *count becomes how many there are. values may be NULL when cap is 0.
/// Later versions append, so a caller that enumerates names sees new counters without a new binding.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ds_client_counters(
    client: *const ds_client,
    values: *mut u64,
    cap: usize,
    count: *mut usize,
) -> ds_status {
    // SAFETY: NULL or the caller's client, which lives during the call.
    let client = unsafe { client.as_ref() };
    call("ds_client_counters", client, |client| {
        let count = writable(count, "count")?;
        if values.is_null() && cap != 0 {
            return Err(Failure::null("values"));
        }
        let mut all = [0; Counter::ALL.len()];
        client.core().counters(&mut all);
        if cap != 0 {
            // SAFETY: not NULL; `cap` values are the caller's to write, and a local cannot overlap them.
            unsafe { core::ptr::copy_nonoverlapping(all.as_ptr(), values, cap.min(all.len())) };
        }
        // SAFETY: not NULL, and the caller's to write.
        unsafe { count.set(all.len()) };
        Ok(())
    })
}

/// The name of a counter, such as "header_too_old". Static, NUL-terminated; NULL past the last.
#[unsafe(no_mangle)]
pub extern "C" fn ds_counter_name(index: usize) -> *const c_char {
    guard("ds_counter_name", core::ptr::null(), || match Counter::ALL.get(index) {
        Some(counter) => counter.name_with_nul().as_ptr().cast(),
        None => core::ptr::null(),
    })
}
