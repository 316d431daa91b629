//! Is there anybody at the agent's address? Name, connection, and who refuses.

use super::check::Check;
use crate::plain::sentence;
use datastreams_core::endpoint::Endpoint;
use std::io::{Error, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

const NAME: &str = "agent";
/// How much of an error is shown, in characters.
const SHOWN: usize = 200;
const START: &str = "start the agent, or `datastreams collect`; in a container, 127.0.0.1 is the container itself: name the \
                     agent's host with DD_AGENT_HOST";

/// Connects, and hangs up.
pub(super) fn reach(endpoint: &Endpoint, timeout: Duration) -> Check {
    match &endpoint.socket {
        Some(path) => socket(path),
        None => tcp(&endpoint.origin, timeout),
    }
}

fn socket(path: &Path) -> Check {
    let shown = sentence(&path.display().to_string(), SHOWN);
    let elsewhere = "or name the agent with DD_TRACE_AGENT_URL";
    match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let advice = format!("mount the agent's socket into the container, start the agent, {elsewhere}");
            return Check::failed(NAME, format!("there is no socket {shown}"), advice);
        }
        Ok(file) if !file.file_type().is_socket() => {
            let advice = format!(
                "where a file or directory is in the socket's place, nobody can listen; remove it, {elsewhere}"
            );
            return Check::failed(NAME, format!("{shown} is no socket"), advice);
        }
        // Connecting says it better.
        Ok(_) | Err(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Check::ok(NAME, format!("connected to {shown}")),
        Err(error) => match error.kind() {
            ErrorKind::PermissionDenied => Check::failed(
                NAME,
                format!("this user may not open {shown}"),
                "give the service's user write access to the socket and its directory, or run it in the agent's group",
            ),
            ErrorKind::ConnectionRefused => Check::failed(
                NAME,
                format!("nobody listens on {shown}: it was left behind"),
                format!("start the agent, {elsewhere}"),
            ),
            _ => Check::failed(
                NAME,
                format!("cannot connect to {shown}: {}", reason(&error)),
                "look at what listens there",
            ),
        },
    }
}

fn tcp(origin: &str, timeout: Duration) -> Check {
    let (host, port) = host_and_port(origin);
    let addresses = match resolve(host, port, timeout) {
        Ok(addresses) => addresses,
        Err(Some(error)) => {
            let advice = "check the name in DD_AGENT_HOST or DD_TRACE_AGENT_URL: it is not known where this runs";
            return Check::failed(NAME, format!("the name {host} is not known ({})", reason(&error)), advice);
        }
        Err(None) => {
            let advice = "the name server does not answer: check it, or name the agent by its address";
            return Check::failed(
                NAME,
                format!("the name {host} was not found within {} s", timeout.as_secs()),
                advice,
            );
        }
    };
    let mut errors = Vec::new();
    for address in addresses {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(_) => return Check::ok(NAME, format!("connected to {address}{}", named(host, address))),
            Err(error) => errors.push((address, error)),
        }
    }
    let tried: Vec<String> = errors.iter().map(|(address, error)| format!("{address}: {}", reason(error))).collect();
    let kind = errors.last().map(|(_, error)| error.kind());
    let advice = match kind {
        Some(ErrorKind::ConnectionRefused) => START,
        Some(ErrorKind::TimedOut | ErrorKind::WouldBlock) => {
            "packets get lost: a firewall or a network policy is between, or nobody has this address"
        }
        Some(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => {
            "there is no way to this address from where this runs: check the network, or the address"
        }
        _ => "check DD_AGENT_HOST, DD_TRACE_AGENT_PORT and DD_TRACE_AGENT_URL",
    };
    Check::failed(NAME, format!("nobody answers: {}", tried.join("; ")), advice)
}

fn named(host: &str, address: SocketAddr) -> String {
    if host == address.ip().to_string() { String::new() } else { format!(", which is {host}") }
}

/// `http://[::1]:8126`: without the brackets, which only a URL needs.
fn host_and_port(origin: &str) -> (&str, u16) {
    let (scheme, authority) = origin.split_once("://").unwrap_or(("http", origin));
    let usual = if scheme == "https" { 443 } else { 80 };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().unwrap_or(usual)),
        _ => (authority, usual),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

/// libc's resolver cannot be interrupted: in a thread that may stay behind. `None`: the time was over.
fn resolve(host: &str, port: u16, timeout: Duration) -> Result<Vec<SocketAddr>, Option<Error>> {
    let (tell, told) = channel();
    let host = host.to_owned();
    let look = move || drop(tell.send((host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>)));
    std::thread::Builder::new().name("resolve".into()).spawn(look).map_err(Some)?;
    match told.recv_timeout(timeout) {
        Ok(Ok(addresses)) if addresses.is_empty() => Err(Some(Error::other("it has no address"))),
        Ok(found) => found.map_err(Some),
        Err(_) => Err(None),
    }
}

/// The reason without its number.
fn reason(error: &Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".into(),
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "no answer".into(),
        _ => sentence(&error.to_string(), SHOWN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        assert_eq!(host_and_port("http://a.b:8126"), ("a.b", 8126));
        assert_eq!(host_and_port("http://[::1]:9"), ("::1", 9));
        assert_eq!(host_and_port("https://[fe80::1]"), ("fe80::1", 443));
        assert_eq!(host_and_port("http://agent"), ("agent", 80));
    }
}
