//! A payload of which next to nothing is copied: for receivers, which only look at it.

use super::reader::Reader;
use super::{MAX_DECODED, Payload, PayloadError, decode};
use std::borrow::Cow;

/// A payload whose tags and bytes stay in the msgpack in which they came.
pub type Borrowed<'a> = Payload<BorrowedTags<'a>, &'a [u8]>;

impl<'a> Borrowed<'a> {
    /// Reads msgpack bytes; takes and refuses the same as [`Payload::decode`].
    ///
    /// # Errors
    /// As [`Payload::decode`].
    pub fn read(bytes: &'a [u8]) -> Result<Borrowed<'a>, PayloadError> {
        decode::payload(bytes, MAX_DECODED)
    }
}

/// Tags in the msgpack in which they came, checked. Equal ones say the same, but the same can be written in several ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BorrowedTags<'a>(&'a [u8]);

impl<'a> BorrowedTags<'a> {
    pub(super) fn new(msgpack: &'a [u8]) -> Self {
        Self(msgpack)
    }

    /// The msgpack: what to know the same tags by when they come again.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The tags, in the order in which they came.
    pub fn iter(self) -> impl Iterator<Item = Cow<'a, str>> {
        let mut reader = Reader::new(self.0, 0);
        let tags = reader.list("").unwrap_or(0);
        (0..tags).map_while(move |_| reader.text("").ok())
    }

    /// The value of the first tag `key:value`.
    #[must_use]
    pub fn value(self, key: &str) -> Option<Cow<'a, str>> {
        self.iter().find_map(|tag| match tag {
            Cow::Borrowed(tag) => Some(tag.strip_prefix(key)?.strip_prefix(':')?.into()),
            Cow::Owned(tag) => Some(tag.strip_prefix(key)?.strip_prefix(':')?.to_owned().into()),
        })
    }
}
