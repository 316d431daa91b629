//! Where payloads go: an agent over TCP or a unix socket, or the intake itself.

use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};

/// The path that an agent takes payloads under.
pub const AGENT_PATH: &str = "/v0.1/pipeline_stats";
/// The path that the intake takes payloads under, without an agent (as data-streams-go's agentless mode).
pub const INTAKE_PATH: &str = "/api/v0.1/pipeline_stats";
/// The agent's unix socket, used when it exists and nothing else was named.
pub const DEFAULT_SOCKET: &str = "/var/run/datadog/apm.socket";
/// The agent's host when nothing was named.
pub const DEFAULT_HOST: &str = "localhost";
/// The agent's port when none was named.
pub const DEFAULT_PORT: u16 = 8126;
/// What fits `sockaddr_un.sun_path` on Linux with its terminator, in bytes.
const SOCKET_PATH_MAX: usize = 107;

/// An address that takes payloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `scheme://host[:port]`, without a trailing slash. For a unix socket, the host of the `Host` header.
    pub origin: String,
    /// Path of the unix socket to connect to in place of the origin's host.
    pub socket: Option<PathBuf>,
    /// Path to post to, starting with `/`.
    pub path: String,
    /// Whether this is the intake itself: requests then carry the API key.
    pub agentless: bool,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.socket {
            Some(socket) => write!(f, "unix://{}", socket.display()),
            None => f.write_str(&self.origin),
        }
    }
}

impl Endpoint {
    /// An agent given as `http://host[:port][/base]`, `https://...` or `unix:///path`. The error completes the
    /// sentence "... is not an agent address: ".
    pub fn agent(url: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = url.split_once("://").ok_or("it must start with http://, https:// or unix://")?;
        match scheme.to_ascii_lowercase().as_str() {
            "unix" => Self::unix(Path::new(rest)),
            "http" => Self::http("http", rest),
            "https" => Self::http("https", rest),
            _ => Err("it must start with http://, https:// or unix://"),
        }
    }

    /// An agent behind a unix socket.
    pub fn unix(socket: &Path) -> Result<Self, &'static str> {
        if !socket.is_absolute() {
            return Err("the path of a unix socket must be absolute, as in unix:///path");
        }
        let length = socket.as_os_str().len();
        if length > SOCKET_PATH_MAX {
            return Err("the path of a unix socket holds at most 107 bytes");
        }
        Ok(Self {
            origin: "http://localhost".to_owned(),
            socket: Some(socket.to_owned()),
            path: AGENT_PATH.to_owned(),
            agentless: false,
        })
    }

    /// An agent on a host and port; the host may be an IPv6 address with or without brackets.
    pub fn tcp(host: &str, port: u16) -> Result<Self, &'static str> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let host = if bare.contains(':') { format!("[{bare}]") } else { bare.to_owned() };
        check_host(&host)?;
        Ok(Self {
            origin: format!("http://{host}:{port}"),
            socket: None,
            path: AGENT_PATH.to_owned(),
            agentless: false,
        })
    }

    /// The intake of a site such as `datadoghq.eu`.
    pub fn intake(site: &str) -> Result<Self, &'static str> {
        if site.contains([':', '[']) {
            return Err("it must be a domain such as datadoghq.com");
        }
        check_host(site)?;
        Ok(Self {
            origin: format!("https://trace.agent.{site}"),
            socket: None,
            path: INTAKE_PATH.to_owned(),
            agentless: true,
        })
    }

    /// The whole URL to post to.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}", self.origin, self.path)
    }

    /// Whether requests are encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.origin.starts_with("https:")
    }

    fn http(scheme: &str, rest: &str) -> Result<Self, &'static str> {
        let (authority, base) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        if authority.contains('@') {
            return Err("a user name or password in it is not supported");
        }
        if base.bytes().any(|byte| !byte.is_ascii_graphic() || matches!(byte, b'?' | b'#')) {
            return Err("its path must be plain, without a query or spaces");
        }
        let (host, port) = split_port(authority)?;
        check_host(host)?;
        let host = host.to_ascii_lowercase();
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self {
            origin: format!("{scheme}://{host}{port}"),
            socket: None,
            path: format!("{}{AGENT_PATH}", base.trim_end_matches('/')),
            agentless: false,
        })
    }
}

/// Splits `host[:port]`, where an IPv6 host is in brackets.
pub(crate) fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    let (host, port) = match authority.rfind(']') {
        Some(end) => {
            let (host, rest) = authority.split_at(end + 1);
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err("after the address in brackets only a port may follow"),
            }
        }
        None => match authority.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err("an IPv6 address must be in brackets, as in [::1]"),
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    match port {
        None => Ok((host, None)),
        Some(port) => parse_port(port).map(|port| (host, Some(port))),
    }
}

/// Reads a port number.
pub(crate) fn parse_port(text: &str) -> Result<u16, &'static str> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u16>() {
        Ok(port) if digits && port != 0 => Ok(port),
        _ => Err("the port must be a number from 1 to 65535"),
    }
}

/// Accepts a host name, an IPv4 address, or an IPv6 address in brackets.
pub(crate) fn check_host(host: &str) -> Result<(), &'static str> {
    if host.is_empty() {
        return Err("the host is missing");
    }
    if let Some(inner) = host.strip_prefix('[') {
        let address = inner.strip_suffix(']').ok_or("the closing bracket is missing")?;
        return match address.parse::<Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) => Err("what is in brackets is not an IPv6 address"),
        };
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if host.len() > 253 || !host.bytes().all(plain) {
        return Err("the host must be a name of letters, digits, '.', '-' and '_', or an address");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> String {
        Endpoint::agent(text).unwrap().url()
    }

    #[test]
    fn agents_over_tcp() {
        assert_eq!(url("http://agent:8126"), "http://agent:8126/v0.1/pipeline_stats");
        assert_eq!(url("http://agent:8126/"), "http://agent:8126/v0.1/pipeline_stats");
        assert_eq!(url("HTTP://Agent.Local"), "http://agent.local/v0.1/pipeline_stats");
        assert_eq!(url("https://proxy.example:443/dd//"), "https://proxy.example:443/dd/v0.1/pipeline_stats");
        assert_eq!(url("http://[::1]:9126"), "http://[::1]:9126/v0.1/pipeline_stats");
        assert_eq!(url("http://[fe80::1]"), "http://[fe80::1]/v0.1/pipeline_stats");
        assert!(Endpoint::agent("https://a").unwrap().is_https());
        assert!(!Endpoint::agent("http://a").unwrap().is_https());
    }

    #[test]
    fn hosts_and_ports() {
        let origin = |host, port| Endpoint::tcp(host, port).unwrap().origin;
        assert_eq!(origin("localhost", 8126), "http://localhost:8126");
        assert_eq!(origin("10.0.0.7", 1), "http://10.0.0.7:1");
        assert_eq!(origin("::1", 8126), "http://[::1]:8126");
        assert_eq!(origin("[2001:db8::2]", 8126), "http://[2001:db8::2]:8126");
        for bad in ["http://x", "a b", "", "::g", "[::1", "a/b", "user@host", "a\r\nHost: b"] {
            assert!(Endpoint::tcp(bad, 1).is_err(), "{bad}");
        }
    }

    #[test]
    fn unix_sockets() {
        let endpoint = Endpoint::agent("unix:///var/run/a b.socket").unwrap();
        assert_eq!(endpoint.socket.as_deref(), Some(Path::new("/var/run/a b.socket")));
        assert_eq!(endpoint.url(), "http://localhost/v0.1/pipeline_stats");
        assert!(Endpoint::agent("unix://relative").is_err());
        assert!(Endpoint::agent("unix://").is_err());
        assert!(Endpoint::agent(&format!("unix:///{}", "x".repeat(106))).is_ok());
        assert!(Endpoint::agent(&format!("unix:///{}", "x".repeat(107))).is_err());
    }

    #[test]
    fn what_is_not_an_address() {
        for bad in [
            "",
            "agent:8126",
            "ftp://agent",
            "http://",
            "http://:8126",
            "http://agent:",
            "http://agent:0",
            "http://agent:+1",
            "http://agent:65536",
            "http://agent:http",
            "http://::1:8126",
            "http://[::1",
            "http://[::1]x",
            "http://[x]",
            "http://user:secret@agent",
            "http://agent/?q=1",
            "http://agent/#f",
            "http://agent/a b",
            "http://ag ent",
        ] {
            assert!(Endpoint::agent(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_intake_of_a_site() {
        let endpoint = Endpoint::intake("datadoghq.eu").unwrap();
        assert_eq!(endpoint.url(), "https://trace.agent.datadoghq.eu/api/v0.1/pipeline_stats");
        assert!(endpoint.agentless && endpoint.is_https());
        for bad in ["", "https://datadoghq.eu", "a/b", "a:1", "[::1]"] {
            assert!(Endpoint::intake(bad).is_err(), "{bad}");
        }
    }
}
