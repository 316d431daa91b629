//! A sketch that is read, but not copied.

use super::wire::{self, Counts};
use super::{Mapping, Sketch, SketchError};

/// A sketch in the bytes in which it came, checked: all that [`Sketch::merge_encoded`] needs. Most take no memory.
#[derive(Clone, Debug)]
pub struct Encoded<'a> {
    pub(super) mapping: Mapping,
    pub(super) positive: Counts<'a>,
    pub(super) negative: Counts<'a>,
    pub(super) zero: f64,
}

impl<'a> Encoded<'a> {
    /// Reads a sketch of any tracer, as [`Sketch::decode`] does.
    ///
    /// # Errors
    /// [`SketchError`] says why bytes are not a sketch.
    pub fn read(bytes: &'a [u8]) -> Result<Encoded<'a>, SketchError> {
        wire::decode(bytes)
    }

    /// The layout of the bins.
    #[must_use]
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// How many values it holds.
    #[must_use]
    pub fn count(&self) -> f64 {
        self.zero + self.positive.total() + self.negative.total()
    }

    /// The same as a sketch of its own.
    #[must_use]
    pub fn to_sketch(&self) -> Sketch {
        let mut sketch = Sketch::with_mapping(self.mapping);
        sketch.merge_encoded(self);
        sketch
    }
}
