//! The pathways: chains of edges from an origin to here, put together from the hops.

use crate::model::edge::{Direction, EdgeKey, fingerprint};
use crate::model::stats::{Began, Span, Stats};
use crate::model::{EdgeId, HopId, HopKey};
use crate::quantiles::Quantiles;
use crate::view::View;
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

/// A chain of edges, from the origin on, each at most once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Chain {
    pub(crate) origin: Origin,
    pub(crate) edges: Vec<EdgeId>,
}

/// The hops that lead to one, it being the last, and how they begin.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) origin: Origin,
    pub(crate) hops: Vec<HopKey>,
}

impl Way {
    /// Its edges, and whether a step was passed again. Messages that go in rounds, as over a retry topic, have new hashes in
    /// every round: what lies between the first and the last passing of an edge is left out, so that they are one pathway
    /// however often they went round. With each edge the hop of its last passing.
    pub(crate) fn steps(&self) -> (Vec<HopKey>, bool) {
        let mut steps: Vec<HopKey> = Vec::with_capacity(self.hops.len());
        let mut again = false;
        for &hop in &self.hops {
            if let Some(at) = steps.iter().position(|known| known.edge == hop.edge) {
                steps.truncate(at);
                again = true;
            }
            steps.push(hop);
        }
        (steps, again)
    }
}

/// Finds the hop before a hop.
#[derive(Debug)]
pub(crate) struct Parents<'a> {
    view: &'a View,
    by_hash: HashMap<u64, Vec<HopKey>>,
    /// Of the hops of one hash, the first of each class.
    firsts: HashMap<(u64, Class<'a>), HopKey>,
}

/// What hops of one hash have in common: environment, unless it is any, direction, and more.
type Class<'a> = (Option<&'a str>, Direction, Same<'a>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Same<'a> {
    Service(&'a str),
    Topic(Option<&'a str>),
    Nothing,
}

/// The classes in which an edge of a direction is.
fn classes(edge: &EdgeKey, direction: Direction) -> impl Iterator<Item = Class<'_>> {
    let more = [Same::Service(&edge.service), Same::Topic(edge.tag("topic")), Same::Nothing];
    let of = move |env| more.into_iter().map(move |same| (env, direction, same));
    [Some(&*edge.env), None].into_iter().flat_map(of)
}

/// How well an edge fits as the one before: by environment, by service for what it produces, by queue for what it consumes.
pub(crate) fn fit(here: &EdgeKey, there: &EdgeKey) -> u8 {
    let near = match (there.direction(), here.direction()) {
        (Direction::Out, Direction::In) => here.tag("topic") == there.tag("topic"),
        _ => there.service == here.service,
    };
    4 * u8::from(there.env == here.env) + 2 * u8::from(near) + u8::from(there.direction() != here.direction())
}

impl<'a> Parents<'a> {
    pub(crate) fn new(view: &'a View) -> Self {
        let mut by_hash: HashMap<u64, Vec<HopKey>> = HashMap::new();
        for &(hop, _) in &view.hops {
            by_hash.entry(hop.hash).or_default().push(hop);
        }
        by_hash.values_mut().for_each(|hops| hops.sort_unstable());
        let mut parents = Self { view, by_hash, firsts: HashMap::new() };
        for hops in parents.by_hash.values().filter(|hops| hops.len() > 1) {
            for &hop in hops {
                let Some(edge) = parents.edge(hop) else { continue };
                for class in classes(edge, edge.direction()) {
                    parents.firsts.entry((hop.hash, class)).or_insert(hop);
                }
            }
        }
        parents
    }

    /// The hop that `hop` goes on from. A hash is nearly always one hop's alone; where several services share it
    /// (dd-trace-java may hash tags only), the one that fits best, and of those the first, whatever the order in which
    /// they came.
    pub(crate) fn of(&self, hop: HopKey) -> Option<HopKey> {
        if hop.parent == 0 {
            return None;
        }
        let hops = self.by_hash.get(&hop.parent)?;
        let first = hops.first()?;
        if hops.len() == 1 {
            return Some(*first);
        }
        let here = self.edge(hop)?;
        // The best is the first of its class: there are few classes that fit, and may be many hops.
        let all = [Direction::In, Direction::Out, Direction::None];
        let firsts = all.into_iter().flat_map(|direction| classes(here, direction));
        let firsts = firsts.filter_map(|class| self.firsts.get(&(hop.parent, class)));
        let rank = |hop: &HopKey| self.edge(*hop).map_or(0, |there| fit(here, there));
        firsts.chain([first]).max_by_key(|&&hop| (rank(&hop), std::cmp::Reverse(hop))).copied()
    }

    fn edge(&self, hop: HopKey) -> Option<&'a EdgeKey> {
        self.view.edges.get(&hop.edge).map(|edge| &*edge.key)
    }

    /// The whole way up to a hop.
    pub(crate) fn way(&self, hop: HopKey) -> Way {
        let (mut hops, mut seen) = (vec![hop], HashSet::from([hop.hash]));
        let mut at = hop;
        let origin = loop {
            if at.parent == 0 {
                break Origin::Known;
            }
            let Some(parent) = self.of(at) else { break Origin::Unknown };
            if hops.len() >= MAX_STEPS || !seen.insert(parent.hash) {
                break Origin::Loop;
            }
            hops.push(parent);
            at = parent;
        };
        hops.reverse();
        Way { origin, hops }
    }
}

/// `GET /api/pathways`.
#[derive(Debug, Serialize)]
pub(crate) struct Pathways<'a> {
    now_ms: i64,
    from_ms: i64,
    to_ms: i64,
    pub(crate) pathways: Vec<Pathway<'a>>,
    cut: crate::model::Cut,
}

/// One pathway.
#[derive(Debug, Serialize)]
pub(crate) struct Pathway<'a> {
    pub(crate) id: String,
    pub(crate) origin: Origin,
    /// Whether messages passed some step again.
    retries: bool,
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
    /// What passed this step from the same origin, wherever it went from here.
    messages: u64,
    /// Seconds since the step before.
    edge_latency: Option<Quantiles>,
}

/// What is gathered of a chain.
#[derive(Default)]
struct Gathered {
    /// Up to its last step.
    stats: Stats,
    span: Span,
    began: Option<Began>,
    retries: bool,
}

/// The pathways that something passed in the range; those that others go on from only when `all`.
pub(crate) fn list(view: &View, all: bool) -> Pathways<'_> {
    let mut chains: BTreeMap<Chain, Gathered> = BTreeMap::new();
    let parents = Parents::new(view);
    for &(key, hop) in &view.hops {
        let Some(sum) = view.hop_sums.get(&hop.id).filter(|sum| sum.stats.messages > 0) else { continue };
        let (chain, retries) = chain(&parents.way(key));
        let gathered = chains.entry(chain).or_default();
        gathered.stats.merge(&sum.stats);
        gathered.span.merge(sum.span);
        gathered.began = Some(gathered.began.map_or(hop.began, |began| began.or(hop.began)));
        gathered.retries |= retries;
    }
    // Every chain that goes on is the beginning of one that is a step longer.
    let go_on: HashSet<(Origin, &[EdgeId])> =
        chains.keys().filter_map(|chain| Some((chain.origin, chain.edges.split_last()?.1))).collect();
    let edge_latencies: HashMap<&Chain, (u64, Option<Quantiles>)> = chains
        .iter()
        .map(|(chain, gathered)| (chain, (gathered.stats.messages, Quantiles::of(&gathered.stats.edge_latency))))
        .collect();
    let mut pathways = Vec::new();
    for (chain, gathered) in &chains {
        let continues = go_on.contains(&(chain.origin, &*chain.edges));
        if continues && !all {
            continue;
        }
        let mut upto = Chain { origin: chain.origin, edges: Vec::new() };
        let mut steps = Vec::with_capacity(chain.edges.len());
        for &edge in &chain.edges {
            upto.edges.push(edge);
            let (messages, edge_latency) = edge_latencies.get(&upto).copied().unwrap_or((0, None));
            steps.extend(step(view, edge, messages, edge_latency));
        }
        if !steps.iter().any(|step| view.env.as_ref().is_none_or(|env| env == step.env)) {
            continue;
        }
        let began = gathered.began.unwrap_or(Began { first: i64::MAX, report: None });
        pathways.push(Pathway {
            id: id(view, chain),
            origin: chain.origin,
            retries: gathered.retries,
            continues,
            messages: gathered.stats.messages,
            rate: view.range.rate(gathered.span, began, view.now_ns),
            latency: Quantiles::of(&gathered.stats.pathway_latency),
            steps,
        });
    }
    pathways.sort_by(|a, b| {
        let names = |pathway: &Pathway<'_>| -> Vec<(String, Vec<Box<str>>)> {
            pathway.steps.iter().map(|step| (step.service.into(), step.tags.to_vec())).collect()
        };
        a.origin.cmp(&b.origin).then_with(|| names(a).cmp(&names(b))).then_with(|| a.id.cmp(&b.id))
    });
    Pathways {
        now_ms: view.now_ns / 1_000_000,
        from_ms: view.range.ms().0,
        to_ms: view.range.ms().1,
        pathways,
        cut: view.cut,
    }
}

fn chain(way: &Way) -> (Chain, bool) {
    let (steps, again) = way.steps();
    (Chain { origin: way.origin, edges: steps.iter().map(|hop| hop.edge).collect() }, again)
}

/// The name of a pathway in links.
fn id(view: &View, chain: &Chain) -> String {
    let origin = match chain.origin {
        Origin::Known => "known",
        Origin::Unknown => "unknown",
        Origin::Loop => "loop",
    };
    let edges: Vec<String> = chain.edges.iter().filter_map(|edge| Some(view.edges.get(edge)?.key.id())).collect();
    format!("{:016x}", fingerprint(edges.iter().map(|edge| &**edge).chain([origin])))
}

/// The hops that a pathway ends with, and how it began.
pub(crate) fn hops_of(view: &View, wanted: &str) -> Option<(Vec<(EdgeId, HopId)>, Began)> {
    let parents = Parents::new(view);
    let mut names: HashMap<Chain, bool> = HashMap::new();
    let mut hops = Vec::new();
    let mut began: Option<Began> = None;
    for &(key, hop) in &view.hops {
        let (chain, _) = chain(&parents.way(key));
        let named = names.get(&chain).copied().unwrap_or_else(|| id(view, &chain) == wanted);
        names.insert(chain, named);
        if named {
            hops.push((key.edge, hop.id));
            began = Some(began.map_or(hop.began, |known| known.or(hop.began)));
        }
    }
    Some((hops, began?))
}

fn step(view: &View, edge: EdgeId, messages: u64, edge_latency: Option<Quantiles>) -> Option<Step<'_>> {
    let edge = &*view.edges.get(&edge)?.key;
    Some(Step {
        edge: edge.id(),
        env: &edge.env,
        service: &edge.service,
        direction: edge.direction(),
        tags: &edge.tags,
        messages,
        edge_latency,
    })
}
