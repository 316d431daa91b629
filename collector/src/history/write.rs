//! Writing what waits.

use super::codec::{self, Adder};
use super::levels::{LEVELS, SLOT, WIDTHS};
use super::{History, LAST, ReadError};
use crate::model::batch::{Batch, Cell};
use crate::model::stats::Stats;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Statement, params};
use std::collections::BTreeMap;

/// Cells of a transaction, and what becomes of the bytes of each level.
struct Cells<'a> {
    get: Statement<'a>,
    put: Statement<'a>,
    adder: Adder,
    encoded: Vec<u8>,
    bytes: [i64; LEVELS],
}

impl<'a> Cells<'a> {
    fn new(db: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            get: db.prepare("SELECT stats FROM cells WHERE level = ?1 AND at = ?2 AND edge = ?3 AND hop = ?4")?,
            put: db.prepare("INSERT OR REPLACE INTO cells VALUES (?1, ?2, ?3, ?4, ?5)")?,
            adder: Adder::default(),
            encoded: Vec::new(),
            bytes: [0; LEVELS],
        })
    }

    /// Adds to a cell.
    fn add(&mut self, level: usize, at: i64, edge: u32, hop: u32, stats: &Stats) -> Result<(), ReadError> {
        let key = params![level, at, edge, hop];
        let known = self.get.query_row(key, |row| row.get::<_, Vec<u8>>(0)).optional()?;
        self.encoded.clear();
        let before = match known {
            None => {
                codec::encode(stats, &mut self.encoded);
                0
            }
            Some(known) => {
                let mut sum = stats.clone();
                self.adder.add(&known, &mut sum)?;
                codec::encode(&sum, &mut self.encoded);
                known.len()
            }
        };
        self.put.execute(params![level, at, edge, hop, self.encoded])?;
        self.bytes[level] += self.encoded.len() as i64 - before as i64;
        Ok(())
    }
}

impl History {
    /// Writes what waits, sums up what is over, and drops what is too old. What cannot be written goes on waiting, and the
    /// reason is kept.
    ///
    /// # Errors
    /// That reason, when it is a new one.
    pub(crate) fn commit(&mut self, now: i64) -> Result<(), String> {
        let done = self.try_commit(now);
        let error = done.err().map(|error| self.reason(&self.named(error)));
        let known = std::mem::replace(&mut self.error, error.clone());
        match error {
            Some(error) if known.as_ref() != Some(&error) => Err(error),
            _ => Ok(()),
        }
    }

    fn try_commit(&mut self, now: i64) -> Result<(), ReadError> {
        self.set_back(now)?;
        if !self.waiting.is_empty() {
            self.making_room(now, Self::write)?;
            self.waiting = Batch::default();
        }
        self.making_room(now, |history| history.sum_up(now))?;
        self.retain(now)
    }

    /// Does something, and drops the oldest as long as there is no room for it: the bound is reached, or the disk is full.
    fn making_room(
        &mut self,
        now: i64,
        mut work: impl FnMut(&mut Self) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        loop {
            match work(self) {
                Err(error) if error.is_full() => {
                    if !self.make_room(now)? {
                        return Err(error);
                    }
                }
                done => return done,
            }
        }
    }

    fn write(&mut self) -> Result<(), ReadError> {
        let transaction = self.db.unchecked_transaction()?;
        let bytes = write_batch(&transaction, &self.waiting, &self.kept, self.limits.max_ids)?;
        let bytes = add(self.bytes, bytes);
        for (level, bytes) in bytes.iter().enumerate() {
            put_meta(&transaction, &format!("bytes {level}"), *bytes)?;
        }
        transaction.commit()?;
        self.bytes = bytes;
        Ok(())
    }

    /// Sums cells that are over up to the next level, each some time after its end: by then most of it has come.
    fn sum_up(&mut self, now: i64) -> Result<(), ReadError> {
        for (level, &width) in WIDTHS.iter().enumerate().skip(1) {
            let below = level - 1;
            loop {
                let built = self.kept.built[level];
                let ready = if level == 1 { now - 3 * SLOT } else { self.kept.built[below] };
                if built + width > ready {
                    break;
                }
                // The next cell with something in it; what lies between is empty.
                let query = "SELECT at FROM cells WHERE level = ?1 AND at >= ?2 ORDER BY at LIMIT 1";
                let first: Option<i64> =
                    self.db.query_row(query, params![below, built], |row| row.get(0)).optional()?;
                let last = super::levels::floor(ready, width);
                let at = first.map_or(last, |first| super::levels::floor(first, width).min(last));
                if at + width > ready {
                    let transaction = self.db.unchecked_transaction()?;
                    put_meta(&transaction, &format!("built {level}"), at)?;
                    transaction.commit()?;
                    self.kept.built[level] = at;
                    break;
                }
                self.sum_cell(level, at, width)?;
            }
        }
        Ok(())
    }

    fn sum_cell(&mut self, level: usize, at: i64, width: i64) -> Result<(), ReadError> {
        let transaction = self.db.unchecked_transaction()?;
        let bytes = {
            let mut rows = transaction.prepare(
                "SELECT edge, hop, stats FROM cells WHERE level = ?1 AND at = ?2 AND edge >= ?3 AND edge < ?4",
            )?;
            let mut edges = transaction.prepare("SELECT max(id) FROM edges")?;
            let last: u32 = edges.query_row([], |row| row.get::<_, Option<u32>>(0))?.unwrap_or(0);
            let mut cells = Cells::new(&transaction)?;
            // Some edges at a time: the sums of all could be large.
            const EDGES: u32 = 256;
            for from in (0..=last).step_by(EDGES as usize) {
                let mut sums: BTreeMap<(u32, u32), Stats> = BTreeMap::new();
                for below in (at..at + width).step_by(WIDTHS[level - 1] as usize) {
                    let mut rows = rows.query(params![level - 1, below, from, from.saturating_add(EDGES)])?;
                    while let Some(row) = rows.next()? {
                        let sum = sums.entry((row.get(0)?, row.get(1)?)).or_default();
                        cells.adder.add(row.get_ref(2)?.as_blob()?, sum)?;
                    }
                }
                for ((edge, hop), sum) in sums {
                    cells.add(level, at, edge, hop, &sum)?;
                }
            }
            add(self.bytes, cells.bytes)
        };
        put_meta(&transaction, &format!("built {level}"), at + width)?;
        put_meta(&transaction, &format!("bytes {level}"), bytes[level])?;
        transaction.commit()?;
        self.kept.built[level] = at + width;
        self.bytes = bytes;
        Ok(())
    }

    /// What is told of an error.
    fn reason(&self, error: &ReadError) -> String {
        let name = self.path.as_ref().map_or_else(|| "memory".into(), |path| path.display().to_string());
        let how = match error.code() {
            Some(ErrorCode::DiskFull) => "the disk is full; what comes is kept in memory until there is room".into(),
            _ => error.to_string(),
        };
        format!("cannot write the history in {name}: {how}")
    }
}

fn add(mut a: [i64; LEVELS], b: [i64; LEVELS]) -> [i64; LEVELS] {
    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
    a
}

pub(super) fn put_meta(db: &Connection, key: &str, value: i64) -> rusqlite::Result<()> {
    db.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", params![key, value]).map(drop)
}

fn write_batch(
    db: &Connection,
    batch: &Batch,
    kept: &super::levels::Kept,
    max_ids: usize,
) -> Result<[i64; LEVELS], ReadError> {
    let mut put =
        db.prepare("INSERT INTO meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)")?;
    let greatest = [batch.edges.keys().next_back(), batch.hops.keys().next_back(), batch.series.keys().next_back()];
    for (key, greatest) in LAST.iter().zip(greatest) {
        if let Some(greatest) = greatest {
            put.execute(params![key, greatest])?;
        }
    }
    let mut put = db.prepare("INSERT OR REPLACE INTO edges VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    for (id, edge) in &batch.edges {
        let tags = serde_json::to_string(&edge.key.tags).unwrap_or_default();
        put.execute(params![id, edge.key.env, edge.key.service, tags, edge.langs, edge.first, edge.seen])?;
    }
    let mut put = db.prepare("INSERT OR REPLACE INTO hops VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for (id, hop) in &batch.hops {
        put.execute(params![id, hop.key.hash as i64, hop.key.parent as i64, hop.key.edge, hop.first, hop.seen])?;
    }
    let mut put = db.prepare("INSERT OR REPLACE INTO series VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
    for (id, key) in &batch.series {
        let of = &key.partition;
        let (what, group) = (key.what as usize, &key.group);
        put.execute(params![id, of.env, of.kind, of.topic, of.cluster, of.partition, what, group])?;
    }
    let mut put = db.prepare(
        "INSERT INTO offsets VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
    )?;
    for ((series, at), value) in &batch.offsets {
        put.execute(params![series, at, value])?;
    }
    let mut put = db.prepare("INSERT INTO ids (id) VALUES (?1)")?;
    for id in &batch.ids {
        put.execute([id])?;
    }
    if !batch.ids.is_empty() {
        db.execute("DELETE FROM ids WHERE number <= (SELECT max(number) FROM ids) - ?1", [max_ids])?;
    }
    for (table, gone) in [("edges", &batch.gone_edges), ("hops", &batch.gone_hops), ("series", &batch.gone_series)] {
        let mut delete = db.prepare(&format!("DELETE FROM {table} WHERE id = ?1"))?;
        for id in gone {
            delete.execute([id])?;
        }
    }
    let mut delete = db.prepare("DELETE FROM offsets WHERE series = ?1")?;
    for series in &batch.gone_series {
        delete.execute([series])?;
    }
    let mut cells = Cells::new(db)?;
    let mut sorted: Vec<_> = batch.cells.iter().collect();
    sorted.sort_unstable_by_key(|cell| cell.key);
    for &Cell { key: (slot, edge, hop), ref stats, .. } in sorted {
        let stats = stats.canonical();
        for (level, at) in kept.levels_of(slot) {
            cells.add(level, at, edge, hop, &stats)?;
        }
    }
    Ok(cells.bytes)
}
