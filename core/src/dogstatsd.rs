//! Health counts for operators, as DogStatsD datagrams under the names dd-trace-go uses.

use crate::endpoint::{check_host, split_port};
use std::path::PathBuf;

/// The port of DogStatsD when none was named.
pub const DEFAULT_PORT: u16 = 8125;

/// Where health counts go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// UDP.
    Udp {
        /// A host name or address; IPv6 without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A unix datagram socket.
    Unix(PathBuf),
}

impl Address {
    /// `udp://host[:port]` or `unix:///path`. The error completes the sentence "... is not a DogStatsD address: ".
    pub fn parse(url: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = url.split_once("://").ok_or("it must start with udp:// or unix://")?;
        match scheme.to_ascii_lowercase().as_str() {
            "udp" => {
                let (host, port) = split_port(rest.trim_end_matches('/'))?;
                Self::udp(host, port.unwrap_or(DEFAULT_PORT))
            }
            "unix" if rest.starts_with('/') && rest.len() <= 107 => Ok(Self::Unix(PathBuf::from(rest))),
            "unix" => Err("the path of a unix socket must be absolute and at most 107 bytes long"),
            _ => Err("it must start with udp:// or unix://"),
        }
    }

    /// A host, an IPv6 address with or without brackets, and a port.
    pub fn udp(host: &str, port: u16) -> Result<Self, &'static str> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if bare.contains(':') {
            check_host(&format!("[{bare}]"))?
        } else {
            check_host(bare)?
        };
        Ok(Self::Udp { host: bare.to_owned(), port })
    }
}
