//! Charts: what passed an edge, a node or a pathway, step by step.

use crate::graph::{Clusters, ends};
use crate::history::codec::Adder;
use crate::history::levels::{LEVELS, SLOT, WIDTHS, ceil, floor};
use crate::history::{Cell, History, ReadError, Wanted};
use crate::model::stats::{SECOND_NS, Stats};
use crate::model::{EdgeId, HopId};
use crate::pathways;
use crate::quantiles::Quantiles;
use crate::store::Store;
use crate::view::{Asked, Needs, Range, View};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

/// Steps that are chosen when none is asked for, in seconds, and how many points they may make.
const STEPS: [i64; 9] = [10, 30, 60, 300, 900, 3600, 10_800, 21_600, 86_400];
const CHOSEN_POINTS: i64 = 500;
/// The most points that may be asked for.
const MAX_POINTS: i64 = 5000;

/// Of what a chart is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of<'a> {
    Edge(&'a str),
    Node(&'a str),
    Pathway(&'a str),
}

/// Why there is no chart.
#[derive(Debug)]
pub(crate) enum Failed {
    /// No edge, node, ... of this id.
    Unknown(&'static str),
    /// Steps as these are not possible: a sentence.
    Step(String),
    Read(ReadError),
}

impl From<ReadError> for Failed {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// The grid of a chart, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) from: i64,
    pub(crate) step: i64,
    pub(crate) len: usize,
}

impl Grid {
    /// The grid of a range: as fine as is asked for, or as makes some hundred points; never finer than what is kept.
    pub(crate) fn new(history: &History, range: &Range, wanted: Option<u32>) -> Result<Self, Failed> {
        let least = history.kept().width_at(range.from);
        let points = |step: i64| (ceil(range.to, step) - floor(range.from, step)) / step;
        let step = match wanted {
            Some(step) => {
                let step = i64::from(step);
                if step == 0 || step % SLOT != 0 {
                    return Err(Failed::Step(format!("step is a number of seconds, a multiple of {SLOT}")));
                }
                ceil(step, least)
            }
            None => STEPS
                .into_iter()
                .find(|&step| step >= least && points(step) <= CHOSEN_POINTS)
                .unwrap_or(ceil((range.to - range.from) / CHOSEN_POINTS, 86_400).max(86_400)),
        };
        if points(step) > MAX_POINTS {
            return Err(Failed::Step(format!("these are more than {MAX_POINTS} points: choose a greater step")));
        }
        Ok(Self { from: floor(range.from, step), step, len: points(step) as usize })
    }

    pub(crate) fn to(&self) -> i64 {
        self.from + self.len as i64 * self.step
    }

    /// The highest level whose cells lie within steps.
    fn top(&self) -> usize {
        WIDTHS.iter().rposition(|width| self.step % width == 0).unwrap_or(0).min(LEVELS - 1)
    }

    /// The point that a moment belongs to; what is ahead of the end belongs to the last.
    fn place(&self, at: i64) -> usize {
        (usize::try_from((at - self.from).div_euclid(self.step)).unwrap_or(0)).min(self.len.saturating_sub(1))
    }

    pub(crate) fn at(&self, place: usize) -> i64 {
        self.from + place as i64 * self.step
    }
}

/// `GET /api/series`.
#[derive(Debug, Serialize)]
pub(crate) struct Series {
    from_ms: i64,
    to_ms: i64,
    step_ms: i64,
    points: Points,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Points {
    One(Vec<Point>),
    Both(Vec<InOut>),
}

#[derive(Debug, Serialize)]
struct Point {
    at_ms: i64,
    #[serde(flatten)]
    values: Values,
}

#[derive(Debug, Serialize)]
struct InOut {
    at_ms: i64,
    r#in: Values,
    out: Values,
}

#[derive(Debug, Serialize)]
struct Values {
    messages: u64,
    rate: f64,
    edge_latency: Option<Quantiles>,
    pathway_latency: Option<Quantiles>,
    payload_size: Option<Quantiles>,
}

/// The sums of a grid's points, one after the other; those that nothing passed take nothing.
struct Sums {
    grid: Grid,
    points: BTreeMap<usize, Stats>,
}

impl Sums {
    fn new(grid: Grid) -> Self {
        Self { grid, points: BTreeMap::new() }
    }

    fn add(&mut self, cell: &Cell<'_>, adder: &mut Adder) -> Result<usize, ReadError> {
        let sum = self.points.entry(self.grid.place(cell.from)).or_default();
        let before = sum.memory();
        cell.add_to(sum, adder)?;
        Ok(sum.memory().saturating_sub(before))
    }

    fn values(&self, now: i64) -> Vec<Values> {
        let none = Stats::default();
        let of = |place| {
            let stats = self.points.get(&place).unwrap_or(&none);
            let at = self.grid.at(place);
            // The last step may not be over.
            let end = (at + self.grid.step).min(now.max(at + SLOT));
            Values {
                messages: stats.messages,
                rate: stats.messages as f64 / (end - at) as f64,
                edge_latency: Quantiles::of(&stats.edge_latency),
                pathway_latency: Quantiles::of(&stats.pathway_latency),
                payload_size: Quantiles::of(&stats.payload_size),
            }
        };
        (0..self.grid.len).map(of).collect()
    }
}

/// The edges that are asked for: those whose messages come in, or are all that is asked for, and those that go out.
struct Sides {
    edges: Vec<EdgeId>,
    out: HashSet<EdgeId>,
    hops: Option<HashSet<HopId>>,
}

fn sides(view: &View, of: Of<'_>) -> Result<Sides, Failed> {
    let mut sides = Sides { edges: Vec::new(), out: HashSet::new(), hops: None };
    match of {
        Of::Edge(id) => {
            let found = view.edges.iter().filter(|(_, edge)| edge.key.id() == id);
            sides.edges.extend(found.map(|(&id, _)| id));
        }
        Of::Node(id) => {
            let clusters = Clusters::new(view);
            for (&edge_id, edge) in &view.edges {
                let (from, to) = ends(&edge.key, &clusters);
                if from == id {
                    sides.out.insert(edge_id);
                }
                if from == id || to == id {
                    sides.edges.push(edge_id);
                }
            }
        }
        Of::Pathway(id) => {
            let (hops, _) = pathways::hops_of(view, id).ok_or(Failed::Unknown("pathway"))?;
            let edges: HashSet<EdgeId> = hops.iter().map(|&(edge, _)| edge).collect();
            sides.edges.extend(edges);
            sides.hops = Some(hops.into_iter().map(|(_, hop)| hop).collect());
        }
    }
    match (sides.edges.is_empty(), of) {
        (false, _) => Ok(sides),
        (true, Of::Node(_)) => Err(Failed::Unknown("node")),
        (true, _) => Err(Failed::Unknown("edge")),
    }
}

pub(crate) fn read(store: &Store, of: Of<'_>, asked: Asked, step: Option<u32>, now_ns: i64) -> Result<Series, Failed> {
    let view = View::read(store, asked, None, Needs::default(), now_ns)?;
    let sides = sides(&view, of)?;
    let (history, ()) = store.read(|_| ());
    let range = asked.resolve(&history, now_ns);
    let grid = Grid::new(&history, &range, step)?;
    let (mut ins, mut outs) = (Sums::new(grid), Sums::new(grid));
    let (mut adder, mut memory) = (Adder::default(), 0);
    let until = grid.to().max(range.until);
    // To look up many edges takes longer than to read all.
    let many = sides.edges.len() * 4 > view.edges.len();
    let wanted = if many { Wanted::All } else { Wanted::Edges(&sides.edges) };
    let edges: HashSet<EdgeId> = sides.edges.iter().copied().collect();
    history.read((grid.from, until), grid.top(), &wanted, |cell| {
        if !edges.contains(&cell.edge) || sides.hops.as_ref().is_some_and(|hops| !hops.contains(&cell.hop)) {
            return Ok(());
        }
        let sums = if sides.out.contains(&cell.edge) { &mut outs } else { &mut ins };
        memory += sums.add(&cell, &mut adder)?;
        if memory > store.limits().max_answer { Err(ReadError::TooMuch) } else { Ok(()) }
    })?;
    drop(history);
    let now = now_ns.div_euclid(SECOND_NS);
    let at_ms = |place| grid.at(place) * 1000;
    let ins = ins.values(now).into_iter().enumerate();
    let points = match of {
        Of::Node(_) => Points::Both(
            ins.zip(outs.values(now)).map(|((place, r#in), out)| InOut { at_ms: at_ms(place), r#in, out }).collect(),
        ),
        Of::Edge(_) => Points::One(ins.map(|(place, values)| Point { at_ms: at_ms(place), values }).collect()),
        Of::Pathway(_) => {
            // Of a pathway only what leads from its origin to its end is told.
            let whole = |values| Values { edge_latency: None, payload_size: None, ..values };
            Points::One(ins.map(|(place, values)| Point { at_ms: at_ms(place), values: whole(values) }).collect())
        }
    };
    Ok(Series { from_ms: grid.from * 1000, to_ms: grid.to() * 1000, step_ms: grid.step * 1000, points })
}
