//! What passed, by time: a SQLite database, in a file or in memory.
//!
//! Cells of ten seconds are written about once a second, with the ids of the payloads they came from in the same
//! transaction, and summed up to minutes, hours and days. What cannot be written waits in memory and is tried again.
//! Readers see what waits too.

pub(crate) mod codec;
pub(crate) mod levels;
mod offsets;
mod open;
mod read;
mod retain;
#[cfg(test)]
mod tests;
mod write;

use crate::collect::limits::Limits;
use crate::model::backlogs::{SeriesId, SeriesKey};
use crate::model::batch::{Batch, KeptEdge, KeptHop};
use crate::model::{EdgeId, HopId};
use levels::LEVELS;
use rusqlite::Connection;
use serde::Serialize;
use std::path::PathBuf;

pub(crate) use read::{Cell, ReadError, Wanted};
pub(crate) use retain::LEAST_BYTES;

/// What was kept before a restart.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) edges: Vec<(EdgeId, KeptEdge)>,
    pub(crate) hops: Vec<(HopId, KeptHop)>,
    pub(crate) series: Vec<KeptSeries>,
    /// Ids of payloads, the oldest first.
    pub(crate) ids: Vec<String>,
}

/// A series with its latest offset: when, in seconds, and what.
pub(crate) type KeptSeries = (SeriesId, SeriesKey, Option<(i64, i64)>);

/// How the history is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct State {
    /// `None`: in memory.
    path: Option<PathBuf>,
    /// What it takes, and may take.
    bytes: u64,
    max_bytes: u64,
    /// The oldest that is kept.
    from_ms: Option<i64>,
    /// Cells dropped before their time, because room was needed.
    dropped_cells: u64,
    /// Bytes that are not written yet.
    waiting_bytes: u64,
    /// Why the last write failed; it is tried again.
    pub(crate) error: Option<String>,
}

/// The history.
#[derive(Debug)]
pub(crate) struct History {
    db: Connection,
    path: Option<PathBuf>,
    max_bytes: u64,
    limits: Limits,
    kept: levels::Kept,
    /// Of the cells of each level.
    bytes: [i64; LEVELS],
    dropped_cells: u64,
    /// Not written yet.
    waiting: Batch,
    error: Option<String>,
    /// When it was looked for what is too old, in seconds.
    swept: i64,
}

impl History {
    /// Takes what the model gathered.
    pub(crate) fn absorb(&mut self, batch: Batch) {
        self.waiting.append(batch);
    }

    /// The bytes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.memory
    }

    pub(crate) fn kept(&self) -> &levels::Kept {
        &self.kept
    }

    pub(crate) fn state(&self) -> State {
        State {
            path: self.path.clone(),
            bytes: self.size().unwrap_or(0),
            max_bytes: self.max_bytes,
            from_ms: self.oldest().map(|at| at * 1000),
            dropped_cells: self.dropped_cells,
            waiting_bytes: self.waiting.memory as u64,
            error: self.error.clone(),
        }
    }
}
