//! Offsets and transactions

use crate::boundary::call;
use crate::client::ds_client;
use crate::clock;
use crate::edge::ds_edge;
use crate::status::{Failure, ds_status};
use crate::text::ds_str;

/// Reports how far a partition is: the highest offset in each bucket is kept. The backlog is an edge
/// with "type:kafka_produce", "type:kafka_commit" (also "consumer_group:") or "type:kafka_high_watermark",
/// and "topic:"; the partition is added, unless it is -1: the queue has none. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds_track_offset(
    client: *const ds_client,
    backlog: ds_edge,
    partition: i32,
    offset: i64,
) -> ds_status {
    // SAFETY: NULL or the caller's client, which lives during the call.
    let client = unsafe { client.as_ref() };
    call("ds_track_offset", client, |client| {
        client.core().track_offset(backlog.core(), partition, offset, clock::now())?;
        Ok(())
    })
}

/// Reports that the transaction id (1 to 255 bytes, need not be text) passed the named checkpoint (1 to
/// 255 bytes) at at_ns. What goes beyond transaction_limit is counted and not reported. Any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds_track_transaction(
    client: *const ds_client,
    id: ds_str,
    checkpoint: ds_str,
    at_ns: i64,
) -> ds_status {
    // SAFETY: NULL or the caller's client, which lives during the call.
    let client = unsafe { client.as_ref() };
    call("ds_track_transaction", client, |client| {
        if at_ns < 0 {
            return Err(Failure::invalid("at_ns", "is before 1970"));
        }
        // SAFETY: the caller's bytes, borrowed for this call.
        let id = unsafe { id.bytes("id") }?;
        // SAFETY: the caller's text, borrowed for this call.
        let checkpoint = unsafe { checkpoint.text("checkpoint") }?;
        let now_ns = clock::now();
        client.core().track_transaction(id, checkpoint, if at_ns == 0 { now_ns } else { at_ns }, now_ns)?;
        Ok(())
    })
}
