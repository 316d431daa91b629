//! How values are laid out over bins.
//!
//! Each kind has a function L with `L(1) = 0` that approaches log2; a value is in bin `floor(L(v) / log2(gamma) + offset)`.
//! The interpolated kinds (sketches-java, sketches-go) read the exponent off the float and a polynomial of the
//! significand; where their slope is least, bins are wider than gamma, which [`Mapping::accuracy`] accounts for.

use std::f64::consts::LN_2;
use std::ops::RangeInclusive;

use super::index::{GAMMA, LN_GAMMA, MIN_INDEXABLE, OFFSET, ZERO, index};
use super::wire::SketchError;

/// What stands for the logarithm. The numbers are those of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Interpolation {
    /// The logarithm itself.
    None = 0,
    /// `e + s` for a value of `2^e (1 + s)`.
    Linear = 1,
    /// `e + s (4 - s) / 3`.
    Quadratic = 2,
    /// `e + 6/35 s^3 - 3/5 s^2 + 10/7 s`.
    Cubic = 3,
}

impl Interpolation {
    /// The kind with a number of the wire.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Interpolation> {
        match number {
            0 => Some(Interpolation::None),
            1 => Some(Interpolation::Linear),
            2 => Some(Interpolation::Quadratic),
            3 => Some(Interpolation::Cubic),
            _ => None,
        }
    }

    /// 1 over the least slope of L over the natural logarithm: a bin spans a factor of at most gamma to this power.
    fn widest(self) -> f64 {
        match self {
            Interpolation::None => 1.0,
            Interpolation::Linear => 1.0 / LN_2,
            Interpolation::Quadratic => 0.75 / LN_2,
            Interpolation::Cubic => 0.7 / LN_2,
        }
    }
}

/// Which bin a value is in, and which value stands for a bin.
#[derive(Clone, Copy, Debug)]
pub struct Mapping {
    gamma: f64,
    offset: f64,
    interpolation: Interpolation,
    /// Bins per unit of L: `1 / log2(gamma)`.
    scale: f64,
    accuracy: f64,
}

impl Mapping {
    /// The one that the library records with, as dd-trace-go and dd-trace-java do: within 1/129 of a value.
    pub const CANONICAL: Mapping = Mapping {
        gamma: GAMMA,
        offset: OFFSET,
        interpolation: Interpolation::None,
        scale: LN_2 / LN_GAMMA,
        accuracy: 1.0 / 129.0,
    };

    /// A mapping as tracers send it.
    ///
    /// # Errors
    /// [`SketchError::Mapping`] when gamma or offset is not finite, when bins would be wider than a factor of 19 or
    /// so narrow (`ln(gamma)` below about 1e-6), or so far off, that indexes would pass 2^29.
    pub fn new(gamma: f64, offset: f64, interpolation: Interpolation) -> Result<Mapping, SketchError> {
        let canonical = Mapping::CANONICAL;
        if gamma == canonical.gamma && offset == canonical.offset && interpolation == Interpolation::None {
            return Ok(canonical);
        }
        if !(gamma > 1.0 && gamma.is_finite() && offset.is_finite()) {
            return Err(SketchError::Mapping);
        }
        let scale = 1.0 / gamma.log2();
        let accuracy = 1.0 - 2.0 / (1.0 + gamma.powf(interpolation.widest()));
        if 1100.0 * scale + offset.abs() > f64::from(1 << 29) || accuracy > 0.9 {
            return Err(SketchError::Mapping);
        }
        Ok(Mapping { gamma, offset, interpolation, scale, accuracy })
    }

    /// The base of the logarithm that gives the bins.
    #[must_use]
    pub const fn gamma(&self) -> f64 {
        self.gamma
    }

    /// What is added to the logarithm: 1.0 is in bin `floor(offset)`.
    #[must_use]
    pub const fn offset(&self) -> f64 {
        self.offset
    }

    /// What stands for the logarithm.
    #[must_use]
    pub const fn interpolation(&self) -> Interpolation {
        self.interpolation
    }

    /// The relative error of [`Mapping::value`]: for all v in the bin, `|value - v| <= accuracy * v`.
    #[must_use]
    pub const fn accuracy(&self) -> f64 {
        self.accuracy
    }

    /// Whether both put values into the same bins. Peers compute gamma, so the last bits may differ (sketches-go allows
    /// the same 1e-12).
    #[must_use]
    pub fn same(&self, other: &Mapping) -> bool {
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * a.abs().max(b.abs());
        self.interpolation == other.interpolation && near(self.scale, other.scale) && near(self.offset, other.offset)
    }

    fn is_canonical(&self) -> bool {
        self.gamma == GAMMA && self.offset == OFFSET && self.interpolation == Interpolation::None
    }

    /// The bin of a value, or [`ZERO`] when it is too small to have one (below about 2.2e-308), negative or NaN.
    #[must_use]
    pub fn index(&self, value: f64) -> i32 {
        if self.is_canonical() {
            index(value)
        } else if value >= MIN_INDEXABLE {
            (self.log(value.min(f64::MAX)) * self.scale + self.offset).floor() as i32
        } else {
            ZERO
        }
    }

    /// The least value in a bin.
    #[must_use]
    pub fn lower_bound(&self, index: i32) -> f64 {
        self.exp((f64::from(index) - self.offset) / self.scale)
    }

    /// The value that stands for a bin: the one with the least relative error to both of its ends.
    #[must_use]
    pub fn value(&self, index: i32) -> f64 {
        (self.lower_bound(index) * (1.0 + self.accuracy)).min(f64::MAX)
    }

    /// The bins that hold floats, and one more on each side, as senders' rounding may differ.
    pub(super) fn bins(&self) -> RangeInclusive<i32> {
        self.index(MIN_INDEXABLE) - 1..=self.index(f64::MAX) + 1
    }

    /// L of a positive, finite, normal value.
    fn log(&self, value: f64) -> f64 {
        if self.interpolation == Interpolation::None {
            return value.log2();
        }
        let bits = value.to_bits();
        let exponent = (bits >> 52) as f64 - 1023.0;
        exponent + self.polynomial(f64::from_bits(bits & ((1 << 52) - 1) | 1023 << 52) - 1.0).0
    }

    /// The interpolating polynomial on 0..1, and its slope.
    fn polynomial(&self, s: f64) -> (f64, f64) {
        const A: f64 = 6.0 / 35.0;
        const B: f64 = -3.0 / 5.0;
        const C: f64 = 10.0 / 7.0;
        match self.interpolation {
            Interpolation::None | Interpolation::Linear => (s, 1.0),
            Interpolation::Quadratic => (s * (4.0 - s) / 3.0, (4.0 - 2.0 * s) / 3.0),
            Interpolation::Cubic => (((A * s + B) * s + C) * s, (3.0 * A * s + 2.0 * B) * s + C),
        }
    }

    /// The inverse of L.
    fn exp(&self, log: f64) -> f64 {
        if self.interpolation == Interpolation::None {
            return log.exp2();
        }
        let exponent = log.floor();
        let target = log - exponent;
        // The polynomials are concave and nearly straight: Newton is at full precision after four steps.
        let mut s = target;
        for _ in 0..6 {
            let (value, slope) = self.polynomial(s);
            s -= (value - target) / slope;
        }
        (1.0 + s) * exponent.exp2()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Interpolation; 4] =
        [Interpolation::None, Interpolation::Linear, Interpolation::Quadratic, Interpolation::Cubic];

    fn values() -> impl Iterator<Item = f64> {
        let mut state = 1_u64;
        (0..20_000).map(move |_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            f64::from_bits((state >> 1).clamp(MIN_INDEXABLE.to_bits(), f64::MAX.to_bits()))
        })
    }

    #[test]
    fn a_bin_is_within_its_accuracy() {
        for kind in KINDS {
            for (gamma, offset) in [(1.015625, 1338.5), (1.02020202, 0.0), (1.2, -77.25), (2.5, 0.5)] {
                let mapping = Mapping::new(gamma, offset, kind).unwrap();
                for value in values() {
                    let bin = mapping.index(value);
                    assert!(mapping.bins().contains(&bin));
                    let error = (mapping.value(bin) / value - 1.0).abs();
                    assert!(error <= mapping.accuracy() + 1e-11, "{kind:?} {gamma}: {value:e} in {bin}, error {error}");
                }
            }
        }
    }

    #[test]
    fn bounds_are_where_the_index_steps() {
        for kind in KINDS {
            let mapping = Mapping::new(1.015625, 17.25, kind).unwrap();
            for bin in -3000..3000 {
                let bound = mapping.lower_bound(bin);
                assert_eq!(mapping.index(bound * (1.0 + 1e-11)), bin, "{kind:?}");
                assert_eq!(mapping.index(bound * (1.0 - 1e-11)), bin - 1, "{kind:?}");
            }
        }
    }

    #[test]
    fn published_bins() {
        let values = [1e-9, 0.001, 0.5, 1.0, 2.0, 5.0, 49.0, 100.0, 1024.0, 1e6];
        let of = |gamma, offset| {
            let mapping = Mapping::new(gamma, offset, Interpolation::None).unwrap();
            values.map(|value| mapping.index(value))
        };
        assert_eq!(of(1.015625, 1338.5), [1, 892, 1293, 1338, 1383, 1442, 1589, 1635, 1785, 2229]);
        assert_eq!(of(1.015625, OFFSET), [-1335, -444, -43, 1, 46, 105, 252, 298, 448, 892]);
        assert_eq!(of(1.01 / 0.99, 0.0), [-1037, -346, -35, 0, 34, 80, 194, 230, 346, 690]);
    }

    #[test]
    fn canonical_accuracy() {
        let computed = 1.0 - 2.0 / (1.0 + GAMMA);
        assert!((Mapping::CANONICAL.accuracy() - computed).abs() < 1e-15);
        assert_eq!(LN_GAMMA, GAMMA.ln());
        assert!(Mapping::new(GAMMA, OFFSET, Interpolation::None).unwrap().same(&Mapping::CANONICAL));
        assert!(!Mapping::new(GAMMA, 1338.5, Interpolation::None).unwrap().same(&Mapping::CANONICAL));
        assert!(!Mapping::new(GAMMA, OFFSET, Interpolation::Cubic).unwrap().same(&Mapping::CANONICAL));
    }

    #[test]
    fn absurd_mappings_are_refused() {
        for (gamma, offset) in [
            (1.0, 0.0),
            (0.5, 0.0),
            (-2.0, 0.0),
            (0.0, 0.0),
            (1.0 + 1e-9, 0.0),
            (1e300, 0.0),
            (20.0, 0.0),
            (f64::NAN, 0.0),
            (f64::INFINITY, 0.0),
            (1.01, f64::NAN),
            (1.01, f64::INFINITY),
            (1.01, -1e10),
        ] {
            for kind in KINDS {
                assert_eq!(Mapping::new(gamma, offset, kind).err(), Some(SketchError::Mapping), "{gamma} {offset}");
            }
        }
    }
}
