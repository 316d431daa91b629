//! Reads msgpack values, with a limit on the memory of what is read.
//!
//! Not serde: its derived readers refuse `nil` for a list, give "unexpected end of file" for a cut payload, and let a
//! payload of empty maps grow by a factor of two hundred.

use super::PayloadError;
use std::borrow::Cow;

pub(super) struct Reader<'a> {
    all: &'a [u8],
    at: usize,
    /// Bytes of memory that may still be used.
    memory: usize,
    limit: usize,
}

/// A value whose contents, for lists and maps, follow.
enum Value<'a> {
    Nil,
    Bool(bool),
    /// Any integer of 64 bits, signed or not.
    Int(i128),
    /// A float that is an integer, or any other.
    Float(f64),
    Bytes(&'a [u8]),
    List(usize),
    Map(usize),
    Ext,
}

impl Value<'_> {
    const fn name(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a float",
            Self::Bytes(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Ext => "an extension",
        }
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(all: &'a [u8], limit: usize) -> Self {
        Self { all, at: 0, memory: limit, limit }
    }

    /// Takes memory for what is read, the allocator's share in it.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), PayloadError> {
        self.memory = self.memory.checked_sub(bytes).ok_or(PayloadError::TooLarge(self.limit))?;
        Ok(())
    }

    /// The entries of a map that follows; nil has none.
    pub(super) fn map(&mut self, what: &str) -> Result<usize, PayloadError> {
        let at = self.at;
        match self.value()? {
            Value::Nil => Ok(0),
            Value::Map(len) => Ok(len),
            other => Err(expected(at, what, "a map", &other)),
        }
    }

    /// The items of a list that follows; nil has none.
    pub(super) fn list(&mut self, what: &str) -> Result<usize, PayloadError> {
        let at = self.at;
        match self.value()? {
            Value::Nil => Ok(0),
            Value::List(len) => Ok(len),
            other => Err(expected(at, what, "a list", &other)),
        }
    }

    /// The bytes of a `str` or `bin`; nil has none.
    pub(super) fn bytes(&mut self, what: &str) -> Result<&'a [u8], PayloadError> {
        let at = self.at;
        match self.value()? {
            Value::Nil => Ok(&[]),
            Value::Bytes(bytes) => Ok(bytes),
            other => Err(expected(at, what, "bytes", &other)),
        }
    }

    /// The bytes of a text, which may not be UTF-8; nil has none.
    pub(super) fn unread_text(&mut self, what: &str) -> Result<&'a [u8], PayloadError> {
        let at = self.at;
        match self.value()? {
            Value::Nil => Ok(&[]),
            Value::Bytes(bytes) => Ok(bytes),
            other => Err(expected(at, what, "a text", &other)),
        }
    }

    /// A text. What is not UTF-8 is replaced: a tag in Latin-1 is no reason to lose the statistics.
    pub(super) fn text(&mut self, what: &str) -> Result<Cow<'a, str>, PayloadError> {
        let bytes = self.unread_text(what)?;
        // Nearly all are, and to find that out is quicker than to look for what is not.
        Ok(std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed))
    }

    /// The bytes of a key. One that is not UTF-8 is none that is known.
    pub(super) fn key(&mut self) -> Result<&'a [u8], PayloadError> {
        self.unread_text("a key")
    }

    /// Where it is, and what was read since it was elsewhere.
    pub(super) fn place(&self) -> usize {
        self.at
    }

    pub(super) fn since(&self, place: usize) -> &'a [u8] {
        self.all.get(place..self.at).unwrap_or_default()
    }

    /// An integer; nil is 0. Integral floats are integers that JavaScript wrote.
    pub(super) fn int(&mut self, what: &str) -> Result<i128, PayloadError> {
        let at = self.at;
        match self.value()? {
            Value::Nil => Ok(0),
            Value::Int(int) => Ok(int),
            Value::Float(float) if float.fract() == 0.0 && float.abs() < 2f64.powi(64) => Ok(float as i128),
            other => Err(expected(at, what, "an integer", &other)),
        }
    }

    /// An integer of 64 bits, not negative.
    pub(super) fn u64(&mut self, what: &str) -> Result<u64, PayloadError> {
        let at = self.at;
        let int = self.int(what)?;
        int.try_into().map_err(|_| decode_error(at, format!("{what} is {int}")))
    }

    /// An integer of 64 bits.
    pub(super) fn i64(&mut self, what: &str) -> Result<i64, PayloadError> {
        let at = self.at;
        let int = self.int(what)?;
        int.try_into().map_err(|_| decode_error(at, format!("{what} is {int}")))
    }

    /// 64 bits, written as signed or unsigned.
    pub(super) fn bits(&mut self, what: &str) -> Result<u64, PayloadError> {
        Ok(self.int(what)? as u64)
    }

    /// A boolean; nil is false.
    pub(super) fn bool(&mut self, what: &str) -> Result<bool, PayloadError> {
        let at = self.at;
        match self.value()? {
            Value::Nil => Ok(false),
            Value::Bool(value) => Ok(value),
            other => Err(expected(at, what, "a boolean", &other)),
        }
    }

    /// Passes over any value, however deep, without recursion.
    pub(super) fn skip(&mut self) -> Result<(), PayloadError> {
        let mut left = 1u64;
        while left > 0 {
            left -= 1;
            left += match self.value()? {
                Value::List(len) => len as u64,
                Value::Map(len) => 2 * len as u64,
                _ => 0,
            };
        }
        Ok(())
    }

    /// Nothing may follow: a second payload would be lost in silence.
    pub(super) fn end(&self) -> Result<(), PayloadError> {
        match self.all.len() - self.at {
            0 => Ok(()),
            rest => Err(decode_error(self.at, format!("{rest} bytes follow the payload"))),
        }
    }

    pub(super) fn refuse<T>(&self, reason: impl Into<String>) -> Result<T, PayloadError> {
        Err(decode_error(self.at, reason))
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], PayloadError> {
        let rest = self.all.get(self.at..).unwrap_or_default();
        let taken = rest.get(..len).ok_or_else(|| decode_error(self.at, "it ends too early"))?;
        self.at += len;
        Ok(taken)
    }

    /// An unsigned integer of `len` bytes, highest first.
    fn number(&mut self, len: usize) -> Result<u64, PayloadError> {
        Ok(self.take(len)?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn len(&mut self, width: usize) -> Result<usize, PayloadError> {
        let at = self.at;
        let len = self.number(width)? as usize;
        // Every item takes a byte, so a length that cannot be true is told at once.
        if len > self.all.len() - self.at { Err(decode_error(at, "it ends too early")) } else { Ok(len) }
    }

    fn signed(&mut self, len: usize) -> Result<Value<'a>, PayloadError> {
        let shift = 64 - 8 * len as u32;
        Ok(Value::Int(i128::from((self.number(len)? << shift) as i64 >> shift)))
    }

    fn ext(&mut self, len: usize) -> Result<Value<'a>, PayloadError> {
        self.take(1 + len)?;
        Ok(Value::Ext)
    }

    fn value(&mut self) -> Result<Value<'a>, PayloadError> {
        let at = self.at;
        let marker = self.number(1)? as u8;
        let low = |mask: u8| usize::from(marker & mask);
        Ok(match marker {
            0x00..=0x7f => Value::Int(i128::from(marker)),
            0x80..=0x8f => Value::Map(low(0x0f)),
            0x90..=0x9f => Value::List(low(0x0f)),
            0xa0..=0xbf => Value::Bytes(self.take(low(0x1f))?),
            0xc0 => Value::Nil,
            0xc1 => return Err(decode_error(at, "0xc1 is no msgpack")),
            0xc2 | 0xc3 => Value::Bool(marker == 0xc3),
            0xc4..=0xc6 => {
                let len = self.len(1 << (marker - 0xc4))?;
                Value::Bytes(self.take(len)?)
            }
            0xc7..=0xc9 => {
                let len = self.len(1 << (marker - 0xc7))?;
                self.ext(len)?
            }
            0xca => Value::Float(f64::from(f32::from_bits(self.number(4)? as u32))),
            0xcb => Value::Float(f64::from_bits(self.number(8)?)),
            0xcc..=0xcf => Value::Int(i128::from(self.number(1 << (marker - 0xcc))?)),
            0xd0..=0xd3 => self.signed(1 << (marker - 0xd0))?,
            0xd4..=0xd8 => self.ext(1 << (marker - 0xd4))?,
            0xd9..=0xdb => {
                let len = self.len(1 << (marker - 0xd9))?;
                Value::Bytes(self.take(len)?)
            }
            0xdc | 0xdd => Value::List(self.len(2 << (marker - 0xdc))?),
            0xde | 0xdf => Value::Map(self.len(2 << (marker - 0xde))?),
            0xe0..=0xff => Value::Int(i128::from(marker as i8)),
        })
    }
}

#[cold]
fn decode_error(at: usize, reason: impl Into<String>) -> PayloadError {
    PayloadError::Decode { at, reason: reason.into() }
}

#[cold]
fn expected(at: usize, what: &str, wanted: &str, found: &Value<'_>) -> PayloadError {
    decode_error(at, format!("{what} must be {wanted}, not {}", found.name()))
}
