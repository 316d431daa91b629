//! The hot recorder: how often each bin of the canonical mapping was hit.

use super::index::{GAMMA, OFFSET, ZERO, index};
use super::{CHUNK, MAX_BINS, wire};

/// Bins outside of this belong to no f64 (they lie within ±46 000).
const BINS: std::ops::RangeInclusive<i32> = -0x1_0000..=0x1_0000;

/// What [`Bins::grow`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Growth {
    /// The bin has its place: [`Bins::bump`] will succeed.
    Grown,
    /// The sketch is full: the value will be recorded in the lowest bin kept, or lower bins were folded into one to make
    /// room for it. [`Bins::bump`] will succeed; [`Bins::cut`] tells how many values lost their own bin.
    Collapsed,
    /// The bytes were not granted, or no float has such an index. Nothing changed, and [`Bins::bump`] will fail.
    Refused,
}

/// What a bin holds past 32 bits.
#[derive(Clone, Copy, Debug)]
struct Spilled {
    index: i32,
    count: u64,
}

/// Counts of values in the bins of the canonical mapping, and of zeros: a dense window of 32-bit counts over the bins in
/// use, at most [`MAX_BINS`] wide.
///
/// Recording takes three steps, so that several sketches can be changed all or not at all: [`Bins::covers`], in the
/// rare other case [`Bins::grow`], then [`Bins::bump`]. Only `grow` takes memory. Negative values count as zero
/// (latencies are clamped before).
#[derive(Debug, Default)]
pub struct Bins {
    counts: Vec<u32>,
    /// The index of `counts[0]`.
    first: i32,
    /// Whether values below `first` go into `counts[0]`. Then the window has its full width.
    collapsed: bool,
    zero: u64,
    cut: u64,
    /// Emptied bins that reached 2^32 - 1. More than one entry may have the same index.
    spilled: Vec<Spilled>,
}

impl Bins {
    /// The index of values that are counted as zero: [`super::ZERO`].
    pub const ZERO: i32 = ZERO;

    /// No counts, no heap memory.
    #[must_use]
    pub const fn new() -> Bins {
        Bins { counts: Vec::new(), first: 0, collapsed: false, zero: 0, cut: 0, spilled: Vec::new() }
    }

    /// The bin of a value: [`super::index()`].
    #[inline]
    #[must_use]
    pub fn index_of(value: f64) -> i32 {
        index(value)
    }

    /// Where a bin is in `counts`, when it is less than its length. [`ZERO`] never is.
    #[inline]
    fn slot(&self, index: i32) -> usize {
        index.wrapping_sub(self.first) as u32 as usize
    }

    /// Whether [`Bins::bump`] can follow at once; otherwise [`Bins::grow`] has to be called, every time.
    #[inline]
    #[must_use]
    pub fn covers(&self, index: i32) -> bool {
        match self.counts.get(self.slot(index)) {
            Some(&count) => count != u32::MAX,
            None => index == ZERO,
        }
    }

    /// Counts one value, after [`Bins::covers`] was true or [`Bins::grow`] did not refuse. Otherwise it returns false
    /// and nothing changed.
    #[inline]
    pub fn bump(&mut self, index: i32) -> bool {
        let slot = self.slot(index);
        match self.counts.get_mut(slot) {
            Some(count) if *count != u32::MAX => {
                *count += 1;
                true
            }
            _ => self.bump_other(index),
        }
    }

    #[inline(never)]
    fn bump_other(&mut self, index: i32) -> bool {
        if index == ZERO {
            self.zero = self.zero.saturating_add(1);
            return true;
        }
        match self.counts.first_mut() {
            Some(lowest) if self.collapsed && index < self.first && *lowest != u32::MAX => {
                *lowest += 1;
                self.cut += 1;
                true
            }
            _ => false,
        }
    }

    /// Makes room for one more value in a bin. `charge` is asked for the bytes before they are allocated, at most once;
    /// bytes granted are given back by dropping the `Bins` (see [`Bins::bytes`]).
    #[cold]
    pub fn grow(&mut self, index: i32, charge: &mut dyn FnMut(usize) -> bool) -> Growth {
        if self.covers(index) {
            return Growth::Grown;
        }
        if !BINS.contains(&index) {
            return Growth::Refused;
        }
        if self.collapsed && index < self.first {
            return if self.relieve(0, charge) { Growth::Collapsed } else { Growth::Refused };
        }
        let slot = self.slot(index);
        if slot < self.counts.len() {
            return if self.relieve(slot, charge) { Growth::Grown } else { Growth::Refused };
        }
        let (low, high) = self.used().map_or((index, index), |(low, high)| (low.min(index), high.max(index)));
        // Both are within ±0x1_0000, so this does not overflow.
        let span = (high - low) as usize + 1;
        if span > MAX_BINS {
            return self.collapse(high - (MAX_BINS as i32 - 1), charge);
        }
        let len = self.counts.len().max(span.next_multiple_of(CHUNK)).min(MAX_BINS);
        if !self.reserve(len, 0, charge) {
            return Growth::Refused;
        }
        self.place(low - ((len - span) / 2) as i32, len);
        Growth::Grown
    }

    /// Counts one value, whatever memory it takes: for receivers and tests.
    pub fn add(&mut self, value: f64) {
        self.add_many(index(value), 1);
    }

    /// The lowest and highest bin that is not empty.
    fn used(&self) -> Option<(i32, i32)> {
        let low = self.counts.iter().position(|&count| count != 0)?;
        let high = self.counts.iter().rposition(|&count| count != 0)?;
        Some((self.first + low as i32, self.first + high as i32))
    }

    /// Charges and allocates for a window of `len` bins and `more` spilled counts.
    fn reserve(&mut self, len: usize, more: usize, charge: &mut dyn FnMut(usize) -> bool) -> bool {
        let bins = len.saturating_sub(self.counts.capacity());
        let spill = (self.spilled.len() + more).saturating_sub(self.spilled.capacity());
        let bytes = bins * size_of::<u32>() + spill * size_of::<Spilled>();
        (bytes == 0 || charge(bytes))
            && self.counts.try_reserve_exact(len.saturating_sub(self.counts.len())).is_ok()
            && self.spilled.try_reserve_exact(more).is_ok()
    }

    /// Empties a full bin into the spill.
    fn relieve(&mut self, slot: usize, charge: &mut dyn FnMut(usize) -> bool) -> bool {
        match self.counts.get(slot) {
            Some(&u32::MAX) => {
                if !self.reserve(self.counts.len(), 1, charge) {
                    return false;
                }
                self.spilled.push(Spilled { index: self.first + slot as i32, count: u64::from(u32::MAX) });
                self.counts[slot] = 0;
                true
            }
            other => other.is_some(),
        }
    }

    /// Moves the window. All bins in use are in the new one, and there is capacity for `len`.
    fn place(&mut self, first: i32, len: usize) {
        let Some((low, high)) = self.used() else {
            self.counts.resize(len, 0);
            self.first = first;
            return;
        };
        let from = (low - self.first) as usize..=(high - self.first) as usize;
        let to = (low - first) as usize;
        let end = to + from.clone().count();
        self.counts.resize(self.counts.len().max(len), 0);
        self.counts.copy_within(from, to);
        self.counts[..to].fill(0);
        self.counts[end..].fill(0);
        self.first = first;
    }

    /// Folds all bins below `floor` into it and makes the window start there.
    fn collapse(&mut self, floor: i32, charge: &mut dyn FnMut(usize) -> bool) -> Growth {
        let below = usize::try_from(floor - self.first).unwrap_or(0).min(self.counts.len());
        let folded: u64 = self.counts[..below].iter().map(|&count| u64::from(count)).sum();
        let lowest = folded + self.counts.get(below).map_or(0, |&count| u64::from(count));
        let spill = lowest >= u64::from(u32::MAX);
        if !self.reserve(MAX_BINS, usize::from(spill), charge) {
            return Growth::Refused;
        }
        self.counts[..below].fill(0);
        self.place(floor, MAX_BINS);
        if spill {
            self.spilled.push(Spilled { index: floor, count: lowest });
            self.counts[0] = 0;
        } else {
            self.counts[0] = lowest as u32;
        }
        // Values that were cut before were in the lowest bin, and are among those folded now.
        let mut cut = folded;
        for spilled in self.spilled.iter_mut().filter(|spilled| spilled.index < floor) {
            cut += spilled.count;
            spilled.index = floor;
        }
        self.cut = self.cut.max(cut);
        self.collapsed = true;
        Growth::Collapsed
    }
}
#[allow(missing_docs)]
impl Bins {
    pub fn bytes(&self) -> usize {
        self.counts.capacity() * 4 + self.spilled.capacity() * std::mem::size_of::<Spilled>()
    }
    pub fn reset(&mut self) {
        self.counts.fill(0);
        self.zero = 0;
        self.cut = 0;
        self.collapsed = false;
        self.spilled.clear();
        self.counts.clear();
        self.first = 0;
    }
    pub fn count(&self) -> u64 {
        self.zero + self.counts.iter().map(|&c| u64::from(c)).sum::<u64>()
    }
    pub fn merge_from(&mut self, other: &Bins) {
        for (i, &c) in other.counts.iter().enumerate() {
            self.add_many(other.first + i as i32, u64::from(c));
        }
        self.zero += other.zero;
    }
    fn add_many(&mut self, index: i32, n: u64) {
        for _ in 0..n {
            if !self.covers(index) {
                self.grow(index, &mut |_| true);
            }
            self.bump(index);
        }
    }
    pub fn encode(&self, out: &mut Vec<u8>) {
        wire::put_mapping(out, GAMMA, OFFSET, 0);
        wire::put_store(out, 2, self.first, self.counts.iter().map(|&c| f64::from(c)));
        wire::put_store(out, 3, 0, [].into_iter());
        wire::put_zero(out, self.zero as f64);
    }
}
