//! The counts of a sketch's bins: a dense window of at most [`MAX_BINS`].

use super::wire::Counts;
use super::{CHUNK, MAX_BINS};

/// Counts by bin. Past [`MAX_BINS`] the lowest are folded into one; later ones below it go there too.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    counts: Vec<f64>,
    /// The index of `counts[0]`. Indexes are within ±2^29, so that differences do not overflow.
    first: i32,
    collapsed: bool,
}

impl Store {
    /// Adds all counts of another.
    pub(super) fn merge(&mut self, other: &Store) {
        let (low, counts) = other.trimmed();
        self.add_run(low, counts, |count| count);
    }

    /// Adds all counts of one in its bytes.
    pub(super) fn merge_counts(&mut self, other: &Counts<'_>) {
        self.add_run(other.first, &other.dense, f64::from_le_bytes);
        if let (Some(&(low, _)), Some(&(high, _))) = (other.sparse.first(), other.sparse.last()) {
            self.reserve(low, high);
            other.sparse.iter().for_each(|&(index, count)| self.add(index, count));
        }
    }

    /// Adds the counts of contiguous bins within ±2^29, of which the first and the last are not empty.
    fn add_run<T: Copy>(&mut self, low: i32, counts: &[T], number: impl Fn(T) -> f64) {
        let Some(last) = counts.len().checked_sub(1) else { return };
        self.reserve(low, low + last as i32);
        // What lies below the window, which then is collapsed, goes into its lowest bin.
        let below = usize::try_from(self.first - low).unwrap_or(0).min(counts.len());
        let (below, within) = counts.split_at(below);
        if let Some(lowest) = self.counts.first_mut() {
            *lowest += below.iter().map(|&count| number(count)).sum::<f64>();
        }
        let at = usize::try_from(low - self.first).unwrap_or(0);
        let bins = self.counts.get_mut(at..).unwrap_or_default();
        bins.iter_mut().zip(within).for_each(|(bin, &count)| *bin += number(count));
    }

    /// Adds a count, finite and not negative, to a bin within ±2^29.
    pub(super) fn add(&mut self, index: i32, count: f64) {
        if count == 0.0 {
            return;
        }
        if self.counts.get(self.slot(index)).is_none() {
            self.reserve(index, index);
        }
        let slot = self.slot(index);
        if let Some(bin) = self.counts.get_mut(slot) {
            *bin += count;
        }
    }

    fn slot(&self, index: i32) -> usize {
        let index = if self.collapsed { index.max(self.first) } else { index };
        usize::try_from(index - self.first).unwrap_or(usize::MAX)
    }

    /// Makes the window span these two bins and all in use, or the highest [`MAX_BINS`] of them. To call it once before
    /// many adds keeps a hostile order of indexes from moving the window each time.
    pub(super) fn reserve(&mut self, low: i32, high: i32) {
        let end = self.first + self.counts.len() as i32;
        if high < end && (self.collapsed || low >= self.first) {
            return;
        }
        let (low, high) = match self.range() {
            Some((first, last)) => (low.min(first), high.max(last)),
            None => (low, high),
        };
        let floor = high - (MAX_BINS as i32 - 1);
        let (first, len) = if self.collapsed || low < floor {
            let first = if self.collapsed { floor.max(self.first) } else { floor };
            self.collapsed = true;
            (first, MAX_BINS)
        } else {
            let span = (high - low) as usize + 1;
            let len = span.next_multiple_of(CHUNK).min(MAX_BINS);
            (low - ((len - span) / 2) as i32, len)
        };
        let mut counts = vec![0.0; len];
        for (index, count) in self.iter() {
            counts[(index.max(first) - first) as usize] += count;
        }
        self.counts = counts;
        self.first = first;
    }

    /// The lowest and highest bin that is not empty.
    pub(super) fn range(&self) -> Option<(i32, i32)> {
        let low = self.counts.iter().position(|&count| count != 0.0)?;
        let high = self.counts.iter().rposition(|&count| count != 0.0)?;
        Some((self.first + low as i32, self.first + high as i32))
    }

    /// The bins in use, ascending.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (i32, f64)> {
        let bins = self.counts.iter().enumerate().filter(|&(_, &count)| count != 0.0);
        bins.map(|(slot, &count)| (self.first + slot as i32, count))
    }

    /// The counts from the lowest bin in use to the highest, and the index of the first.
    pub(super) fn trimmed(&self) -> (i32, &[f64]) {
        match self.range() {
            Some((low, high)) => (low, &self.counts[(low - self.first) as usize..=(high - self.first) as usize]),
            None => (0, &[]),
        }
    }

    /// The bytes of the window.
    pub(super) fn memory(&self) -> usize {
        self.counts.capacity() * size_of::<f64>()
    }

    /// The sum of all counts.
    pub(super) fn total(&self) -> f64 {
        self.counts.iter().sum()
    }
}
