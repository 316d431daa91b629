//! Status

use core::ffi::c_char;

use datastreams_core::error::Error;

use crate::boundary::guard;

/// What a call answers: DS_OK, or one of the errors, all negative. Numbers are never used again.
pub type ds_status = i32;

/// It worked.
pub const DS_OK: ds_status = 0;
/// A required pointer was NULL.
pub const DS_ERR_NULL: ds_status = -1;
/// A config value, tag, length, offset or time that cannot be meant.
pub const DS_ERR_INVALID: ds_status = -2;
/// The edge is zero, or another client's.
pub const DS_ERR_EDGE: ds_status = -3;
/// The capacity of a buffer is below DS_HEADER_MAX.
pub const DS_ERR_BUFFER: ds_status = -4;
/// ds_pathway_decode only: unreadable, from the future, or too old.
pub const DS_ERR_HEADER: ds_status = -5;
/// Too late. A flush keeps what is unsent, a stop counts it as dropped.
pub const DS_ERR_TIMEOUT: ds_status = -6;
/// The call belongs to another delivery mode than the client's.
pub const DS_ERR_MODE: ds_status = -7;
/// The system refused memory, a thread or a handler.
pub const DS_ERR_SYSTEM: ds_status = -8;
/// A bug in the library, contained and counted; the library goes on.
pub const DS_ERR_PANIC: ds_status = -100;

/// An error with a reason, in the caller's memory: nothing to free.
#[repr(C)]
pub struct ds_error {
    /// The status that the call answers.
    pub code: ds_status,
    /// English, UTF-8, NUL-terminated, cut to fit. Empty with DS_OK.
    pub message: [c_char; 252],
}

impl ds_error {
    /// No error.
    pub(crate) const NONE: ds_error = ds_error { code: DS_OK, message: [0; 252] };

    /// An error with as much of `reason` as fits, whole characters only.
    pub(crate) fn new(code: ds_status, reason: &str) -> Self {
        let mut error = Self { code, message: [0; 252] };
        let mut end = reason.len().min(error.message.len() - 1);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        // A NUL within the reason would end it early for C.
        let bytes = reason.as_bytes()[..end].iter().map(|&byte| if byte == 0 { b' ' } else { byte });
        for (to, from) in error.message.iter_mut().zip(bytes) {
            *to = from as c_char;
        }
        error
    }
}

/// What a status means, in English. Static, NUL-terminated, never NULL, also for unknown numbers.
#[unsafe(no_mangle)]
pub extern "C" fn ds_status_text(status: ds_status) -> *const c_char {
    guard("ds_status_text", c"".as_ptr(), || {
        match status {
            DS_OK => c"ok",
            DS_ERR_NULL => c"a required pointer is NULL",
            DS_ERR_INVALID => c"invalid argument",
            DS_ERR_EDGE => c"the edge is zero or belongs to another client",
            DS_ERR_BUFFER => c"the buffer is smaller than DS_HEADER_MAX",
            DS_ERR_HEADER => c"the header is unreadable, from the future or too old",
            DS_ERR_TIMEOUT => c"timed out",
            DS_ERR_MODE => c"not a call for this delivery mode",
            DS_ERR_SYSTEM => c"the system refused memory, a thread or a handler",
            DS_ERR_PANIC => c"a bug in the library, contained",
            _ => c"unknown status",
        }
        .as_ptr()
    })
}

/// Why a call is refused: the status, and a reason for those calls that hand out a [`ds_error`].
#[derive(Debug)]
pub(crate) struct Failure {
    /// What the call answers.
    pub(crate) status: ds_status,
    /// The argument at fault, empty when the reason says it all.
    what: &'static str,
    /// What is wrong with it.
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    Fixed(&'static str),
    Core(Error),
}

/// The result of what a call does: refusals allocate nothing.
pub(crate) type Refused<T> = Result<T, Failure>;

impl Failure {
    /// The pointer `what` is NULL.
    #[cold]
    pub(crate) fn null(what: &'static str) -> Self {
        Self { status: DS_ERR_NULL, what, reason: Reason::Fixed("is NULL") }
    }

    /// The argument `what` cannot be meant.
    #[cold]
    pub(crate) fn invalid(what: &'static str, reason: &'static str) -> Self {
        Self { status: DS_ERR_INVALID, what, reason: Reason::Fixed(reason) }
    }

    /// Another status.
    #[cold]
    pub(crate) fn other(status: ds_status, reason: &'static str) -> Self {
        Self { status, what: "", reason: Reason::Fixed(reason) }
    }

    /// Whether the core refused: it has counted that already.
    pub(crate) fn counted(&self) -> bool {
        matches!(self.reason, Reason::Core(_))
    }

    /// For C.
    pub(crate) fn to_error(&self) -> ds_error {
        match &self.reason {
            Reason::Fixed(reason) if self.what.is_empty() => ds_error::new(self.status, reason),
            Reason::Fixed(reason) => ds_error::new(self.status, &format!("{} {reason}", self.what)),
            Reason::Core(error) => ds_error::new(self.status, &error.to_string()),
        }
    }
}

impl From<Error> for Failure {
    #[cold]
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::Edge => DS_ERR_EDGE,
            Error::Timeout => DS_ERR_TIMEOUT,
            // The enum is open: what a later core adds is a refusal until it gets a number here.
            _ => DS_ERR_INVALID,
        };
        Self { status, what: "", reason: Reason::Core(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(error: &ds_error) -> String {
        let bytes: Vec<u8> = error.message.iter().take_while(|&&byte| byte != 0).map(|&byte| byte as u8).collect();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_reason_is_cut_at_a_character() {
        let error = ds_error::new(DS_ERR_INVALID, &"é".repeat(200));
        assert_eq!(text(&error), "é".repeat(125));
        assert_eq!(text(&ds_error::new(DS_ERR_INVALID, "a\0b")), "a b");
        assert_eq!(text(&ds_error::new(DS_ERR_INVALID, &"x".repeat(252))).len(), 251);
    }
}
