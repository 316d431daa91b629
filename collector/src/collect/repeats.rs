//! Tells payloads that come again from new ones.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// The last ids taken, as many as are remembered.
#[derive(Debug)]
pub(crate) struct Repeats {
    known: HashSet<Arc<str>>,
    order: VecDeque<Arc<str>>,
    max: usize,
}

impl Repeats {
    pub(crate) fn new(max: usize) -> Self {
        Self { known: HashSet::new(), order: VecDeque::new(), max }
    }

    /// Whether the payload was taken before.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.known.contains(id)
    }

    /// Remembers an id, and forgets the oldest beyond the limit.
    pub(crate) fn insert(&mut self, id: &str) -> Arc<str> {
        let id: Arc<str> = id.into();
        if !self.known.insert(id.clone()) {
            return id;
        }
        self.order.push_back(id.clone());
        if self.order.len() > self.max
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut repeats = Repeats::new(2);
        for id in ["a", "b", "b", "c"] {
            repeats.insert(id);
        }
        assert_eq!(["a", "b", "c"].map(|id| repeats.contains(id)), [false, true, true]);
        assert_eq!((repeats.order.len(), repeats.known.len()), (2, 2));
    }
}
