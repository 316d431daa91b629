//! Health counts for operators, as DogStatsD datagrams under the names dd-trace-go uses.

use crate::config::Settings;
use crate::counters::{Counter, Counters};
use crate::endpoint::{check_host, split_port};
use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// The port of DogStatsD when none was named.
pub const DEFAULT_PORT: u16 = 8125;

/// Bytes of a datagram, at most: what fits an Ethernet frame over IPv6.
pub const DATAGRAM_MAX: usize = 1432;
/// Bytes of the tags of a line, at most; further tags are left out.
const TAGS_MAX: usize = 1024;
/// Bytes of one tag, at most (the intake cuts at 200 characters).
const TAG_MAX: usize = 200;

/// A metric and the counters it sums.
type Metric = (&'static str, &'static [Counter]);

/// dd-trace-go's names, with its units: `payloads_in` and `dropped_payloads` count what was recorded and what could
/// not be (checkpoints, offsets, transactions), `flush_errors` attempts that failed.
const METRICS: [Metric; 6] = [
    ("datadog.datastreams.processor.payloads_in", &[Counter::Checkpoints, Counter::Offsets, Counter::Transactions]),
    ("datadog.datastreams.processor.flushed_payloads", &[Counter::PayloadsDelivered]),
    ("datadog.datastreams.processor.flushed_buckets", &[Counter::Buckets]),
    (
        "datadog.datastreams.processor.flush_errors",
        &[Counter::AgentUnreachable, Counter::Uncertain, Counter::AgentErrors],
    ),
    (
        "datadog.datastreams.processor.dropped_payloads",
        &[
            Counter::CutMemory,
            Counter::CutBusy,
            Counter::OffsetsCut,
            Counter::MessagesDroppedRejected,
            Counter::MessagesDroppedTooLarge,
            Counter::MessagesDroppedAge,
            Counter::MessagesDroppedBytes,
            Counter::MessagesDroppedStop,
            Counter::MessagesDroppedFault,
        ],
    ),
    (
        "datadog.datastreams.processor.dropped_transactions",
        &[Counter::TransactionsCutVolume, Counter::TransactionsCutNames, Counter::TransactionsDropped],
    ),
];

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

/// Sends what was counted since the last time. Owned by the thread that reports; holds no socket between sends.
#[derive(Debug)]
pub struct Health {
    address: Address,
    tags: String,
    sent: [u64; METRICS.len()],
}

impl Health {
    /// Sends to the settings' DogStatsD address; `None` when they have none.
    #[must_use]
    pub fn new(settings: &Settings) -> Option<Self> {
        let address = settings.dogstatsd.clone()?;
        let tags = tags(&[
            ("lang", &settings.language),
            ("lang_version", settings.language_version.as_deref().unwrap_or_default()),
            ("tracer_version", &settings.library_version),
            ("service", &settings.service),
            ("env", &settings.env),
            ("version", &settings.version),
            ("host", &settings.hostname),
        ]);
        Some(Self { address, tags, sent: [0; METRICS.len()] })
    }

    /// Sends all six counts, zeros too, in as few datagrams as fit. Never waits (but for a host name to be resolved):
    /// what cannot be sent at once is counted under `health_errors` and is part of the next counts.
    pub fn send(&mut self, counters: &Counters) {
        let totals = METRICS.map(|(_, sum)| sum.iter().fold(0_u64, |total, &of| total.wrapping_add(counters.get(of))));
        let lines: Vec<String> = METRICS
            .iter()
            .zip(totals.iter().zip(&self.sent))
            .map(|((name, _), (total, sent))| format!("{name}:{}|c{}", total.saturating_sub(*sent), self.tags))
            .collect();
        let mut first = 0;
        while first < lines.len() {
            let mut datagram = String::new();
            let mut end = first;
            while let Some(line) = lines.get(end) {
                if end > first && datagram.len() + 1 + line.len() > DATAGRAM_MAX {
                    break;
                }
                let _ = write!(datagram, "{}{line}", if end > first { "\n" } else { "" });
                end += 1;
            }
            match transmit(&self.address, datagram.as_bytes()) {
                Ok(()) => self.sent[first..end].copy_from_slice(&totals[first..end]),
                Err(_) => counters.add(Counter::HealthErrors, 1),
            }
            first = end;
        }
    }
}

fn transmit(address: &Address, datagram: &[u8]) -> io::Result<()> {
    match address {
        Address::Unix(path) => transmit_unix(path, datagram),
        Address::Udp { host, port } => {
            let to = (host.as_str(), *port).to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
            let from: SocketAddr = match to {
                SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
            };
            let socket = UdpSocket::bind(from)?;
            socket.set_nonblocking(true)?;
            socket.send_to(datagram, to).and_then(|sent| whole(sent, datagram))
        }
    }
}

fn transmit_unix(path: &Path, datagram: &[u8]) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to(datagram, path).and_then(|sent| whole(sent, datagram))
}

fn whole(sent: usize, datagram: &[u8]) -> io::Result<()> {
    if sent == datagram.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// `|#key:value,...` of those that have a value, without the characters that separate lines, fields and tags.
fn tags(list: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (key, value) in list {
        let value: String = value
            .trim()
            .chars()
            .map(|c| if matches!(c, ',' | '|' | '#') || c.is_control() { '_' } else { c })
            .collect();
        let mut tag = format!("{key}:{value}");
        while tag.len() > TAG_MAX {
            tag.pop();
        }
        if !value.is_empty() && text.len() + 2 + tag.len() <= TAGS_MAX {
            text.push_str(if text.is_empty() { "|#" } else { "," });
            text.push_str(&tag);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::machine::Machine;
    use std::collections::BTreeMap;
    use std::time::{Duration, Instant};

    fn health(config: &Config) -> Health {
        Health::new(&config.resolve_on(&|_| None, &Machine::default()).unwrap()).unwrap()
    }

    fn config(url: String) -> Config {
        Config {
            dogstatsd_url: Some(url),
            service: Some("check,out|x".into()),
            env: Some("prod".into()),
            ..Config::default()
        }
    }

    /// Last part of the name -> (value, tags).
    fn read(datagrams: &[Vec<u8>]) -> BTreeMap<String, (u64, String)> {
        let mut counts = BTreeMap::new();
        for datagram in datagrams {
            assert!(datagram.len() <= DATAGRAM_MAX);
            for line in std::str::from_utf8(datagram).unwrap().split('\n') {
                let (name, rest) = line.split_once(':').unwrap();
                let (value, rest) = rest.split_once("|c").unwrap();
                let name = name.strip_prefix("datadog.datastreams.processor.").unwrap();
                assert!(counts.insert(name.to_owned(), (value.parse().unwrap(), rest.to_owned())).is_none());
            }
        }
        assert_eq!(counts.len(), METRICS.len());
        counts
    }

    fn receive(mut one: impl FnMut(&mut [u8]) -> io::Result<usize>) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        let mut buffer = [0; 65536];
        while let Ok(length) = one(&mut buffer) {
            all.push(buffer[..length].to_vec());
        }
        all
    }

    #[test]
    fn differences_over_udp_with_zeros_and_tags() {
        for local in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(agent) = UdpSocket::bind(local) else { continue };
            agent.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            let mut health = health(&config(format!("udp://{}", agent.local_addr().unwrap())));
            let counters = Counters::new();
            counters.add(Counter::Checkpoints, 7);
            counters.add(Counter::Offsets, 2);
            counters.add(Counter::PayloadsDelivered, 3);
            counters.add(Counter::AgentErrors, 1);
            counters.add(Counter::AgentUnreachable, 1);
            counters.add(Counter::CutMemory, 4);
            counters.add(Counter::MessagesDroppedAge, 5);
            health.send(&counters);
            let counts = read(&receive(|buffer| agent.recv(buffer)));
            assert_eq!(counts["payloads_in"].0, 9);
            assert_eq!(counts["flushed_payloads"].0, 3);
            assert_eq!(counts["flushed_buckets"].0, 0);
            assert_eq!(counts["flush_errors"].0, 2);
            assert_eq!(counts["dropped_payloads"].0, 9);
            assert_eq!(counts["dropped_transactions"].0, 0);
            let tags =
                format!("|#lang:c,tracer_version:{},service:check_out_x,env:prod", crate::config::LIBRARY_VERSION);
            assert!(counts.values().all(|(_, seen)| *seen == tags), "{counts:?}");

            counters.add(Counter::Checkpoints, 1);
            health.send(&counters);
            let counts = read(&receive(|buffer| agent.recv(buffer)));
            assert_eq!(counts["payloads_in"].0, 1);
            assert_eq!(counts["dropped_payloads"].0, 0);
            assert_eq!(counters.get(Counter::HealthErrors), 0);
        }
    }

    #[test]
    fn a_unix_socket_that_comes_back_gets_everything() {
        let directory = std::env::temp_dir().join(format!("datastreams-health-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("dsd.socket");
        let mut health = health(&config(format!("unix://{}", path.display())));
        let counters = Counters::new();
        counters.add(Counter::Checkpoints, 5);
        health.send(&counters);
        assert_eq!(counters.get(Counter::HealthErrors), 1);

        let agent = UnixDatagram::bind(&path).unwrap();
        agent.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        counters.add(Counter::Checkpoints, 1);
        health.send(&counters);
        assert_eq!(read(&receive(|buffer| agent.recv(buffer)))["payloads_in"].0, 6);

        // Nobody reads: the socket's queue fills, and sending must not wait.
        let start = Instant::now();
        for _ in 0..5000 {
            health.send(&counters);
        }
        assert!(start.elapsed() < Duration::from_secs(5));
        assert!(counters.get(Counter::HealthErrors) > 1, "the queue never filled");
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn long_tags_are_split_into_datagrams_that_fit() {
        let agent = UdpSocket::bind("127.0.0.1:0").unwrap();
        agent.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let long = "\u{e9}".repeat(500);
        let mut health = health(&Config {
            service: Some(long.clone()),
            env: Some(long.clone()),
            version: Some(long.clone()),
            hostname: Some(long),
            ..config(format!("udp://{}", agent.local_addr().unwrap()))
        });
        health.send(&Counters::new());
        let datagrams = receive(|buffer| agent.recv(buffer));
        assert!(datagrams.len() > 1);
        read(&datagrams);
    }

    #[test]
    fn addresses() {
        let udp = |host: &str, port| Ok(Address::Udp { host: host.into(), port });
        assert_eq!(Address::parse("udp://agent"), udp("agent", 8125));
        assert_eq!(Address::parse("udp://agent:9125/"), udp("agent", 9125));
        assert_eq!(Address::parse("UDP://[::1]:9125"), udp("::1", 9125));
        assert_eq!(Address::udp("::1", 1), udp("::1", 1));
        assert_eq!(Address::parse("unix:///run/dsd.socket"), Ok(Address::Unix("/run/dsd.socket".into())));
        for bad in ["", "agent:8125", "tcp://agent", "udp://", "udp://a:0", "udp://::1", "unix://rel", "unix://"] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }
}
