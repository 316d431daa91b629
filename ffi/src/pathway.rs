//! Pathways
//!
//! A pathway says where a message has been. It is a value: copy it, compare it, keep one for each
//! message in flight; there is nothing to free. These calls need no client.

use datastreams_core::header::{self, Window};
use datastreams_core::pathway::{Direction, Pathway};

use crate::boundary::{plain, required, writable};
use crate::clock;
use crate::status::{DS_ERR_BUFFER, DS_ERR_HEADER, Failure, Refused, ds_status};
use crate::text::bytes;

/// Bytes that every encoded pathway fits.
pub const DS_HEADER_MAX: usize = 36;

const _: () = assert!(DS_HEADER_MAX == header::MAX);
const _: () = assert!(header::MAX_BINARY <= DS_HEADER_MAX && header::USUAL <= DS_HEADER_MAX);

/// Where a message has been. All zero, or start_ns 0: no pathway.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ds_pathway {
    /// The services and edges passed so far.
    pub hash: u64,
    /// When the message left its origin.
    pub start_ns: i64,
    /// When it passed the last checkpoint.
    pub edge_start_ns: i64,
    /// The closest checkpoint of the other direction: a fan-out goes back to it.
    pub opposite_hash: u64,
    /// When that was passed.
    pub opposite_edge_start_ns: i64,
    /// Of the last checkpoint: 0 none, 1 in, 2 out.
    pub direction: u32,
    /// Written as zero, not read.
    pub reserved: [u32; 5],
}

const _: () = assert!(size_of::<ds_pathway>() == 64 && align_of::<ds_pathway>() == 8);

impl ds_pathway {
    /// No pathway.
    pub(crate) const NONE: Self = Self::of(Pathway {
        hash: 0,
        start_ns: 0,
        edge_start_ns: 0,
        opposite_hash: 0,
        opposite_edge_start_ns: 0,
        direction: Direction::None,
    });

    /// For C.
    #[inline(always)]
    pub(crate) const fn of(from: Pathway) -> Self {
        Self {
            hash: from.hash,
            start_ns: from.start_ns,
            edge_start_ns: from.edge_start_ns,
            opposite_hash: from.opposite_hash,
            opposite_edge_start_ns: from.opposite_edge_start_ns,
            direction: from.direction as u32,
            reserved: [0; 5],
        }
    }

    /// From C, which may have written anything. An unknown direction is none.
    #[inline(always)]
    pub(crate) fn checked(&self, what: &'static str) -> Refused<Option<Pathway>> {
        if self.start_ns == 0 {
            return Ok(None);
        }
        if (self.start_ns | self.edge_start_ns | self.opposite_edge_start_ns) < 0 {
            return Err(Failure::invalid(what, "has a time before 1970"));
        }
        let direction = match self.direction {
            1 => Direction::In,
            2 => Direction::Out,
            _ => Direction::None,
        };
        Ok(Some(Pathway {
            hash: self.hash,
            start_ns: self.start_ns,
            edge_start_ns: self.edge_start_ns,
            opposite_hash: self.opposite_hash,
            opposite_edge_start_ns: self.opposite_edge_start_ns,
            direction,
        }))
    }
}

/// Reads a header in any form that is on the wire: base64 (also twice, URL-safe, unpadded) or binary.
/// Its times must lie within 31 days before and 60 s after now_ns; with a negative now_ns any time since
/// 1970 is taken. DS_ERR_HEADER when it is empty or cannot be read. ds_set_checkpoint does this itself.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ds_pathway_decode(
    header: *const u8,
    header_len: usize,
    now_ns: i64,
    pathway: *mut ds_pathway,
) -> ds_status {
    plain("ds_pathway_decode", || {
        let pathway = writable(pathway, "pathway")?;
        // {NULL, 0}, what an empty view gives in C++, is the empty header.
        // SAFETY: the caller's `header_len` bytes, borrowed for this call.
        let header = unsafe { bytes(header, header_len, "header") }?;
        let window = if now_ns < 0 { Window::ANY } else { Window::DEFAULT };
        let unreadable = |_| Failure::other(DS_ERR_HEADER, "the header is unreadable, from the future or too old");
        let now = if now_ns > 0 { now_ns } else { clock::about_now() };
        let read = header::decode(header, now, &window).map_err(unreadable)?;
        // SAFETY: not NULL, and the caller's to write.
        unsafe { pathway.set(ds_pathway::of(read)) };
        Ok(())
    })
}

/// Writes the header of a pathway: base64 text for DS_HEADER_KEY, or, when binary is not 0, the bytes
/// that data-streams-go reads under DS_HEADER_KEY_LEGACY. out_cap is at least DS_HEADER_MAX. Without a
/// pathway (start_ns 0) *out_len is 0: there is nothing to send. ds_set_checkpoint does this itself.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ds_pathway_encode(
    pathway: *const ds_pathway,
    binary: u32,
    out: *mut u8,
    out_cap: usize,
    out_len: *mut usize,
) -> ds_status {
    plain("ds_pathway_encode", || {
        // SAFETY: NULL or a pathway of the caller's, read before anything is written.
        let pathway = *unsafe { required(pathway, "pathway") }?;
        let out = Header::new(out, out_cap, out_len)?;
        let pathway = pathway.checked("pathway")?;
        // SAFETY: by the caller's promise `out` holds `out_cap` bytes, which were checked to be enough.
        unsafe { out.set(pathway.as_ref(), binary != 0) };
        Ok(())
    })
}

/// Where several messages become one: chooses the pathway that goes on. The choice is uniform, the
/// same on every call, and independent of the order; values that are no pathway are passed over. When
/// all are (or count is 0), merged becomes no pathway. merged may be one of the inputs.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn ds_pathway_merge(
    pathways: *const ds_pathway,
    count: usize,
    merged: *mut ds_pathway,
) -> ds_status {
    plain("ds_pathway_merge", || {
        let merged = writable(merged, "merged")?;
        if pathways.is_null() && count != 0 {
            return Err(Failure::null("pathways"));
        }
        if count > isize::MAX as usize / size_of::<ds_pathway>() {
            return Err(Failure::invalid("count", "is impossible"));
        }
        let inputs = match count {
            0 => &[],
            // SAFETY: not NULL, of a length a slice may have, and by the caller's promise readable.
            _ => unsafe { core::slice::from_raw_parts(pathways, count) },
        };
        let mut chosen: Option<Pathway> = None;
        for input in inputs {
            let next = input.checked("pathways")?;
            // Two at a time: the least of all is the same, and nothing is allocated.
            chosen = match (chosen, next) {
                (Some(one), Some(other)) => Pathway::merge(&[one, other]),
                (one, other) => one.or(other),
            };
        }
        // SAFETY: not NULL, and the caller's to write; the inputs are read by now.
        unsafe { merged.set(chosen.map_or(ds_pathway::NONE, ds_pathway::of)) };
        Ok(())
    })
}

/// A caller's buffer for a header, with room for any.
#[derive(Clone, Copy)]
pub(crate) struct Header {
    out: *mut u8,
    out_len: *mut usize,
}

impl Header {
    /// Tests the three arguments.
    #[inline(always)]
    pub(crate) fn new(out: *mut u8, out_cap: usize, out_len: *mut usize) -> Refused<Self> {
        if out.is_null() {
            return Err(Failure::null("out"));
        }
        if out_len.is_null() {
            return Err(Failure::null("out_len"));
        }
        if out_cap < DS_HEADER_MAX {
            return Err(Failure::other(DS_ERR_BUFFER, "out_cap is below DS_HEADER_MAX"));
        }
        Ok(Self { out, out_len })
    }

    /// Writes the header of `pathway`, or the length 0 without one.
    ///
    /// # Safety
    /// [`DS_HEADER_MAX`] bytes are writable at `out`, and `out_len` is writable.
    #[inline(always)]
    pub(crate) unsafe fn set(self, pathway: Option<&Pathway>, binary: bool) {
        let Some(pathway) = pathway else {
            // SAFETY: writable by the caller's promise.
            return unsafe { self.out_len.write(0) };
        };
        let usual = if binary { None } else { header::encode_usual(pathway) };
        if let Some(text) = usual {
            // SAFETY: shorter than the buffer, and writable by the caller's promise.
            unsafe { self.out.cast::<[u8; header::USUAL]>().write(text) };
            // SAFETY: writable by the caller's promise.
            return unsafe { self.out_len.write(header::USUAL) };
        }
        // All of it at once: what lies behind `out_len` is not promised to anyone. Cleared first, since the caller's buffer
        // may be uninitialised.
        // SAFETY: writable by the caller's promise.
        unsafe { self.out.write_bytes(0, DS_HEADER_MAX) };
        // SAFETY: initialised above; the header that was read, which may be this buffer, is not borrowed any more.
        let text = unsafe { &mut *self.out.cast::<[u8; DS_HEADER_MAX]>() };
        let len = match text.first_chunk_mut() {
            Some(short) if binary => pathway.encode_binary(short),
            _ => pathway.encode_base64(text),
        };
        // SAFETY: writable by the caller's promise.
        unsafe { self.out_len.write(len) };
    }
}
