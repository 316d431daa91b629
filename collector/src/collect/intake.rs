//! From a request to a payload: what is taken, and the sentence for what is not.

use crate::model::parsed::Parsed;
use axum::http::{HeaderMap, StatusCode, header};
use datastreams_core::payload::{Borrowed, PayloadError, gunzip_into};
use std::cell::RefCell;

/// The most bytes of a payload id.
const MAX_ID: usize = 128;
/// The most bytes of a payload whose memory a thread keeps for the next one.
const MAX_RAW: usize = 1 << 20;

thread_local! {
    /// A payload that was decompressed. To ask for so much each time costs more than anything else that is asked for.
    static RAW: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// A request that is not taken: the status and the sentence that says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) sentence: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self { status, sentence: sentence.into() }
    }
}

/// How the body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    Gzip,
}

/// Checks the type of a body. All tracers send both headers; a browser's form cannot send this type to us.
pub(crate) fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    let text = |name| headers.get(name).map_or(Some(""), |value| value.to_str().ok());
    let unsupported = |sentence: &str| Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, sentence));
    let media = text(header::CONTENT_TYPE).unwrap_or("?").split(';').next().unwrap_or_default().trim();
    if !["application/msgpack", "application/x-msgpack", "application/vnd.msgpack"]
        .iter()
        .any(|known| media.eq_ignore_ascii_case(known))
    {
        return unsupported("the Content-Type must be application/msgpack");
    }
    match text(header::CONTENT_ENCODING).unwrap_or("?").trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Encoding::Plain),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        _ => unsupported("the Content-Encoding must be gzip, or absent"),
    }
}

/// The id of a payload, when the client gives one.
pub(crate) fn id<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    match value.to_str() {
        Ok(id) if (1..=MAX_ID).contains(&id.len()) => Ok(Some(id)),
        _ => Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("the header {name} must have 1 to {MAX_ID} visible ASCII characters"),
        )),
    }
}

/// Reads a whole body and hands it to `take`; all of it can be read, or it is refused.
pub(crate) fn read<T>(
    body: &[u8],
    encoding: Encoding,
    max_payload: usize,
    take: impl FnOnce(&Parsed<'_>) -> T,
) -> Result<T, Refusal> {
    match encoding {
        Encoding::Gzip => RAW.with_borrow_mut(|raw| {
            let done = match gunzip_into(body, max_payload, raw) {
                Ok(()) => read_plain(raw, take),
                Err(error) => Err(refuse(&error)),
            };
            if raw.capacity() > MAX_RAW {
                *raw = Vec::new();
            }
            done
        }),
        Encoding::Plain if body.starts_with(&[0x1f, 0x8b]) => {
            let sentence = "the body is gzip, but its Content-Encoding does not say so";
            Err(Refusal::new(StatusCode::BAD_REQUEST, sentence))
        }
        Encoding::Plain => read_plain(body, take),
    }
}

fn read_plain<T>(msgpack: &[u8], take: impl FnOnce(&Parsed<'_>) -> T) -> Result<T, Refusal> {
    let payload = Borrowed::read(msgpack).map_err(|error| refuse(&error))?;
    let parsed = Parsed::new(payload).map_err(|reason| Refusal::new(StatusCode::BAD_REQUEST, reason))?;
    Ok(take(&parsed))
}

fn refuse(error: &PayloadError) -> Refusal {
    let status = match error {
        PayloadError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    Refusal::new(status, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn types_and_encodings() {
        let of = |kind, coding: Option<&'static str>| {
            let mut pairs = vec![(header::CONTENT_TYPE, kind)];
            pairs.extend(coding.map(|coding| (header::CONTENT_ENCODING, coding)));
            encoding(&headers(&pairs)).map_err(|refusal| refusal.status.as_u16())
        };
        assert_eq!(of("application/msgpack", Some("gzip")), Ok(Encoding::Gzip));
        assert_eq!(of("application/msgpack", Some("GZIP")), Ok(Encoding::Gzip));
        assert_eq!(of("application/msgpack", None), Ok(Encoding::Plain));
        assert_eq!(of("Application/MsgPack; charset=x", Some("identity")), Ok(Encoding::Plain));
        assert_eq!(of("application/msgpack", Some("zstd")), Err(415));
        assert_eq!(of("application/msgpack", Some("gzip, gzip")), Err(415));
        assert_eq!(of("application/json", Some("gzip")), Err(415));
        assert_eq!(encoding(&HeaderMap::new()).unwrap_err().status.as_u16(), 415);
    }

    #[test]
    fn ids() {
        let name = "datastreams-payload-id";
        let of = |value: &'static str| {
            id(&headers(&[(HeaderName::from_static("datastreams-payload-id"), value)]), name)
                .map(|id| id.map(String::from))
                .map_err(|refusal| refusal.status.as_u16())
        };
        assert_eq!(of("a-1"), Ok(Some("a-1".into())));
        assert_eq!(of(""), Err(400));
        assert_eq!(id(&HeaderMap::new(), name), Ok(None));
    }
}
