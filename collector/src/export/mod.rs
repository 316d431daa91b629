//! The way to bigger engines: the same numbers as OTLP, for Prometheus and for Grafana.
//!
//! [`Exports`] is told of all that passes, whatever the model keeps of it, and counts by the few labels that such engines
//! can bear: of cells when they go to the history, since what came to one edge within a second is then one sum. It has a
//! lock of its own, which is held for a copy of the numbers, not while they are written out.

mod grafana;
mod histogram;
mod labels;
mod lag;
mod measure;
pub(crate) mod otlp;
mod prometheus;
pub(crate) mod routes;
mod series;
mod source;

use crate::model::EdgeId;
use crate::model::batch::Cells;
use crate::model::edge::EdgeKey;
use crate::model::stats::Stats;
use measure::Bounds;
use series::Table;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is counted for others, and what became of it.
#[derive(Debug)]
pub(crate) struct Exports {
    table: Mutex<Table>,
    pub(crate) sent: otlp::Sent,
}

impl Exports {
    pub(crate) fn new(now_ns: i64) -> Self {
        Self { table: Mutex::new(Table::new(Bounds::DEFAULT, now_ns)), sent: otlp::Sent::default() }
    }

    /// Counts what passed, by cells.
    pub(crate) fn add(&self, cells: &Cells, now_ns: i64) {
        for cell in cells.iter() {
            let (_, edge, _) = cell.key;
            self.passed(Some((edge, &cell.edge)), &cell.stats, now_ns);
        }
    }

    /// Counts what passed an edge; `None`: one of those for which the model has no room.
    pub(crate) fn passed(&self, edge: Option<(EdgeId, &EdgeKey)>, passed: &Stats, now_ns: i64) {
        self.lock().add(edge, passed, now_ns);
    }

    /// A panic while it was held left sums that are right up to one cell.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
