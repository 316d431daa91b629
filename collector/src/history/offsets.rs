//! Offsets by time.

use super::levels::{LEVELS, WIDTHS};
use super::{History, ReadError};
use crate::model::backlogs::SeriesId;
use rusqlite::params;
use std::ops::ControlFlow;

impl History {
    /// How far apart offsets of a moment are kept, in seconds.
    pub(crate) fn offset_width(&self, at: i64, now: i64) -> i64 {
        let level = self.limits.keep_s.iter().position(|keep| now - at <= *keep).unwrap_or(LEVELS - 1);
        WIDTHS[level]
    }

    /// Goes back through the offsets of a series that were right at or before `until`, until `each` has enough.
    pub(crate) fn back(
        &self,
        series: SeriesId,
        until: i64,
        each: impl FnMut(i64, i64) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.back_unnamed(series, until, each).map_err(|error| self.named(error.into()))
    }

    fn back_unnamed(
        &self,
        series: SeriesId,
        until: i64,
        mut each: impl FnMut(i64, i64) -> ControlFlow<()>,
    ) -> rusqlite::Result<()> {
        let mut waiting = self.waiting.offsets.range((series, i64::MIN)..=(series, until)).rev().peekable();
        let mut query =
            self.db.prepare("SELECT at, value FROM offsets WHERE series = ?1 AND at <= ?2 ORDER BY at DESC")?;
        let mut rows = query.query(params![series, until])?;
        let mut written = next(&mut rows)?;
        loop {
            let newer = waiting.next_if(|((_, at), _)| written.is_none_or(|(known, _)| *at >= known));
            let (at, value) = match (newer, written) {
                (Some((&(_, at), &value)), Some(known)) if known.0 == at => {
                    written = next(&mut rows)?;
                    (at, value.max(known.1))
                }
                (Some((&(_, at), &value)), _) => (at, value),
                (None, Some(known)) => {
                    written = next(&mut rows)?;
                    known
                }
                (None, None) => return Ok(()),
            };
            if each(at, value).is_break() {
                return Ok(());
            }
        }
    }

    /// Keeps the last offset of a minute of those older than cells of ten seconds are kept, and of an hour, and of a day.
    pub(super) fn thin_offsets(&mut self, now: i64) -> Result<(), ReadError> {
        let transaction = self.db.unchecked_transaction()?;
        let thinned = "thinned";
        for (level, &width) in WIDTHS.iter().enumerate().skip(1) {
            let key = format!("{thinned} {level}");
            let until = super::levels::floor(now - self.limits.keep_s[level - 1], width);
            let from = self.meta(&key)?.unwrap_or(0);
            if until <= from || until / 3600 == from / 3600 {
                continue;
            }
            transaction.execute(
                "DELETE FROM offsets WHERE at > ?1 AND at <= ?2 AND EXISTS (SELECT 1 FROM offsets AS later
                 WHERE later.series = offsets.series AND later.at > offsets.at AND later.at <= ?2
                 AND (later.at - 1) / ?3 = (offsets.at - 1) / ?3)",
                params![from, until, width],
            )?;
            super::write::put_meta(&transaction, &key, until)?;
        }
        let oldest = now - self.limits.keep_s[LEVELS - 1];
        // The last one of a series stays as long as its key.
        transaction.execute(
            "DELETE FROM offsets WHERE at < ?1
             AND at < (SELECT max(at) FROM offsets AS later WHERE later.series = offsets.series)",
            [oldest],
        )?;
        transaction.commit()?;
        Ok(())
    }
}

fn next(rows: &mut rusqlite::Rows<'_>) -> rusqlite::Result<Option<(i64, i64)>> {
    rows.next()?.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}
