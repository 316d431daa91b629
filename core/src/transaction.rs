//! Transactions: single messages, followed by an id of the caller's through named checkpoints.
//!
//! A record is one byte for the checkpoint's number, the time in nanoseconds as eight bytes (highest first), one byte for
//! the length of the id, and the id. The numbers of the names travel beside the records: one byte for the number, one for
//! the length, and the name. (The format of dd-trace-go, -java, -js and -dotnet.)

use crate::bucket::{Bounds, NoRoom};
use crate::hash;
use crate::intern::Interner;

/// The most bytes of an id, and of a name.
pub const MAX_LEN: usize = 255;
/// The most names: numbers go from 1 to 254, as in dd-trace-go and dd-trace-js (0 is reserved, dd-trace-dotnet writes
/// 255 for what does not fit).
pub const MAX_NAMES: u32 = 254;

/// The names of the checkpoints of one client; like edges they survive a fork.
pub struct Names(Interner<Box<str>>);

impl Names {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Interner::new(MAX_NAMES))
    }

    /// The number of a name of at most [`MAX_LEN`] bytes; `None` when there are too many.
    pub fn number(&self, name: &str) -> Option<u8> {
        let content = hash::mix(hash::fnv1(name.as_bytes()));
        let index = self.0.intern(content, |known| **known == *name, || name.into()).ok()?;
        u8::try_from(index + 1).ok()
    }

    /// The table of all names.
    #[must_use]
    pub fn table(&self) -> Vec<u8> {
        let mut table = Vec::new();
        for number in 1..=MAX_NAMES as u8 {
            let Some(name) = self.0.get(u32::from(number) - 1) else { continue };
            table.extend([number, name.len() as u8]);
            table.extend(name.as_bytes());
        }
        table
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

/// Appends a record; `id` has at most [`MAX_LEN`] bytes.
///
/// # Errors
/// When memory is short; then nothing is recorded.
pub fn put(records: &mut Vec<u8>, name: u8, at_ns: i64, id: &[u8], bounds: &Bounds<'_>) -> Result<(), NoRoom> {
    let len = len(id);
    if records.capacity() - records.len() < len {
        let more = records.capacity().max(4096);
        if !bounds.budget.charge(more) {
            return Err(NoRoom);
        }
        let before = records.capacity();
        records.reserve_exact(before + more - records.len());
        bounds.budget.force((records.capacity() - before).saturating_sub(more));
    }
    records.push(name);
    records.extend(at_ns.to_be_bytes());
    records.push(id.len() as u8);
    records.extend(id);
    Ok(())
}

/// The bytes of a record.
#[must_use]
pub const fn len(id: &[u8]) -> usize {
    10 + id.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Budget;
    use crate::counters::Counters;

    #[test]
    fn the_bytes_of_a_live_capture_of_dd_trace_js() {
        let (budget, counters) = (Budget::new(1 << 20), Counters::new());
        let bounds = Bounds { budget: &budget, max_parents: 1, counters: &counters };
        let names = Names::new();
        assert_eq!(names.number("ingested"), Some(1));
        assert_eq!(names.number("processed"), Some(2));
        assert_eq!(names.table(), b"\x01\x08ingested\x02\x09processed");
        let mut records = Vec::new();
        put(&mut records, 1, 0x18ea_7cc6_5e2d_e980, b"txn-1", &bounds).unwrap();
        assert_eq!(records, b"\x01\x18\xea\x7c\xc6\x5e\x2d\xe9\x80\x05txn-1");
        assert_eq!(budget.used(), records.capacity() as u64);
    }

    #[test]
    fn the_255th_name_is_refused() {
        let names = Names::new();
        for n in 0..MAX_NAMES {
            assert_eq!(names.number(&format!("name {n}")), Some(n as u8 + 1));
        }
        assert_eq!(names.number("one more"), None);
        assert_eq!(names.number("name 0"), Some(1));
    }
}
