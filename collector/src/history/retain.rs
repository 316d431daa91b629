//! Dropping what is too old, or too much.

use super::levels::{LEVELS, SLOT, WIDTHS, floor};
use super::write::put_meta;
use super::{History, ReadError};
use crate::model::stats::AHEAD_S;
use rusqlite::{OptionalExtension, params};

/// How often it is looked for what is too old, in seconds.
const EVERY: i64 = 60;
/// The least that a history may be bounded to: what may come in a second fits into it.
pub(crate) const LEAST_BYTES: u64 = 16 << 20;
/// The part of a level that is dropped at once when room is needed.
const PART: i64 = 8;

impl History {
    /// Bounds the file itself.
    pub(super) fn limit_pages(&self) -> rusqlite::Result<()> {
        let page: u64 = self.db.pragma_query_value(None, "page_size", |row| row.get(0))?;
        // A limit below what is there is not taken: the next commits make room.
        let pages = self.max_bytes / page;
        self.db.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, i64>(0)).map(drop)
    }

    /// The bytes of the pages in use.
    pub(super) fn size(&self) -> rusqlite::Result<u64> {
        let number = |name: &str| self.db.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
        Ok((number("page_count")?.saturating_sub(number("freelist_count")?)) * number("page_size")?)
    }

    /// After a clock that was far ahead: what comes now is not older than what is kept.
    pub(super) fn set_back(&mut self, now: i64) -> Result<(), ReadError> {
        for (level, &width) in WIDTHS.iter().enumerate() {
            let above = WIDTHS.get(level + 1).copied().unwrap_or(width);
            // Making room drops at the most the cell above that is now, or begins within a service's haste.
            if self.kept.floor[level] > now.saturating_add(AHEAD_S + above) {
                let oldest = floor(now, above);
                put_meta(&self.db, &format!("floor {level}"), oldest)?;
                self.kept.floor[level] = oldest;
            }
        }
        Ok(())
    }

    /// Drops what is older than it is kept, and, when there is too much, the oldest.
    pub(super) fn retain(&mut self, now: i64) -> Result<(), ReadError> {
        if now >= self.swept + EVERY || now < self.swept {
            self.swept = now;
            for (level, &width) in WIDTHS.iter().enumerate() {
                let above = WIDTHS.get(level + 1).copied().unwrap_or(width);
                let mut oldest = floor(now - self.limits.keep_s[level], above);
                if let Some(&built) = self.kept.built.get(level + 1) {
                    oldest = oldest.min(built);
                }
                self.drop_before(level, oldest)?;
            }
            self.thin_offsets(now)?;
        }
        // Some room is left for what a transaction needs.
        while self.size()? > self.max_bytes - self.max_bytes / 10 {
            if !self.make_room(now)? {
                break;
            }
        }
        Ok(())
    }

    /// Drops the oldest part of the level that takes the most. What was summed up stays in wider cells. `false`: there is
    /// nothing left to drop.
    pub(super) fn make_room(&mut self, now: i64) -> Result<bool, ReadError> {
        if self.drop_offsets()? {
            return Ok(true);
        }
        let mut by_size: Vec<usize> = (0..LEVELS).collect();
        by_size.sort_by_key(|&level| std::cmp::Reverse(self.bytes[level]));
        for level in by_size {
            let query = "SELECT at FROM cells WHERE level = ?1 ORDER BY at LIMIT 1";
            let first: Option<i64> = self.db.query_row(query, [level], |row| row.get(0)).optional()?;
            let Some(first) = first else { continue };
            let width = WIDTHS[level];
            let above = WIDTHS.get(level + 1).copied().unwrap_or(width);
            let built = self.kept.built.get(level + 1).copied().unwrap_or(i64::MAX);
            let span = (now + SLOT - first).max(width);
            let mut until = floor(first + (span / PART).max(width), above).max(floor(first, above) + above);
            if until > built {
                // It was not summed up yet, and is lost: no more than must be. What still comes for that time goes to the
                // wider cell.
                until = floor(first, above) + above;
                let built = self.kept.built[level + 1].max(until);
                put_meta(&self.db, &format!("built {}", level + 1), built)?;
                self.kept.built[level + 1] = built;
            }
            let dropped = self.drop_before(level, until)?;
            if dropped > 0 {
                self.dropped_cells += dropped;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Drops the older half of the offsets, when they take more than the cells; the last one of each series stays.
    fn drop_offsets(&mut self) -> Result<bool, ReadError> {
        /// Bytes of an offset, about.
        const OFFSET: i64 = 24;
        let query = "SELECT count(*), min(at), max(at) FROM offsets";
        let (count, first, last): (i64, Option<i64>, Option<i64>) =
            self.db.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let (Some(first), Some(last)) = (first, last) else { return Ok(false) };
        if count * OFFSET <= self.bytes.iter().sum() {
            return Ok(false);
        }
        let dropped = self.db.execute(
            "DELETE FROM offsets WHERE at <= ?1
             AND at < (SELECT max(at) FROM offsets AS later WHERE later.series = offsets.series)",
            [first + (last - first) / 2],
        )?;
        self.dropped_cells += dropped as u64;
        Ok(dropped > 0)
    }

    /// Drops the cells of a level before a moment; returns how many.
    fn drop_before(&mut self, level: usize, oldest: i64) -> Result<u64, ReadError> {
        if oldest <= self.kept.floor[level] && self.kept.floor[level] != 0 {
            return Ok(0);
        }
        let transaction = self.db.unchecked_transaction()?;
        let query = "SELECT count(*), coalesce(sum(length(stats)), 0) FROM cells WHERE level = ?1 AND at < ?2";
        let (dropped, bytes): (u64, i64) =
            transaction.query_row(query, params![level, oldest], |row| Ok((row.get(0)?, row.get(1)?)))?;
        transaction.execute("DELETE FROM cells WHERE level = ?1 AND at < ?2", params![level, oldest])?;
        put_meta(&transaction, &format!("floor {level}"), oldest)?;
        put_meta(&transaction, &format!("bytes {level}"), self.bytes[level] - bytes)?;
        transaction.commit()?;
        self.bytes[level] -= bytes;
        self.kept.floor[level] = oldest;
        Ok(dropped)
    }
}
