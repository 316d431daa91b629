//! Text

use core::ffi::c_char;

use crate::status::{Failure, Refused};

/// Text or bytes as a pointer and a length: no NUL is needed. {NULL, 0} is empty; in a config it
/// means "not set". Text is UTF-8. Make one from a literal with DS_STR or DS_STR_INIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ds_str {
    /// Not read when len is 0.
    pub ptr: *const c_char,
    /// Bytes, without a terminating NUL.
    pub len: usize,
}

impl ds_str {
    /// The bytes.
    ///
    /// # Safety
    /// When `len` is not 0 and `ptr` not NULL, `len` bytes at `ptr` are readable and unchanged during `'a`.
    pub(crate) unsafe fn bytes<'a>(self, what: &'static str) -> Refused<&'a [u8]> {
        // SAFETY: the caller's promise is the one that `bytes` asks for.
        unsafe { bytes(self.ptr.cast(), self.len, what) }
    }

    /// The bytes as text.
    ///
    /// # Safety
    /// As for [`ds_str::bytes`].
    pub(crate) unsafe fn text<'a>(self, what: &'static str) -> Refused<&'a str> {
        // SAFETY: the caller's promise is the one that `bytes` asks for.
        let bytes = unsafe { self.bytes(what) }?;
        core::str::from_utf8(bytes).map_err(|_| Failure::invalid(what, "is not UTF-8"))
    }

    /// The text, or `None` when it is empty: a config field that is not set.
    ///
    /// # Safety
    /// As for [`ds_str::bytes`].
    pub(crate) unsafe fn set(self, what: &'static str) -> Refused<Option<String>> {
        // SAFETY: the caller's promise is the one that `bytes` asks for.
        let text = unsafe { self.text(what) }?;
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    /// Borrows `text`, for what C is handed.
    pub(crate) fn of(text: &str) -> Self {
        Self { ptr: text.as_ptr().cast(), len: text.len() }
    }
}

/// `len` bytes at `ptr`. The length is tested first: `{NULL, 0}` is what an empty vector gives in C++ and Go.
///
/// # Safety
/// When `len` is not 0 and `ptr` not NULL, `len` bytes at `ptr` are readable and unchanged during `'a`.
#[inline]
pub(crate) unsafe fn bytes<'a>(ptr: *const u8, len: usize, what: &'static str) -> Refused<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    if ptr.is_null() {
        return Err(Failure::null(what));
    }
    if len > isize::MAX as usize {
        return Err(Failure::invalid(what, "has an impossible length"));
    }
    // SAFETY: not NULL and of a length a slice may have; readable and unchanged by the caller's promise; bytes are
    // always aligned and initialised from the library's view.
    Ok(unsafe { core::slice::from_raw_parts(ptr, len) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{DS_ERR_INVALID, DS_ERR_NULL};

    #[test]
    fn empty_text_needs_no_pointer() {
        let dangling = ds_str { ptr: core::ptr::dangling(), len: 0 };
        for text in [dangling, ds_str { ptr: core::ptr::null(), len: 0 }] {
            // SAFETY: the length is 0, nothing is read.
            assert!(unsafe { text.text("text") }.is_ok_and(str::is_empty));
            // SAFETY: as above.
            assert!(unsafe { text.set("text") }.is_ok_and(|text| text.is_none()));
        }
    }

    #[test]
    fn bad_text_is_refused() {
        let null = ds_str { ptr: core::ptr::null(), len: 3 };
        // SAFETY: NULL is refused before anything is read.
        assert_eq!(unsafe { null.text("text") }.unwrap_err().status, DS_ERR_NULL);
        let long = ds_str { ptr: core::ptr::dangling(), len: usize::MAX };
        // SAFETY: the length is refused before anything is read.
        assert_eq!(unsafe { long.text("text") }.unwrap_err().status, DS_ERR_INVALID);
        let latin = ds_str { ptr: b"caf\xe9".as_ptr().cast(), len: 4 };
        // SAFETY: four bytes of a static.
        assert_eq!(unsafe { latin.text("text") }.unwrap_err().status, DS_ERR_INVALID);
    }
}
