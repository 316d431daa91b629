//! The model and the history together, and who may wait for whom.
//!
//! Payloads are taken under the model's lock alone, which is held for as long as adding one takes. Writing and reading the
//! history happen under the history's lock, which is always taken first; what was gathered is handed over in one step, and
//! told to the exports on the way: who reads these hands over first.

use crate::clock;
use crate::collect::limits::Limits;
use crate::history::levels::LEVELS;
use crate::history::{History, ReadError};
use crate::model::Model;
use crate::model::parsed::Parsed;
use crate::model::stats::SECOND_NS;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the history takes when nothing else is said: in a file, and in memory.
pub(crate) const DEFAULT_FILE_BYTES: u64 = 1 << 30;
pub(crate) const DEFAULT_MEMORY_BYTES: u64 = 256 << 20;

/// Everything that the collector knows.
#[derive(Debug)]
pub(crate) struct Store {
    limits: Limits,
    model: Mutex<Model>,
    history: Mutex<History>,
    changes: AtomicU64,
}

impl Store {
    /// Opens the history in a file, or makes one in memory.
    ///
    /// # Errors
    /// A sentence that says why not, and what to do.
    pub(crate) fn open(
        limits: Limits,
        data: Option<&Path>,
        max_bytes: Option<u64>,
        now_ns: i64,
    ) -> Result<Self, String> {
        let default = if data.is_some() { DEFAULT_FILE_BYTES } else { DEFAULT_MEMORY_BYTES };
        let now = now_ns.div_euclid(SECOND_NS);
        let (history, kept) = History::open(data, max_bytes.unwrap_or(default), limits, now)?;
        let mut model = Model::new(limits, now_ns);
        model.restore(kept);
        Ok(Self { limits, model: Mutex::new(model), history: Mutex::new(history), changes: AtomicU64::new(0) })
    }

    /// A panic while it was held left sums that are right up to one payload: better than none.
    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often something was taken: another number means that there is something new.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether a payload with this id was taken.
    pub(crate) fn is_known(&self, id: &str) -> bool {
        self.model().repeats.contains(id)
    }

    /// Takes a payload; `false`: it was taken before. Waits for the history only when much more comes than it writes.
    pub(crate) fn take(&self, id: Option<&str>, parsed: &Parsed<'_>, now_ns: i64) -> bool {
        let (taken, much) = {
            let mut model = self.model();
            let taken = model.take(id, parsed, now_ns);
            (taken, model.held == 0 && model.batch.memory > self.limits.max_waiting / 2)
        };
        self.changes.fetch_add(u64::from(taken), Ordering::Relaxed);
        if much {
            // A failure is told by whoever commits once a second.
            let _ = self.commit(now_ns);
        }
        taken
    }

    /// Counts a payload that came again.
    pub(crate) fn repeat(&self) {
        self.model().received.repeats += 1;
    }

    /// Remembers the id of a payload that an agent behind has taken, whatever becomes of it here.
    pub(crate) fn remember(&self, id: &str) {
        self.model().remember(id);
    }

    /// Counts a payload that an agent behind took, and that could not be read here.
    pub(crate) fn unread(&self) {
        self.model().received.unread += 1;
    }

    /// Counts a request that was refused.
    pub(crate) fn refuse(&self) {
        self.model().received.refused += 1;
    }

    /// Writes what was taken.
    ///
    /// # Errors
    /// Why it could not be written, once for each reason; it is kept, and tried again by the next call.
    pub(crate) fn commit(&self, now_ns: i64) -> Result<(), String> {
        let now = now_ns.div_euclid(SECOND_NS);
        let mut history = self.history();
        self.hand_over(&mut history, now_ns);
        let done = history.commit(now);
        let mut model = self.model();
        model.held = history.waiting();
        model.forget_before(now - self.limits.keep_s[LEVELS - 1]);
        done
    }

    /// Hands what was taken to the exports and to the history.
    fn hand_over(&self, history: &mut History, now_ns: i64) {
        let (batch, exports) = {
            let mut model = self.model();
            let batch = std::mem::take(&mut model.batch);
            model.held = history.waiting().saturating_add(batch.memory);
            (batch, model.exports.clone())
        };
        exports.add(&batch.cells, now_ns);
        history.absorb(batch);
    }

    /// Reads the history and the model as they are at one moment.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Model) -> T) -> (MutexGuard<'_, History>, T) {
        let mut history = self.history();
        self.hand_over(&mut history, clock::now_ns());
        let seen = look(&self.model());
        (history, seen)
    }
}

/// What is said of a history that cannot be read.
pub(crate) fn unreadable(error: &ReadError) -> String {
    format!("the history cannot be read: {error}")
}
