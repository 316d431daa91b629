//! Quantiles against exact ones, merging and round trips over random sketches.

use proptest::prelude::*;

use super::*;

fn encoded(sketch: &Sketch) -> Vec<u8> {
    let mut out = Vec::new();
    sketch.encode(&mut out);
    out
}

/// Numbers from 0 to 1, the same at every run.
fn units(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    })
}

fn distributions() -> Vec<(&'static str, Vec<f64>)> {
    let n = 20_000;
    let uniform: Vec<_> = units(1).take(n).collect();
    let normal: Vec<f64> = units(2)
        .take(n)
        .zip(units(3))
        .map(|(a, b)| (-2.0 * (1.0 - a).ln()).sqrt() * (std::f64::consts::TAU * b).cos())
        .collect();
    vec![
        ("uniform", uniform.clone()),
        ("exponential", uniform.iter().map(|u| -(1.0 - u).ln() * 0.02).collect()),
        ("pareto", uniform.iter().map(|u| 0.001 * (1.0 - u).powf(-0.8)).collect()),
        ("lognormal", normal.iter().map(|x| (0.8 * x - 4.0).exp()).collect()),
        ("normal, both signs", normal.clone()),
        (
            "two humps and zeros",
            normal
                .iter()
                .map(|x| {
                    if *x < -1.0 {
                        0.0
                    } else if *x < 0.0 {
                        0.005 + 1e-4 * x.abs()
                    } else {
                        30.0 + x
                    }
                })
                .collect(),
        ),
        ("all equal", vec![0.25; 100]),
        ("sizes", uniform.iter().map(|u| (u * 1e6).floor()).collect()),
    ]
}

fn mappings() -> Vec<Mapping> {
    let mut all = vec![Mapping::CANONICAL];
    for kind in [Interpolation::None, Interpolation::Linear, Interpolation::Quadratic, Interpolation::Cubic] {
        all.push(Mapping::new(1.02, 0.0, kind).unwrap());
        all.push(Mapping::new(1.015625, 1338.5, kind).unwrap());
    }
    all
}

/// Asserts that every quantile of `sketch` is within `accuracy` of the exact one.
fn assert_quantiles(name: &str, sketch: &Sketch, values: &[f64], accuracy: f64) {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    for step in 0..=100 {
        let q = f64::from(step) / 100.0;
        let exact = sorted[(q * (sorted.len() - 1) as f64).floor() as usize];
        let got = sketch.quantile(q).unwrap();
        assert!(
            (got - exact).abs() <= exact.abs() * (accuracy + 1e-9),
            "{name}, {:?}, q {q}: {got}, exactly {exact}",
            sketch.mapping()
        );
    }
    assert_eq!(sketch.quantile(0.0), sketch.min());
    assert_eq!(sketch.quantile(1.0), sketch.max());
}

#[test]
fn quantiles_are_within_the_guarantee() {
    for (name, values) in distributions() {
        for mapping in mappings() {
            let mut sketch = Sketch::with_mapping(mapping);
            values.iter().for_each(|&value| assert!(sketch.add(value)));
            assert_eq!(sketch.count(), values.len() as f64);
            assert_quantiles(name, &sketch, &values, mapping.accuracy());
            if values.iter().all(|&value| value >= 0.0) {
                let exact: f64 = values.iter().sum();
                assert!((sketch.sum() / exact - 1.0).abs() <= mapping.accuracy());
                assert!((sketch.mean().unwrap() * values.len() as f64 / exact - 1.0).abs() <= mapping.accuracy());
            }
        }
        if values.iter().all(|&value| value >= 0.0) {
            let mut bins = Bins::new();
            values.iter().for_each(|&value| bins.add(value));
            assert_quantiles(name, &bins.to_sketch(), &values, 1.0 / 129.0);
        }
    }
}

#[test]
fn across_mappings_the_errors_add_up() {
    for (name, values) in distributions() {
        let values: Vec<_> = values.into_iter().step_by(20).collect();
        for from in mappings() {
            for into in mappings() {
                let mut merged = Sketch::with_mapping(into);
                let mut other = Sketch::with_mapping(from);
                for (at, &value) in values.iter().enumerate() {
                    if at % 3 == 0 {
                        merged.add(value)
                    } else {
                        other.add(value)
                    };
                }
                merged.merge(&other);
                assert_eq!(merged.count(), values.len() as f64);
                let (a, b) = (from.accuracy(), into.accuracy());
                assert_quantiles(name, &merged, &values, if from.same(&into) { b } else { a + b + a * b });
            }
        }
    }
}

#[test]
fn high_quantiles_survive_folding() {
    let mut sketch = Sketch::new();
    let values: Vec<_> = units(9).take(10_000).map(|u| 1e-12 * (u * 50.0).exp()).collect();
    values.iter().for_each(|&value| assert!(sketch.add(value)));
    assert_eq!(sketch.count(), 10_000.0);
    let mut sorted = values;
    sorted.sort_by(f64::total_cmp);
    // 2048 bins are a factor of e^31.7, so 37 % of e^50 are folded.
    for q in [0.4, 0.5, 0.9, 0.999, 1.0] {
        let exact = sorted[(q * 9999.0_f64).floor() as usize];
        assert!((sketch.quantile(q).unwrap() / exact - 1.0).abs() <= 1.0 / 129.0 + 1e-9, "{q}");
    }
    assert!(sketch.min().unwrap() > sorted[0] * 1000.0);
    assert!(sketch.values().count() <= MAX_BINS);
}

#[test]
fn what_cannot_be_added_changes_nothing() {
    let mut sketch = Sketch::new();
    for (value, count) in [(f64::NAN, 1.0), (f64::INFINITY, 1.0), (f64::NEG_INFINITY, 1.0)] {
        assert!(!sketch.add_count(value, count));
    }
    for count in [-1.0, f64::NAN, f64::INFINITY, 1e30] {
        assert!(!sketch.add_count(1.0, count) && !sketch.add_count(0.0, count));
    }
    assert!(sketch.add_count(1.0, 0.0));
    assert!(sketch.is_empty());
    assert_eq!((sketch.count(), sketch.quantile(0.5), sketch.min(), sketch.mean()), (0.0, None, None, None));
    assert!(sketch.add(f64::MAX) && sketch.add(-f64::MAX) && sketch.add(5e-324));
    assert_eq!(sketch.count(), 3.0);
    assert!(sketch.max().unwrap().is_finite() && sketch.min().unwrap().is_finite());
    for q in [-0.1, 1.1, f64::NAN] {
        assert_eq!(sketch.quantile(q), None);
    }
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        1 => Just(0.0),
        8 => (-20.0..8.0).prop_map(f64::exp),
        1 => (-300.0..300.0).prop_map(f64::exp),
    ]
}

fn signed() -> impl Strategy<Value = f64> {
    (value(), any::<bool>()).prop_map(|(value, negative)| if negative { -value } else { value })
}

fn bins_of(values: &[f64]) -> Bins {
    let mut bins = Bins::new();
    values.iter().for_each(|&value| bins.add(value));
    bins
}

fn sketch_of(values: &[f64]) -> Sketch {
    let mut sketch = Sketch::new();
    values.iter().for_each(|&value| assert!(sketch.add(value)));
    sketch
}

fn encoded_bins(bins: &Bins) -> Vec<u8> {
    let mut out = Vec::new();
    bins.encode(&mut out);
    out
}

proptest! {
    #[test]
    fn bins_and_sketch_are_one(values in proptest::collection::vec(value(), 0..200)) {
        let bins = bins_of(&values);
        prop_assert_eq!(encoded_bins(&bins), encoded(&sketch_of(&values)));
        prop_assert_eq!(encoded_bins(&bins), encoded(&bins.to_sketch()));
        prop_assert_eq!(bins.count(), values.len() as u64);
        prop_assert_eq!(bins.is_empty(), values.is_empty());
    }

    #[test]
    fn cut_is_exact(values in proptest::collection::vec(value(), 1..200)) {
        let bins = bins_of(&values);
        let indexes: Vec<_> = values.iter().map(|&value| index(value)).filter(|&index| index != ZERO).collect();
        let floor = indexes.iter().max().map_or(0, |high| high - (MAX_BINS as i32 - 1));
        prop_assert_eq!(bins.cut(), indexes.iter().filter(|&&index| index < floor).count() as u64);
    }

    #[test]
    fn merging_is_as_adding_all(
        parts in proptest::collection::vec(proptest::collection::vec(value(), 0..60), 1..5),
        warm in proptest::collection::vec(value(), 0..30),
    ) {
        let all: Vec<f64> = parts.concat();
        let mut bins = bins_of(&warm);
        bins.reset();
        let mut sketch = Sketch::new();
        for part in &parts {
            bins.merge_from(&bins_of(part));
            sketch.merge(&sketch_of(part));
        }
        let whole = bins_of(&all);
        prop_assert_eq!(encoded_bins(&bins), encoded_bins(&whole));
        prop_assert_eq!(encoded(&sketch), encoded_bins(&whole));
        prop_assert_eq!(bins.cut(), whole.cut());
        prop_assert!(bins.bytes() <= MAX_BINS * 4);
    }

    #[test]
    fn round_trip(values in proptest::collection::vec(signed(), 0..200)) {
        for mapping in mappings() {
            let mut sketch = Sketch::with_mapping(mapping);
            values.iter().for_each(|&value| assert!(sketch.add(value)));
            let bytes = encoded(&sketch);
            let read = Sketch::decode(&bytes).unwrap();
            prop_assert_eq!(encoded(&read), bytes);
            prop_assert_eq!(read.count(), values.len() as f64);
        }
    }

    #[test]
    fn three_steps_are_all_or_nothing(values in proptest::collection::vec(value(), 0..100), budget in 0_usize..4000) {
        let mut bins = Bins::new();
        let mut left = budget;
        let mut taken = Vec::new();
        for value in values {
            let index = index(value);
            let before = encoded_bins(&bins);
            let mut charge = |bytes: usize| {
                let fits = bytes <= left;
                left -= if fits { bytes } else { 0 };
                fits
            };
            if bins.covers(index) || bins.grow(index, &mut charge) != Growth::Refused {
                prop_assert!(bins.bump(index));
                taken.push(value);
            } else {
                prop_assert!(!bins.bump(index));
                prop_assert_eq!(encoded_bins(&bins), before);
            }
            prop_assert_eq!(bins.bytes() + left, budget);
        }
        prop_assert_eq!(encoded_bins(&bins), encoded(&sketch_of(&taken)));
    }

    #[test]
    fn hostile_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _ = Sketch::decode(&bytes);
    }

    #[test]
    fn damaged_sketches_do_no_harm(
        values in proptest::collection::vec(signed(), 0..20),
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encoded(&sketch_of(&values));
        for (place, byte) in places {
            *place.get_mut(&mut bytes) = byte;
        }
        if let Ok(sketch) = Sketch::decode(&bytes) {
            prop_assert!(sketch.count().is_finite() && sketch.count() >= 0.0);
            prop_assert!(sketch.values().all(|(value, count)| value.is_finite() && count > 0.0));
            let mut ours = Sketch::new();
            ours.merge(&sketch);
            prop_assert!((ours.count() - sketch.count()).abs() <= 1e-9 * sketch.count());
        }
    }
}

/// Counts by bin, the lowest beyond [`MAX_BINS`] folded into one.
fn folded(bins: &[(i32, u32)]) -> Vec<(i32, f64)> {
    let floor = bins.iter().map(|&(index, _)| index).max().map_or(0, |high| high - (MAX_BINS as i32 - 1));
    let mut counts = std::collections::BTreeMap::new();
    for &(index, count) in bins {
        *counts.entry(index.max(floor)).or_insert(0.0) += f64::from(count);
    }
    counts.into_iter().collect()
}

/// How a tracer may write the counts of a store.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// In one piece, with some zeros before and behind.
    Packed {
        zeros: usize,
    },
    /// In pieces of so many.
    Pieces(usize),
    Unpacked,
    Map,
}

/// A store, as a message by hand.
fn store(bins: &[(i32, u32)], form: Form) -> Vec<u8> {
    fn varint(out: &mut Vec<u8>, mut value: u64) {
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }
    let zigzag = |index: i32| u64::from((index << 1 ^ index >> 31) as u32);
    let mut sums = std::collections::BTreeMap::new();
    bins.iter().for_each(|&(index, count)| *sums.entry(index).or_insert(0.0) += f64::from(count));
    let mut out = Vec::new();
    if let Form::Map = form {
        for (&index, count) in &sums {
            let mut entry = vec![1 << 3];
            varint(&mut entry, zigzag(index));
            entry.push(2 << 3 | 1);
            entry.extend(f64::to_le_bytes(*count));
            out.push(1 << 3 | 2);
            varint(&mut out, entry.len() as u64);
            out.extend(entry);
        }
        return out;
    }
    let zeros = if let Form::Packed { zeros } = form { zeros } else { 0 };
    let (Some((&low, _)), Some((&high, _))) = (sums.first_key_value(), sums.last_key_value()) else { return out };
    let first = low - zeros as i32;
    out.push(3 << 3);
    varint(&mut out, zigzag(first));
    let mut counts = vec![0.0; (high - first) as usize + 1 + zeros];
    sums.iter().for_each(|(&index, &count)| counts[(index - first) as usize] = count);
    match form {
        Form::Unpacked => counts.iter().for_each(|count| {
            out.push(2 << 3 | 1);
            out.extend(f64::to_le_bytes(*count));
        }),
        _ => {
            let piece = if let Form::Pieces(piece) = form { piece } else { counts.len() };
            for counts in counts.chunks(piece) {
                out.push(2 << 3 | 2);
                varint(&mut out, 8 * counts.len() as u64);
                counts.iter().for_each(|count| out.extend(f64::to_le_bytes(*count)));
            }
        }
    }
    out
}

fn form() -> impl Strategy<Value = Form> {
    let zeros = (0..50_usize).prop_map(|zeros| Form::Packed { zeros });
    prop_oneof![3 => zeros, 1 => (1..90_usize).prop_map(Form::Pieces), 1 => Just(Form::Unpacked), 1 => Just(Form::Map)]
}

fn some_bins() -> impl Strategy<Value = Vec<(i32, u32)>> {
    let near = proptest::collection::vec((-60..60_i32, 1..9_u32), 0..40);
    prop_oneof![near, proptest::collection::vec((-3000..3000_i32, 1..9_u32), 0..40)]
}

proptest! {
    /// Merged from its bytes or decoded first, in whatever form it came: the sums are those of the bins.
    #[test]
    fn merged_as_it_came(
        stores in proptest::collection::vec((some_bins(), form(), some_bins(), form(), 0..5_u32), 1..4),
    ) {
        let (mut from_bytes, mut decoded) = (Sketch::new(), Sketch::new());
        let (mut positive, mut negative, mut zeros) = (Vec::new(), Vec::new(), 0.0);
        for (above, form, below, other_form, zero) in stores {
            let mut bytes = Vec::new();
            wire::put_mapping(&mut bytes, Mapping::CANONICAL.gamma(), Mapping::CANONICAL.offset(), 0);
            wire::put_zero(&mut bytes, f64::from(zero));
            for (field, store) in [(2, store(&above, form)), (3, store(&below, other_form))] {
                bytes.extend([field << 3 | 2, store.len() as u8 | 0x80, (store.len() >> 7) as u8 | 0x80]);
                bytes.push((store.len() >> 14) as u8);
                bytes.extend(store);
            }
            let read = Encoded::read(&bytes).unwrap();
            let count: u32 = above.iter().chain(&below).map(|&(_, count)| count).sum();
            prop_assert_eq!(read.count(), f64::from(count + zero));
            from_bytes.merge_encoded(&read);
            decoded.merge(&Sketch::decode(&bytes).unwrap());
            positive.extend(above);
            negative.extend(below);
            zeros += f64::from(zero);
        }
        for sketch in [&from_bytes, &decoded] {
            prop_assert_eq!(sketch.positive_bins().collect::<Vec<_>>(), folded(&positive));
            prop_assert_eq!(sketch.negative_bins().collect::<Vec<_>>(), folded(&negative));
            prop_assert_eq!(sketch.zero_count(), zeros);
        }
    }

    /// Of another mapping, and of damaged bytes: the same as decoding.
    #[test]
    fn merged_as_decoded(
        values in proptest::collection::vec(signed(), 0..40),
        gamma in 1.005..1.2_f64,
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let mut sketch = Sketch::with_mapping(Mapping::new(gamma, 0.0, Interpolation::None).unwrap());
        values.iter().for_each(|&value| assert!(sketch.add(value)));
        let mut bytes = encoded(&sketch);
        places.into_iter().for_each(|(place, byte)| *place.get_mut(&mut bytes) = byte);
        match (Encoded::read(&bytes), Sketch::decode(&bytes)) {
            (Ok(read), Ok(decoded)) => {
                let (mut one, mut other) = (Sketch::new(), Sketch::new());
                one.merge_encoded(&read);
                other.merge(&decoded);
                prop_assert_eq!(encoded(&one), encoded(&other));
            }
            (read, decoded) => prop_assert_eq!(read.err(), decoded.err()),
        }
    }
}

#[test]
fn bins_put_together_are_the_sketch() {
    for (name, values) in distributions() {
        let mut sketch = Sketch::new();
        values.iter().for_each(|&value| assert!(sketch.add(value)));
        let (positive, negative): (Vec<_>, Vec<_>) =
            (sketch.positive_bins().collect(), sketch.negative_bins().collect());
        let mut other = Sketch::new();
        other.add_bins(&positive, &negative, sketch.zero_count());
        assert!(other.values().eq(sketch.values()), "{name}");
        assert!(other.memory() <= sketch.memory().max(2 * 8 * MAX_BINS), "{name}");
        other.add_bins(&positive, &negative, sketch.zero_count());
        assert_eq!(other.count(), 2.0 * sketch.count(), "{name}");
    }
    // What no sketch holds is left out, and takes no memory.
    let mut sketch = Sketch::new();
    sketch.add_bins(&[(i32::MAX, 1.0), (i32::MIN, 1.0), (5, f64::NAN), (6, -1.0), (7, 2.0)], &[(1 << 28, 1.0)], -1.0);
    assert_eq!((sketch.count(), sketch.positive_bins().collect::<Vec<_>>()), (2.0, vec![(7, 2.0)]));
    assert!(sketch.memory() <= 2 * 8 * CHUNK);
}
