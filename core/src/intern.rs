//! A table of values that are added once, found by content or by number, and never removed.
//!
//! It is read and written without locks, so that it survives a fork at any moment: a child must not wait for a lock
//! that another thread of its parent held. The number of values is bounded; numbers are handed out from 0.

use once_cell::race::OnceBox;
use std::sync::atomic::{AtomicU32, Ordering};

/// The table. `T` is the whole value, its content included.
pub struct Interner<T> {
    /// By number. A number whose writer lost a race, or died in a fork, stays empty or unfindable.
    values: Box<[OnceBox<T>]>,
    /// By content: open addressing, each place a number plus one, 0 while free. Twice as many places as values, so
    /// that a search always ends.
    places: Box<[AtomicU32]>,
    /// The next number.
    next: AtomicU32,
}

/// All numbers are taken.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl<T> Interner<T> {
    /// An empty table for up to `capacity` values. The memory of unused places is not touched.
    #[must_use]
    pub fn new(capacity: u32) -> Self {
        let places = (capacity as usize * 2).next_power_of_two().max(2);
        Self {
            values: std::iter::repeat_with(OnceBox::new).take(capacity as usize).collect(),
            places: std::iter::repeat_with(AtomicU32::default).take(places).collect(),
            next: AtomicU32::new(0),
        }
    }

    /// The value with this number.
    #[inline]
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&T> {
        self.values.get(number as usize)?.get()
    }

    /// How many numbers are taken.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.next.load(Ordering::Relaxed).min(self.values.len() as u32)
    }

    /// Whether no number is taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of the value with this content, made when it is new.
    ///
    /// `hash` spreads over all bits and `is_it` tells whether a value has the content.
    ///
    /// # Errors
    /// [`Full`] when it is new and all numbers are taken.
    pub fn intern(&self, hash: u64, is_it: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> Result<u32, Full> {
        let mask = self.places.len() - 1;
        let mut place = hash as usize & mask;
        let mut make = Some(make);
        let mut mine = 0;
        loop {
            let mut taken = self.places[place].load(Ordering::Acquire);
            if taken == 0 {
                if let Some(make) = make.take() {
                    mine = self.add(make())? + 1;
                }
                match self.places[place].compare_exchange(0, mine, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => return Ok(mine - 1),
                    // Another thread took the place: perhaps with the same content.
                    Err(other) => taken = other,
                }
            }
            if self.get(taken - 1).is_some_and(&is_it) {
                return Ok(taken - 1);
            }
            place = (place + 1) & mask;
        }
    }

    fn add(&self, value: T) -> Result<u32, Full> {
        let capacity = self.values.len() as u32;
        let number = self
            .next
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |next| (next < capacity).then_some(next + 1))
            .map_err(|_| Full)?;
        // The number is ours alone, so that the place cannot be taken.
        let _ = self.values[number as usize].set(Box::new(value));
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash;
    use std::sync::Arc;

    fn intern(table: &Interner<String>, text: &str) -> Result<u32, Full> {
        table.intern(hash::fnv1(text.as_bytes()), |value| value == text, || text.to_owned())
    }

    #[test]
    fn same_content_same_number_until_full() {
        let table = Interner::new(3);
        assert_eq!(intern(&table, "a"), Ok(0));
        assert_eq!(intern(&table, "b"), Ok(1));
        assert_eq!(intern(&table, "a"), Ok(0));
        assert_eq!(intern(&table, "c"), Ok(2));
        assert_eq!(intern(&table, "d"), Err(Full));
        assert_eq!(intern(&table, "c"), Ok(2));
        assert_eq!(table.get(1).map(String::as_str), Some("b"));
        assert_eq!(table.get(3), None);
    }

    #[test]
    fn threads_agree_on_numbers() {
        let table = Arc::new(Interner::new(4096));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let table = Arc::clone(&table);
                std::thread::spawn(move || {
                    (0..400).map(|n| intern(&table, &format!("value {n}")).unwrap()).collect::<Vec<_>>()
                })
            })
            .collect();
        let answers: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        for answer in &answers {
            for (n, &number) in answer.iter().enumerate() {
                assert_eq!(table.get(number), Some(&format!("value {n}")));
                assert_eq!(number, answers[0][n]);
            }
        }
    }
}
