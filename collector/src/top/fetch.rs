//! Asks the collector again and again, in a thread of its own: a collector that is slow holds up no key.

use super::answers::{Graph, LagSeries, Lags, Pathways, Series};
use super::row::{About, Map, Row};
use crate::ask::{Collector, Round, Trouble};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// What is to be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Want {
    /// How far back, in seconds; 0: everything.
    pub(crate) last: u32,
    /// Not until told again.
    pub(crate) paused: bool,
    /// What is looked at closely.
    pub(crate) detail: Option<Subject>,
}

/// An edge or a pathway, by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Edge(String),
    Pathway(String),
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) want: Want,
    pub(crate) map: Result<Map, Trouble>,
    pub(crate) detail: Option<Result<Close, Trouble>>,
}

/// A closer look.
#[derive(Clone, Debug, Default)]
pub(crate) struct Close {
    pub(crate) series: Series,
    pub(crate) lags: Lags,
    /// Of the group that the edge is of.
    pub(crate) lag: LagSeries,
}

/// The map once.
pub(crate) fn map(collector: &Collector, last: u32) -> Result<Map, Trouble> {
    map_of(&collector.open()?, last)
}

fn map_of(round: &Round<'_>, last: u32) -> Result<Map, Trouble> {
    let graph: Graph = round.json(&format!("/api/graph{}", range('?', last)))?;
    let pathways: Pathways = round.json(&format!("/api/pathways{}", range('?', last)))?;
    Ok(Map::new(graph, pathways))
}

fn detail(round: &Round<'_>, subject: &Subject, map: &Map, last: u32) -> Result<Close, Trouble> {
    if is_route(map, subject) {
        // More than its line is not known of it.
        return Ok(Close::default());
    }
    let of = match subject {
        Subject::Edge(id) => format!("edge={}", escaped(id)),
        Subject::Pathway(id) => format!("pathway={}", escaped(id)),
    };
    let series = round.json(&format!("/api/series?{of}{}", range('&', last)))?;
    let mut close = Close { series, ..Close::default() };
    if let Some(row) = consumer(map, subject) {
        close.lags = round.json(&format!("/api/lag{}", range('?', last)))?;
        if let Some(group) = row.group(&close.lags) {
            close.lag = round.json(&format!("/api/lag/series?group={}{}", escaped(&group.id), range('&', last)))?;
        }
    }
    Ok(close)
}

fn is_route(map: &Map, subject: &Subject) -> bool {
    let Subject::Edge(id) = subject else { return false };
    map.edges.iter().any(|row| row.id == *id && matches!(&row.about, About::Edge(edge) if edge.kind == "route"))
}

/// The line of the edge that is looked at, when its group has a lag.
fn consumer<'a>(map: &'a Map, subject: &Subject) -> Option<&'a Row> {
    let Subject::Edge(id) = subject else { return None };
    map.edges.iter().find(|row| row.id == *id && row.lag.is_some())
}

fn range(first: char, last: u32) -> String {
    if last == 0 { String::new() } else { format!("{first}last={last}") }
}

/// Percent-encoded: an id is whatever the collector says.
fn escaped(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    id.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Starts the thread. It asks at once, `every` so often, and whenever it is told another wish; it ends when whoever
/// takes the answers is gone.
pub(crate) fn start(
    collector: Collector,
    every: Duration,
    first: Want,
    take: impl Fn(Fetched) -> bool + Send + 'static,
) -> std::io::Result<Sender<Want>> {
    let (wish, wishes) = channel();
    std::thread::Builder::new().name("fetch".into()).spawn(move || run(&collector, every, first, &wishes, take))?;
    Ok(wish)
}

fn run(
    collector: &Collector,
    every: Duration,
    mut want: Want,
    wishes: &Receiver<Want>,
    take: impl Fn(Fetched) -> bool,
) {
    loop {
        if !want.paused && !take(fetch(collector, &want)) {
            return;
        }
        want = match wishes.recv_timeout(every) {
            // Of several only the last matters.
            Ok(wish) => wishes.try_iter().last().unwrap_or(wish),
            Err(RecvTimeoutError::Timeout) => want,
            Err(RecvTimeoutError::Disconnected) => return,
        };
    }
}

fn fetch(collector: &Collector, want: &Want) -> Fetched {
    let round = match collector.open() {
        Ok(round) => round,
        Err(trouble) => return Fetched { want: want.clone(), map: Err(trouble), detail: None },
    };
    let map = map_of(&round, want.last);
    let detail = match (&want.detail, &map) {
        (Some(subject), Ok(map)) => Some(detail(&round, subject, map, want.last)),
        _ => None,
    };
    Fetched { want: want.clone(), map, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_a_route_there_is_nothing_to_ask() {
        let graph = json!({"now_ms": 1, "nodes": [], "edges": [{
            "id": "r", "kind": "route", "from": "queue:a", "to": "queue:b", "env": "", "service": "", "tags": [],
            "messages": 3, "rate": 0.3, "edge_latency": null, "pathway_latency": null, "payload_size": null, "lag": null,
        }]});
        let map = Map::new(serde_json::from_value(graph).unwrap(), Pathways { pathways: Vec::new() });
        let nobody = Collector::new("http://127.0.0.1:1", None, Duration::from_secs(5)).unwrap();
        let round = nobody.open().unwrap();
        let close = detail(&round, &Subject::Edge("r".into()), &map, 300).unwrap();
        assert!(close.series.points.is_empty());
        assert!(detail(&round, &Subject::Edge("another".into()), &map, 300).is_err(), "nobody is there");
    }

    #[test]
    fn questions() {
        assert_eq!(range('?', 0), "");
        assert_eq!(range('&', 60), "&last=60");
        assert_eq!(escaped("queue:a/b&c"), "queue%3Aa%2Fb%26c");
    }
}
