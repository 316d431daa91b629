//! Panics on purpose, to test the boundary in the very library that is shipped. Only with the feature `fault`.

/// Panics when the environment variable `DATASTREAMS_FAULT` names this point. Points are the names of the exports, and
/// `reporter`.
#[cfg(feature = "fault")]
#[allow(clippy::panic, reason = "that is its job, and no release has the feature")]
pub(crate) fn point(name: &str) {
    // Read each time: a test turns it on and off with setenv. `getenv` rather than `std::env`, whose lock a forked
    // child may inherit; the tests that use it set it from one thread.
    if std::env::var_os("DATASTREAMS_FAULT").is_some_and(|wanted| wanted == name) {
        panic!("a fault was asked for in {name}");
    }
}

/// Nothing, without the feature.
#[cfg(not(feature = "fault"))]
#[inline(always)]
pub(crate) fn point(_name: &str) {}
