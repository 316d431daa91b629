//! The variable-length integers of the header: 7 bits a byte, lowest first, at most nine bytes.
//!
//! Bytes 1 to 8 carry 7 bits and a continuation flag; the ninth carries 8 bits and no flag (the rule of DataDog's
//! sketches libraries). Signed values are zig-zag coded first, so that small negative numbers stay short.

/// The most bytes that a value takes.
pub const MAX: usize = 9;

/// Writes `value` zig-zag coded at the start of `out` and returns the number of bytes.
#[inline]
pub fn put(value: i64, out: &mut [u8; MAX]) -> usize {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    let mut at = 0;
    while rest >= 0x80 && at < MAX - 1 {
        out[at] = rest as u8 | 0x80;
        rest >>= 7;
        at += 1;
    }
    out[at] = rest as u8;
    at + 1
}

/// Reads a zig-zag coded value from the start of `bytes`; with it the number of bytes read. `None`: they end too soon.
#[inline]
#[must_use]
pub fn get(bytes: &[u8]) -> Option<(i64, usize)> {
    let mut raw = 0u64;
    for (at, &byte) in bytes.iter().take(MAX).enumerate() {
        let last = at == MAX - 1;
        raw |= u64::from(if last { byte } else { byte & 0x7f }) << (7 * at);
        if last || byte < 0x80 {
            return Some((((raw >> 1) as i64) ^ -((raw & 1) as i64), at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_at_every_length() {
        let mut out = [0; MAX];
        for shift in 0..64 {
            for value in [1i64 << shift, (1i64 << shift).wrapping_sub(1), (-1i64) << shift] {
                let len = put(value, &mut out);
                assert_eq!(get(&out[..len]), Some((value, len)));
                assert_eq!(get(&out[..len - 1]), None, "cut short");
            }
        }
    }

    #[test]
    fn the_ninth_byte_carries_eight_bits() {
        let mut out = [0; MAX];
        assert_eq!(put(i64::MIN, &mut out), 9);
        assert_eq!(out, [0xff; 9]);
        assert_eq!(get(&[0xff; 12]), Some((i64::MIN, 9)));
    }
}
