//! Delivery by the host
//!
//! Only with DS_DELIVERY_POLL and DS_DELIVERY_HOST; DS_ERR_MODE otherwise.

use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, PoisonError};

use datastreams_core::client::HostPayload;
use datastreams_core::fork::generation;

use crate::boundary::{call, writable};
use crate::client::ds_client;
use crate::clock;
use crate::signals;
use crate::status::{Failure, ds_status};
use crate::text::ds_str;

/// A payload to post to the agent's URL. What it points to stays until it is settled or the client
/// is freed.
#[repr(C)]
pub struct ds_payload {
    /// Names it to ds_client_settle_payload; 0: no payload.
    pub id: u64,
    /// Such as "/v0.1/pipeline_stats".
    pub path: ds_str,
    /// To send with it: lines of "Name: value", each with CR LF.
    pub headers: ds_str,
    /// The compressed body.
    pub body: *const u8,
    /// Its bytes.
    pub body_len: usize,
    /// Zero.
    pub reserved: u64,
}

/// Closes the buckets that are due at now_ns and, in poll mode, posts what is due in the caller's
/// thread (leaving no SIGPIPE behind). *next_ms becomes the milliseconds until it has to be called
/// again, at most 10 000.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ds_client_poll(client: *const ds_client, now_ns: i64, next_ms: *mut u32) -> ds_status {
    // SAFETY: NULL or the caller's client, which lives during the call.
    let client = unsafe { client.as_ref() };
    call("ds_client_poll", client, |client| {
        let next_ms = writable(next_ms, "next_ms")?;
        if now_ns < 0 {
            return Err(Failure::invalid("now_ns", "is before 1970"));
        }
        let next = signals::without_sigpipe(|| client.core().poll(clock::or_now(now_ns)))?;
        // Rounded up: to wake up early would find nothing to do.
        let next = next.as_nanos().div_ceil(1_000_000);
        // SAFETY: not NULL, and the caller's to write.
        unsafe { next_ms.set(u32::try_from(next).unwrap_or(u32::MAX)) };
        Ok(())
    })
}

/// Takes the next payload that is due; id 0: none is. Host mode only. Any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ds_client_take_payload(client: *const ds_client, payload: *mut ds_payload) -> ds_status {
    // SAFETY: NULL or the caller's client, which lives during the call.
    let client = unsafe { client.as_ref() };
    call("ds_client_take_payload", client, |client| {
        let payload = writable(payload, "payload")?;
        let mut view = ds_payload {
            id: 0,
            path: ds_str::of(""),
            headers: ds_str::of(""),
            body: core::ptr::null(),
            body_len: 0,
            reserved: 0,
        };
        if let Some(taken) = client.core().take_payload()? {
            view = client.taken().keep(taken);
        }
        // SAFETY: not NULL, and the caller's to write.
        unsafe { payload.set(view) };
        Ok(())
    })
}

/// Says what became of a payload: the HTTP status, or 0 when there was no answer; then, as after 408,
/// 425, 429 and 5xx, it comes again later. Its memory goes either way. DS_ERR_INVALID when no payload
/// with this id is out.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ds_client_settle_payload(client: *const ds_client, id: u64, http_status: i32) -> ds_status {
    // SAFETY: NULL or the caller's client, which lives during the call.
    let client = unsafe { client.as_ref() };
    call("ds_client_settle_payload", client, |client| {
        client.core().settle_payload(id, http_status)?;
        client.taken().forget(id);
        Ok(())
    })
}

/// The payloads that the host has, whose memory must stay where it is.
///
/// Hangs off the fork generation: a child may have inherited the lock held, and then never looks at it.
#[derive(Default)]
pub(crate) struct Taken(AtomicPtr<Era>);

struct Era {
    generation: u64,
    payloads: Mutex<Vec<HostPayload>>,
}

impl Taken {
    /// Keeps a payload; the answer points into its heap memory, which does not move.
    fn keep(&self, payload: HostPayload) -> ds_payload {
        let view = ds_payload {
            id: payload.id,
            path: ds_str::of(&payload.path),
            headers: ds_str::of(&payload.headers),
            body: payload.body.as_ptr(),
            body_len: payload.body.len(),
            reserved: 0,
        };
        self.era().payloads.lock().unwrap_or_else(PoisonError::into_inner).push(payload);
        view
    }

    fn forget(&self, id: u64) {
        self.era().payloads.lock().unwrap_or_else(PoisonError::into_inner).retain(|payload| payload.id != id);
    }

    /// This process's payloads, made on first use.
    fn era(&self) -> &Era {
        let generation = generation();
        loop {
            let current = self.0.load(Ordering::Acquire);
            // SAFETY: NULL, or from `Box::into_raw` below and freed only with `self`.
            if let Some(era) = unsafe { current.as_ref() }
                && era.generation == generation
            {
                return era;
            }
            // An era of the parent's is left as it is: unlocked, unfreed.
            let fresh = Box::into_raw(Box::new(Era { generation, payloads: Mutex::default() }));
            if self.0.compare_exchange(current, fresh, Ordering::AcqRel, Ordering::Acquire).is_err() {
                // SAFETY: made above and not published.
                drop(unsafe { Box::from_raw(fresh) });
            }
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let current = *self.0.get_mut();
        // SAFETY: NULL, or from `Box::into_raw` and ours alone now.
        let Some(era) = (unsafe { current.as_ref() }) else { return };
        if era.generation == generation() {
            // SAFETY: as above; dropped once, since `self` is.
            drop(unsafe { Box::from_raw(current) });
        }
    }
}
