//! Compression, as the tracers do it.

use super::PayloadError;
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::io::{Read, Write};

/// Compresses at level 1, as dd-trace-go, -py and -js do: statistics shrink well, and the service's time is dearer.
///
/// # Errors
/// When the compressor fails, which it does not for lack of anything but memory.
pub fn gzip(raw: &[u8]) -> Result<Vec<u8>, PayloadError> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(raw.len() / 4 + 64), Compression::fast());
    encoder.write_all(raw).and_then(|()| encoder.finish()).map_err(|error| PayloadError::Encode(error.to_string()))
}

/// Decompresses at most `limit` bytes.
///
/// # Errors
/// [`PayloadError::TooLarge`] past the limit, [`PayloadError::Gzip`] when it is not gzip, or cut short.
pub fn gunzip(gz: &[u8], limit: usize) -> Result<Vec<u8>, PayloadError> {
    let mut raw = Vec::new();
    gunzip_into(gz, limit, &mut raw)?;
    Ok(raw)
}

/// Decompresses at most `limit` bytes into `raw`, in place of what it holds: memory for one after another.
///
/// # Errors
/// As [`gunzip`]. Then nobody knows what `raw` holds.
pub fn gunzip_into(gz: &[u8], limit: usize, raw: &mut Vec<u8>) -> Result<(), PayloadError> {
    let past = limit.saturating_add(1);
    // The last four bytes tell the length of the last member, mostly the only one; what they claim is bounded by what
    // statistics shrink to. In one piece, and one byte more, which tells the end, the decompressor keeps no window aside.
    let claim = gz.last_chunk().map_or(0, |&length| u32::from_le_bytes(length) as usize);
    raw.resize(claim.min(gz.len().saturating_mul(64)).saturating_add(1).min(past), 0);
    let mut gz = MultiGzDecoder::new(gz);
    let mut len = 0;
    loop {
        match gz.read(&mut raw[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) => return Err(PayloadError::Gzip(error.to_string())),
        }
        if len > limit {
            return Err(PayloadError::TooLarge(limit));
        }
        if len == raw.len() {
            raw.resize(len.saturating_mul(2).min(past), 0);
        }
    }
    raw.truncate(len);
    Ok(())
}
