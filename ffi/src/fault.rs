//! Panics on purpose, to test the boundary in the very library that is shipped. Only with the feature `fault`.

/// Panics as often as the environment variable `DATASTREAMS_FAULT` says for this point, such as
/// `ds_set_checkpoint:1,reporter:3`. Points are the names of the exports (`exports` stands for each of them) and
/// `reporter`. The variable is read once.
#[cfg(feature = "fault")]
#[allow(clippy::panic, reason = "that is its job, and no release has the feature")]
pub(crate) fn point(name: &'static str) {
    use std::collections::HashMap;
    use std::sync::{Mutex, OnceLock, PoisonError};

    static ASKED: OnceLock<Vec<(String, u32)>> = OnceLock::new();
    static DONE: Mutex<Option<HashMap<&'static str, u32>>> = Mutex::new(None);

    let asked = ASKED.get_or_init(|| {
        let text = std::env::var("DATASTREAMS_FAULT").unwrap_or_default();
        let entry =
            |entry: &str| entry.split_once(':').map(|(name, times)| (name.to_owned(), times.parse().unwrap_or(0)));
        text.split(',').filter_map(entry).collect()
    });
    let stands_for = |entry: &str| entry == name || (entry == "exports" && name.starts_with("ds_"));
    let times = asked.iter().find(|(entry, _)| stands_for(entry)).map_or(0, |(_, times)| *times);
    let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
    let done = done.get_or_insert_default().entry(name).or_default();
    if *done < times {
        *done += 1;
        panic!("a fault was asked for in {name}");
    }
}

/// Nothing, without the feature.
#[cfg(not(feature = "fault"))]
#[inline(always)]
pub(crate) fn point(_name: &'static str) {}
