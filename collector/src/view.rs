//! What is known of a range of time, put together for answers.

use crate::collect::limits::Limits;
use crate::history::codec::Adder;
use crate::history::levels::{LEVELS, SLOT, ceil, floor};
use crate::history::{History, ReadError, State, Wanted};
use crate::lag::{self, PartitionLag};
use crate::model::stats::{AHEAD_S, Began, SECOND_NS, Span, Stats};
use crate::model::{Cut, Edge, EdgeId, Hop, HopId, HopKey, Model, Received};
use crate::store::Store;
use std::collections::{BTreeMap, HashMap};

/// How long an edge that nothing passes any more is still shown, in seconds before a range.
const SHOWN: i64 = 86_400;

/// A range of time as it is asked for, in milliseconds; open ends are what is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) from_ms: Option<i64>,
    pub(crate) to_ms: Option<i64>,
}

impl Asked {
    /// The last seconds.
    pub(crate) fn last(seconds: i64, now_ns: i64) -> Self {
        let now_ms = now_ns.div_euclid(1_000_000);
        Self { from_ms: Some(now_ms.saturating_sub(seconds.saturating_mul(1000))), to_ms: None }
    }

    /// The range that is kept of it.
    pub(crate) fn resolve(self, history: &History, now_ns: i64) -> Range {
        let now = now_ns.div_euclid(SECOND_NS);
        let kept = history.kept();
        let end = floor(now, SLOT) + SLOT;
        let to = self.to_ms.map_or(end, |to| ceil(to.saturating_add(999).div_euclid(1000), 1));
        let oldest = || history.oldest().unwrap_or(end - SLOT);
        let from = self.from_ms.map_or_else(oldest, |from| from.div_euclid(1000)).min(to);
        let (from, to) = kept.widen(from, to);
        // Clocks that are ahead: what they report belongs to an end that is open.
        let until = if self.to_ms.is_none() { to.max(floor(now + AHEAD_S, SLOT) + SLOT) } else { to };
        Range { from, to, until, past: self.to_ms.is_some() && to <= end - SLOT }
    }
}

/// A range of cells that are kept, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// To where it is read.
    pub(crate) until: i64,
    /// Whether it ended before now.
    pub(crate) past: bool,
}

impl Range {
    /// Its start and end, in milliseconds.
    pub(crate) fn ms(&self) -> (i64, i64) {
        (self.from * 1000, self.to * 1000)
    }

    pub(crate) fn rate(&self, span: Span, began: Began, now_ns: i64) -> f64 {
        span.per_second(began, (self.from, self.to), now_ns)
    }
}

/// A sum of cells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sum {
    pub(crate) stats: Stats,
    pub(crate) span: Span,
}

/// What an answer needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Sums by edge.
    pub(crate) edges: bool,
    /// Sums by hop; without it only their messages.
    pub(crate) hops: bool,
    pub(crate) lags: bool,
}

/// What is known of a range.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) now_ns: i64,
    pub(crate) started_ns: i64,
    pub(crate) range: Range,
    pub(crate) env: Option<String>,
    /// All that are known, whatever passed them.
    pub(crate) edges: BTreeMap<EdgeId, Edge>,
    pub(crate) hops: Vec<(HopKey, Hop)>,
    pub(crate) edge_sums: HashMap<EdgeId, Sum>,
    pub(crate) hop_sums: HashMap<HopId, Sum>,
    pub(crate) lags: Vec<PartitionLag>,
    /// Queues whose cluster is told by offsets: environment, type, name, cluster.
    pub(crate) clusters: Vec<[String; 4]>,
    pub(crate) received: Received,
    pub(crate) cut: Cut,
    pub(crate) history: State,
    pub(crate) changes: u64,
}

impl View {
    /// Reads what is needed. Payloads go on being taken meanwhile.
    ///
    /// # Errors
    /// When the history cannot be read, or the sums would take too much memory.
    pub(crate) fn read(
        store: &Store,
        asked: Asked,
        env: Option<&str>,
        needs: Needs,
        now_ns: i64,
    ) -> Result<Self, ReadError> {
        let look = |model: &Model| Self {
            now_ns,
            started_ns: model.started_ns,
            range: Range { from: 0, to: 0, until: 0, past: false },
            env: env.map(String::from),
            edges: model.edges.iter().map(|(id, edge)| (id, edge.clone())).collect(),
            hops: model.hops.iter().map(|(key, hop)| (key, *hop)).collect(),
            edge_sums: HashMap::new(),
            hop_sums: HashMap::new(),
            lags: Vec::new(),
            clusters: model.backlogs.clusters().map(|texts| texts.map(String::from)).collect(),
            received: model.received,
            cut: model.cut,
            history: State::default(),
            changes: store.changes(),
        };
        let lags = |model: &Model| if needs.lags { model.backlogs.lags() } else { Vec::new() };
        let (history, (mut view, lags)) = store.read(|model| (look(model), lags(model)));
        view.range = asked.resolve(&history, now_ns);
        view.history = history.state();
        view.lags = lag::evaluate(&history, lags, &view.range, now_ns)?;
        view.hops.sort_unstable_by_key(|&(key, _)| key);
        view.sum(&history, needs, store.limits())?;
        Ok(view)
    }

    fn sum(&mut self, history: &History, needs: Needs, limits: &Limits) -> Result<(), ReadError> {
        let Self { edges, edge_sums, hop_sums, env, range, .. } = self;
        if !needs.edges && !needs.hops {
            return Ok(());
        }
        let (mut adder, mut memory) = (Adder::default(), 0);
        let mut add = |sum: &mut Sum, cell: &crate::history::Cell<'_>, whole: bool| {
            let messages = cell.messages()?;
            sum.span.add(messages, cell.from, cell.to);
            if !whole {
                return Ok(());
            }
            let before = if sum.stats.messages == 0 { 0 } else { sum.stats.memory() };
            cell.add_to(&mut sum.stats, &mut adder)?;
            memory += sum.stats.memory().saturating_sub(before);
            if memory > limits.max_answer { Err(ReadError::TooMuch) } else { Ok(()) }
        };
        history.read((range.from, range.until), LEVELS - 1, &Wanted::All, |cell| {
            let Some(edge) = edges.get(&cell.edge) else { return Ok(()) };
            if env.as_ref().is_some_and(|env| *env != *edge.key.env) {
                return Ok(());
            }
            if needs.edges {
                add(edge_sums.entry(cell.edge).or_default(), &cell, true)?;
            }
            add(hop_sums.entry(cell.hop).or_default(), &cell, needs.hops)
        })
    }

    /// Whether an edge belongs into the answer: something passed in the range, or not long before.
    pub(crate) fn shows(&self, edge: &Edge) -> bool {
        let asked = self.env.as_ref().is_none_or(|env| **env == *edge.key.env);
        asked && edge.began.first < self.range.until && edge.seen >= self.range.from - SHOWN
    }
}
