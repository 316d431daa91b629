//! Who may ask: the host that a request names, the site that a browser sent it from, and the token.
//!
//! Any site's page can make a browser send requests to this machine. It can read the answers only if its own name
//! leads here (DNS rebinding), and then the `Host` header has that name; so only names known beforehand are answered.
//! An address in it is never an attacker's name, but one that nobody listens on is none of ours either.

use super::intake::Refusal;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use std::net::{IpAddr, SocketAddr};
use subtle::ConstantTimeEq;

/// Tells collectors on several ports of one host apart: cookies do not.
const COOKIE: &str = "datastreams_token_";
const API_KEY: HeaderName = HeaderName::from_static("dd-api-key");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// What is answered, and to whom.
#[derive(Debug, Default)]
pub(crate) struct Access {
    /// Names in lower case.
    names: Vec<String>,
    addresses: Vec<IpAddr>,
    /// It listens on all addresses of the machine, so each may be named.
    any_address: bool,
    token: Option<Token>,
    /// Whether those who post need the token too.
    posts_need_token: bool,
}

impl Access {
    /// Answers the loopback addresses and `localhost`, these further names, and what [`Access::listen`] is told.
    pub(crate) fn new(names: &[String], token: Option<Token>, posts_need_token: bool) -> Result<Self, String> {
        let mut access = Self { token, posts_need_token, ..Self::default() };
        for name in names {
            // An address too, as of the machine that the proxy in front runs on.
            match bare(name).parse::<IpAddr>() {
                Ok(address) => {
                    access.addresses.push(address.to_canonical());
                    access.names.push(if address.is_ipv6() { format!("[{address}]") } else { address.to_string() });
                }
                Err(_) => access.names.push(host_name(name)?),
            }
        }
        Ok(access)
    }

    /// Answers under a name or address that is listened on, too.
    pub(crate) fn listen(&mut self, name: &str, addresses: &[SocketAddr]) {
        if name.parse::<IpAddr>().is_err() {
            self.names.push(name.to_ascii_lowercase());
        }
        self.any_address |= addresses.iter().any(|address| address.ip().is_unspecified());
        self.addresses.extend(addresses.iter().map(|address| address.ip().to_canonical()));
    }

    pub(crate) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether a request of a browser, or of anybody else, was meant for us and sent by nobody else's page.
    pub(crate) fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = named(uri, headers)?;
        if !self.answers_to(host.host()) {
            let sentence = format!(
                "this collector does not answer to the name {}: start it with --allow-host {0} if it should",
                bare(host.host())
            );
            return Err(Refusal::new(StatusCode::FORBIDDEN, sentence));
        }
        let foreign = |sentence: &str| Err(Refusal::new(StatusCode::FORBIDDEN, sentence));
        if let Some(origin) = headers.get(header::ORIGIN)
            && !origin.to_str().is_ok_and(|origin| self.is_own(origin, &host))
        {
            return foreign("a page of another origin sent this: only the collector's own page may");
        }
        // Links lead here from anywhere; what pages fetch by themselves comes from our own.
        let text = |name| headers.get(name).map_or("", |value| value.to_str().unwrap_or("?"));
        let follows_link = text(FETCH_MODE) == "navigate" && (method == Method::GET || method == Method::HEAD);
        if !matches!(text(FETCH_SITE), "" | "same-origin" | "none") && !follows_link {
            return foreign("a page of another site sent this: only the collector's own page may");
        }
        Ok(())
    }

    fn answers_to(&self, host: &str) -> bool {
        let host = bare(host);
        match host.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(address) => self.any_address || address.is_loopback() || self.addresses.contains(&address),
            Err(_) => {
                let name = host.strip_suffix('.').unwrap_or(host);
                name.eq_ignore_ascii_case("localhost")
                    || self.names.iter().any(|known| name.eq_ignore_ascii_case(known))
            }
        }
    }

    /// Whether an `Origin` is that of the page itself: the same host and port as in `Host`, or a name that was allowed,
    /// since a proxy in front may have changed `Host`.
    fn is_own(&self, origin: &str, host: &Authority) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        let Ok(authority) = authority.parse::<Authority>() else { return false };
        let default = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return false,
        };
        let port = |authority: &Authority| authority.port_u16().unwrap_or(default);
        let same = authority.host().eq_ignore_ascii_case(host.host()) && port(&authority) == port(host);
        same || self.names.iter().any(|known| authority.host().eq_ignore_ascii_case(known))
    }

    /// Whether one who reads may: by cookie, or by `Authorization`.
    pub(crate) fn may_read(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(token) = &self.token else { return Ok(()) };
        if token.is_in_authorization(headers) || cookie(uri, headers).any(|given| token.is(given.as_bytes())) {
            return Ok(());
        }
        let sentence = "a token is needed here: open /?token=TOKEN once in the browser, or send the header \
                        Authorization: Bearer TOKEN";
        Err(Refusal::new(StatusCode::UNAUTHORIZED, sentence))
    }

    /// Whether one who posts may: by `Authorization`, or by the key that agents and agentless tracers send.
    pub(crate) fn may_post(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(token) = self.token.as_ref().filter(|_| self.posts_need_token) else { return Ok(()) };
        if token.is_in_authorization(headers) || headers.get_all(API_KEY).iter().any(|key| token.is(key.as_bytes())) {
            return Ok(());
        }
        let sentence = "a token is needed here: send it as DD-API-KEY, or as Authorization: Bearer TOKEN";
        Err(Refusal::new(StatusCode::UNAUTHORIZED, sentence))
    }

    /// The cookie and the new place for one who brings the token in the address, as people do who cannot send headers.
    pub(crate) fn enter(&self, uri: &Uri, headers: &HeaderMap) -> Option<Result<(String, String), Refusal>> {
        let token = self.token.as_ref()?;
        let query = uri.query()?;
        let given = query.split('&').find_map(|part| part.strip_prefix("token="))?;
        if !token.is(&percent_decoded(given)) {
            return Some(Err(Refusal::new(StatusCode::UNAUTHORIZED, "the token is not right")));
        }
        let rest: Vec<&str> = query.split('&').filter(|part| !part.starts_with("token=")).collect();
        // One slash: two would lead to another host.
        let mut place = format!("/{}", uri.path().trim_start_matches('/'));
        if !rest.is_empty() {
            place = format!("{place}?{}", rest.join("&"));
        }
        let name = cookie_name(uri, headers);
        let cookie = format!("{name}={}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax", token.0);
        Some(Ok((cookie, place)))
    }
}

/// A shared secret. Its comparison takes the same time for any other text of its length.
pub(crate) struct Token(Box<str>);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// The fewest and the most characters.
    const LENGTH: std::ops::RangeInclusive<usize> = 8..=256;

    pub(crate) fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        // What neither a cookie, nor an address, nor a header changes.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if !Self::LENGTH.contains(&text.len()) || !text.bytes().all(plain) {
            return Err("a token must have 8 to 256 characters: letters, digits and - . _ ~ + / =".into());
        }
        Ok(Self(text.into()))
    }

    fn is(&self, given: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(given).into()
    }

    /// As a bearer, or as the password of any user: dd-trace-go sends that of its agent's URL.
    fn is_in_authorization(&self, headers: &HeaderMap) -> bool {
        headers.get_all(header::AUTHORIZATION).iter().any(|value| {
            let Some((scheme, rest)) = value.to_str().ok().and_then(|value| value.split_once(' ')) else {
                return false;
            };
            let rest = rest.trim().as_bytes();
            if scheme.eq_ignore_ascii_case("bearer") {
                return self.is(rest);
            }
            let pair = if scheme.eq_ignore_ascii_case("basic") { crate::decode::from_base64(rest) } else { None };
            let colon = pair.as_ref().and_then(|pair| pair.iter().position(|&byte| byte == b':'));
            pair.zip(colon).is_some_and(|(pair, colon)| self.is(&pair[colon + 1..]))
        })
    }
}

/// A name as it may stand in `Host`: without scheme and port, in lower case.
pub(crate) fn host_name(text: &str) -> Result<String, String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if name.is_empty() || name.len() > 253 || !name.bytes().all(plain) {
        return Err(format!("{text:?} is no host name: give it without scheme and port, as in collector.example"));
    }
    Ok(name.to_ascii_lowercase())
}

/// The host and port that a request names. HTTP/1.1 has exactly one `Host`, which a whole URL in the first line overrules.
fn named(uri: &Uri, headers: &HeaderMap) -> Result<Authority, Refusal> {
    let wrong = |sentence: &str| Refusal::new(StatusCode::BAD_REQUEST, sentence);
    if let Some(authority) = uri.authority() {
        return Ok(authority.clone());
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(wrong("the request must have one Host header"));
    };
    let host = Authority::try_from(host.as_bytes()).ok().filter(|host| !host.as_str().contains('@'));
    host.ok_or_else(|| wrong("the Host header is no host and port"))
}

/// An IPv6 address without its brackets.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn cookie_name(uri: &Uri, headers: &HeaderMap) -> String {
    let port = named(uri, headers).ok().and_then(|host| host.port_u16()).unwrap_or_default();
    format!("{COOKIE}{port}")
}

fn cookie<'a>(uri: &Uri, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
    let name = cookie_name(uri, headers);
    let all = headers.get_all(header::COOKIE).into_iter().filter_map(|cookies| cookies.to_str().ok());
    all.flat_map(|cookies| cookies.split(';')).filter_map(move |one| {
        let (key, value) = one.trim().split_once('=')?;
        (key == name).then_some(value)
    })
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|&byte| char::from(byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high << 4 | low) as u8);
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|&(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    fn check(access: &Access, pairs: &[(&'static str, &str)]) -> Result<(), u16> {
        access
            .check(&Method::GET, &Uri::from_static("/api/graph"), &headers(pairs))
            .map_err(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn hosts() {
        let mut access = Access::new(&["Collector.Example.".into()], None, false).unwrap();
        access.listen("box", &["10.0.0.7:8126".parse().unwrap()]);
        for host in [
            "localhost:8126",
            "LOCALHOST",
            "localhost.",
            "127.0.0.1:1",
            "127.8.9.1",
            "[::1]:8126",
            "[::ffff:127.0.0.1]",
            "10.0.0.7:8126",
            "box:8126",
            "collector.example:443",
            "Collector.Example",
        ] {
            assert_eq!(check(&access, &[("host", host)]), Ok(()), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.8", "[::2]", "box.evil"]
        {
            assert_eq!(check(&access, &[("host", host)]), Err(403), "{host}");
        }
        for host in ["", "a b", "user@localhost", "http://localhost"] {
            assert_eq!(check(&access, &[("host", host)]), Err(400), "{host}");
        }
        assert_eq!(check(&access, &[]), Err(400), "HTTP/1.0, or by hand");
        let mut twice = headers(&[("host", "localhost")]);
        twice.append(header::HOST, "localhost".parse().unwrap());
        let plain = Uri::from_static("/");
        assert_eq!(access.check(&Method::GET, &plain, &twice).unwrap_err().status.as_u16(), 400);
        let whole = Uri::from_static("http://evil.example/api/graph");
        let refusal = access.check(&Method::GET, &whole, &headers(&[("host", "localhost")])).unwrap_err();
        assert!(refusal.status == 403 && refusal.sentence.contains("--allow-host evil.example"), "{refusal:?}");

        let named = ["192.0.2.9", "2001:db8::1", "[2001:db8::2]"].map(String::from);
        let named = Access::new(&named, None, false).unwrap();
        for host in ["192.0.2.9:8126", "[2001:db8::1]:80", "[2001:DB8:0::2]"] {
            assert_eq!(check(&named, &[("host", host)]), Ok(()), "{host} is allowed");
        }
        let behind = [("host", "localhost:8126"), ("origin", "https://[2001:db8::2]")];
        assert_eq!(check(&named, &behind), Ok(()), "a proxy in front, at an address");
        assert_eq!(check(&named, &[("host", "192.0.2.8")]), Err(403));
        assert_eq!(check(&Access::default(), &[("host", "10.0.0.7")]), Err(403));
        let mut all = Access::default();
        all.listen("0.0.0.0", &["0.0.0.0:8126".parse().unwrap()]);
        assert_eq!(check(&all, &[("host", "192.168.0.3:8126")]), Ok(()), "some address of the machine");
        assert_eq!(check(&all, &[("host", "evil.example")]), Err(403));
    }

    #[test]
    fn origins() {
        let access = Access::new(&["ds.example".into()], None, false).unwrap();
        let from = |origin| check(&access, &[("host", "localhost:8126"), ("origin", origin)]);
        assert_eq!(from("http://localhost:8126"), Ok(()));
        assert_eq!(from("https://ds.example"), Ok(()), "a proxy in front, whatever it makes of Host");
        for origin in [
            "null",
            "http://localhost:3000",
            "http://localhost",
            "http://127.0.0.1:8126",
            "https://evil.example",
            "file://",
            "chrome-extension://localhost:8126",
            "",
        ] {
            assert_eq!(from(origin), Err(403), "{origin}");
        }
        let at_80 = [("host", "localhost"), ("origin", "http://localhost")];
        assert_eq!(check(&access, &at_80), Ok(()));
    }

    #[test]
    fn what_other_sites_make_a_browser_fetch() {
        let access = Access::default();
        let fetch = |method: Method, site, mode| {
            let headers = headers(&[("host", "localhost"), ("sec-fetch-site", site), ("sec-fetch-mode", mode)]);
            access.check(&method, &Uri::from_static("/"), &headers).map_err(|refusal| refusal.status.as_u16())
        };
        assert_eq!(fetch(Method::GET, "same-origin", "cors"), Ok(()));
        assert_eq!(fetch(Method::GET, "none", "navigate"), Ok(()), "typed in");
        assert_eq!(fetch(Method::GET, "cross-site", "navigate"), Ok(()), "a link");
        assert_eq!(fetch(Method::POST, "cross-site", "navigate"), Err(403), "a form");
        assert_eq!(fetch(Method::GET, "cross-site", "no-cors"), Err(403), "an image or a script");
        assert_eq!(fetch(Method::GET, "same-site", "cors"), Err(403), "another port");
    }

    #[test]
    fn names_and_tokens() {
        for bad in ["", "a/b", "http://a", "a:80", "*", &"x".repeat(300)] {
            assert!(host_name(bad).is_err(), "{bad}");
        }
        for bad in ["", "short", "has spaces in it", "semi;colon", &"x".repeat(257)] {
            assert!(Token::new(bad).is_err(), "{bad}");
        }
        let token = Token::new(" pass+word/== \n").unwrap();
        assert!(token.is(b"pass+word/==") && !token.is(b"pass+word/=") && !token.is(b"") && !token.is(b"pass-word/=="));
        assert_eq!(format!("{token:?}"), "Token");
    }

    #[test]
    fn ways_to_bring_the_token() {
        let access = Access::new(&[], Some(Token::new("secret+/123").unwrap()), true).unwrap();
        let uri = Uri::from_static("/api/graph");
        let read = |name: &'static str, value: &str| {
            access.may_read(&uri, &headers(&[("host", "localhost:8126"), (name, value)])).is_ok()
        };
        assert!(read("authorization", "Bearer secret+/123") && read("authorization", "bearer  secret+/123"));
        assert!(read("cookie", "a=b; datastreams_token_8126=secret+/123"));
        assert!(!read("cookie", "datastreams_token_8127=secret+/123"), "another collector's");
        assert!(!read("cookie", "datastreams_token_8126=secret+/12") && !read("cookie", "secret+/123"));
        assert!(!read("authorization", "secret+/123") && !read("authorization", "Bearer secret"));
        assert!(!read("dd-api-key", "secret+/123"), "those who post have that");

        let post = |name: &'static str, value: &str| access.may_post(&headers(&[(name, value)])).is_ok();
        assert!(post("dd-api-key", "secret+/123") && post("authorization", "Bearer secret+/123"));
        assert!(post("authorization", "Basic YW55Ym9keTpzZWNyZXQrLzEyMw=="), "anybody:secret+/123");
        assert!(!post("authorization", "Basic c2VjcmV0Ky8xMjM=") && !post("authorization", "Basic ?"));
        assert!(!post("dd-api-key", "other") && !post("host", "localhost"));
        assert!(!post("cookie", "datastreams_token_0=secret+/123"), "no page posts");
        let open = Access::new(&[], Some(Token::new("secret+/123").unwrap()), false).unwrap();
        assert!(open.may_post(&HeaderMap::new()).is_ok() && open.may_read(&uri, &HeaderMap::new()).is_err());
        assert!(Access::default().may_read(&uri, &HeaderMap::new()).is_ok());
    }

    #[test]
    fn the_token_in_an_address() {
        let access = Access::new(&[], Some(Token::new("secret+/123").unwrap()), true).unwrap();
        let enter = |uri: &str| access.enter(&uri.parse().unwrap(), &headers(&[("host", "localhost:8126")]));
        let (cookie, place) = enter("/?a=1&token=secret%2B%2f123&b=%20").unwrap().unwrap();
        assert_eq!(place, "/?a=1&b=%20");
        assert!(cookie.starts_with("datastreams_token_8126=secret+/123; ") && cookie.contains("HttpOnly"), "{cookie}");
        assert_eq!(enter("/?token=secret+/123").unwrap().unwrap().1, "/");
        assert_eq!(enter("//evil.example/?token=secret+/123").unwrap().unwrap().1, "/evil.example/");
        assert_eq!(enter("/?token=wrong").unwrap().unwrap_err().status, 401);
        assert!(enter("/?tokens=secret").is_none() && enter("/").is_none());
        assert!(Access::default().enter(&Uri::from_static("/?token=x"), &HeaderMap::new()).is_none());
    }
}
