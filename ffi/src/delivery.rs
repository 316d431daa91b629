//! Delivery by the host
//!
//! Only with DS_DELIVERY_POLL and DS_DELIVERY_HOST; DS_ERR_MODE otherwise.

use datastreams_core::config::Delivery;

use crate::boundary::{call, writable};
use crate::client::ds_client;
use crate::clock;
use crate::signals;
use crate::status::{DS_ERR_MODE, Failure, Refused, ds_status};
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
/// again, at most 10 000. Any thread.
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
        in_mode(client, &[Delivery::Poll, Delivery::Host], "the client has a thread of its own")?;
        let next = signals::without_sigpipe(|| client.core().poll(clock::or_now(now_ns)))?;
        // Rounded up: to wake up early would find nothing to do.
        let next = next.as_nanos().div_ceil(1_000_000);
        // SAFETY: not NULL, and the caller's to write.
        unsafe { next_ms.set(u32::try_from(next).unwrap_or(u32::MAX)) };
        Ok(())
    })
}

/// Takes the next payload that is due; id 0: none is, or retry_limit bytes are out unsettled. Host mode
/// only. Any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ds_client_take_payload(client: *const ds_client, payload: *mut ds_payload) -> ds_status {
    // SAFETY: NULL or the caller's client, which lives during the call.
    let client = unsafe { client.as_ref() };
    call("ds_client_take_payload", client, |client| {
        let payload = writable(payload, "payload")?;
        in_mode(client, &[Delivery::Host], "the client delivers itself")?;
        let mut view = ds_payload {
            id: 0,
            path: ds_str::of(""),
            headers: ds_str::of(""),
            body: core::ptr::null(),
            body_len: 0,
            reserved: 0,
        };
        if let Some(taken) = client.core().take_payload()? {
            // The core keeps a share of each until it is settled: what the pointers name does not move.
            view = ds_payload {
                id: taken.id,
                path: ds_str::of(&taken.path),
                headers: ds_str::of(&taken.headers),
                body: taken.body.as_ptr(),
                body_len: taken.body.len(),
                reserved: 0,
            };
        }
        // SAFETY: not NULL, and the caller's to write.
        unsafe { payload.set(view) };
        Ok(())
    })
}

/// Says what became of a payload: the HTTP status, 0 when it was not sent, -1 when the answer was lost.
/// With 0 and -1, as after 404, 408, 425, 429 and 5xx, it comes again later. What it points to goes
/// either way. DS_ERR_INVALID when no payload with this id is out. Host mode only. Any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ds_client_settle_payload(client: *const ds_client, id: u64, http_status: i32) -> ds_status {
    // SAFETY: NULL or the caller's client, which lives during the call.
    let client = unsafe { client.as_ref() };
    call("ds_client_settle_payload", client, |client| {
        in_mode(client, &[Delivery::Host], "the client delivers itself")?;
        client.core().settle_payload(id, http_status)?;
        Ok(())
    })
}

/// Refuses a call that belongs to another delivery mode.
fn in_mode(client: &ds_client, modes: &[Delivery], reason: &'static str) -> Refused<()> {
    if modes.contains(&client.core().settings().delivery) { Ok(()) } else { Err(Failure::other(DS_ERR_MODE, reason)) }
}
