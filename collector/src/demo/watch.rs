//! The collector of the demonstration, seen as anybody sees it: over its HTTP interface.

use super::plan;
use crate::ask::{Collector, Trouble};
use crate::top::{Graph, Map, Pathways};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// How long an answer is waited for.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Where services look for an agent.
const USUAL: u16 = datastreams_core::endpoint::DEFAULT_PORT;

/// What the collector knows.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) graph: Graph,
    pub(super) pathways: Pathways,
}

impl Known {
    /// Messages that the archive has not yet consumed; `None`: that is not known.
    pub(super) fn lag(&self) -> Option<i64> {
        let edge = self.graph.edges.iter().find(|edge| edge.service == plan::ARCHIVE && edge.lag.is_some())?;
        edge.lag.as_ref()?.messages
    }

    /// The tables of `datastreams top --once`.
    pub(super) fn text(self) -> String {
        crate::top::text(&Map::new(self.graph, self.pathways))
    }
}

/// A running collector.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    collector: Arc<Collector>,
}

impl Watch {
    pub(super) fn new(url: &str) -> Result<Self, String> {
        Ok(Self { collector: Arc::new(Collector::new(url, None, TIMEOUT)?) })
    }

    /// Asks for everything, in a thread that may wait.
    pub(super) async fn look(&self) -> Result<Known, String> {
        let collector = self.collector.clone();
        let ask = move || {
            let round = collector.open()?;
            let graph = round.json("/api/graph")?;
            Ok::<_, Trouble>(Known { graph, pathways: round.json("/api/pathways?all=true")? })
        };
        let asked = tokio::task::spawn_blocking(ask).await.map_err(|error| error.to_string())?;
        asked.map_err(|trouble| trouble.to_string())
    }
}

/// Where the collector is to listen: where agents do, when nobody is there, else on a free port.
pub(super) fn address() -> SocketAddr {
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if TcpListener::bind(at(USUAL)).is_ok() { at(USUAL) } else { at(0) }
}

/// What is said of it.
pub(super) fn told(url: &str) -> String {
    let taken = if url.ends_with(&format!(":{USUAL}")) { String::new() } else { format!(" (port {USUAL} is taken)") };
    format!(
        "the collector: {url}{taken}\n  open it in a browser; `datastreams top --url {url}` shows the same in a terminal"
    )
}
