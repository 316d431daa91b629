//! The message header: how a pathway travels.
//!
//! Binary: the hash as 8 bytes, lowest first, then the two starts in milliseconds as zig-zag [`varint`]s. In messages it
//! is base64 (standard alphabet, padded) under [`KEY`]; data-streams-go wrote the binary form under [`KEY_LEGACY`].
//! Reading is lenient, because every form below is on the wire: either form under either key, base64 of base64
//! (dd-trace-dotnet on SQS, SNS and Kinesis), the URL-safe alphabet, missing padding, bytes after the end (dd-trace-js
//! pads with zeros). What decodes to a time that cannot be is refused: ten arbitrary bytes are a header from 1970.

use crate::pathway::Pathway;
use crate::varint;

/// The key of the base64 form.
pub const KEY: &str = "dd-pathway-ctx-base64";
/// The key under which data-streams-go wrote the binary form; looked at when [`KEY`] is absent or unreadable.
pub const KEY_LEGACY: &str = "dd-pathway-ctx";
/// The most bytes of the binary form.
pub const MAX_BINARY: usize = 8 + 2 * varint::MAX;
/// The most bytes of the base64 form.
pub const MAX: usize = MAX_BINARY.div_ceil(3) * 4;

/// The fewest bytes of the binary form, and of base64 text that can hold it.
const MIN_BINARY: usize = 10;
const MIN_TEXT: usize = 14;
/// The length of base64 with times of six bytes each: from 2004 to 2039.
pub const USUAL: usize = 28;
/// The length of the binary form with such times.
const USUAL_BINARY: usize = 20;
/// The most text that is looked at: base64 of the longest base64 form takes 48 characters.
const MAX_TEXT: usize = 64;
const NS_PER_MS: i64 = 1_000_000;

/// The times that a header may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How old a start may be, in nanoseconds.
    pub past_ns: i64,
    /// How far in the future a start may lie, in nanoseconds.
    pub future_ns: i64,
}

impl Window {
    /// 31 days back, 60 seconds ahead (dd-trace-dotnet has the same future limit; no peer has one for the past).
    pub const DEFAULT: Self = Self { past_ns: 31 * 86_400 * 1_000_000_000, future_ns: 60 * 1_000_000_000 };
    /// Any time since the epoch.
    pub const ANY: Self = Self { past_ns: i64::MAX, future_ns: i64::MAX };

    /// The first and the last time that may be.
    #[inline(always)]
    fn around(&self, now_ns: i64) -> (i64, i64) {
        // Zero would read as "no pathway", and nothing was produced before the epoch.
        (now_ns.saturating_sub(self.past_ns).max(1), now_ns.saturating_add(self.future_ns))
    }

    #[inline]
    fn check(&self, times: [i64; 2], now_ns: i64) -> Result<(), Refusal> {
        let (earliest, latest) = self.around(now_ns);
        for time in times {
            if time > latest {
                return Err(Refusal::Future);
            }
            if time < earliest {
                return Err(Refusal::TooOld);
            }
        }
        Ok(())
    }
}

/// Why a header was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Neither base64 nor long enough to be binary.
    Unreadable,
    /// It ends within a time.
    Truncated,
    /// A time does not fit nanoseconds since the epoch.
    Overflow,
    /// A start lies too far in the past.
    TooOld,
    /// A start lies too far in the future.
    Future,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "it is neither base64 nor a binary pathway of at least 10 bytes",
            Self::Truncated => "it ends within a time",
            Self::Overflow => "a time in it does not fit nanoseconds since the epoch",
            Self::TooOld => "a start in it lies too far in the past",
            Self::Future => "a start in it lies too far in the future",
        })
    }
}

/// Writes the binary form; returns its length.
#[inline]
pub fn encode_binary(pathway: &Pathway, out: &mut [u8; MAX_BINARY]) -> usize {
    put(pathway, out)
}

/// The binary form, rounded up to whole groups of base64.
const ROOM: usize = MAX / 4 * 3;

#[inline]
fn put<const N: usize>(pathway: &Pathway, out: &mut [u8; N]) -> usize {
    const { assert!(N >= MAX_BINARY) };
    let (start, edge_start) = (pathway.start_ns / NS_PER_MS, pathway.edge_start_ns / NS_PER_MS);
    out[..8].copy_from_slice(&pathway.hash.to_le_bytes());
    let (Some((first, first_len)), Some((second, second_len))) = (varint::word(start), varint::word(edge_start)) else {
        return put_long(start, edge_start, out);
    };
    // Whole words: what is too much is written over, or zero.
    out[8..16].copy_from_slice(&first.to_le_bytes());
    // A word has at most eight bytes, which the compiler cannot see.
    let at = 8 + first_len.min(8);
    out[at..at + 8].copy_from_slice(&second.to_le_bytes());
    at + second_len
}

/// Times that no clock shows: they take the longest form.
#[cold]
fn put_long(start: i64, edge_start: i64, out: &mut [u8]) -> usize {
    let mut at = 8;
    for time in [start, edge_start] {
        let (word, nine);
        let bytes: &[u8] = match varint::word(time) {
            Some((bytes, len)) => {
                word = bytes.to_le_bytes();
                &word[..len]
            }
            None => {
                nine = varint::nine(time);
                &nine
            }
        };
        out[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    }
    at
}

/// Writes the base64 form; returns its length.
#[inline]
pub fn encode_base64(pathway: &Pathway, out: &mut [u8; MAX]) -> usize {
    match encode_usual(pathway) {
        Some(text) => {
            out[..USUAL].copy_from_slice(&text);
            USUAL
        }
        None => encode_any(pathway, out),
    }
}

/// The base64 form when both times take six bytes, which they do from 2004 to 2039. In registers: bytes that are stored to
/// be loaded again cost more than the rest. `None`: see [`encode_base64`].
#[inline(always)]
#[must_use]
pub fn encode_usual(pathway: &Pathway) -> Option<[u8; USUAL]> {
    let start = varint::six_of(pathway.start_ns / NS_PER_MS)?;
    let edge_start = varint::six_of(pathway.edge_start_ns / NS_PER_MS)?;
    // 160 bits, highest first: 64 of the hash and 48 of each time, cut every 12 bits.
    let hash = pathway.hash.swap_bytes();
    let middle = (hash & 15) << 48 | start;
    let last = (start & 15) << 48 | edge_start;
    let words = [
        pair(hash >> 52) | pair(hash >> 40) << 16 | pair(hash >> 28) << 32 | pair(hash >> 16) << 48,
        pair(hash >> 4) | pair(middle >> 40) << 16 | pair(middle >> 28) << 32 | pair(middle >> 16) << 48,
        pair(middle >> 4) | pair(last >> 40) << 16 | pair(last >> 28) << 32 | pair(last >> 16) << 48,
    ];
    // The last four bits make one character, and the padding another.
    let end = pair(last >> 4) | (pair(last << 8) & 0xff | u64::from(b'=') << 8) << 16;
    let mut text = [0; USUAL];
    text[..8].copy_from_slice(&words[0].to_le_bytes());
    text[8..16].copy_from_slice(&words[1].to_le_bytes());
    text[16..24].copy_from_slice(&words[2].to_le_bytes());
    text[24..].copy_from_slice(&(end as u32).to_le_bytes());
    Some(text)
}

/// The two characters of the lowest 12 bits, the first one lowest.
#[inline(always)]
fn pair(bits: u64) -> u64 {
    u64::from(u16::from_le_bytes(PAIRS[bits as usize & 0xfff]))
}

/// The base64 form whatever the times are.
#[cold]
#[inline(never)]
fn encode_any(pathway: &Pathway, out: &mut [u8; MAX]) -> usize {
    let mut binary = [0; ROOM];
    let len = put(pathway, &mut binary);
    let (threes, fours) = (binary.as_chunks::<3>().0, out.as_chunks_mut::<4>().0);
    // A loop by index: over iterators it takes twice as many instructions.
    for at in 0..len.div_ceil(3).min(MAX / 4) {
        let [a, b, c] = threes[at].map(usize::from);
        let [first, second] = [PAIRS[a << 4 | b >> 4], PAIRS[(b & 15) << 8 | c]];
        fours[at] = [first[0], first[1], second[0], second[1]];
    }
    let end = len.div_ceil(3) * 4;
    let padding = end / 4 * 3 - len;
    if padding > 0 {
        out[end - 1] = b'=';
    }
    if padding > 1 {
        out[end - 2] = b'=';
    }
    end
}

/// Reads a header in any of the accepted forms. `bytes` must not be empty: an absent header is no refusal.
///
/// The pathway continues as if it came from the other end of the queue: without direction, without opposite.
/// Never panics, never allocates.
///
/// # Errors
/// The cause, when no reading gives two times within `window` around `now_ns`.
// Into the caller, so that the usual pathway comes in registers: through memory, written by words and read by vectors, it
// costs as much as the reading on some processors.
#[inline(always)]
pub fn decode(bytes: &[u8], now_ns: i64, window: &Window) -> Result<Pathway, Refusal> {
    let usual = match bytes.len() {
        USUAL => bytes.first_chunk().and_then(|text| decode_usual(text, now_ns, window)),
        USUAL_BINARY => bytes.first_chunk().and_then(|binary| decode_usual_binary(binary, now_ns, window)),
        _ => None,
    };
    match usual {
        Some(pathway) => Ok(pathway),
        // Taken apart, so that the two results do not share a place in memory.
        None => match decode_any(bytes, now_ns, window) {
            Ok(pathway) => Ok(pathway),
            Err(refusal) => Err(refusal),
        },
    }
}

/// The binary form with two times of six bytes. It cannot be base64 as well: the times' flags are no characters, and what
/// is before them is too short. `None` for all else, what is refused too.
#[inline(always)]
fn decode_usual_binary(binary: &[u8; USUAL_BINARY], now_ns: i64, window: &Window) -> Option<Pathway> {
    let &[hash @ .., s0, s1, s2, s3, s4, s5, e0, e1, e2, e3, e4, e5] = binary;
    let between = window.around(now_ns);
    let start_ns = usual_time(u64::from_be_bytes([0, 0, s0, s1, s2, s3, s4, s5]), between)?;
    let edge_start_ns = usual_time(u64::from_be_bytes([0, 0, e0, e1, e2, e3, e4, e5]), between)?;
    Some(Pathway { hash: u64::from_le_bytes(hash), start_ns, edge_start_ns, ..Pathway::default() })
}

/// A time of six bytes in nanoseconds, when it lies between two others. Each of a header is tested before the next is
/// read: both at once would go through vector registers and back, which takes longer.
#[inline(always)]
fn usual_time(bytes: u64, (earliest, latest): (i64, i64)) -> Option<i64> {
    // 42 bits times 20 bits: no overflow.
    let time = varint::six(bytes)? * NS_PER_MS;
    (earliest..=latest).contains(&time).then_some(time)
}

/// Base64 with padding and two times of six bytes, which nearly all headers are until 2039, in registers: through memory
/// it takes twice as long. `None` for all else, what is refused too: [`decode_any`] reads it again.
#[inline(always)]
fn decode_usual(text: &[u8; USUAL], now_ns: i64, window: &Window) -> Option<Pathway> {
    let [fours @ .., [a, b, c, b'=']] = text.as_chunks::<4>().0 else { return None };
    let &[g0, g1, g2, g3, g4, g5] = fours.first_chunk::<6>()?;
    // One by one: an array of them would be put together in memory.
    let (g0, g1, g2, g3, g4, g5) = (group(g0), group(g1), group(g2), group(g3), group(g4), group(g5));
    let rest = VALUES[0][usize::from(*a)] | VALUES[1][usize::from(*b)] | VALUES[2][usize::from(*c)];
    if (g0 | g1 | g2 | g3 | g4 | g5 | u64::from(rest)) & u64::from(FOREIGN) != 0 {
        return None;
    }
    // Six bytes each, highest first; then two.
    let (first, second, third) = (g0 << 24 | g1, g2 << 24 | g3, g4 << 24 | g5);
    let hash = (first << 16 | second >> 32).swap_bytes();
    let between = window.around(now_ns);
    let start_ns = usual_time((second & 0xffff_ffff) << 16 | third >> 32, between)?;
    let edge_start_ns = usual_time((third & 0xffff_ffff) << 16 | u64::from(rest >> 8), between)?;
    Some(Pathway { hash, start_ns, edge_start_ns, ..Pathway::default() })
}

#[cold]
#[inline(never)]
fn decode_any(bytes: &[u8], now_ns: i64, window: &Window) -> Result<Pathway, Refusal> {
    let once = Binary::from_base64(bytes);
    match once.parse(now_ns, window) {
        Ok(pathway) => Ok(pathway),
        Err(refusal) => decode_otherwise(bytes, &once, refusal, now_ns, window),
    }
}

/// The forms that are rare: base64 of base64, and binary.
#[cold]
fn decode_otherwise(
    bytes: &[u8],
    once: &Binary,
    first: Refusal,
    now_ns: i64,
    window: &Window,
) -> Result<Pathway, Refusal> {
    let twice = match Binary::from_base64(&once.bytes[..once.len]).parse(now_ns, window) {
        Ok(pathway) => return Ok(pathway),
        Err(refusal) => refusal,
    };
    let binary = match Binary::from_bytes(bytes).parse(now_ns, window) {
        Ok(pathway) => return Ok(pathway),
        Err(refusal) => refusal,
    };
    // The innermost base64 that is long enough gives the cause: almost any text, read as binary, is a time in 1970.
    Err([twice, first].into_iter().find(|&refusal| refusal != Refusal::Unreadable).unwrap_or(binary))
}

/// Bytes in which a pathway may be.
struct Binary {
    /// Longer than what is read, so that integers can be loaded eight bytes at once.
    bytes: [u8; MAX_TEXT],
    len: usize,
}

impl Binary {
    fn from_bytes(from: &[u8]) -> Self {
        let len = from.len().min(MAX_BINARY);
        let mut bytes = [0; MAX_TEXT];
        bytes[..len].copy_from_slice(&from[..len]);
        Self { bytes, len }
    }

    /// Decodes the longest prefix of base64 characters, whitespace before it skipped. Empty when it is too short for a
    /// pathway.
    fn from_base64(text: &[u8]) -> Self {
        let mut binary = Self { bytes: [0; MAX_TEXT], len: 0 };
        let text = text.trim_ascii_start();
        let text = &text[..text.len().min(MAX_TEXT)];
        let mut chars = 0;
        for &[a, b, c, d, e, f, g, h] in text.as_chunks::<8>().0 {
            let (high, low) = (group([a, b, c, d]), group([e, f, g, h]));
            if (high | low) & u64::from(FOREIGN) != 0 {
                break;
            }
            binary.put(high << 24 | low, 8);
            chars += 8;
        }
        // The last characters, fewer than eight.
        let rest = text.get(chars..).unwrap_or_default().iter().map(|&byte| VALUES[3][usize::from(byte)]);
        let (mut bits, mut count) = (0, 0);
        for value in rest.take(7).take_while(|&value| value != FOREIGN) {
            bits = bits << 6 | u64::from(value);
            count += 1;
        }
        if chars + count < MIN_TEXT {
            return Self { len: 0, ..binary };
        }
        binary.put(bits, count);
        binary
    }

    /// Appends what some characters mean, six bits each; bits that make no whole byte are dropped.
    #[inline]
    fn put(&mut self, bits: u64, chars: usize) {
        let bytes = (bits << (64 - 6 * chars.max(1))).to_be_bytes();
        // A whole word: what is too much is written over, or not read.
        if let Some(room) = self.bytes.get_mut(self.len..self.len + 8) {
            room.copy_from_slice(&bytes);
        }
        self.len += chars * 6 / 8;
    }

    #[inline]
    fn parse(&self, now_ns: i64, window: &Window) -> Result<Pathway, Refusal> {
        if self.len < MIN_BINARY {
            return Err(Refusal::Unreadable);
        }
        let (Some(hash), Some(times)) = (self.bytes.first_chunk::<8>(), self.bytes.get(8..)) else {
            return Err(Refusal::Unreadable);
        };
        let room = self.len - 8;
        let (start, first) = varint::get(times).ok_or(Refusal::Truncated)?;
        let (edge_start, second) = times.get(first..).and_then(varint::get).ok_or(Refusal::Truncated)?;
        if first + second > room {
            return Err(Refusal::Truncated);
        }
        let ns = |ms: i64| ms.checked_mul(NS_PER_MS).ok_or(Refusal::Overflow);
        let (start_ns, edge_start_ns) = (ns(start)?, ns(edge_start)?);
        window.check([start_ns, edge_start_ns], now_ns)?;
        Ok(Pathway { hash: u64::from_le_bytes(*hash), start_ns, edge_start_ns, ..Pathway::default() })
    }
}

/// What four characters mean, and [`FOREIGN`] when one is none of the alphabet.
#[inline(always)]
fn group(four: [u8; 4]) -> u64 {
    let [a, b, c, d] = four.map(usize::from);
    u64::from(VALUES[0][a] | VALUES[1][b] | VALUES[2][c] | VALUES[3][d])
}

/// The two base64 characters of each 12 bits.
static PAIRS: [[u8; 2]; 4096] = {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut pairs = [[0; 2]; 4096];
    let mut bits = 0;
    while bits < pairs.len() {
        pairs[bits] = [ALPHABET[bits >> 6], ALPHABET[bits & 63]];
        bits += 1;
    }
    pairs
};

/// Set in [`VALUES`] for what is no base64 character.
const FOREIGN: u32 = 1 << 24;

/// The bits of each base64 character in either alphabet, for each of the four places in a group.
static VALUES: [[u32; 256]; 4] = {
    let mut values = [[FOREIGN; 256]; 4];
    let mut value = 0;
    while value < 64u32 {
        let chars: [u8; 2] = match value {
            0..26 => [b'A' + value as u8; 2],
            26..52 => [b'a' + value as u8 - 26; 2],
            52..62 => [b'0' + value as u8 - 52; 2],
            62 => *b"+-",
            _ => *b"/_",
        };
        let mut place = 0;
        while place < 4 {
            let bits = value << (18 - 6 * place);
            values[place][chars[0] as usize] = bits;
            values[place][chars[1] as usize] = bits;
            place += 1;
        }
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_786_000_010_000 * NS_PER_MS;

    fn read(bytes: &[u8]) -> Result<Pathway, Refusal> {
        decode(bytes, NOW, &Window::DEFAULT)
    }

    fn sample() -> Pathway {
        Pathway {
            hash: 424_242,
            start_ns: 1_786_000_000_123 * NS_PER_MS,
            edge_start_ns: 1_786_000_005_456 * NS_PER_MS,
            ..Pathway::default()
        }
    }

    #[test]
    fn the_context_of_other_tracers() {
        let text = b"MnkGAAAAAAD2kare+meg5are+mc=";
        assert_eq!(read(text), Ok(sample()));
        let mut out = [0; MAX];
        let len = sample().encode_base64(&mut out);
        assert_eq!(&out[..len], text);
    }

    #[test]
    fn every_lenient_form() {
        let mut binary = [0; MAX_BINARY];
        let len = sample().encode_binary(&mut binary);
        assert_eq!(read(&binary[..len]), Ok(sample()), "binary");
        assert_eq!(read(&binary), Ok(sample()), "binary with trailing bytes");
        assert_eq!(read(b"MnkGAAAAAAD2kare-meg5are-mc"), Ok(sample()), "URL-safe, no padding");
        assert_eq!(read(b" \nMnkGAAAAAAD2kare+meg5are+mc=\r\n"), Ok(sample()), "white space");
        assert_eq!(read(b"TW5rR0FBQUFBQUQya2FyZSttZWc1YXJlK21jPQ=="), Ok(sample()), "twice");
        assert_eq!(read(b"MnkGAAAAAAD2kare+meg5are+mcAAAAA"), Ok(sample()), "zeros behind");
    }

    #[test]
    fn longest_and_shortest() {
        let mut out = [0; MAX];
        let far = Pathway { hash: u64::MAX, start_ns: i64::MAX, edge_start_ns: i64::MAX, ..Pathway::default() };
        let len = far.encode_base64(&mut out);
        let back = decode(&out[..len], i64::MAX, &Window::ANY).unwrap();
        assert_eq!(back.start_ns, i64::MAX / NS_PER_MS * NS_PER_MS);
        let near = Pathway { hash: 0, start_ns: NS_PER_MS, edge_start_ns: NS_PER_MS, ..Pathway::default() };
        let len = near.encode_base64(&mut out);
        assert_eq!(len, 16);
        assert_eq!(decode(&out[..len], NOW, &Window::ANY), Ok(near));
    }

    #[test]
    fn each_refusal() {
        assert_eq!(read(b"short"), Err(Refusal::Unreadable));
        assert_eq!(read(&[0xff; 12]), Err(Refusal::Truncated));
        assert_eq!(read(&[0xff; 26]), Err(Refusal::Overflow), "i64::MIN milliseconds");
        assert_eq!(read(b"0123456789"), Err(Refusal::TooOld), "ten ASCII bytes are 1970");
        let mut out = [0; MAX];
        let mut later = sample();
        later.edge_start_ns = NOW + 61_000 * NS_PER_MS;
        let len = later.encode_base64(&mut out);
        assert_eq!(read(&out[..len]), Err(Refusal::Future));
    }

    proptest::proptest! {
        #[test]
        fn the_usual_form_is_read_as_any(
            text in "[A-Za-z0-9+/=_*-]{28}",
            hash: u64,
            start in 1_100_000_000_000..2_190_000_000_000i64,
            edge in 1_100_000_000_000..2_190_000_000_000i64,
        ) {
            let read = decode_usual(text.as_bytes().first_chunk().unwrap(), NOW, &Window::ANY);
            proptest::prop_assert!(read.is_none() || read == decode_any(text.as_bytes(), NOW, &Window::ANY).ok());
            let (start_ns, edge_start_ns) = (start * NS_PER_MS, edge * NS_PER_MS);
            let pathway = Pathway { hash, start_ns, edge_start_ns, ..Pathway::default() };
            let mut text = [0; MAX];
            proptest::prop_assert_eq!(pathway.encode_base64(&mut text), USUAL);
            let mut slowly = [0; MAX];
            proptest::prop_assert_eq!(encode_any(&pathway, &mut slowly), USUAL);
            proptest::prop_assert_eq!(text, slowly);
            proptest::prop_assert_eq!(decode_usual(text.first_chunk().unwrap(), NOW, &Window::ANY), Some(pathway));
            proptest::prop_assert_eq!(decode_any(&text[..USUAL], NOW, &Window::ANY), Ok(pathway));
        }

        #[test]
        fn the_usual_binary_form_is_read_as_any_form(binary in proptest::collection::vec(proptest::num::u8::ANY, USUAL_BINARY)) {
            let read = decode_usual_binary(binary.first_chunk().unwrap(), NOW, &Window::ANY);
            proptest::prop_assert!(read.is_none() || read == decode_any(&binary, NOW, &Window::ANY).ok());
        }

        #[test]
        fn the_usual_binary_form_is_usual(hash: u64, start_ms in 1i64 << 40..1i64 << 41, later in 0i64..1 << 30) {
            let ms = |ms: i64| ms * NS_PER_MS;
            let pathway = Pathway { hash, start_ns: ms(start_ms), edge_start_ns: ms((start_ms + later).min((1 << 41) - 1)), ..Pathway::default() };
            let mut binary = [0; MAX_BINARY];
            proptest::prop_assert_eq!(encode_binary(&pathway, &mut binary), USUAL_BINARY);
            proptest::prop_assert_eq!(decode_usual_binary(binary.first_chunk().unwrap(), NOW, &Window::ANY), Some(pathway));
            proptest::prop_assert_eq!(decode_any(&binary[..USUAL_BINARY], NOW, &Window::ANY), Ok(pathway));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, now: i64) {
            let _ = decode(&bytes, now, &Window::DEFAULT);
            let _ = decode(&bytes, now, &Window::ANY);
        }

        #[test]
        fn round_trip(hash: u64, start in 1..i64::MAX / NS_PER_MS, edge in 1..i64::MAX / NS_PER_MS) {
            let ns = |ms| ms * NS_PER_MS;
            let pathway = Pathway { hash, start_ns: ns(start), edge_start_ns: ns(edge), ..Pathway::default() };
            let mut text = [0; MAX];
            let len = pathway.encode_base64(&mut text);
            proptest::prop_assert_eq!(decode(&text[..len], NOW, &Window::ANY), Ok(pathway));
            let mut binary = [0; MAX_BINARY];
            let len = pathway.encode_binary(&mut binary);
            proptest::prop_assert_eq!(Binary::from_bytes(&binary[..len]).parse(NOW, &Window::ANY), Ok(pathway));
        }
    }
}
