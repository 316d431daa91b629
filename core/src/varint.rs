//! The variable-length integers of the header: 7 bits a byte, lowest first, at most nine bytes.
//!
//! Bytes 1 to 8 carry 7 bits and a continuation flag; the ninth carries 8 bits and no flag (the rule of DataDog's
//! sketches libraries). Signed values are zig-zag coded first, so that small negative numbers stay short.

/// The most bytes that a value takes.
pub const MAX: usize = 9;

/// The bytes of `value`, zig-zag coded, as a little-endian word with zeros behind them, and how many they are. `None`
/// when it takes [`MAX`] bytes: see [`nine`].
#[inline]
#[must_use]
pub fn word(value: i64) -> Option<(u64, usize)> {
    let raw = zigzag(value);
    if raw >> 56 != 0 {
        return None;
    }
    let spread = spread(raw);
    // All but the last byte in use get the flag.
    let last = (63 - (spread | 1).leading_zeros() as usize) / 8;
    let flags = FLAGS & !(u64::MAX << (8 * last));
    Some((spread | flags, last + 1))
}

/// The bytes of a value that takes exactly six, as a number with the first byte highest: what [`six`] reads. `None` for
/// all others.
#[inline(always)]
#[must_use]
pub fn six_of(value: i64) -> Option<u64> {
    let raw = zigzag(value);
    if !(1 << 35..1 << 42).contains(&raw) {
        return None;
    }
    Some((spread(raw) | FLAGS >> 24).swap_bytes() >> 16)
}

/// The lowest 56 bits as groups of seven, one in each byte, lowest first.
#[inline(always)]
const fn spread(raw: u64) -> u64 {
    let raw = (raw & 0x0fff_ffff) | (raw & 0x00ff_ffff_f000_0000) << 4;
    let raw = (raw & 0x0000_3fff_0000_3fff) | (raw & 0x0fff_c000_0fff_c000) << 2;
    (raw & 0x007f_007f_007f_007f) | (raw & 0x3f80_3f80_3f80_3f80) << 1
}

/// All bytes of a value that takes the most.
#[must_use]
pub fn nine(value: i64) -> [u8; MAX] {
    let raw = zigzag(value);
    let mut bytes = [0; MAX];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = (raw >> (7 * at)) as u8 | 0x80;
    }
    bytes[MAX - 1] = (raw >> 56) as u8;
    bytes
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

const FLAGS: u64 = 0x8080_8080_8080_8080;

/// Reads a zig-zag coded value from the start of `bytes`; with it the number of bytes read, which may be more than are
/// meant when `bytes` is longer than what was received: the caller compares. `None`: they end too soon.
#[inline]
#[must_use]
pub fn get(bytes: &[u8]) -> Option<(i64, usize)> {
    let Some(eight) = bytes.first_chunk::<8>() else { return get_slowly(bytes) };
    let eight = u64::from_le_bytes(*eight);
    let ends = !eight & FLAGS;
    if ends == 0 {
        return get_slowly(bytes);
    }
    let len = ends.trailing_zeros() as usize / 8 + 1;
    Some((join(eight & !FLAGS & (u64::MAX >> (64 - 8 * len))), len))
}

/// The value of exactly six bytes, given as a number with the first byte highest. `None` when they are not one value.
#[inline]
#[must_use]
pub fn six(bytes: u64) -> Option<i64> {
    const SIX: u64 = FLAGS >> 16;
    (bytes & SIX == SIX - 0x80).then(|| join((bytes & !SIX).swap_bytes() >> 16))
}

/// The value of groups of seven bits, one in each byte, lowest first.
#[inline]
const fn join(spread: u64) -> i64 {
    let raw = (spread & 0x007f_007f_007f_007f) | (spread & 0x7f00_7f00_7f00_7f00) >> 1;
    let raw = (raw & 0x0000_3fff_0000_3fff) | (raw & 0x3fff_0000_3fff_0000) >> 2;
    let raw = (raw & 0x0fff_ffff) | (raw & 0x0fff_ffff_0000_0000) >> 4;
    unzigzag(raw)
}

#[cold]
fn get_slowly(bytes: &[u8]) -> Option<(i64, usize)> {
    let mut raw = 0u64;
    for (at, &byte) in bytes.iter().take(MAX).enumerate() {
        let last = at == MAX - 1;
        raw |= u64::from(if last { byte } else { byte & 0x7f }) << (7 * at);
        if last || byte < 0x80 {
            return Some((unzigzag(raw), at + 1));
        }
    }
    None
}

const fn unzigzag(raw: u64) -> i64 {
    (raw >> 1) as i64 ^ -((raw & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(value: i64) -> Vec<u8> {
        match word(value) {
            Some((word, len)) => word.to_le_bytes()[..len].to_vec(),
            None => nine(value).to_vec(),
        }
    }

    #[test]
    fn round_trip_at_every_length() {
        for shift in 0..64 {
            for value in [1i64 << shift, (1i64 << shift).wrapping_sub(1), (-1i64) << shift] {
                let bytes = put(value);
                assert_eq!(get(&bytes), Some((value, bytes.len())));
                assert_eq!(get_slowly(&bytes), Some((value, bytes.len())));
                assert_eq!(get(&bytes[..bytes.len() - 1]), None, "cut short");
                let longer = [&bytes[..], &[0xff; 9]].concat();
                assert_eq!(get(&longer), Some((value, bytes.len())));
            }
        }
    }

    #[test]
    fn six_bytes_and_no_others() {
        for shift in 0..63 {
            for value in [1i64 << shift, (1i64 << shift) - 1, -(1i64 << shift), -(1i64 << shift) - 1] {
                let bytes = put(value);
                let six_bytes = <[u8; 6]>::try_from(bytes.as_slice()).ok();
                let wanted = six_bytes.map(|six| six.iter().fold(0, |all, &byte| all << 8 | u64::from(byte)));
                assert_eq!(six_of(value), wanted, "{value}");
                assert_eq!(wanted.and_then(six), six_bytes.map(|_| value));
            }
        }
    }

    #[test]
    fn the_ninth_byte_carries_eight_bits() {
        assert_eq!(put(i64::MIN), [0xff; 9]);
        assert_eq!(get(&[0xff; 12]), Some((i64::MIN, 9)));
    }
}
