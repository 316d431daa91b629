//! Reading cells.

use super::History;
use super::codec::{self, Adder, Damaged};
use super::levels::{Piece, SLOT, WIDTHS};
use super::open::{is_damage, way_out};
use crate::model::stats::Stats;
use crate::model::{EdgeId, HopId};
use rusqlite::{ErrorCode, params};
use std::fmt;

/// Why it cannot be read or written.
#[derive(Debug)]
pub(crate) enum ReadError {
    Sqlite(rusqlite::Error),
    /// A cell was changed by something else.
    Damaged,
    /// Such an error with the name of the file and a way out: a sentence.
    Unusable(String),
    /// The sums would take too much memory.
    TooMuch,
}

impl ReadError {
    pub(crate) fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            Self::Damaged | Self::Unusable(_) | Self::TooMuch => None,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.code() == Some(ErrorCode::DiskFull)
    }
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<rusqlite::types::FromSqlError> for ReadError {
    fn from(error: rusqlite::types::FromSqlError) -> Self {
        Self::Sqlite(error.into())
    }
}

impl From<Damaged> for ReadError {
    fn from(_: Damaged) -> Self {
        Self::Damaged
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(error) => write!(f, "{error}"),
            Self::Damaged => f.write_str("a cell was changed by something else"),
            Self::Unusable(sentence) => f.write_str(sentence),
            Self::TooMuch => f.write_str("that is too much for one answer: choose a shorter range, or an environment"),
        }
    }
}

/// A cell that is read.
pub(crate) struct Cell<'a> {
    /// Its time, in seconds.
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) edge: EdgeId,
    pub(crate) hop: HopId,
    stats: Source<'a>,
}

enum Source<'a> {
    Written(&'a [u8]),
    Waiting(&'a Stats),
}

impl Cell<'_> {
    pub(crate) fn messages(&self) -> Result<u64, ReadError> {
        Ok(match self.stats {
            Source::Written(bytes) => codec::messages(bytes)?,
            Source::Waiting(stats) => stats.messages,
        })
    }

    /// Adds it to a sum.
    pub(crate) fn add_to(&self, sum: &mut Stats, adder: &mut Adder) -> Result<(), ReadError> {
        match self.stats {
            Source::Written(bytes) => adder.add(bytes, sum)?,
            Source::Waiting(stats) => sum.merge(stats),
        }
        Ok(())
    }
}

/// Which cells are wanted.
pub(crate) enum Wanted<'a> {
    All,
    /// Of these edges, which are few.
    Edges(&'a [EdgeId]),
}

impl History {
    /// The start of the oldest that is kept, in seconds, as finely as it is known.
    pub(crate) fn oldest(&self) -> Option<i64> {
        let mut oldest: Option<(i64, i64)> = None;
        for (level, &width) in WIDTHS.iter().enumerate().rev() {
            let query = "SELECT at FROM cells WHERE level = ?1 ORDER BY at LIMIT 1";
            let Ok(first) = self.db.query_row(query, [level], |row| row.get::<_, i64>(0)) else { continue };
            // Cells of a finer level that begin later are what is left of them.
            if oldest.is_none_or(|(at, width)| first < at + width) {
                oldest = Some((first, width));
            }
        }
        let waiting = self.waiting.cells.iter().map(|cell| cell.key.0).min();
        oldest.map(|(at, _)| at).into_iter().chain(waiting).min()
    }

    /// Reads the cells of a widened range of seconds, in the order of their time; those that wait come last.
    pub(crate) fn read(
        &self,
        range: (i64, i64),
        top: usize,
        wanted: &Wanted<'_>,
        each: impl FnMut(Cell<'_>) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        self.read_unnamed(range, top, wanted, each).map_err(|error| self.named(error))
    }

    /// Says of a file that is damaged which it is, and what to do.
    pub(super) fn named(&self, error: ReadError) -> ReadError {
        let damage = match &error {
            ReadError::Damaged => true,
            ReadError::Sqlite(error) => is_damage(error),
            ReadError::Unusable(_) | ReadError::TooMuch => false,
        };
        match &self.path {
            Some(path) if damage => ReadError::Unusable(format!(
                "{} is damaged ({error}); stop the collector, and move the file away {}",
                path.display(),
                way_out(path)
            )),
            _ => error,
        }
    }

    fn read_unnamed(
        &self,
        range: (i64, i64),
        top: usize,
        wanted: &Wanted<'_>,
        mut each: impl FnMut(Cell<'_>) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        for piece in self.kept.pieces(range.0, range.1, top) {
            match wanted {
                Wanted::All => self.read_all(piece, &mut each)?,
                Wanted::Edges(edges) => self.read_edges(piece, edges, &mut each)?,
            }
        }
        for cell in self.waiting.cells.iter() {
            let (slot, edge, hop) = cell.key;
            let asked = match wanted {
                Wanted::All => true,
                Wanted::Edges(edges) => edges.contains(&edge),
            };
            if asked && (range.0..range.1).contains(&slot) {
                each(Cell { from: slot, to: slot + SLOT, edge, hop, stats: Source::Waiting(&cell.stats) })?;
            }
        }
        Ok(())
    }

    fn read_all(
        &self,
        piece: Piece,
        each: &mut impl FnMut(Cell<'_>) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let query = "SELECT at, edge, hop, stats FROM cells WHERE level = ?1 AND at >= ?2 AND at < ?3";
        let mut query = self.db.prepare(query)?;
        let mut rows = query.query(params![piece.level, piece.from, piece.to])?;
        while let Some(row) = rows.next()? {
            let from = row.get(0)?;
            let stats = Source::Written(row.get_ref(3)?.as_blob()?);
            each(Cell { from, to: from + WIDTHS[piece.level], edge: row.get(1)?, hop: row.get(2)?, stats })?;
        }
        Ok(())
    }

    /// Looks every cell up: the cells of an edge do not lie together.
    fn read_edges(
        &self,
        piece: Piece,
        edges: &[EdgeId],
        each: &mut impl FnMut(Cell<'_>) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let width = WIDTHS[piece.level];
        let mut query = self.db.prepare("SELECT hop, stats FROM cells WHERE level = ?1 AND at = ?2 AND edge = ?3")?;
        let mut next = self.db.prepare("SELECT at FROM cells WHERE level = ?1 AND at >= ?2 ORDER BY at LIMIT 1")?;
        let mut from = piece.from;
        while from < piece.to {
            for &edge in edges {
                let mut rows = query.query(params![piece.level, from, edge])?;
                while let Some(row) = rows.next()? {
                    let stats = Source::Written(row.get_ref(1)?.as_blob()?);
                    each(Cell { from, to: from + width, edge, hop: row.get(0)?, stats })?;
                }
            }
            // Over what is empty, in one step.
            let mut rows = next.query(params![piece.level, from + width])?;
            from = match rows.next()? {
                Some(row) => row.get(0)?,
                None => break,
            };
        }
        Ok(())
    }
}
