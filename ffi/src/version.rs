//! Versions

use core::ffi::c_char;

use crate::boundary::guard;

/// The ABI, also the number in the library's SONAME. It changes when an existing name, layout or
/// value changes its meaning, never for an addition.
pub const DS_ABI_VERSION: u32 = 1;

/// DS_ABI_VERSION of the library that is loaded. Bindings refuse to start when it is not theirs.
#[unsafe(no_mangle)]
pub extern "C" fn ds_abi_version() -> u32 {
    guard("ds_abi_version", 0, || DS_ABI_VERSION)
}

/// The version of the library that is loaded, such as "0.1.0". Static, NUL-terminated, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn ds_version() -> *const c_char {
    guard("ds_version", c"".as_ptr(), || concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast())
}
