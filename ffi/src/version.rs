//! Versions

use core::ffi::c_char;

use crate::boundary::guard;

/// The ABI, also the number in the library's SONAME. It changes when an existing name, layout or
/// value changes its meaning, never for an addition.
pub const DS_ABI_VERSION: u32 = 1;
/// The version of this header. Compare with ds_version() to find out what is really loaded.
pub const DS_VERSION: &str = "0.1.0";

const _: () = assert!(equal(DS_VERSION, env!("CARGO_PKG_VERSION")), "DS_VERSION is not the version in Cargo.toml");

/// `a == b`, where the compiler can ask.
pub(crate) const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut index = 0;
    while index < a.len() && index < b.len() && a[index] == b[index] {
        index += 1;
    }
    index == a.len() && index == b.len()
}

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
