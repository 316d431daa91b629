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
}

/// Why a header was refused, the reading that got furthest speaking for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

impl Refusal {
    /// How far the reading got: the two causes that concern the window are equal.
    const fn reach(self) -> u8 {
        match self {
            Self::Unreadable => 0,
            Self::Truncated => 1,
            Self::Overflow => 2,
            Self::TooOld | Self::Future => 3,
        }
    }
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
    let mut time = [0; varint::MAX];
    out[..8].copy_from_slice(&pathway.hash.to_le_bytes());
    let mut len = 8;
    for start in [pathway.start_ns, pathway.edge_start_ns] {
        let bytes = varint::put(start / NS_PER_MS, &mut time);
        // The whole array is copied, which is one move instead of a loop; what is too much is written over or not read.
        if let Some(room) = out.get_mut(len..len + varint::MAX) {
            room.copy_from_slice(&time);
        }
        len += bytes;
    }
    len
}

/// Writes the base64 form; returns its length.
#[inline]
pub fn encode_base64(pathway: &Pathway, out: &mut [u8; MAX]) -> usize {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut binary = [0; MAX_BINARY];
    let len = encode_binary(pathway, &mut binary);
    // What encode_binary left behind the end must not leak into the last group.
    if let Some(rest) = binary.get_mut(len..) {
        rest.fill(0);
    }
    let groups = len.div_ceil(3);
    for (four, three) in out.chunks_exact_mut(4).zip(binary.chunks(3)).take(groups) {
        let at = |index: usize| u32::from(three.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        four[0] = ALPHABET[(bits >> 18) as usize & 63];
        four[1] = ALPHABET[(bits >> 12) as usize & 63];
        four[2] = ALPHABET[(bits >> 6) as usize & 63];
        four[3] = ALPHABET[bits as usize & 63];
    }
    let end = groups * 4;
    let padding = (3 - len % 3) % 3;
    for pad in &mut out[end - padding..end] {
        *pad = b'=';
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
#[inline]
pub fn decode(bytes: &[u8], now_ns: i64, window: &Window) -> Result<Pathway, Refusal> {
    let mut once = [0; MAX_TEXT / 4 * 3];
    let once = from_base64(bytes, &mut once);
    match parse(once, now_ns, window) {
        Ok(pathway) => Ok(pathway),
        Err(refusal) => decode_otherwise(bytes, once, refusal, now_ns, window),
    }
}

/// The forms that are rare: base64 of base64, and binary.
#[cold]
fn decode_otherwise(
    bytes: &[u8],
    once: &[u8],
    first: Refusal,
    now_ns: i64,
    window: &Window,
) -> Result<Pathway, Refusal> {
    let mut twice = [0; MAX_TEXT / 4 * 3];
    let twice = from_base64(once, &mut twice);
    let mut furthest = first;
    for reading in [twice, bytes] {
        match parse(reading, now_ns, window) {
            Ok(pathway) => return Ok(pathway),
            Err(refusal) if refusal.reach() > furthest.reach() => furthest = refusal,
            Err(_) => {}
        }
    }
    Err(furthest)
}

fn parse(binary: &[u8], now_ns: i64, window: &Window) -> Result<Pathway, Refusal> {
    if binary.len() < MIN_BINARY {
        return Err(Refusal::Unreadable);
    }
    let (Some(hash), Some(times)) = (binary.first_chunk::<8>(), binary.get(8..)) else {
        return Err(Refusal::Unreadable);
    };
    let (start, len) = varint::get(times).ok_or(Refusal::Truncated)?;
    let (edge_start, _) = times.get(len..).and_then(varint::get).ok_or(Refusal::Truncated)?;
    let ns = |ms: i64| ms.checked_mul(NS_PER_MS).ok_or(Refusal::Overflow);
    let (start_ns, edge_start_ns) = (ns(start)?, ns(edge_start)?);
    for time in [start_ns, edge_start_ns] {
        if time > now_ns.saturating_add(window.future_ns) {
            return Err(Refusal::Future);
        }
        // Zero would read as "no pathway", and nothing was produced before the epoch.
        if time <= 0 || time < now_ns.saturating_sub(window.past_ns) {
            return Err(Refusal::TooOld);
        }
    }
    Ok(Pathway { hash: u64::from_le_bytes(*hash), start_ns, edge_start_ns, ..Pathway::default() })
}

/// The value of each base64 character in either alphabet; 255 for all others.
const VALUES: [u8; 256] = {
    let mut values = [255u8; 256];
    let mut i = 0;
    while i < 26 {
        values[b'A' as usize + i] = i as u8;
        values[b'a' as usize + i] = 26 + i as u8;
        i += 1;
    }
    let mut i = 0;
    while i < 10 {
        values[b'0' as usize + i] = 52 + i as u8;
        i += 1;
    }
    values[b'+' as usize] = 62;
    values[b'-' as usize] = 62;
    values[b'/' as usize] = 63;
    values[b'_' as usize] = 63;
    values
};

/// Decodes the longest prefix of base64 characters, whitespace before it skipped. Empty when it is too short for a
/// pathway.
#[inline]
fn from_base64<'a>(text: &[u8], out: &'a mut [u8; MAX_TEXT / 4 * 3]) -> &'a [u8] {
    let text = text.trim_ascii_start();
    let mut written = 0;
    let mut chars = 0;
    for (four, three) in text[..text.len().min(MAX_TEXT)].chunks(4).zip(out.chunks_exact_mut(3)) {
        let at = |index: usize| four.get(index).map_or(255, |&byte| VALUES[usize::from(byte)]);
        let [a, b, c, d] = [at(0), at(1), at(2), at(3)];
        let bits = u32::from(a & 63) << 18 | u32::from(b & 63) << 12 | u32::from(c & 63) << 6 | u32::from(d & 63);
        three.copy_from_slice(&bits.to_be_bytes()[1..]);
        if (a | b | c | d) == 255 {
            let good = [a, b, c, d].iter().take_while(|&&value| value != 255).count();
            chars += good;
            // One character alone carries six bits: not a byte.
            written += good.saturating_sub(1);
            break;
        }
        chars += 4;
        written += 3;
    }
    if chars < MIN_TEXT { &[] } else { out.get(..written).unwrap_or(&[]) }
}

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
            proptest::prop_assert_eq!(parse(&binary[..len], NOW, &Window::ANY), Ok(pathway));
        }
    }
}
