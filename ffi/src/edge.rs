//! Edges
//!
//! An edge is a set of tags: what a message passes at a checkpoint, such as {"direction:in",
//! "group:billing", "topic:orders", "type:kafka"}. Intern each once, not for every message.

use datastreams_core::edge::{Edge, MAX_TAGS};

use crate::boundary::{call, writable};
use crate::client::ds_client;
use crate::status::{Failure, ds_status};
use crate::text::ds_str;

/// An interned edge: a value, valid as long as its client, also in a forked child. Zero is none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ds_edge {
    /// Opaque.
    pub id: u64,
}

impl ds_edge {
    /// For the core, which tests it.
    #[inline(always)]
    pub(crate) fn core(self) -> Edge {
        Edge(self.id)
    }
}

/// Finds or makes the edge of a tag set. The order of the tags does not matter; the key "partition"
/// is reported and never hashed. Only "direction:in" and "direction:out" take part in loop protection.
/// An empty service is the client's own. At most 128 tags of 16 KiB, none empty, else DS_ERR_INVALID.
/// When max_edges is reached, the edge is "_other" of that direction, counted. Allocates; any thread.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ds_edge_intern(
    client: *const ds_client,
    tags: *const ds_str,
    count: usize,
    service: ds_str,
    edge: *mut ds_edge,
) -> ds_status {
    // SAFETY: NULL or the caller's client, which lives during the call.
    let client = unsafe { client.as_ref() };
    call("ds_edge_intern", client, |client| {
        let edge = writable(edge, "edge")?;
        if count == 0 {
            return Err(Failure::invalid("tags", "is empty"));
        }
        if tags.is_null() {
            return Err(Failure::null("tags"));
        }
        // More would be refused anyway, and an impossible count is never multiplied.
        if count > MAX_TAGS {
            return Err(Failure::invalid("tags", "has too many"));
        }
        // SAFETY: not NULL, few, and by the caller's promise `count` readable tags.
        let tags = unsafe { core::slice::from_raw_parts(tags, count) };
        let mut texts = Vec::with_capacity(count);
        for tag in tags {
            // SAFETY: the caller's text, borrowed for this call.
            texts.push(unsafe { tag.text("a tag") }?);
        }
        // SAFETY: the caller's text, borrowed for this call.
        let service = unsafe { service.text("service") }?;
        let made = client.core().intern(&texts, service)?;
        // SAFETY: not NULL, and the caller's to write.
        unsafe { edge.set(ds_edge { id: made.0 }) };
        Ok(())
    })
}
