//! The protobuf form of a sketch: what tracers put into a payload, and what the backend reads.
//!
//! ```text
//! DDSketch     { 1 mapping, 2 positive store, 3 negative store, 4 double zero count }
//! IndexMapping { 1 double gamma, 2 double offset, 3 enum interpolation }
//! Store        { 1 map<sint32, double> counts, 2 packed repeated double contiguous counts, 3 sint32 first index }
//! ```

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

use super::Encoded;
use super::mapping::{Interpolation, Mapping};

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;
const FIXED32: u8 = 5;

/// A sketch of 2048 bins has 16 KiB; unbounded peers stay below 100 KiB.
const MAX_ENCODED: usize = 1 << 20;

/// Why bytes are not a sketch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SketchError {
    /// More than 1 MiB.
    TooLong,
    /// The bytes end within a field, or a length goes past the end.
    Truncated,
    /// A field has a wire type that it cannot have, or a number is too long.
    Malformed,
    /// The mapping is missing, not known or absurd.
    Mapping,
    /// A count is negative, not finite, or above 2^64.
    Count,
    /// A bin that holds no float has a count.
    Index,
}

impl fmt::Display for SketchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SketchError::TooLong => "the sketch is longer than 1 MiB",
            SketchError::Truncated => "the sketch ends within a field",
            SketchError::Malformed => "the sketch is not the protobuf message expected",
            SketchError::Mapping => "the sketch's mapping is missing or absurd",
            SketchError::Count => "a count of the sketch is negative, not finite or too large",
            SketchError::Index => "a bin of the sketch is out of range",
        })
    }
}

impl std::error::Error for SketchError {}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

fn zigzag(value: i32) -> u64 {
    u64::from((value << 1 ^ value >> 31) as u32)
}

fn put_key(out: &mut Vec<u8>, field: u8, wire_type: u8) {
    out.push(field << 3 | wire_type);
}

/// Proto3: the default is left out, as py, go and java do.
fn put_double(out: &mut Vec<u8>, field: u8, value: f64) {
    if value != 0.0 {
        put_key(out, field, FIXED64);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Writes the first field, the mapping.
pub(super) fn put_mapping(out: &mut Vec<u8>, gamma: f64, offset: f64, interpolation: u8) {
    put_key(out, 1, BYTES);
    let doubles = [gamma, offset].into_iter().filter(|&value| value != 0.0).count();
    put_varint(out, (9 * doubles + if interpolation == 0 { 0 } else { 2 }) as u64);
    put_double(out, 1, gamma);
    put_double(out, 2, offset);
    if interpolation != 0 {
        put_key(out, 3, VARINT);
        out.push(interpolation);
    }
}

/// Writes a store with contiguous counts, `first` being the index of the first. The caller has trimmed them; an empty
/// store is written as an empty message.
pub(super) fn put_store(out: &mut Vec<u8>, field: u8, first: i32, counts: impl ExactSizeIterator<Item = f64>) {
    put_key(out, field, BYTES);
    let packed = 8 * counts.len();
    if packed == 0 {
        out.push(0);
        return;
    }
    let offset = zigzag(first);
    let offset_len = if offset == 0 { 0 } else { 1 + varint_len(offset) };
    put_varint(out, (1 + varint_len(packed as u64) + packed + offset_len) as u64);
    put_key(out, 2, BYTES);
    put_varint(out, packed as u64);
    for count in counts {
        out.extend_from_slice(&count.to_le_bytes());
    }
    if offset != 0 {
        put_key(out, 3, VARINT);
        put_varint(out, offset);
    }
}

/// Writes the fourth field, the zero count.
pub(super) fn put_zero(out: &mut Vec<u8>, count: f64) {
    put_double(out, 4, count);
}

/// A store as it came, any of the three forms: each has its own field, and they add up.
#[derive(Default)]
struct RawStore<'a> {
    /// In the order in which they came: of a bin that came twice the last count is meant, as protobuf has it.
    sparse: Vec<(i32, f64)>,
    dense: Cow<'a, [[u8; 8]]>,
    first: i32,
}

/// A store as it came, checked: counts of contiguous bins, of which the first and the last are not empty, and of others.
/// A bin may be in both. Contiguous counts that came in one piece, as nearly all do, stay where they are.
#[derive(Clone, Debug)]
pub(super) struct Counts<'a> {
    /// Little-endian.
    pub(super) dense: Cow<'a, [[u8; 8]]>,
    /// The index of the first of them.
    pub(super) first: i32,
    /// Ascending, none empty.
    pub(super) sparse: Box<[(i32, f64)]>,
}

impl Counts<'_> {
    /// The sum of all counts.
    pub(super) fn total(&self) -> f64 {
        // Four sums at a time: each addition else waits for the one before.
        let (fours, rest) = self.dense.as_chunks::<4>();
        let mut sums = [0.0; 4];
        for counts in fours {
            sums.iter_mut().zip(counts).for_each(|(sum, &count)| *sum += f64::from_le_bytes(count));
        }
        let rest = rest.iter().map(|&count| f64::from_le_bytes(count));
        rest.chain(self.sparse.iter().map(|&(_, count)| count)).fold(sums.iter().sum(), |sum, count| sum + count)
    }
}

/// Reads a sketch. Memory is at most a small multiple of the input, whatever it claims.
pub(super) fn decode(bytes: &[u8]) -> Result<Encoded<'_>, SketchError> {
    if bytes.len() > MAX_ENCODED {
        return Err(SketchError::TooLong);
    }
    let (mut gamma, mut offset, mut interpolation, mut zero) = (0.0, 0.0, 0, 0.0);
    let (mut positive, mut negative) = (RawStore::default(), RawStore::default());
    // A message that comes twice is merged field by field, as protobuf has it.
    for_each_field(bytes, |field, value| {
        match field {
            1 => for_each_field(value.bytes()?, |field, value| {
                match field {
                    1 => gamma = value.double()?,
                    2 => offset = value.double()?,
                    3 => interpolation = value.varint()?,
                    _ => {}
                }
                Ok(())
            })?,
            2 => positive.read(value.bytes()?)?,
            3 => negative.read(value.bytes()?)?,
            4 => zero = value.double()?,
            _ => {}
        }
        Ok(())
    })?;
    let interpolation = Interpolation::from_number(interpolation).ok_or(SketchError::Mapping)?;
    let mapping = Mapping::new(gamma, offset, interpolation)?;
    let bins = mapping.bins();
    Ok(Encoded {
        positive: positive.checked(&bins)?,
        negative: negative.checked(&bins)?,
        zero: checked_count(zero)?,
        mapping,
    })
}

/// 2^64: then no sum of counts can pass f64.
const MAX_COUNT: f64 = 18_446_744_073_709_551_616.0;

pub(super) fn checked_count(count: f64) -> Result<f64, SketchError> {
    if (0.0..=MAX_COUNT).contains(&count) { Ok(count) } else { Err(SketchError::Count) }
}

impl<'a> RawStore<'a> {
    fn read(&mut self, bytes: &'a [u8]) -> Result<(), SketchError> {
        for_each_field(bytes, |field, value| {
            match (field, value) {
                (1, entry) => {
                    let (mut index, mut count) = (0, 0.0);
                    for_each_field(entry.bytes()?, |field, value| {
                        match field {
                            1 => index = value.sint32()?,
                            2 => count = value.double()?,
                            _ => {}
                        }
                        Ok(())
                    })?;
                    self.sparse.push((index, count));
                }
                (2, Value::Bytes(packed)) => {
                    let (doubles, rest) = packed.as_chunks();
                    if !rest.is_empty() {
                        return Err(SketchError::Truncated);
                    }
                    if self.dense.is_empty() {
                        self.dense = Cow::Borrowed(doubles);
                    } else {
                        self.dense.to_mut().extend_from_slice(doubles);
                    }
                }
                (2, unpacked) => self.dense.to_mut().push(unpacked.double()?.to_le_bytes()),
                (3, first) => self.first = first.sint32()?,
                _ => {}
            }
            Ok(())
        })
    }

    /// `bins` are those of the mapping.
    fn checked(self, bins: &RangeInclusive<i32>) -> Result<Counts<'a>, SketchError> {
        let Self { mut sparse, dense, first } = self;
        if !sparse.is_empty() {
            sparse.reverse();
            sparse.sort_by_key(|&(index, _)| index);
            sparse.dedup_by_key(|&mut (index, _)| index);
        }
        // All of them, without a branch for each: most of a payload are these numbers.
        let sound = |sound: bool, count: f64| (0.0 <= count) & sound & (count <= MAX_COUNT);
        let numbers = dense.iter().map(|&count| f64::from_le_bytes(count));
        if !numbers.clone().fold(true, sound) || !sparse.iter().map(|&(_, count)| count).fold(true, sound) {
            return Err(SketchError::Count);
        }
        // js pads its stores with zeros, whatever the index.
        let used = match numbers.clone().position(|count| count != 0.0) {
            Some(start) => start..numbers.clone().rposition(|count| count != 0.0).map_or(start, |last| last + 1),
            None => 0..0,
        };
        let within = |index: i64| i32::try_from(index).ok().filter(|index| bins.contains(index));
        let at = |place: usize| within(i64::from(first) + place as i64).ok_or(SketchError::Index);
        let first = if used.is_empty() { 0 } else { at(used.end - 1).and(at(used.start))? };
        sparse.retain(|&(_, count)| count != 0.0);
        if sparse.iter().any(|&(index, _)| !bins.contains(&index)) {
            return Err(SketchError::Index);
        }
        let dense = match dense {
            Cow::Borrowed(all) => Cow::Borrowed(&all[used]),
            Cow::Owned(mut all) => {
                all.truncate(used.end);
                all.drain(..used.start);
                Cow::Owned(all)
            }
        };
        Ok(Counts { dense, first, sparse: sparse.into() })
    }
}

/// A field's value.
#[derive(Clone, Copy)]
enum Value<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32,
}

impl<'a> Value<'a> {
    fn varint(self) -> Result<u64, SketchError> {
        if let Value::Varint(value) = self { Ok(value) } else { Err(SketchError::Malformed) }
    }

    fn sint32(self) -> Result<i32, SketchError> {
        let value = self.varint()? as u32;
        Ok((value >> 1) as i32 ^ -((value & 1) as i32))
    }

    fn double(self) -> Result<f64, SketchError> {
        if let Value::Fixed64(value) = self { Ok(f64::from_le_bytes(value)) } else { Err(SketchError::Malformed) }
    }

    fn bytes(self) -> Result<&'a [u8], SketchError> {
        if let Value::Bytes(value) = self { Ok(value) } else { Err(SketchError::Malformed) }
    }
}

/// Calls `read` with the number and value of every field. Nothing is nested deeper than the caller goes.
fn for_each_field<'a>(
    mut bytes: &'a [u8],
    mut read: impl FnMut(u64, Value<'a>) -> Result<(), SketchError>,
) -> Result<(), SketchError> {
    while !bytes.is_empty() {
        let key = take_varint(&mut bytes)?;
        let value = match (key & 7) as u8 {
            VARINT => Value::Varint(take_varint(&mut bytes)?),
            FIXED64 => Value::Fixed64(*take(&mut bytes, 8)?.first_chunk().ok_or(SketchError::Truncated)?),
            BYTES => {
                let len = take_varint(&mut bytes)?;
                Value::Bytes(take(&mut bytes, len)?)
            }
            FIXED32 => {
                take(&mut bytes, 4)?;
                Value::Fixed32
            }
            _ => return Err(SketchError::Malformed),
        };
        read(key >> 3, value)?;
    }
    Ok(())
}

fn take<'a>(bytes: &mut &'a [u8], len: u64) -> Result<&'a [u8], SketchError> {
    let len = usize::try_from(len).map_err(|_| SketchError::Truncated)?;
    let (taken, rest) = bytes.split_at_checked(len).ok_or(SketchError::Truncated)?;
    *bytes = rest;
    Ok(taken)
}

/// A varint of protobuf: at most ten bytes, unlike the nine of the pathway header.
fn take_varint(bytes: &mut &[u8]) -> Result<u64, SketchError> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(SketchError::Truncated)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(SketchError::Malformed)
}
