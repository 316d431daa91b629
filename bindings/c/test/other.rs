//! Another Rust static library, as a program may have one: uses threads, formatting, allocation and unwinding, so that its
//! copy of the standard library is a large one.

use std::collections::HashMap;

/// Panics inside, catches that, and answers the negative value.
#[unsafe(no_mangle)]
pub extern "C" fn other_catches_a_panic(value: i32) -> i32 {
    std::panic::set_hook(Box::new(|_| {}));
    let names: HashMap<i32, String> = (0..100).map(|n| (n, format!("{n:>5}"))).collect();
    let joined = std::thread::spawn(move || {
        if names[&value].trim() == value.to_string() {
            panic!("on purpose");
        }
        value
    })
    .join();
    match joined {
        Ok(value) => value,
        Err(_) => -value,
    }
}
