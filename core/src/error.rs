//! Why a call was refused.

use std::fmt;

/// The cause of a refused call. Nothing was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A configuration value, tag, offset or time that cannot be meant; the sentence names it.
    Invalid(String),
    /// The edge is another client's, or none.
    Edge,
    /// Not everything was delivered before the deadline.
    Timeout,
}

impl Error {
    pub(crate) fn invalid(sentence: impl Into<String>) -> Self {
        Self::Invalid(sentence.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(sentence) => f.write_str(sentence),
            Self::Edge => f.write_str("the edge is zero or another client's"),
            Self::Timeout => f.write_str("not everything was delivered before the deadline"),
        }
    }
}

impl std::error::Error for Error {}
