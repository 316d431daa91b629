//! Edges: the tag set of a checkpoint, hashed once and then named by a number.

use crate::counters::{Counter, Counters};
use crate::error::Error;
use crate::hash;
use crate::intern::Interner;
use crate::pathway::Direction;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The most tags of an edge.
pub const MAX_TAGS: usize = 128;
/// The most bytes of all tags of an edge together, and of a service override.
pub const MAX_BYTES: usize = 16 * 1024;

/// Tags in bytewise order, shared by everything that mentions the edge.
pub type Tags = Arc<[Box<str>]>;

/// An interned edge: a value to copy, valid as long as the client that made it. Zero is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Edge(pub u64);

/// What is known of an edge.
#[derive(Debug, PartialEq, Eq)]
pub struct EdgeInfo {
    /// In bytewise order.
    pub tags: Tags,
    /// The service that the edge belongs to, when it is not the client's own.
    pub service: Option<Box<str>>,
    /// From the tag `direction:`.
    pub direction: Direction,
    /// [`hash::prefix`] of the edge.
    pub prefix: u64,
}

/// The edges of one client: bounded, and safe to use after a fork.
pub struct Edges {
    table: Interner<EdgeInfo>,
    /// Tells this client's edges from another's.
    client: u32,
    service: Box<str>,
    env: Box<str>,
    primary_tag: Box<str>,
}

/// Edges for what does not fit: one for each [`Direction`]. They are interned first, so that they always fit.
const OTHER: [&[&str]; 3] = [&["_other"], &["_other", "direction:in"], &["_other", "direction:out"]];

impl Edges {
    /// Room for `max` edges of a service.
    #[must_use]
    pub fn new(service: &str, env: &str, primary_tag: &str, max: u32) -> Self {
        static CLIENTS: AtomicU32 = AtomicU32::new(1);
        let edges = Self {
            table: Interner::new(max.saturating_add(OTHER.len() as u32)),
            client: CLIENTS.fetch_add(1, Ordering::Relaxed).max(1),
            service: service.into(),
            env: env.into(),
            primary_tag: primary_tag.into(),
        };
        for tags in OTHER {
            let _ = edges.add(&sorted(tags), None);
        }
        edges
    }

    /// How many edges are interned, those for the rest not counted.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.table.len().saturating_sub(OTHER.len() as u32)
    }

    /// Whether no edge is interned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of an edge; `None` when it is none of this client's.
    #[inline]
    #[must_use]
    pub fn number(&self, edge: Edge) -> Option<u32> {
        ((edge.0 >> 32) as u32 == self.client).then_some(edge.0 as u32)
    }

    /// What is known of the edge with this number.
    #[inline]
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&EdgeInfo> {
        self.table.get(number)
    }

    /// Interns a tag set; the order of the tags does not matter. An empty `service` means the client's own.
    /// When the table is full, the answer is the `_other` edge of the direction, counted.
    ///
    /// # Errors
    /// No tags, too many or too long ones, or an empty one.
    pub fn intern(&self, tags: &[&str], service: &str, counters: &Counters) -> Result<Edge, Error> {
        let checked = check(tags, service);
        if checked.is_err() {
            counters.add(Counter::InvalidArguments, 1);
        }
        checked?;
        let service = (!service.is_empty() && *service != *self.service).then_some(service);
        Ok(self.add(&sorted(tags), service).map_or_else(
            |_full| {
                counters.add(Counter::CutEdges, 1);
                self.other(tags)
            },
            |number| self.named(number),
        ))
    }

    /// The edge for the rest, of the direction that `tags` have.
    #[must_use]
    pub fn other(&self, tags: &[&str]) -> Edge {
        self.named(direction(tags) as u32)
    }

    fn named(&self, number: u32) -> Edge {
        Edge(u64::from(self.client) << 32 | u64::from(number))
    }

    fn add(&self, tags: &[&str], service: Option<&str>) -> Result<u32, crate::intern::Full> {
        let separated = |state, text: &str| hash::fnv1_from(hash::fnv1_from(state, text.as_bytes()), &[0xff]);
        let content = tags.iter().fold(separated(0, service.unwrap_or_default()), |state, tag| separated(state, tag));
        self.table.intern(
            hash::mix(content),
            |info| info.service.as_deref() == service && info.tags.iter().map(|tag| &**tag).eq(tags.iter().copied()),
            || EdgeInfo {
                tags: tags.iter().map(|&tag| Box::from(tag)).collect(),
                service: service.map(Box::from),
                direction: direction(tags),
                prefix: hash::prefix(hash::node(service.unwrap_or(&self.service), &self.env, &self.primary_tag, tags)),
            },
        )
    }
}

fn check(tags: &[&str], service: &str) -> Result<(), Error> {
    let bytes: usize = tags.iter().map(|tag| tag.len()).sum();
    if tags.is_empty() {
        return Err(Error::invalid("an edge needs at least one tag"));
    }
    if tags.iter().any(|tag| tag.is_empty()) {
        return Err(Error::invalid("an edge tag is empty"));
    }
    if tags.len() > MAX_TAGS {
        return Err(Error::invalid(format!("an edge has {} tags; at most {MAX_TAGS} are taken", tags.len())));
    }
    if bytes > MAX_BYTES {
        return Err(Error::invalid(format!("the tags of an edge have {bytes} bytes; at most {MAX_BYTES} are taken")));
    }
    if service.len() > MAX_BYTES {
        return Err(Error::invalid(format!(
            "a service name has {} bytes; at most {MAX_BYTES} are taken",
            service.len()
        )));
    }
    Ok(())
}

fn sorted<'a>(tags: &[&'a str]) -> Vec<&'a str> {
    let mut tags = tags.to_vec();
    tags.sort_unstable();
    tags
}

fn direction(tags: &[&str]) -> Direction {
    match tags.iter().find_map(|tag| tag.strip_prefix("direction:")) {
        Some("in") => Direction::In,
        Some("out") => Direction::Out,
        _ => Direction::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(max: u32) -> (Edges, Counters) {
        (Edges::new("weblog", "system-tests", "", max), Counters::new())
    }

    #[test]
    fn order_does_not_matter_and_separators_do() {
        let (edges, counters) = edges(8);
        let edge = edges.intern(&["type:http", "direction:in"], "", &counters).unwrap();
        assert_eq!(edge, edges.intern(&["direction:in", "type:http"], "weblog", &counters).unwrap());
        assert_ne!(edge, edges.intern(&["direction:in", "type:http"], "other", &counters).unwrap());
        assert_ne!(edge, edges.intern(&["direction:i", "ntype:http"], "", &counters).unwrap());
        let info = edges.get(edges.number(edge).unwrap()).unwrap();
        assert_eq!(info.direction, Direction::In);
        assert_eq!(hash::extend(info.prefix, 0), 3_883_033_147_046_472_598);
    }

    #[test]
    fn a_full_table_answers_other() {
        let (edges, counters) = edges(1);
        let first = edges.intern(&["direction:out"], "", &counters).unwrap();
        for topic in 0..10 {
            let edge = edges.intern(&["direction:in", &format!("topic:{topic}")], "", &counters).unwrap();
            let info = edges.get(edges.number(edge).unwrap()).unwrap();
            assert_eq!(info.direction, Direction::In);
            assert_eq!(&*info.tags[0], "_other");
        }
        assert_eq!(counters.get(Counter::CutEdges), 10);
        assert_eq!(edges.len(), 1);
        assert_eq!(first, edges.intern(&["direction:out"], "", &counters).unwrap());
    }

    #[test]
    fn refusals() {
        let (edges, counters) = edges(8);
        let long = "t".repeat(MAX_BYTES + 1);
        for tags in [&[][..], &[""], &[long.as_str()], &["t"; MAX_TAGS + 1]] {
            assert!(matches!(edges.intern(tags, "", &counters), Err(Error::Invalid(_))));
        }
        assert_eq!(counters.get(Counter::InvalidArguments), 4);
        assert_eq!(edges.number(Edge(0)), None);
        assert_eq!(edges.number(Edge(u64::MAX)), None);
    }
}
