//! Tells payloads that come again from new ones.

use std::collections::{HashSet, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

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

/// The payloads that are being taken: the same one that comes meanwhile waits for what becomes of the first.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    ids: Mutex<HashSet<String>>,
    ended: Notify,
}

impl Claims {
    /// Waits until nobody else has this payload.
    pub(crate) async fn claim(&self, id: String) -> Claim<'_> {
        loop {
            let mut ended = pin!(self.ended.notified());
            // From here on none is missed.
            ended.as_mut().enable();
            if self.ids().insert(id.clone()) {
                return Claim { all: self, id };
            }
            ended.await;
        }
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<String>> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has a payload until it is dropped.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    all: &'a Claims,
    id: String,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.all.ids().remove(&self.id);
        self.all.ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_at_a_time() {
        let claims = Claims::default();
        let first = claims.claim("a".into()).await;
        let other = claims.claim("b".into()).await;
        let mut second = pin!(claims.claim("a".into()));
        assert!(ready(second.as_mut()).await.is_none(), "it waits");
        drop(other);
        assert!(ready(second.as_mut()).await.is_none(), "for the first");
        drop(first);
        drop(second.await);
        assert!(claims.ids().is_empty());
    }

    /// What a future has at once.
    async fn ready<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        tokio::time::timeout(std::time::Duration::from_millis(5), future).await.ok()
    }

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
