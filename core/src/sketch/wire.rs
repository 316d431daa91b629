//! The protobuf form of a sketch: what tracers put into a payload, and what the backend reads.
//!
//! ```text
//! DDSketch     { 1 mapping, 2 positive store, 3 negative store, 4 double zero count }
//! IndexMapping { 1 double gamma, 2 double offset, 3 enum interpolation }
//! Store        { 1 map<sint32, double> counts, 2 packed repeated double contiguous counts, 3 sint32 first index }
//! ```

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;

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
