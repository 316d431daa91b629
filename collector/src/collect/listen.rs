//! Where the collector listens, and clear words when it cannot.

use super::access::host_name;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{Ipv6Addr, SocketAddr};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tokio::net::{TcpListener, UnixListener};

/// An address with a port, whose host may be a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = text.rsplit_once(':').ok_or("give host and port, as in 127.0.0.1:8126")?;
        let port = port.parse().map_err(|_| "the port must be a number from 0 to 65535")?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(inner) if inner.parse::<Ipv6Addr>().is_ok() => inner.into(),
            Some(_) => return Err("what is in brackets is no IPv6 address".into()),
            None if host.contains(':') => return Err("an IPv6 address must be in brackets, as in [::1]:8126".into()),
            None => host_name(host)?,
        };
        Ok(Self { host, port })
    }
}

/// Listens on all addresses of a name: a client that asks for `localhost` may try `::1` first. With port 0 all have the
/// same free one. An address that the machine does not have is passed over if another is there.
pub(super) async fn tcp(place: &Place) -> Result<Vec<TcpListener>, String> {
    let cannot = |reason: &str| format!("cannot listen on {place}: {reason}; choose another with --listen");
    let found = tokio::net::lookup_host((place.host.as_str(), place.port)).await;
    let mut addresses: Vec<SocketAddr> = found.map_err(|_| cannot("the name is not known"))?.collect();
    // The order in which a resolver names them is nobody's choice.
    addresses.sort_unstable();
    addresses.dedup();
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut missing = None;
    for mut address in addresses {
        if let Some(Ok(first)) = listeners.first().map(TcpListener::local_addr) {
            address.set_port(first.port());
        }
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(listener),
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable => missing = Some(reason(&error)),
            Err(error) => return Err(cannot(&reason(&error))),
        }
    }
    if listeners.is_empty() {
        return Err(cannot(missing.as_deref().unwrap_or("the name has no address")));
    }
    Ok(listeners)
}

/// Removes the socket's file at the end.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl SocketFile {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Listens on a unix socket. A file left behind by one that was killed is replaced, anything else is not.
pub(super) fn unix(path: &Path) -> Result<(UnixListener, SocketFile), String> {
    let say = |reason: &str| format!("cannot listen on {}: {reason}; choose another with --unix", path.display());
    if let Ok(file) = std::fs::symlink_metadata(path) {
        if !file.file_type().is_socket() {
            return Err(say("the file exists and is no socket"));
        }
        // Only a socket that nobody listens on refuses.
        match std::os::unix::net::UnixStream::connect(path) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                std::fs::remove_file(path).map_err(|error| say(&reason(&error)))?;
            }
            _ => return Err(say("address already in use")),
        }
    }
    let listener = UnixListener::bind(path).map_err(|error| say(&reason(&error)))?;
    Ok((listener, SocketFile(path.into())))
}

/// The reason without its number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::AddrInUse => "address already in use".into(),
        ErrorKind::AddrNotAvailable => "this machine does not have that address".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        ErrorKind::NotFound => "the directory does not exist".into(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let of = |text: &str| text.parse::<Place>().map(|place| place.to_string());
        for text in ["127.0.0.1:8126", "0.0.0.0:0", "[::1]:8126", "localhost:8126", "box.example:65535"] {
            assert_eq!(of(text), Ok(text.to_string()));
        }
        for text in
            ["localhost", "127.0.0.1", ":8126", "::1:8126", "[::g]:1", "a:65536", "a:http", "a b:1", "http://a:1"]
        {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
