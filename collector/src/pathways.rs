//! The pathways: chains of edges from an origin to here, put together from the hops.

use crate::model::edge::{Direction, EdgeKey, fingerprint};
use crate::model::stats::{HopStats, Merge, Window};
use crate::model::{HopKey, Model};
use crate::quantiles::Quantiles;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The most steps that are followed back.
const MAX_STEPS: usize = 64;

/// How a chain begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Origin {
    /// With a checkpoint that has no parent.
    Known,
    /// With a parent that no service reported, or not yet.
    Unknown,
    /// Nowhere: the hashes lead back to where they came from, or through too many steps.
    Loop,
}

/// A chain: places of edges, from the origin on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Chain {
    pub(crate) origin: Origin,
    pub(crate) edges: Vec<usize>,
}

/// Finds the hop before a hop.
#[derive(Debug)]
pub(crate) struct Parents<'a> {
    model: &'a Model,
    by_hash: HashMap<u64, Vec<HopKey>>,
}

impl<'a> Parents<'a> {
    pub(crate) fn new(model: &'a Model) -> Self {
        let mut by_hash: HashMap<u64, Vec<HopKey>> = HashMap::new();
        for &hop in model.hops.keys() {
            by_hash.entry(hop.hash).or_default().push(hop);
        }
        by_hash.values_mut().for_each(|hops| hops.sort_unstable());
        Self { model, by_hash }
    }

    /// The hop that `hop` goes on from. A hash is nearly always one hop's alone; where several services share it
    /// (dd-trace-java may hash tags only), the one that fits best: by environment, by service for what it produces,
    /// by queue for what it consumes.
    pub(crate) fn of(&self, hop: HopKey) -> Option<HopKey> {
        if hop.parent == 0 {
            return None;
        }
        let hops = self.by_hash.get(&hop.parent)?;
        if let [only] = hops.as_slice() {
            return Some(*only);
        }
        let here = self.edge(hop)?;
        let fit = |candidate: &HopKey| {
            let Some(there) = self.edge(*candidate) else { return 0 };
            let env = 4 * u8::from(there.env == here.env);
            let near = match (there.direction(), here.direction()) {
                (Direction::Out, Direction::In) => here.tag("topic") == there.tag("topic"),
                _ => there.service == here.service,
            };
            env + 2 * u8::from(near) + u8::from(there.direction() != here.direction())
        };
        // The first of the best, whatever the order in which they came.
        hops.iter().rev().max_by_key(|candidate| fit(candidate)).copied()
    }

    fn edge(&self, hop: HopKey) -> Option<&'a EdgeKey> {
        self.model.edges.get(hop.edge).map(|edge| &edge.key)
    }

    /// The whole chain up to a hop.
    pub(crate) fn chain(&self, hop: HopKey) -> Chain {
        let (mut edges, mut seen) = (vec![hop.edge], HashSet::from([hop.hash]));
        let mut at = hop;
        let origin = loop {
            if at.parent == 0 {
                break Origin::Known;
            }
            let Some(parent) = self.of(at) else { break Origin::Unknown };
            if edges.len() >= MAX_STEPS || !seen.insert(parent.hash) {
                break Origin::Loop;
            }
            edges.push(parent.edge);
            at = parent;
        };
        edges.reverse();
        Chain { origin, edges }
    }
}

/// `GET /api/pathways`.
#[derive(Debug, Serialize)]
pub(crate) struct Pathways<'a> {
    now_ms: i64,
    window: Window,
    pub(crate) pathways: Vec<Pathway<'a>>,
    cut: crate::model::Cut,
}

/// One pathway.
#[derive(Debug, Serialize)]
pub(crate) struct Pathway<'a> {
    id: String,
    pub(crate) origin: Origin,
    pub(crate) steps: Vec<Step<'a>>,
    /// Whether other pathways go on from here.
    continues: bool,
    pub(crate) messages: u64,
    rate: f64,
    /// Seconds from the origin to the last step.
    pub(crate) latency: Option<Quantiles>,
}

/// One edge of a pathway.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step<'a> {
    /// The edge in `/api/graph`.
    edge: String,
    env: &'a str,
    pub(crate) service: &'a str,
    direction: Direction,
    pub(crate) tags: &'a [Box<str>],
}

#[derive(Default)]
struct Gathered {
    stats: HopStats,
    rate: f64,
}

/// The pathways that something passed in the window; those that others go on from only when `all`.
pub(crate) fn list(model: &Model, window: Window, all: bool, now_ns: i64) -> Pathways<'_> {
    let parents = Parents::new(model);
    let mut chains: BTreeMap<Chain, Gathered> = BTreeMap::new();
    for (&key, hop) in &model.hops {
        let gathered = chains.entry(parents.chain(key)).or_default();
        gathered.stats.merge(&hop.stats.get(window, now_ns));
        gathered.rate += hop.stats.per_second(now_ns);
    }
    chains.retain(|_, gathered| gathered.stats.messages > 0);
    // Every chain that goes on is the beginning of one that is a step longer.
    let go_on: HashSet<(Origin, Vec<usize>)> =
        chains.keys().filter_map(|chain| Some((chain.origin, chain.edges.split_last()?.1.to_vec()))).collect();
    let mut pathways = Vec::new();
    for (chain, gathered) in chains {
        let chain = (chain.origin, chain.edges);
        let continues = go_on.contains(&chain);
        if continues && !all {
            continue;
        }
        let steps: Vec<Step<'_>> = chain.1.iter().filter_map(|&place| step(model, place)).collect();
        let origin = match chain.0 {
            Origin::Known => "known",
            Origin::Unknown => "unknown",
            Origin::Loop => "loop",
        };
        let id = fingerprint(steps.iter().map(|step| &*step.edge).chain([origin]));
        pathways.push(Pathway {
            id: format!("{id:016x}"),
            origin: chain.0,
            continues,
            messages: gathered.stats.messages,
            rate: gathered.rate,
            latency: Quantiles::of(&gathered.stats.latency),
            steps,
        });
    }
    pathways.sort_by(|a, b| {
        let names = |pathway: &Pathway<'_>| -> Vec<(String, Vec<Box<str>>)> {
            pathway.steps.iter().map(|step| (step.service.into(), step.tags.to_vec())).collect()
        };
        a.origin.cmp(&b.origin).then_with(|| names(a).cmp(&names(b))).then_with(|| a.id.cmp(&b.id))
    });
    Pathways { now_ms: now_ns / 1_000_000, window, pathways, cut: model.cut }
}

fn step(model: &Model, place: usize) -> Option<Step<'_>> {
    let edge = &model.edges.get(place)?.key;
    Some(Step {
        edge: edge.id(),
        env: &edge.env,
        service: &edge.service,
        direction: edge.direction(),
        tags: &edge.tags,
    })
}
