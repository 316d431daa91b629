//! What was taken and is not written yet.

use super::backlogs::{SeriesId, SeriesKey};
use super::edge::EdgeKey;
use super::parsed::Measured;
use super::stats::Stats;
use super::{EdgeId, HopId, HopKey};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The slot, in seconds, the edge, and the hop: [`super::NO_HOP`] for what is in no pathway.
pub(crate) type CellKey = (i64, EdgeId, HopId);

/// An edge as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct KeptEdge {
    pub(crate) key: Arc<EdgeKey>,
    /// Joined by commas.
    pub(crate) langs: String,
    /// The first and the last slot, in seconds.
    pub(crate) first: i64,
    pub(crate) seen: i64,
}

/// A step as it is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeptHop {
    pub(crate) key: HopKey,
    pub(crate) first: i64,
    pub(crate) seen: i64,
}

/// Statistics of one cell.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) key: CellKey,
    /// What the number of the edge stands for: when this is read, the edge may be gone.
    pub(crate) edge: Arc<EdgeKey>,
    pub(crate) stats: Stats,
}

/// Statistics by cell.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    all: Vec<Cell>,
    places: HashMap<CellKey, usize>,
}

impl Cells {
    /// In any order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Cell> {
        self.all.iter()
    }

    /// The place of a cell; `guess` is where it may be.
    fn place(&self, key: &CellKey, guess: usize) -> Option<usize> {
        if self.all.get(guess).is_some_and(|known| known.key == *key) {
            return Some(guess);
        }
        self.places.get(key).copied()
    }

    /// Adds a cell that is not there yet, and returns its place.
    fn insert(&mut self, key: CellKey, edge: Arc<EdgeKey>) -> usize {
        let place = self.all.len();
        self.all.push(Cell { key, edge, stats: Stats::default() });
        self.places.insert(key, place);
        place
    }
}

/// What was taken and is not written yet.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) cells: Cells,
    /// New ones, and those that changed.
    pub(crate) edges: BTreeMap<EdgeId, KeptEdge>,
    pub(crate) hops: BTreeMap<HopId, KeptHop>,
    pub(crate) series: BTreeMap<SeriesId, Arc<SeriesKey>>,
    /// By series and the moment, in seconds, at which they were right.
    pub(crate) offsets: BTreeMap<(SeriesId, i64), i64>,
    /// Ids of the payloads taken, in order.
    pub(crate) ids: Vec<Arc<str>>,
    pub(crate) gone_edges: Vec<EdgeId>,
    pub(crate) gone_hops: Vec<HopId>,
    pub(crate) gone_series: Vec<SeriesId>,
    /// The bytes that all of it takes, about.
    pub(crate) memory: usize,
}

impl Batch {
    /// What an entry takes beside its statistics or texts.
    pub(crate) const ENTRY: usize = 64;

    pub(crate) fn is_empty(&self) -> bool {
        self.memory == 0
    }

    /// Adds to a cell what a point says. `guess` is where the cell may be, and then where it is. `false`, and nothing
    /// added, when that takes memory beyond `room`.
    pub(crate) fn add(
        &mut self,
        key: CellKey,
        edge: &Arc<EdgeKey>,
        guess: &mut usize,
        measured: &Measured<'_>,
        room: usize,
    ) -> bool {
        self.add_to(key, edge, guess, room, |stats| stats.add(measured))
    }

    fn add_to(
        &mut self,
        key: CellKey,
        edge: &Arc<EdgeKey>,
        guess: &mut usize,
        room: usize,
        add: impl FnOnce(&mut Stats),
    ) -> bool {
        *guess = match self.cells.place(&key, *guess) {
            Some(place) => place,
            None if self.memory >= room => return false,
            None => {
                self.memory += Self::ENTRY + size_of::<Stats>();
                self.cells.insert(key, edge.clone())
            }
        };
        let Some(Cell { stats, .. }) = self.cells.all.get_mut(*guess) else { return false };
        let before = stats.memory();
        add(stats);
        self.memory += stats.memory().saturating_sub(before);
        true
    }

    /// Adds what came later.
    pub(crate) fn append(&mut self, later: Self) {
        if self.is_empty() {
            *self = later;
            return;
        }
        for cell in later.cells.all {
            self.add_to(cell.key, &cell.edge, &mut 0, usize::MAX, |stats| stats.merge(&cell.stats));
        }
        self.edges.extend(later.edges);
        self.hops.extend(later.hops);
        self.series.extend(later.series);
        for (key, offset) in later.offsets {
            let known = self.offsets.entry(key).or_insert(offset);
            *known = offset.max(*known);
        }
        self.ids.extend(later.ids);
        for edge in &later.gone_edges {
            self.edges.remove(edge);
        }
        for hop in &later.gone_hops {
            self.hops.remove(hop);
        }
        for series in &later.gone_series {
            self.series.remove(series);
        }
        self.gone_edges.extend(later.gone_edges);
        self.gone_hops.extend(later.gone_hops);
        self.gone_series.extend(later.gone_series);
        self.memory = self.memory.saturating_add(later.memory);
    }
}
