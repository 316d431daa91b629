//! The hot recorder: how often each bin of the canonical mapping was hit.

use super::index::{GAMMA, OFFSET, ZERO, index};
use super::{CHUNK, MAX_BINS, Mapping, Sketch, wire};

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
    /// The contents of bins that reached 2^32 - 1. More than one entry may have the same index.
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

    /// The count of a bin, where one more can be counted at once. Never of [`ZERO`], although [`Bins::covers`] is true for it.
    #[inline(always)]
    pub fn count_of(&mut self, index: i32) -> Option<&mut u32> {
        let slot = self.slot(index);
        self.counts.get_mut(slot).filter(|count| **count != u32::MAX)
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
        if span > MAX_BINS || self.collapsed {
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

    /// The first and last slot that is not empty.
    fn used_slots(&self) -> Option<(usize, usize)> {
        let low = self.counts.iter().position(|&count| count != 0)?;
        let high = self.counts.iter().rposition(|&count| count != 0)?;
        Some((low, high))
    }

    /// The lowest and highest bin that is not empty. The window always spans them all.
    fn used(&self) -> Option<(i32, i32)> {
        let dense = self.used_slots().map(|(low, high)| (self.first + low as i32, self.first + high as i32));
        let spilled = self.spilled.iter().map(|spilled| (spilled.index, spilled.index));
        dense.into_iter().chain(spilled).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
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

    /// Moves the window. All bins in use are in the new one, which is no shorter and has its capacity.
    fn place(&mut self, first: i32, len: usize) {
        let used = self.used_slots();
        self.counts.resize(len, 0);
        let moved = self.first - first;
        self.first = first;
        let Some((low, high)) = used else { return };
        let to = (low as i32 + moved) as usize;
        let end = to + (high - low) + 1;
        self.counts.copy_within(low..=high, to);
        self.counts[..to].fill(0);
        self.counts[end..].fill(0);
        self.first = first;
    }

    /// Folds all bins below `floor` into it and makes the window start there.
    fn collapse(&mut self, floor: i32, charge: &mut dyn FnMut(usize) -> bool) -> Growth {
        let below = usize::try_from(floor - self.first).unwrap_or(0).min(self.counts.len());
        let folded: u64 = self.counts[..below].iter().map(|&count| u64::from(count)).sum();
        let lowest = folded + self.counts.get(self.slot(floor)).map_or(0, |&count| u64::from(count));
        let spill = lowest >= u64::from(u32::MAX);
        if !self.reserve(MAX_BINS, usize::from(spill), charge) {
            return Growth::Refused;
        }
        // Values that were cut before were in the lowest bin, and are among those folded now.
        let mut cut = folded;
        for spilled in self.spilled.iter_mut().filter(|spilled| spilled.index < floor) {
            cut += spilled.count;
            spilled.index = floor;
        }
        self.cut = self.cut.max(cut);
        self.counts[..below].fill(0);
        self.place(floor, MAX_BINS);
        if spill {
            self.spilled.push(Spilled { index: floor, count: lowest });
            self.counts[0] = 0;
        } else {
            self.counts[0] = lowest as u32;
        }
        self.collapsed = true;
        Growth::Collapsed
    }

    /// Adds `count` values to a bin of a float, taking what memory it needs.
    fn add_many(&mut self, index: i32, count: u64) {
        if index == ZERO {
            self.zero = self.zero.saturating_add(count);
            return;
        }
        if count == 0 || (!self.covers(index) && self.grow(index, &mut |_| true) == Growth::Refused) {
            return;
        }
        let slot = if self.collapsed && index < self.first {
            self.cut += count;
            0
        } else {
            self.slot(index)
        };
        let Some(bin) = self.counts.get_mut(slot) else { return };
        let total = u64::from(*bin) + count;
        if total < u64::from(u32::MAX) {
            *bin = total as u32;
        } else {
            *bin = 0;
            self.spilled.reserve_exact(1);
            self.spilled.push(Spilled { index: self.first + slot as i32, count: total });
        }
    }

    /// Adds all counts of another one, taking what memory it needs (at most [`MAX_BINS`] bins): for the reporter, which
    /// merges the shards and the groups that are both current and origin.
    pub fn merge_from(&mut self, other: &Bins) {
        self.zero = self.zero.saturating_add(other.zero);
        let Some((low, high)) = other.used() else { return };
        // The highest first: then a window that gets too wide is folded once. An index in use is never refused here.
        let _ = self.grow(high, &mut |_| true);
        let _ = self.grow(low, &mut |_| true);
        if !self.collapsed || self.first <= other.first {
            self.cut += other.cut; // else all of them are below the lowest bin, and are counted again as they come
        }
        for (index, count) in other.each() {
            self.add_many(index, count);
        }
    }

    /// Every bin in use, with its count; a bin may come twice.
    fn each(&self) -> impl Iterator<Item = (i32, u64)> {
        let dense = self.counts.iter().enumerate().filter(|&(_, &count)| count != 0);
        dense
            .map(|(slot, &count)| (self.first + slot as i32, u64::from(count)))
            .chain(self.spilled.iter().map(|spilled| (spilled.index, spilled.count)))
    }

    /// Heap bytes held: what `charge` granted.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.counts.capacity() * size_of::<u32>() + self.spilled.capacity() * size_of::<Spilled>()
    }

    /// Forgets all counts. The memory stays, and so does the window until a value outside of it comes.
    pub fn reset(&mut self) {
        self.counts.fill(0);
        self.collapsed = false;
        self.zero = 0;
        self.cut = 0;
        self.spilled.clear();
    }

    /// Whether nothing was counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.zero == 0 && self.spilled.is_empty() && self.counts.iter().all(|&count| count == 0)
    }

    /// How many values were counted, zeros included.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.each().map(|(_, count)| count).fold(self.zero, u64::saturating_add)
    }

    /// How many values were counted as zero.
    #[must_use]
    pub fn zero_count(&self) -> u64 {
        self.zero
    }

    /// How many values are in the lowest bin kept although they belong below it.
    #[must_use]
    pub fn cut(&self) -> u64 {
        self.cut
    }

    /// The same counts as a sketch that can be asked for quantiles.
    #[must_use]
    pub fn to_sketch(&self) -> Sketch {
        let bins: Vec<_> = self.each().map(|(index, count)| (index, count as f64)).collect();
        Sketch::from_bins(Mapping::CANONICAL, &bins, &[], self.zero as f64)
    }

    /// Appends the sketch as protobuf: canonical mapping, contiguous counts from the first bin in use to the last.
    pub fn encode(&self, out: &mut Vec<u8>) {
        wire::put_mapping(out, GAMMA, OFFSET, 0);
        match self.used() {
            None => wire::put_store(out, 2, 0, std::iter::empty()),
            Some((low, high)) if self.spilled.is_empty() => {
                let used = &self.counts[self.slot(low)..=self.slot(high)];
                wire::put_store(out, 2, low, used.iter().map(|&count| f64::from(count)));
            }
            Some((low, high)) => {
                let mut totals = vec![0.0; (high - low) as usize + 1];
                for (index, count) in self.each() {
                    totals[(index - low) as usize] += count as f64;
                }
                wire::put_store(out, 2, low, totals.into_iter());
            }
        }
        wire::put_store(out, 3, 0, std::iter::empty());
        wire::put_zero(out, self.zero as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(_: usize) -> bool {
        true
    }

    fn add(bins: &mut Bins, index: i32) -> Growth {
        let growth = if bins.covers(index) { Growth::Grown } else { bins.grow(index, &mut free) };
        assert!(bins.bump(index), "bin {index} after {growth:?}");
        growth
    }

    /// The counts as (index, count), ascending, each index once.
    fn contents(bins: &Bins) -> Vec<(i32, u64)> {
        let mut all = std::collections::BTreeMap::new();
        bins.each().for_each(|(index, count)| *all.entry(index).or_default() += count);
        all.into_iter().collect()
    }

    #[test]
    fn empty_takes_no_memory() {
        let mut bins = Bins::new();
        assert_eq!((bins.bytes(), bins.count(), bins.is_empty()), (0, 0, true));
        assert!(!bins.covers(1) && !bins.bump(1));
        assert!(bins.covers(ZERO) && bins.bump(ZERO));
        assert_eq!((bins.bytes(), bins.count(), bins.zero_count(), bins.is_empty()), (0, 1, 1, false));
    }

    #[test]
    fn growth_is_charged_before_and_refused_whole() {
        let mut bins = Bins::new();
        let mut granted = 0;
        let mut limited = |bytes: usize| {
            let fits = granted + bytes <= 300;
            granted += if fits { bytes } else { 0 };
            fits
        };
        assert_eq!(bins.grow(0, &mut limited), Growth::Grown);
        assert!(bins.bump(0));
        assert_eq!(bins.grow(40, &mut limited), Growth::Grown);
        assert!(bins.bump(40));
        assert_eq!(bins.grow(400, &mut limited), Growth::Refused);
        assert!(!bins.covers(400) && !bins.bump(400));
        assert_eq!((bins.bytes(), granted), (256, 256));
        assert_eq!(contents(&bins), [(0, 1), (40, 1)]);
    }

    #[test]
    fn no_float_has_such_an_index() {
        let mut bins = Bins::new();
        for index in [i32::MIN, -0x1_0001, 0x1_0001, i32::MAX - 1] {
            assert_eq!(bins.grow(index, &mut free), Growth::Refused);
            assert!(!bins.bump(index));
        }
        for index in [-0x1_0000, 0x1_0000] {
            add(&mut bins, index);
            assert!(!bins.covers(i32::MIN) && !bins.covers(i32::MAX - 1));
        }
        assert_eq!((bins.count(), bins.cut()), (2, 1));
    }

    #[test]
    fn reset_keeps_the_memory_and_the_window_moves_without_more() {
        let mut bins = Bins::new();
        (0..200).for_each(|index| _ = add(&mut bins, index));
        let bytes = bins.bytes();
        bins.reset();
        assert!(bins.is_empty() && bins.covers(150) && bins.bytes() == bytes);
        let mut never = |_| false;
        assert_eq!(bins.grow(5000, &mut never), Growth::Grown);
        assert!(bins.bump(5000));
        assert_eq!(bins.grow(5190, &mut never), Growth::Grown);
        assert!(bins.bump(5190));
        assert_eq!(bins.grow(4000, &mut never), Growth::Refused);
        assert_eq!(contents(&bins), [(5000, 1), (5190, 1)]);
        assert_eq!(bins.bytes(), bytes);
    }

    #[test]
    fn past_2048_bins_the_lowest_are_folded() {
        let mut bins = Bins::new();
        assert_eq!(add(&mut bins, 0), Growth::Grown);
        assert_eq!(add(&mut bins, 10), Growth::Grown);
        assert_eq!(add(&mut bins, 2047), Growth::Grown);
        assert_eq!(bins.cut(), 0);
        assert_eq!(add(&mut bins, -1), Growth::Collapsed);
        assert_eq!((contents(&bins), bins.cut()), (vec![(0, 2), (10, 1), (2047, 1)], 1));
        assert!(!bins.covers(-5), "each value that is cut goes through grow");
        assert_eq!(add(&mut bins, 2050), Growth::Collapsed);
        assert_eq!((contents(&bins), bins.cut()), (vec![(3, 2), (10, 1), (2047, 1), (2050, 1)], 2));
        assert_eq!(add(&mut bins, 9000), Growth::Collapsed);
        assert_eq!((contents(&bins), bins.cut()), (vec![(9000 - 2047, 5), (9000, 1)], 5));
        assert_eq!(bins.bytes(), 4 * MAX_BINS);
        bins.reset();
        assert_eq!(add(&mut bins, 0), Growth::Grown);
        assert_eq!(contents(&bins), [(0, 1)]);
    }

    #[test]
    fn a_window_that_starts_high_folds_downwards() {
        let mut bins = Bins::new();
        add(&mut bins, 3000);
        assert_eq!(add(&mut bins, 10), Growth::Collapsed);
        assert_eq!((contents(&bins), bins.cut()), (vec![(953, 1), (3000, 1)], 1));
    }

    #[test]
    fn a_full_bin_is_not_lost() {
        let mut bins = Bins::new();
        add(&mut bins, 7);
        bins.add_many(7, u64::from(u32::MAX) - 3);
        assert!(bins.covers(7));
        add(&mut bins, 7);
        bins.add_many(7, 1);
        let full = u64::from(u32::MAX);
        assert_eq!(contents(&bins), [(7, full)]);
        bins.add_many(7, full - 1);
        add(&mut bins, 7);
        assert!(!bins.covers(7) && !bins.bump(7));
        let bytes = bins.bytes();
        assert_eq!(bins.grow(8 - 1, &mut |_| false), Growth::Refused);
        assert_eq!(bins.grow(7, &mut free), Growth::Grown);
        assert!(bins.bytes() > bytes);
        assert!(bins.bump(7));
        assert_eq!(contents(&bins), [(7, 2 * full + 1)]);
        // Folded into another full bin, and moved with the window.
        bins.add_many(8, full - 1);
        add(&mut bins, 9000);
        assert_eq!(contents(&bins), [(9000 - 2047, 3 * full), (9000, 1)]);
        assert_eq!((bins.cut(), bins.count()), (3 * full, 3 * full + 1));
        add(&mut bins, 0);
        assert_eq!(bins.count(), 3 * full + 2);
    }

    #[test]
    fn golden() {
        let mut out = Vec::new();
        let mut bins = Bins::new();
        bins.encode(&mut out);
        assert_eq!(hex(&out), "0a1209000000000040f03f1100d88afe9e04fe3f12001a00");
        out.clear();
        bins.add(49.0);
        bins.add(0.0);
        bins.encode(&mut out);
        assert!(hex(&out).ends_with("120d1208000000000000f03f18f8031a0021000000000000f03f"), "{}", hex(&out));
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
