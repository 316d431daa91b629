//! The sketch that receivers work with.

use super::mapping::Mapping;
use super::store::Store;
use super::wire::{self, SketchError};
use super::{Encoded, ZERO};

/// The distribution of values, positive and negative, under any mapping.
///
/// Each store keeps at most [`super::MAX_BINS`] bins. Past that the bins of the least magnitudes are folded into one, in
/// the negative store too: quantiles near zero lose their accuracy, those far from it keep it.
#[derive(Clone, Debug)]
pub struct Sketch {
    mapping: Mapping,
    positive: Store,
    negative: Store,
    zero: f64,
}

impl Default for Sketch {
    fn default() -> Sketch {
        Sketch::new()
    }
}

impl Sketch {
    /// An empty sketch under the canonical mapping.
    #[must_use]
    pub fn new() -> Sketch {
        Sketch::with_mapping(Mapping::CANONICAL)
    }

    /// An empty sketch.
    #[must_use]
    pub fn with_mapping(mapping: Mapping) -> Sketch {
        Sketch { mapping, positive: Store::default(), negative: Store::default(), zero: 0.0 }
    }

    /// Bins must be the mapping's, counts finite and not negative.
    pub(super) fn from_bins(mapping: Mapping, positive: &[(i32, f64)], negative: &[(i32, f64)], zero: f64) -> Sketch {
        let mut sketch = Sketch { zero, ..Sketch::with_mapping(mapping) };
        for (store, bins) in [(&mut sketch.positive, positive), (&mut sketch.negative, negative)] {
            let indexes = || bins.iter().map(|&(index, _)| index);
            if let (Some(low), Some(high)) = (indexes().min(), indexes().max()) {
                store.reserve(low, high);
            }
            bins.iter().for_each(|&(index, count)| store.add(index, count));
        }
        sketch
    }

    /// The layout of the bins.
    #[must_use]
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Adds a value. False, and nothing changed, when it is NaN or infinite.
    pub fn add(&mut self, value: f64) -> bool {
        self.add_count(value, 1.0)
    }

    /// Adds a value that occurred `count` times. False, and nothing changed, when the value is NaN or infinite, or the
    /// count negative, NaN or above 2^64.
    pub fn add_count(&mut self, value: f64, count: f64) -> bool {
        if !value.is_finite() || wire::checked_count(count).is_err() {
            return false;
        }
        match self.mapping.index(value.abs()) {
            ZERO => self.zero += count,
            index if value > 0.0 => self.positive.add(index, count),
            index => self.negative.add(index, count),
        }
        true
    }

    /// Adds all counts of another sketch. When the mappings differ, each of its bins goes where the value that stands for
    /// it belongs: the error is then at most the sum of both accuracies (and their product).
    pub fn merge(&mut self, other: &Sketch) {
        self.zero += other.zero;
        if self.mapping.same(&other.mapping) {
            self.positive.merge(&other.positive);
            self.negative.merge(&other.negative);
            return;
        }
        for (into, from) in [(&mut self.positive, &other.positive), (&mut self.negative, &other.negative)] {
            let index = |bin| self.mapping.index(other.mapping.value(bin));
            let Some((low, high)) = from.range() else { continue };
            if index(high) == ZERO {
                self.zero += from.total();
                continue;
            }
            if index(low) != ZERO {
                into.reserve(index(low), index(high));
            }
            for (bin, count) in from.iter() {
                match index(bin) {
                    ZERO => self.zero += count,
                    index => into.add(index, count),
                }
            }
        }
    }

    /// Adds all counts of a sketch in its bytes: the same as decoding it and merging that.
    pub fn merge_encoded(&mut self, other: &Encoded<'_>) {
        if !self.mapping.same(&other.mapping) {
            self.merge(&other.to_sketch());
            return;
        }
        self.zero += other.zero;
        self.positive.merge_counts(&other.positive);
        self.negative.merge_counts(&other.negative);
    }

    /// The values that stand for the bins in use, ascending, each with its count.
    pub fn values(&self) -> impl Iterator<Item = (f64, f64)> {
        let negative = self.negative.iter().rev().map(|(index, count)| (-self.mapping.value(index), count));
        let zero = (self.zero > 0.0).then_some((0.0, self.zero));
        let positive = self.positive.iter().map(|(index, count)| (self.mapping.value(index), count));
        negative.chain(zero).chain(positive)
    }

    /// The value at a quantile, 0 being the least and 1 the greatest: of n values in order, the one at
    /// `floor(q (n - 1))` counted from 0, within the mapping's accuracy. None when the sketch is empty or `q` is not in
    /// 0..=1.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if !(0.0..=1.0).contains(&q) {
            return None;
        }
        let rank = q * (self.count() - 1.0);
        let mut below = 0.0;
        let mut last = None;
        for (value, count) in self.values() {
            below += count;
            last = Some(value);
            if below > rank {
                break;
            }
        }
        last
    }

    /// The bins in use of the positive values, ascending, each with its count.
    pub fn positive_bins(&self) -> impl Iterator<Item = (i32, f64)> {
        self.positive.iter()
    }

    /// The bins in use of the negative values, by magnitude, ascending, each with its count.
    pub fn negative_bins(&self) -> impl Iterator<Item = (i32, f64)> {
        self.negative.iter()
    }

    /// Adds counts by bin, as [`Sketch::positive_bins`] and [`Sketch::negative_bins`] of a sketch under the same mapping
    /// give them, and zeros. Bins that hold no float, and counts that no sketch has, are left out.
    pub fn add_bins(&mut self, positive: &[(i32, f64)], negative: &[(i32, f64)], zero: f64) {
        self.zero += wire::checked_count(zero).unwrap_or(0.0);
        let known = self.mapping.bins();
        for (store, bins) in [(&mut self.positive, positive), (&mut self.negative, negative)] {
            let bins = || bins.iter().copied().filter(|(index, _)| known.contains(index));
            let indexes = || bins().map(|(index, _)| index);
            if let (Some(low), Some(high)) = (indexes().min(), indexes().max()) {
                store.reserve(low, high);
            }
            bins().for_each(|(index, count)| store.add(index, wire::checked_count(count).unwrap_or(0.0)));
        }
    }

    /// The bytes of its bins on the heap.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.positive.memory() + self.negative.memory()
    }

    /// How many values were added.
    #[must_use]
    pub fn count(&self) -> f64 {
        self.zero + self.positive.total() + self.negative.total()
    }

    /// How many zeros were added.
    #[must_use]
    pub fn zero_count(&self) -> f64 {
        self.zero
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values().next().is_none()
    }

    /// The least value, within the mapping's accuracy.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        self.quantile(0.0)
    }

    /// The greatest value, within the mapping's accuracy.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        self.quantile(1.0)
    }

    /// The sum of all values, within the mapping's accuracy when they have one sign.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.values().map(|(value, count)| value * count).sum()
    }

    /// The mean, within the mapping's accuracy when the values have one sign.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.sum() / self.count())
    }

    /// Appends the sketch as protobuf: fields in order, defaults left out, both stores present, contiguous counts from the
    /// first bin in use to the last.
    pub fn encode(&self, out: &mut Vec<u8>) {
        wire::put_mapping(out, self.mapping.gamma(), self.mapping.offset(), self.mapping.interpolation() as u8);
        for (field, store) in [(2, &self.positive), (3, &self.negative)] {
            let (first, counts) = store.trimmed();
            wire::put_store(out, field, first, counts.iter().copied());
        }
        wire::put_zero(out, self.zero);
    }

    /// Reads a sketch of any tracer: every mapping, contiguous counts packed or not, maps of counts, in any order.
    ///
    /// # Errors
    /// [`SketchError`] says why bytes are not a sketch. A sketch without a mapping is none: an empty one has it too.
    pub fn decode(bytes: &[u8]) -> Result<Sketch, SketchError> {
        Ok(Encoded::read(bytes)?.to_sketch())
    }
}
