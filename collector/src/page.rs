//! The page, as it is built into the binary: `GET /` and what it loads.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use flate2::read::GzDecoder;
use std::io::Read;

/// A file of the page.
struct File {
    path: &'static str,
    kind: &'static str,
    etag: &'static str,
    gzip: &'static [u8],
}

/// Written by `build.rs`; empty when the page was not built.
static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

const NOT_BUILT: &str = "This binary was built without its page: run `make page`, then build it again.\n\
                         The numbers themselves are at /api/graph, /api/pathways and /api/lag.\n";

/// Nothing but the page's own files is loaded, run, sent to, or framed.
const POLICY: &str =
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const SECURITY: [(HeaderName, HeaderValue); 6] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// `/`, `/icon.svg` and `/assets/...`.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(|headers: HeaderMap| async move { answer(FILES, "/", &headers) }))
        .route("/icon.svg", get(|headers: HeaderMap| async move { answer(FILES, "/icon.svg", &headers) }))
        .route("/assets/{name}", get(asset))
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    answer(FILES, &format!("/assets/{name}"), &headers)
}

fn answer(files: &'static [File], path: &str, headers: &HeaderMap) -> Response {
    let Some(file) = files.iter().find(|file| file.path == path) else {
        let plain = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        return match path {
            "/" => (StatusCode::NOT_IMPLEMENTED, plain, NOT_BUILT).into_response(),
            _ => (StatusCode::NOT_FOUND, plain, "the page has no such file\n").into_response(),
        };
    };
    // A file below /assets has its content in its name, and is never another.
    let caching = if path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let about = [(header::ETAG, file.etag), (header::CACHE_CONTROL, caching), (header::VARY, "accept-encoding")];
    if names(headers, header::IF_NONE_MATCH).any(|tag| tag == "*" || tag.trim_start_matches("W/") == file.etag) {
        return (StatusCode::NOT_MODIFIED, SECURITY, about).into_response();
    }
    let kind = [(header::CONTENT_TYPE, file.kind)];
    if accepts_gzip(headers) {
        return (SECURITY, about, kind, [(header::CONTENT_ENCODING, "gzip")], file.gzip).into_response();
    }
    let mut bytes = Vec::new();
    match GzDecoder::new(file.gzip).read_to_end(&mut bytes) {
        Ok(_) => (SECURITY, about, kind, bytes).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("the page is broken: {error}\n")).into_response(),
    }
}

/// The members of a list in a header.
fn names(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',').map(str::trim))
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    names(headers, header::ACCEPT_ENCODING).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip") || name == "*");
        let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|weight| weight.parse::<f32>().ok());
        named && weight != Some(0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    const TEXT: &str = "the text of a script";

    fn files() -> &'static [File] {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(TEXT.as_bytes()).unwrap();
        let gzip: &[u8] = gzip.finish().unwrap().leak();
        let file = |path, kind| File { path, kind, etag: "\"12\"", gzip };
        vec![file("/", "text/html; charset=utf-8"), file("/assets/a.js", "text/javascript; charset=utf-8")].leak()
    }

    fn ask(path: &str, name: HeaderName, value: &'static str) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_static(value));
        answer(files(), path, &headers)
    }

    fn body(response: Response) -> Vec<u8> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(to_bytes(response.into_body(), 1 << 20)).unwrap().to_vec()
    }

    #[test]
    fn files_come_packed_to_those_who_can_unpack() {
        for accepted in ["gzip", "deflate, gzip;q=0.5, br", "GZIP", "*"] {
            let response = ask("/assets/a.js", header::ACCEPT_ENCODING, accepted);
            assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip", "{accepted}");
            let mut text = String::new();
            GzDecoder::new(&*body(response)).read_to_string(&mut text).unwrap();
            assert_eq!(text, TEXT);
        }
        for accepted in ["", "br", "gzip;q=0", "identity"] {
            let response = ask("/assets/a.js", header::ACCEPT_ENCODING, accepted);
            assert!(!response.headers().contains_key(header::CONTENT_ENCODING), "{accepted}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
            assert_eq!(body(response), TEXT.as_bytes());
        }
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        for known in ["\"12\"", "\"9\", W/\"12\"", "*"] {
            let response = ask("/", header::IF_NONE_MATCH, known);
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert!(body(response).is_empty());
        }
        let response = ask("/", header::IF_NONE_MATCH, "\"11\"");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
    }

    #[test]
    fn every_file_forbids_what_is_not_its_own() {
        for path in ["/", "/assets/a.js"] {
            let response = ask(path, header::ACCEPT_ENCODING, "gzip");
            let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.starts_with("default-src 'self';"), "{policy}");
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        }
        let response = ask("/assets/a.js", header::ACCEPT_ENCODING, "gzip");
        assert!(response.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    }

    #[test]
    fn without_the_page_a_sentence_says_how_to_get_it() {
        let response = answer(&[], "/", &HeaderMap::new());
        assert_eq!(response.status(), StatusCode::NOT_IMPLEMENTED);
        assert!(String::from_utf8(body(response)).unwrap().contains("make page"));
        assert_eq!(answer(files(), "/assets/gone.js", &HeaderMap::new()).status(), StatusCode::NOT_FOUND);
    }
}
