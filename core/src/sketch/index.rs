//! The bin of a value under the canonical mapping, exactly.
//!
//! `floor(ln(v) / ln(gamma) + offset)` in f64 is wrong for values within some 60 ulps of a bin's bound and takes a
//! logarithm. Bounds are 1/64 apart, and 128 cells an octave are at most 1/128 wide: a cell holds at most one bound, so
//! the upper 18 bits of the float and one comparison give the exact bin.

use super::thresholds::{FIRST, THRESHOLDS};

/// The index of values that are counted as zero. No bin has it: they lie within ±46 000.
pub const ZERO: i32 = i32::MAX;

/// The base of the canonical mapping, 65/64: the one of dd-trace-go and dd-trace-java.
pub(super) const GAMMA: f64 = 1.015625;
/// The offset of the canonical mapping: 1.0 is in bin 1.
pub(super) const OFFSET: f64 = 1.8761281912861705;
/// `ln(GAMMA)`, correctly rounded.
pub(super) const LN_GAMMA: f64 = 0.015504186535965254;
/// The least value that has a bin; below it a value counts as zero.
pub(super) const MIN_INDEXABLE: f64 = f64::MIN_POSITIVE * GAMMA;

const OCTAVES: usize = 64 + 30;
/// Sign, exponent and 7 bits of the significand stay.
const CELL_SHIFT: u32 = 52 - 7;
/// The cell of 2^-30.
const FIRST_CELL: u64 = (1023 - 30) << 7;

/// For every cell, how many bounds lie at or below its least value.
static CELLS: [u16; OCTAVES * 128] = cells();

const fn cells() -> [u16; OCTAVES * 128] {
    let mut cells = [0; OCTAVES * 128];
    let (mut cell, mut bounds) = (0, 0);
    while cell < cells.len() {
        while THRESHOLDS[bounds as usize] <= (FIRST_CELL + cell as u64) << CELL_SHIFT {
            bounds += 1;
        }
        cells[cell] = bounds;
        cell += 1;
    }
    cells
}

/// The bin of `value` under the canonical mapping, or [`ZERO`].
///
/// Exact for 2^-30 <= `value` < 2^64: 1 ns to 584 years in seconds, every size in bytes. Outside of that it is the f64
/// formula that peers use, which may be off by one bin within 64 ulps of a bound. Zero, values too small to have a
/// bin (< 2.3e-308), negative values and NaN give [`ZERO`]; infinity is in the bin of `f64::MAX`.
#[inline]
#[must_use]
pub fn index(value: f64) -> i32 {
    let bits = value.to_bits();
    let cell = (bits >> CELL_SHIFT).wrapping_sub(FIRST_CELL) as usize;
    if let Some(&bounds) = CELLS.get(cell)
        && let Some(&threshold) = THRESHOLDS.get(usize::from(bounds))
    {
        FIRST + i32::from(bounds) + i32::from(bits >= threshold)
    } else {
        outside(value)
    }
}

#[cold]
fn outside(value: f64) -> i32 {
    if value >= MIN_INDEXABLE { formula(value.min(f64::MAX)) } else { ZERO }
}

/// What peers compute. `value` is positive and finite.
pub(super) fn formula(value: f64) -> i32 {
    (value.ln() / LN_GAMMA + OFFSET).floor() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many floats lie between two positive values.
    fn ulps(a: f64, b: u64) -> u64 {
        a.to_bits().abs_diff(b)
    }

    /// The bin by binary search: slow, and without the cells.
    fn searched(value: f64) -> i32 {
        FIRST + THRESHOLDS.partition_point(|&bound| f64::from_bits(bound) <= value) as i32
    }

    #[test]
    fn every_bound_and_both_neighbours() {
        for (k, &bound) in THRESHOLDS.iter().enumerate() {
            let bin = FIRST + 1 + k as i32;
            let value = f64::from_bits(bound);
            if value >= 2f64.powi(64) {
                assert_eq!(k, THRESHOLDS.len() - 1);
                assert_eq!(index(2f64.powi(64).next_down()), bin - 1);
                continue;
            }
            assert_eq!(index(value.next_down()), bin - 1, "below bin {bin}");
            assert_eq!(index(value), bin);
            assert_eq!(index(value.next_up()), bin);
        }
    }

    #[test]
    fn every_cell_and_both_neighbours() {
        for cell in 0..CELLS.len() as u64 {
            let edge = f64::from_bits((FIRST_CELL + cell) << CELL_SHIFT);
            assert_eq!(index(edge), searched(edge));
            assert_eq!(index(edge.next_up()), searched(edge.next_up()));
            if cell > 0 {
                assert_eq!(index(edge.next_down()), searched(edge.next_down()));
            }
        }
    }

    #[test]
    fn thresholds_are_where_the_formula_has_them() {
        for (k, &bound) in THRESHOLDS.iter().enumerate() {
            let bin = FIRST + 1 + k as i32;
            let by_formula = ((f64::from(bin) - OFFSET) * LN_GAMMA).exp();
            assert!((by_formula / f64::from_bits(bound) - 1.0).abs() < 64.0 * f64::EPSILON, "bin {bin}");
        }
    }

    #[test]
    fn a_million_random_values() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..1_000_000 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let random = state >> 12;
            let exponent = 1023 - 30 + random % 94;
            let value = f64::from_bits(exponent << 52 | random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 12);
            let exact = searched(value);
            assert_eq!(index(value), exact, "{value:e}");
            let by_formula = formula(value);
            if by_formula != exact {
                assert_eq!((by_formula - exact).abs(), 1);
                let bound = THRESHOLDS[(by_formula.max(exact) - FIRST - 1) as usize];
                assert!(ulps(value, bound) <= 64, "{value:e}: formula {by_formula}, exact {exact}");
            }
        }
    }

    #[test]
    fn the_formula_differs_only_near_bounds() {
        for (k, &bound) in THRESHOLDS.iter().enumerate().take(THRESHOLDS.len() - 1) {
            let bin = FIRST + 1 + k as i32;
            assert_eq!(formula(f64::from_bits(bound + 65)), bin);
            assert_eq!(formula(f64::from_bits(bound - 65)), bin - 1);
        }
    }

    #[test]
    fn outside_the_table() {
        assert_eq!(index(2f64.powi(-30)), FIRST);
        assert_eq!(index(2f64.powi(-30).next_down()), FIRST);
        assert_eq!(index(2f64.powi(64)), FIRST + THRESHOLDS.len() as i32 - 1);
        for zero in [0.0, -0.0, -1.0, f64::MIN_POSITIVE, 5e-324, f64::NAN, -f64::NAN, f64::NEG_INFINITY] {
            assert_eq!(index(zero), ZERO, "{zero:e}");
        }
        assert_eq!(index(MIN_INDEXABLE), formula(MIN_INDEXABLE));
        assert_eq!(index(f64::INFINITY), formula(f64::MAX));
        assert!(index(f64::MAX) < 46_000 && index(MIN_INDEXABLE) > -46_000);
    }

    #[test]
    fn published_bins() {
        let expected = [(1e-9, -1335), (0.001, -444), (0.5, -43), (1.0, 1), (2.0, 46), (5.0, 105)];
        for (value, bin) in expected.into_iter().chain([(49.0, 252), (100.0, 298), (1024.0, 448), (1e6, 892)]) {
            assert_eq!(index(value), bin, "{value}");
        }
    }
}
