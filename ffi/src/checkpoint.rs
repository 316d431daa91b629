//! Checkpoints
//!
//! One call for each message that passes an edge:
//!
//!     ds_pathway pathway; uint8_t out[DS_HEADER_MAX]; size_t out_len;
//!     /* consumed: header bytes as received, or NULL, 0 */
//!     ds_set_checkpoint(client, in, size, header, header_len, NULL, &pathway, NULL, 0, NULL);
//!     /* produced: send out_len bytes of out under DS_HEADER_KEY; nothing when out_len is 0 */
//!     ds_set_checkpoint(client, out_edge, size, NULL, 0, &pathway, &pathway, out, sizeof out, &out_len);

use datastreams_core::client::Input;

use crate::boundary::{Versioned, call, sized};
use crate::client::ds_client;
use crate::clock;
use crate::edge::ds_edge;
use crate::pathway::{Header, ds_pathway};
use crate::status::{Failure, Refused, ds_status};
use crate::text::bytes;

/// A payload_size that is not recorded. 0 is recorded: an empty message.
pub const DS_SIZE_UNKNOWN: u64 = 18446744073709551615;

/// What ds_set_checkpoint has no argument for. Start from DS_OPTIONS_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ds_options {
    /// sizeof(ds_options), set by DS_OPTIONS_INIT.
    pub struct_size: usize,
    /// The time of the checkpoint.
    pub now_ns: i64,
    /// Entry into the queue: the start of a pathway that begins here. 0: unknown.
    pub queued_ns: i64,
}

// SAFETY: repr(C), starts with its size, plain integers.
unsafe impl Versioned for ds_options {
    const FIRST: usize = 24;
}

/// Records that a message passes an edge, and extends its pathway. Never waits for a lock or for the
/// agent, allocates only for an edge and parent that are new within 10 s, and a header that cannot be
/// read starts a new pathway (counted by cause) instead of failing. Any thread.
///   payload_size  bytes of key, value and headers without ours, or DS_SIZE_UNKNOWN
///   header        as received; {NULL, 0} when there is none. When readable it wins over parent
///   parent        the pathway before; may be NULL: a new one starts. Consumers pass NULL
///   pathway       becomes the pathway after; may be NULL, and may be the same object as parent
///   out, out_len  become the base64 header to send; NULL, 0, NULL on the consume side. out_cap is at
///                 least DS_HEADER_MAX; out may be the same buffer as header
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds_set_checkpoint(
    client: *const ds_client,
    edge: ds_edge,
    payload_size: u64,
    header: *const u8,
    header_len: usize,
    parent: *const ds_pathway,
    pathway: *mut ds_pathway,
    out: *mut u8,
    out_cap: usize,
    out_len: *mut usize,
) -> ds_status {
    let slots = Slots { header, header_len, parent, pathway, out, out_cap, out_len };
    // SAFETY: NULL or the caller's client, which lives during the call.
    let client = unsafe { client.as_ref() };
    call("ds_set_checkpoint", client, |client| {
        // SAFETY: the caller's pointers, as they came.
        unsafe { cross(client, edge, payload_size, clock::now(), 0, slots) }
    })
}

/// ds_set_checkpoint with options, which may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ds_set_checkpoint_with(
    client: *const ds_client,
    edge: ds_edge,
    payload_size: u64,
    options: *const ds_options,
    header: *const u8,
    header_len: usize,
    parent: *const ds_pathway,
    pathway: *mut ds_pathway,
    out: *mut u8,
    out_cap: usize,
    out_len: *mut usize,
) -> ds_status {
    let slots = Slots { header, header_len, parent, pathway, out, out_cap, out_len };
    // SAFETY: NULL or the caller's client, which lives during the call.
    let client = unsafe { client.as_ref() };
    call("ds_set_checkpoint_with", client, |client| {
        let (mut now_ns, mut queued_ns) = (0, 0);
        if !options.is_null() {
            // SAFETY: not NULL; a struct with its size in front.
            let options = unsafe { sized(options, "options") }?;
            (now_ns, queued_ns) = (options.now_ns, options.queued_ns);
        }
        if now_ns < 0 || queued_ns < 0 {
            return Err(Failure::invalid("options", "has a time before 1970"));
        }
        // SAFETY: the caller's pointers, as they came.
        unsafe { cross(client, edge, payload_size, clock::or_now(now_ns), queued_ns, slots) }
    })
}

/// The pointers of a checkpoint, as they came.
#[derive(Clone, Copy)]
struct Slots {
    header: *const u8,
    header_len: usize,
    parent: *const ds_pathway,
    pathway: *mut ds_pathway,
    out: *mut u8,
    out_cap: usize,
    out_len: *mut usize,
}

/// # Safety
/// Each pointer in `slots` is NULL or what the header's documentation says.
#[inline(always)]
unsafe fn cross(
    client: &ds_client,
    edge: ds_edge,
    payload_size: u64,
    now_ns: i64,
    queued_ns: i64,
    slots: Slots,
) -> Refused<()> {
    // SAFETY: the caller's `header_len` bytes, borrowed for this call.
    let header = unsafe { bytes(slots.header, slots.header_len, "header") }?;
    // A copy, so that parent and pathway may be one object.
    // SAFETY: NULL or a pathway of the caller's.
    let parent = match unsafe { slots.parent.as_ref() } {
        Some(parent) => parent.checked("parent")?,
        None => None,
    };
    let out = match (slots.out.is_null(), slots.out_cap) {
        (true, 0) => None,
        _ => Some(Header::new(slots.out, slots.out_cap, slots.out_len)?),
    };
    let payload_size = (payload_size != DS_SIZE_UNKNOWN).then_some(payload_size);
    let input = Input { payload_size, now_ns, queued_ns, header, parent: parent.as_ref() };
    let after = client.core().set_checkpoint(edge.core(), &input)?;
    if !slots.pathway.is_null() {
        // SAFETY: not NULL, and the caller's to write; nothing borrows `parent` any more.
        unsafe { slots.pathway.write(after.map_or(ds_pathway::NONE, ds_pathway::of)) };
    }
    if let Some(out) = out {
        // SAFETY: writable by the caller's promise; nothing borrows `header` any more.
        unsafe { out.set(after.as_ref(), false) };
    } else if !slots.out_len.is_null() {
        // SAFETY: not NULL, and the caller's to write.
        unsafe { slots.out_len.write(0) };
    }
    Ok(())
}
