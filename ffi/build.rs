//! How the shared library is linked. Cargo gives a cdylib no SONAME.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    match target.as_str() {
        // The number is DS_ABI_VERSION; tests/abi compares them. With nodelete, dlclose leaves the library where the
        // reporter's thread and the fork handler run.
        "linux" | "android" | "freebsd" | "netbsd" | "dragonfly" => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libdatastreams.so.1");
            println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        }
        "macos" => println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libdatastreams.1.dylib"),
        _ => {}
    }
}
