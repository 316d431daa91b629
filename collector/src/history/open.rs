//! Opening a history, and clear words when that cannot be.

use super::levels::{self, LEVELS, SLOT, floor};
use super::{History, Kept, LAST};
use crate::collect::limits::Limits;
use crate::model::HopKey;
use crate::model::backlogs::{Partition, SeriesKey, What};
use crate::model::batch::{Batch, KeptEdge, KeptHop};
use crate::model::edge::EdgeKey;
use rusqlite::{Connection, ErrorCode, Row};
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

/// Marks the file as ours: "dstr".
const APPLICATION: i64 = 0x6473_7472;
/// The form of the tables. A newer one is not touched.
const VERSION: i64 = 1;
/// Files up to here are read through at the start, to find damage before it does harm.
const CHECKED: u64 = 64 << 20;

const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE edges (id INTEGER PRIMARY KEY, env TEXT NOT NULL, service TEXT NOT NULL, tags TEXT NOT NULL,
    langs TEXT NOT NULL, first INTEGER NOT NULL, seen INTEGER NOT NULL);
CREATE TABLE hops (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, parent INTEGER NOT NULL, edge INTEGER NOT NULL,
    first INTEGER NOT NULL, seen INTEGER NOT NULL);
-- By time first: what is written together and dropped together lies together.
CREATE TABLE cells (level INTEGER, at INTEGER, edge INTEGER, hop INTEGER, stats BLOB NOT NULL,
    PRIMARY KEY (level, at, edge, hop)) WITHOUT ROWID;
CREATE TABLE series (id INTEGER PRIMARY KEY, env TEXT NOT NULL, type TEXT NOT NULL, topic TEXT NOT NULL,
    cluster TEXT NOT NULL, part TEXT NOT NULL, what INTEGER NOT NULL, grp TEXT NOT NULL);
CREATE TABLE offsets (series INTEGER, at INTEGER, value INTEGER NOT NULL, PRIMARY KEY (series, at)) WITHOUT ROWID;
CREATE TABLE ids (number INTEGER PRIMARY KEY, id TEXT NOT NULL);
";

impl History {
    /// Opens a history, or begins one; without a path in memory. With it what was kept.
    ///
    /// # Errors
    /// A sentence that says why not, and what to do.
    pub(crate) fn open(path: Option<&Path>, max_bytes: u64, limits: Limits, now: i64) -> Result<(Self, Kept), String> {
        let say = |reason: String| match path {
            Some(path) => format!("cannot keep the history in {}: {reason}", path.display()),
            None => format!("cannot keep the history in memory: {reason}"),
        };
        if let Some(path) = path {
            if path.is_dir() {
                return Err(say("it is a directory; name a file in it with --data".into()));
            }
            if path.metadata().is_ok_and(|it| !it.is_file()) {
                return Err(say("it is a pipe, a socket or a device; choose a file with --data".into()));
            }
            // SQLite would not tell why. One that is not there it makes, or says why not.
            if let Err(error) = File::options().read(true).write(true).open(path)
                && error.kind() != ErrorKind::NotFound
            {
                let reason = error.to_string();
                let reason = reason.split(" (os error").next().unwrap_or_default();
                return Err(say(format!("it cannot be opened ({reason}); choose another with --data")));
            }
            if path.parent().is_some_and(|parent| !parent.as_os_str().is_empty() && !parent.is_dir()) {
                return Err(say("the directory does not exist; make it, or choose another with --data".into()));
            }
        }
        let open = || -> Result<(Self, Kept), Problem> {
            let db = match path {
                Some(path) => Connection::open(path)?,
                None => Connection::open_in_memory()?,
            };
            prepare(&db, path)?;
            let mut history = Self {
                kept: restore_grid(&db, now)?,
                db,
                path: path.map(Into::into),
                max_bytes,
                limits,
                bytes: [0; LEVELS],
                dropped_cells: 0,
                waiting: Batch::default(),
                error: None,
                swept: now,
            };
            history.limit_pages()?;
            for level in 0..LEVELS {
                history.bytes[level] = history.meta(&format!("bytes {level}"))?.unwrap_or(0);
            }
            let kept = history.load()?;
            Ok((history, kept))
        };
        open().map_err(|problem| say(problem.sentence(path)))
    }

    /// Everything that is kept but the statistics.
    fn load(&self) -> Result<Kept, Problem> {
        let edges = self.rows("SELECT id, env, service, tags, langs, first, seen FROM edges ORDER BY id", |row| {
            let tags: Vec<Box<str>> = serde_json::from_str(&row.get::<_, String>(3)?).unwrap_or_default();
            let key = EdgeKey { env: text(row, 1)?, service: text(row, 2)?, tags: tags.into() };
            let (first, seen) = (row.get(5)?, row.get(6)?);
            Ok((row.get(0)?, KeptEdge { key: Arc::new(key), langs: row.get(4)?, first, seen }))
        })?;
        let hops = self.rows("SELECT id, hash, parent, edge, first, seen FROM hops ORDER BY id", |row| {
            let bits = |at| row.get::<_, i64>(at).map(|bits| bits as u64);
            let key = HopKey { hash: bits(1)?, parent: bits(2)?, edge: row.get(3)? };
            Ok((row.get(0)?, KeptHop { key, first: row.get(4)?, seen: row.get(5)? }))
        })?;
        let of_series = "SELECT id, env, type, topic, cluster, part, what, grp, at, value FROM series
            LEFT JOIN offsets ON series = id AND at = (SELECT max(at) FROM offsets WHERE series = id) ORDER BY id";
        let series = self.rows(of_series, |row| {
            let partition = Partition {
                env: text(row, 1)?,
                kind: text(row, 2)?,
                topic: text(row, 3)?,
                cluster: text(row, 4)?,
                partition: text(row, 5)?,
            };
            let what = What::ALL.get(row.get::<_, usize>(6)?).copied().unwrap_or(What::High);
            let latest = row.get::<_, Option<i64>>(8)?.zip(row.get(9)?);
            Ok((row.get(0)?, SeriesKey { partition, what, group: text(row, 7)? }, latest))
        })?;
        let ids = self.rows("SELECT id FROM ids ORDER BY number", |row| row.get(0))?;
        // Read later: that they are there is seen now.
        self.db.prepare("SELECT level, at, edge, hop, stats FROM cells")?;
        let mut last = [0; 3];
        for (last, key) in last.iter_mut().zip(LAST) {
            *last = self.meta(key)?.and_then(|number| number.try_into().ok()).unwrap_or(0);
        }
        Ok(Kept { edges, hops, series, ids, last })
    }

    fn rows<T>(&self, query: &str, read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>) -> rusqlite::Result<Vec<T>> {
        self.db.prepare(query)?.query_map([], read)?.collect()
    }

    pub(super) fn meta(&self, key: &str) -> rusqlite::Result<Option<i64>> {
        meta(&self.db, key)
    }
}

fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Box<str>> {
    Ok(row.get::<_, String>(column)?.into())
}

fn meta(db: &Connection, key: &str) -> rusqlite::Result<Option<i64>> {
    let mut query = db.prepare("SELECT value FROM meta WHERE key = ?1")?;
    let mut rows = query.query([key])?;
    rows.next()?.map(|row| row.get(0)).transpose()
}

/// Makes sure that it is ours, whole and open to nobody else, and makes the tables of a new one.
fn prepare(db: &Connection, path: Option<&Path>) -> Result<(), Problem> {
    // An interrupted write is undone or finished here, and the file stays locked: two collectors would count apart.
    db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    let number = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version, pages) = (number("application_id")?, number("user_version")?, number("page_count")?);
    if pages > 0 && application != APPLICATION {
        return Err(Problem::Foreign);
    }
    if version > VERSION {
        return Err(Problem::Newer(version));
    }
    let size = path.and_then(|path| path.metadata().ok()).map_or(0, |file| file.len());
    if size <= CHECKED && pages > 0 {
        let found: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found != "ok" {
            return Err(Problem::Damaged(found));
        }
    }
    // Committed is what has reached the system: it survives the end of this process, however that comes.
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "NORMAL")?;
    db.pragma_update(None, "cache_size", -16_384)?;
    db.pragma_update(None, "journal_size_limit", 16 << 20)?;
    db.execute_batch("BEGIN IMMEDIATE")?;
    if pages == 0 {
        db.execute_batch(TABLES)?;
        db.pragma_update(None, "application_id", APPLICATION)?;
        db.pragma_update(None, "user_version", VERSION)?;
    }
    // Fails here, not later, where writing is not allowed.
    db.execute("INSERT OR REPLACE INTO meta VALUES ('opened', unixepoch())", [])?;
    db.execute_batch("COMMIT")?;
    Ok(())
}

fn restore_grid(db: &Connection, now: i64) -> rusqlite::Result<levels::Kept> {
    let mut kept = levels::Kept::new(now);
    for level in 0..LEVELS {
        if let Some(at) = meta(db, &format!("floor {level}"))? {
            kept.floor[level] = at;
        }
        if let Some(at) = meta(db, &format!("built {level}"))?
            && level > 0
        {
            // A clock that was set back: what is there is there.
            kept.built[level] = at;
        }
    }
    debug_assert!(kept.floor[0] <= floor(i64::MAX, SLOT));
    Ok(kept)
}

/// Why a file cannot be used.
enum Problem {
    /// Of something else.
    Foreign,
    Newer(i64),
    Damaged(String),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Problem {
    fn sentence(self, path: Option<&Path>) -> String {
        let away = || format!("move it away {}", path.map(way_out).unwrap_or_default());
        match self {
            Self::Foreign => "the file is something else; choose another with --data".into(),
            Self::Newer(version) => format!(
                "the file is of a newer version of datastreams (form {version}, this one knows {VERSION}); \
                 use that version, or choose another file with --data"
            ),
            Self::Damaged(how) => format!("the file is damaged ({}); {}", how.replace('\n', " "), away()),
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(ErrorCode::NotADatabase) => "the file is something else; choose another with --data".into(),
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                    "another collector has it open; choose another file with --data".into()
                }
                Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                    "permission denied: the file and its directory must be writable; choose another with --data".into()
                }
                Some(ErrorCode::DiskFull) => "the disk is full; make room, or choose another place with --data".into(),
                _ if is_damage(&error) => format!("the file is damaged ({error}); {}", away()),
                _ => format!("{error}; choose another file with --data"),
            },
        }
    }
}

/// Whether it says that what is in the file is not what was written.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error;
    match error {
        // No table or column of this name, or a value of another kind.
        Error::SqliteFailure(failure, _) => {
            failure.code == ErrorCode::DatabaseCorrupt || failure.extended_code == rusqlite::ffi::SQLITE_ERROR
        }
        Error::SqlInputError { .. }
        | Error::InvalidColumnType(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::FromSqlConversionFailure(..)
        | Error::Utf8Error(..) => true,
        _ => false,
    }
}

/// How a damaged file is moved away, and what is left of it.
pub(super) fn way_out(path: &Path) -> String {
    let name = path.display();
    format!(
        "with `mv {name} {name}.damaged` to begin a new one; \
         `sqlite3 {name}.damaged .recover` gets out of it what can be read"
    )
}
