//! Exponential histograms: the shape in which OpenTelemetry and Prometheus take distributions.
//!
//! At scale s, bucket i counts the values in `(2^(i / 2^s), 2^((i + 1) / 2^s)]`. A bin of a sketch is put, as a whole,
//! into the bucket of the value that stands for it, so that counts stay exact. While the values span more buckets than
//! are allowed, the scale is lowered by one, which joins buckets by pairs. At scale 6 a bucket is 1.1 % wide, at 5 it
//! is 2.2 %, at 4 it is 4.4 %; the bins themselves are 1.6 % wide.

use datastreams_core::sketch::Sketch;

/// The finest scale: there buckets are narrower than the bins of sketches.
const TOP_SCALE: i32 = 6;
/// The coarsest: one bucket then holds all that are indexed. Prometheus knows none below -4, where 2^64 is a bucket.
const LEAST_SCALE: i32 = -4;
/// Values up to this one count as zero: 2^-128, as in Prometheus' own clients.
pub(crate) const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;

/// Counts of values that are not negative.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Histogram {
    max_buckets: usize,
    pub(crate) scale: i32,
    pub(crate) zero: u64,
    pub(crate) count: u64,
    /// Of the values that stand for the bins.
    pub(crate) sum: f64,
    /// `None` when nothing was counted.
    pub(crate) range: Option<(f64, f64)>,
    /// The index of the first bucket.
    pub(crate) first: i32,
    /// From the first in use to the last.
    pub(crate) buckets: Vec<u64>,
}

impl Histogram {
    pub(crate) fn new(max_buckets: usize) -> Self {
        Self {
            max_buckets: max_buckets.max(2),
            scale: TOP_SCALE,
            zero: 0,
            count: 0,
            sum: 0.0,
            range: None,
            first: 0,
            buckets: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a value that occurred `count` times; a negative one counts as zero.
    pub(crate) fn add(&mut self, value: f64, count: u64) {
        if count == 0 || !value.is_finite() {
            return;
        }
        let value = value.max(0.0);
        self.count = self.count.saturating_add(count);
        self.sum += value * count as f64;
        let (low, high) = self.range.unwrap_or((value, value));
        self.range = Some((low.min(value), high.max(value)));
        if value <= ZERO_THRESHOLD {
            self.zero = self.zero.saturating_add(count);
        } else {
            self.put(index(value, TOP_SCALE), TOP_SCALE, count);
        }
    }

    /// Adds what another one holds.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum += other.sum;
        self.zero = self.zero.saturating_add(other.zero);
        if let Some((low, high)) = other.range {
            let (known_low, known_high) = self.range.unwrap_or((low, high));
            self.range = Some((known_low.min(low), known_high.max(high)));
        }
        for (index, count) in other.used() {
            self.put(index, other.scale, count);
        }
    }

    /// The buckets in use, ascending: index and count.
    pub(crate) fn used(&self) -> impl Iterator<Item = (i32, u64)> {
        let all = self.buckets.iter().enumerate();
        all.filter(|&(_, &count)| count > 0).map(|(place, &count)| (self.first + place as i32, count))
    }

    /// The value at a quantile as sketches define it: the middle of its bucket, in the logarithm. `None` when empty.
    pub(crate) fn quantile(&self, quantile: f64) -> Option<f64> {
        let (low, high) = self.range?;
        let rank = quantile * (self.count - 1) as f64;
        if rank >= (self.count - 1) as f64 {
            return Some(high);
        }
        let mut below = self.zero;
        if below as f64 > rank {
            return Some(0.0);
        }
        for (index, count) in self.used() {
            below = below.saturating_add(count);
            if below as f64 > rank {
                let middle = ((f64::from(index) + 0.5) / f64::from(self.scale).exp2()).exp2();
                return Some(middle.clamp(low, high));
            }
        }
        Some(high)
    }

    /// Counts in the bucket that has `index` at `scale`, which must not be coarser than the scale of this one can be.
    fn put(&mut self, index: i32, scale: i32, count: u64) {
        if scale < self.scale {
            self.lower_to(scale);
        }
        let at = loop {
            let at = index >> (scale - self.scale);
            let (first, last) = match self.buckets.len() {
                0 => (at, at),
                len => (self.first.min(at), (self.first + len as i32 - 1).max(at)),
            };
            if (last - first) as usize >= self.max_buckets && self.scale > LEAST_SCALE {
                self.lower_to(self.scale - 1);
                continue;
            }
            if self.buckets.is_empty() {
                self.first = first;
            }
            let missing = (self.first - first) as usize;
            self.buckets.splice(0..0, std::iter::repeat_n(0, missing));
            self.first = first;
            self.buckets.resize((last - first) as usize + 1, 0);
            break at;
        };
        if let Some(bucket) = self.buckets.get_mut((at - self.first) as usize) {
            *bucket = bucket.saturating_add(count);
        }
    }

    /// Joins buckets until the scale is `scale`.
    fn lower_to(&mut self, scale: i32) {
        let shift = self.scale - scale;
        let first = self.first >> shift;
        let mut joined: Vec<u64> = Vec::new();
        for (place, &count) in self.buckets.iter().enumerate() {
            let at = (((self.first + place as i32) >> shift) - first) as usize;
            joined.resize(at + 1, 0);
            joined[at] = joined[at].saturating_add(count);
        }
        (self.scale, self.first, self.buckets) = (scale, first, joined);
    }
}

/// The bucket of a value above 0.
fn index(value: f64, scale: i32) -> i32 {
    let width = f64::from(scale).exp2();
    let upper = |index: f64| ((index + 1.0) / width).exp2();
    let guess = (value.log2() * width).ceil() - 1.0;
    // The logarithm may be off by its last bit at the boundaries, which belong to the bucket below.
    if value > upper(guess) {
        guess as i32 + 1
    } else if value <= upper(guess - 1.0) {
        guess as i32 - 1
    } else {
        guess as i32
    }
}

/// The values of a sketch and how often each occurred, in whole numbers that add up to its rounded count: clients may
/// send fractions.
pub(crate) fn whole(sketch: &Sketch) -> impl Iterator<Item = (f64, u64)> {
    let (mut sum, mut given) = (0.0, 0u64);
    sketch.values().map(move |(value, count)| {
        sum += count;
        let due = (f64::round(sum) as u64).saturating_sub(given);
        given = given.saturating_add(due);
        (value, due)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By definition: compares with the boundaries one after the other, at a scale that needs no search.
    fn by_definition(value: f64, scale: i32) -> i32 {
        let width = f64::from(scale).exp2();
        let mut index = (-1100.0 * width) as i32;
        let mut step = (2200.0 * width) as i32;
        while step > 0 {
            // The upper bound of the bucket that ends the step.
            if value > (f64::from(index + step) / width).exp2() {
                index += step;
            } else {
                step /= 2;
            }
        }
        index
    }

    #[test]
    fn boundaries_belong_to_the_bucket_below() {
        for scale in LEAST_SCALE..=TOP_SCALE {
            for power in -120..120 {
                let value = f64::from(power).exp2();
                let at = index(value, scale);
                assert_eq!(at, by_definition(value, scale), "2^{power} at {scale}");
                if scale >= 0 {
                    assert_eq!(at, (power << scale) - 1);
                    assert_eq!(index(value.next_up(), scale), power << scale);
                }
            }
        }
        assert_eq!((index(1.0, 0), index(1.5, 0), index(2.0, 0), index(2.1, 0)), (-1, 0, 0, 1));
        assert_eq!((index(1.0, -1), index(4.0, -1), index(4.1, -1)), (-1, 0, 1));
    }

    #[test]
    fn zeros_and_what_is_no_latency() {
        let mut all = Histogram::new(160);
        for value in [0.0, -1.0, 1e-300, ZERO_THRESHOLD, f64::NAN, f64::INFINITY] {
            all.add(value, 2);
        }
        assert_eq!((all.zero, all.count, all.buckets.len()), (8, 8, 0));
        assert_eq!(all.quantile(0.99), Some(0.0));
        all.add(1.0, 1);
        assert_eq!((all.zero, all.count, all.first, &*all.buckets), (8, 9, -1, &[1u64][..]));
        assert_eq!((all.quantile(1.0), all.sum, all.range), (Some(1.0), 1.0, Some((0.0, 1.0))));
        assert_eq!(Histogram::new(160).quantile(0.5), None);
    }

    #[test]
    fn counts_that_no_number_holds() {
        let mut all = Histogram::new(160);
        all.add(0.0, 1 << 63);
        [1.0, 2.0].into_iter().for_each(|value| all.add(value, u64::MAX));
        assert_eq!((all.count, all.quantile(0.4), all.quantile(1.0)), (u64::MAX, Some(0.0), Some(2.0)));
        assert!((0.98..=1.0).contains(&all.quantile(0.99).unwrap()));
    }

    #[test]
    fn fractions_add_up() {
        let mut sketch = Sketch::new();
        for _ in 0..10 {
            sketch.add_count(1.0, 0.25);
            sketch.add_count(2.0, 0.25);
            sketch.add_count(4.0, 0.25);
        }
        let counts: Vec<u64> = whole(&sketch).map(|(_, count)| count).collect();
        assert_eq!((counts.iter().sum::<u64>(), counts.iter().all(|&count| count == 2 || count == 3)), (8, true));
    }

    fn values() -> impl Strategy<Value = Vec<(f64, u64)>> {
        let value = prop_oneof![
            4 => (-30.0..30.0f64).prop_map(f64::exp2),
            1 => Just(0.0),
            1 => (-40i32..40).prop_map(|power| f64::from(power).exp2()),
            1 => (-1000.0..1000.0f64).prop_map(f64::exp2),
        ];
        proptest::collection::vec((value, 1..1000u64), 1..60)
    }

    proptest! {
        /// Whatever comes in whatever order: every bucket holds what the definition gives at the scale that was reached,
        /// and the scale is the finest that fits.
        #[test]
        fn as_by_definition(values in values(), max in 2usize..400) {
            let mut histogram = Histogram::new(max);
            values.iter().for_each(|&(value, count)| histogram.add(value, count));
            let scale = histogram.scale;
            let indexed: Vec<_> = values.iter().filter(|(value, _)| *value > ZERO_THRESHOLD).collect();
            let mut expected = std::collections::BTreeMap::new();
            for (value, count) in &indexed {
                *expected.entry(by_definition(*value, scale)).or_insert(0u64) += count;
            }
            prop_assert_eq!(histogram.used().collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>());
            let total: u64 = values.iter().map(|(_, count)| count).sum();
            let indexed_total: u64 = indexed.iter().map(|(_, count)| count).sum();
            prop_assert_eq!((histogram.count, histogram.zero), (total, total - indexed_total));
            prop_assert!(histogram.buckets.len() <= max || scale == LEAST_SCALE);
            if scale < TOP_SCALE {
                let at = |value: &f64| by_definition(*value, scale + 1);
                let (low, high) = (indexed.iter().map(|(value, _)| at(value)).min(), indexed.iter().map(|(value, _)| at(value)).max());
                prop_assert!((high.unwrap() - low.unwrap()) as usize >= max, "{scale} is needed");
            }
        }

        /// Merging gives what adding everything would.
        #[test]
        fn merging_is_adding(one in values(), other in values(), max in 2usize..200) {
            let of = |values: &[(f64, u64)], max| {
                let mut histogram = Histogram::new(max);
                values.iter().for_each(|&(value, count)| histogram.add(value, count));
                histogram
            };
            let mut merged = of(&one, max);
            merged.merge(&of(&other, 160));
            let whole = of(&[one, other].concat(), max);
            prop_assert_eq!((merged.count, merged.zero, merged.range), (whole.count, whole.zero, whole.range));
            prop_assert!(merged.scale <= whole.scale);
            let mut lowered = whole;
            lowered.lower_to(merged.scale);
            prop_assert_eq!(merged.used().collect::<Vec<_>>(), lowered.used().collect::<Vec<_>>());
        }

        /// Counts are those of the sketch, and quantiles lie within a bucket of it.
        #[test]
        fn quantiles_of_a_sketch(values in proptest::collection::vec(1e-4..60.0f64, 1..300), at in 0.0..1.0f64) {
            let mut sketch = Sketch::new();
            values.iter().for_each(|&value| { sketch.add(value); });
            let mut histogram = Histogram::new(640);
            whole(&sketch).for_each(|(value, count)| histogram.add(value, count));
            prop_assert_eq!(histogram.count, values.len() as u64);
            prop_assert!(histogram.scale >= 5, "six orders of magnitude fit: {}", histogram.scale);
            let (ours, theirs) = (sketch.quantile(at).unwrap(), histogram.quantile(at).unwrap());
            prop_assert!((theirs / ours - 1.0).abs() < 0.011, "{theirs} for {ours}");
            let (sum, exact) = (histogram.sum, values.iter().sum::<f64>());
            prop_assert!((sum / exact - 1.0).abs() < 0.0079, "{sum} for {exact}");
        }
    }
}
