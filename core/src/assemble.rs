//! Payloads from buckets: the shards' statistics are merged, encoded and cut to size.
//!
//! Works through one bucket at a time and hands payloads out as they fill up, so that the memory of what is encoded
//! stays small against that of the buckets.

use crate::backlog::{Backlog, NO_PARTITION};
use crate::bucket::{Bucket, Budget, DURATION_NS, Group, Kind};
use crate::config::Settings;
use crate::counters::{Counter, Counters};
use crate::delivery::Piece;
use crate::edge::{Edges, Tags};
use crate::hash;
use crate::payload::{self, Halves, Payload, Point, TimestampType};
use crate::sketch::Bins;
use crate::transaction::Names;
use std::collections::{BTreeMap, BTreeSet};

/// Uncompressed bytes at which a payload is handed out. Statistics compress at least threefold.
const FULL_BYTES: usize = 2 << 20;
/// Uncompressed bytes of all payloads that are being filled, over the services of a client.
const OPEN_BYTES: usize = 8 << 20;
/// The most uncompressed bytes that are read back to cut a body of ours.
const READ_BYTES: usize = 64 << 20;
/// The wire bytes of a point beside its tags and sketches, about.
const POINT_BYTES: usize = 160;

/// A payload and what it carries.
#[derive(Debug)]
pub struct Assembled {
    /// The payload.
    pub payload: Payload,
    /// Checkpoints in it.
    pub messages: u64,
    /// Transactions in it.
    pub transactions: u64,
}

/// What the buckets of one shard leave behind: memory for its next ones.
#[derive(Debug, Default)]
pub struct Leftover {
    /// Emptied groups.
    pub groups: Vec<Group>,
    /// Emptied buckets.
    pub frames: Vec<Bucket>,
}

/// Everything that a payload is made from beside the buckets.
pub struct Assembler<'a> {
    /// The client's settings.
    pub settings: &'a Settings,
    /// Its edges.
    pub edges: &'a Edges,
    /// Its transaction names.
    pub names: &'a Names,
    /// Where cuts are counted.
    pub counters: &'a Counters,
    /// Where memory is given back.
    pub budget: &'a Budget,
}

/// The payloads that are being filled, by service override.
struct Open<'s> {
    by_service: BTreeMap<Option<Box<str>>, (Assembled, usize)>,
    bytes: usize,
    sink: &'s mut dyn FnMut(Assembled),
}

impl Assembler<'_> {
    /// Makes payloads from what was taken from the shards (by index) and passes them to `sink`. Answers with the memory
    /// that may be used again, by shard.
    pub fn run(&self, taken: Vec<(usize, Vec<Bucket>)>, sink: &mut dyn FnMut(Assembled)) -> BTreeMap<usize, Leftover> {
        let mut by_start: BTreeMap<i64, Vec<(usize, Bucket)>> = BTreeMap::new();
        for (shard, buckets) in taken {
            for bucket in buckets {
                by_start.entry(bucket.start_ns).or_default().push((shard, bucket));
            }
        }
        self.cut_origins(&mut by_start);
        self.counters.add(Counter::Buckets, by_start.len() as u64);
        let mut leftover = BTreeMap::new();
        let mut open = Open { by_service: BTreeMap::new(), bytes: 0, sink };
        for (start_ns, parts) in by_start {
            self.bucket(start_ns, parts, &mut open, &mut leftover);
        }
        open.finish();
        leftover
    }

    /// Each shard bounds its origin buckets; together they may be more. The oldest copies go.
    fn cut_origins(&self, by_start: &mut BTreeMap<i64, Vec<(usize, Bucket)>>) {
        let is_origin = |parts: &Vec<(usize, Bucket)>| parts.iter().all(|(_, bucket)| bucket.is_origin_only());
        let origins: Vec<i64> =
            by_start.iter().filter(|(_, parts)| is_origin(parts)).map(|(&start_ns, _)| start_ns).collect();
        let too_many = origins.len().saturating_sub(self.settings.max_origin_buckets);
        for start_ns in origins.into_iter().take(too_many) {
            for (_, bucket) in by_start.remove(&start_ns).into_iter().flatten() {
                let messages = bucket.groups.iter().map(Group::messages).sum();
                self.counters.add(Counter::CutOrigin, messages);
                self.budget.release(bucket.bytes());
            }
        }
    }

    fn bucket(
        &self,
        start_ns: i64,
        parts: Vec<(usize, Bucket)>,
        open: &mut Open<'_>,
        leftover: &mut BTreeMap<usize, Leftover>,
    ) {
        let shards = parts.len();
        let mut groups = Vec::new();
        let mut backlogs: BTreeMap<(u32, i32), i64> = BTreeMap::new();
        for (shard, mut bucket) in parts {
            groups.extend(bucket.groups.drain(..).map(|group| (shard, group)));
            for Backlog { edge, partition, offset } in bucket.backlogs.iter() {
                let greatest = backlogs.entry((edge, partition)).or_insert(offset);
                *greatest = offset.max(*greatest);
            }
            self.transactions(start_ns, &bucket, open);
            if self.budget.is_easy() {
                leftover.entry(shard).or_default().frames.push(bucket);
            } else {
                self.budget.release(bucket.frame_bytes());
            }
        }
        for ((edge, partition), offset) in backlogs {
            self.backlog(start_ns, edge, partition, offset, open);
        }
        if shards > 1 {
            self.cut_parents(&mut groups);
        }
        let order = |group: &Group| (group.edge, group.parent, group.kind);
        groups.sort_unstable_by_key(|(_, group)| order(group));
        let mut groups = groups.into_iter().peekable();
        while let Some((shard, first)) = groups.next() {
            let place = (first.edge, first.parent);
            let mut kinds: [Option<(usize, Group)>; 3] = [None, None, None];
            let kind = first.kind as usize;
            kinds[kind] = Some((shard, first));
            while let Some((shard, group)) = groups.next_if(|(_, group)| (group.edge, group.parent) == place) {
                match &mut kinds[group.kind as usize] {
                    Some((_, same)) => {
                        same.absorb(&group, self.budget);
                        self.done(shard, group, leftover);
                    }
                    empty => *empty = Some((shard, group)),
                }
            }
            self.points(start_ns, &mut kinds, open);
            for (shard, group) in kinds.into_iter().flatten() {
                self.done(shard, group, leftover);
            }
        }
    }

    /// Each shard bounds the parents of an edge; together they may be more. The rest goes to parent 0.
    fn cut_parents(&self, groups: &mut [(usize, Group)]) {
        let mut parents: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
        for (_, group) in groups.iter_mut().filter(|(_, group)| group.parent != 0) {
            let known = parents.entry(group.edge).or_default();
            if known.contains(&group.parent) {
                continue;
            }
            if known.len() < self.settings.max_parents {
                known.insert(group.parent);
                continue;
            }
            let counter = if group.kind == Kind::Origin { Counter::CutOrigin } else { Counter::CutParents };
            self.counters.add(counter, group.messages());
            group.parent = 0;
            group.hash = self.edges.get(group.edge).map_or(0, |edge| hash::extend(edge.prefix, 0));
        }
    }

    /// The points of one (edge, parent): what was recorded for both is added to each, or encoded once.
    fn points(&self, start_ns: i64, kinds: &mut [Option<(usize, Group)>; 3], open: &mut Open<'_>) {
        let [both, current, origin] = kinds;
        let both = both.as_ref().map(|(_, group)| group);
        let point = |only: &mut Option<(usize, Group)>, kind: Kind| {
            if let (Some((_, only)), Some(both)) = (only.as_mut(), both) {
                only.absorb(both, self.budget);
            }
            // A group for which memory ran short before its first checkpoint is none.
            let group = only.as_ref().map(|(_, group)| group).or(both).filter(|group| group.messages() > 0)?;
            if kind == Kind::Current {
                self.counters.add(Counter::CutBins, group.cut());
            }
            let info = self.edges.get(group.edge)?;
            let encode = |bins: &Bins| {
                let mut bytes = Vec::new();
                bins.encode(&mut bytes);
                bytes
            };
            let point = Point {
                edge_tags: info.tags.clone(),
                hash: group.hash,
                parent_hash: group.parent,
                pathway_latency: encode(&group.pathway_latency),
                edge_latency: encode(&group.edge_latency),
                payload_size: encode(&group.payload_size),
                timestamp_type: Some(if kind == Kind::Origin { TimestampType::Origin } else { TimestampType::Current }),
                ..Point::default()
            };
            Some((point, group.messages(), info.service.clone()))
        };
        for (only, kind) in [(current, Kind::Current), (origin, Kind::Origin)] {
            let Some((point, messages, service)) = point(only, kind) else { continue };
            let bytes = POINT_BYTES
                + point.edge_tags.iter().map(|tag| tag.len() + 5).sum::<usize>()
                + point.pathway_latency.len()
                + point.edge_latency.len()
                + point.payload_size.len();
            open.add(self, service, start_ns, bytes, |assembled, bucket| {
                bucket.stats.push(point);
                if kind == Kind::Current {
                    assembled.0 += messages;
                }
            });
        }
    }

    fn backlog(&self, start_ns: i64, edge: u32, partition: i32, offset: i64, open: &mut Open<'_>) {
        let Some(info) = self.edges.get(edge) else { return };
        let tags: Tags = if partition == NO_PARTITION {
            info.tags.clone()
        } else {
            let mut tags = info.tags.to_vec();
            tags.push(format!("partition:{partition}").into());
            tags.sort_unstable();
            tags.into()
        };
        let bytes = 32 + tags.iter().map(|tag| tag.len() + 5).sum::<usize>();
        open.add(self, info.service.clone(), start_ns, bytes, |_, bucket| {
            bucket.backlogs.push(payload::Backlog { tags, value: offset });
        });
    }

    fn transactions(&self, start_ns: i64, bucket: &Bucket, open: &mut Open<'_>) {
        if bucket.transactions.is_empty() {
            return;
        }
        open.add(self, None, start_ns, bucket.transactions.len(), |assembled, into| {
            into.transactions.extend_from_slice(&bucket.transactions);
            into.transaction_checkpoint_ids = self.names.table();
            assembled.1 += bucket.transaction_count;
        });
    }

    fn done(&self, shard: usize, mut group: Group, leftover: &mut BTreeMap<usize, Leftover>) {
        if self.budget.is_easy() {
            group.reset();
            leftover.entry(shard).or_default().groups.push(group);
        } else {
            self.budget.release(group.bytes());
        }
    }

    fn payload(&self, service: Option<&str>) -> Payload {
        let settings = self.settings;
        Payload {
            env: settings.env.clone(),
            service: service.unwrap_or(&settings.service).to_owned(),
            primary_tag: settings.primary_tag.clone(),
            version: settings.version.clone(),
            tracer_version: settings.library_version.clone(),
            lang: settings.language.clone(),
            hostname: settings.hostname.clone(),
            tags: settings.tags.to_vec(),
            process_tags: settings.process_tags.to_vec(),
            product_mask: Some(payload::PRODUCT_DATA_STREAMS),
            ..Payload::default()
        }
    }
}

impl Open<'_> {
    fn add(
        &mut self,
        assembler: &Assembler<'_>,
        service: Option<Box<str>>,
        start_ns: i64,
        bytes: usize,
        put: impl FnOnce(&mut (u64, u64), &mut payload::Bucket),
    ) {
        let (assembled, size) = self.by_service.entry(service.clone()).or_insert_with(|| {
            let payload = assembler.payload(service.as_deref());
            (Assembled { payload, messages: 0, transactions: 0 }, 0)
        });
        let start = start_ns.unsigned_abs();
        let stats = &mut assembled.payload.stats;
        if stats.last().is_none_or(|bucket| bucket.start != start) {
            let duration = DURATION_NS.unsigned_abs();
            stats.push(payload::Bucket { start, duration, ..payload::Bucket::default() });
        }
        let mut counts = (assembled.messages, assembled.transactions);
        if let Some(bucket) = stats.last_mut() {
            put(&mut counts, bucket);
        }
        (assembled.messages, assembled.transactions) = counts;
        *size += bytes;
        self.bytes += bytes;
        if *size >= FULL_BYTES {
            self.bytes -= *size;
            if let Some((full, _)) = self.by_service.remove(&service) {
                (self.sink)(full);
            }
        } else if self.bytes >= OPEN_BYTES {
            self.finish();
        }
    }

    fn finish(&mut self) {
        self.bytes = 0;
        for (_, (assembled, _)) in std::mem::take(&mut self.by_service) {
            (self.sink)(assembled);
        }
    }
}

/// Encodes and compresses a payload, cut into as many pieces as it takes to keep each within `limit` bytes. A piece
/// with a single item is made however large it is. What cannot be encoded is missing from the pieces.
pub fn pieces(payload: Payload, messages: u64, transactions: u64, limit: usize, sink: &mut dyn FnMut(Piece)) {
    let Ok(body) = payload.encode().and_then(|raw| payload::gzip(&raw)) else { return };
    if body.len() <= limit {
        return sink(Piece { body: body.into(), messages, transactions });
    }
    match payload.halves() {
        Halves::One(_) => sink(Piece { body: body.into(), messages, transactions }),
        Halves::Two(halves) => {
            let [first, second] = *halves;
            let counts = (first.messages(), first.transactions());
            let rest = (messages.saturating_sub(counts.0), transactions.saturating_sub(counts.1));
            pieces(first, counts.0, counts.1, limit, sink);
            pieces(second, rest.0, rest.1, limit, sink);
        }
    }
}

/// Cuts a body that the agent found too large: `None` when it holds a single item, no pieces when it cannot be read.
#[must_use]
pub fn cut(body: &[u8], limit: usize) -> Option<Vec<Piece>> {
    let read = payload::gunzip(body, READ_BYTES).and_then(|raw| Payload::decode(&raw));
    let Ok(payload) = read else { return Some(Vec::new()) };
    match payload.halves() {
        Halves::One(_) => None,
        Halves::Two(halves) => {
            let mut all = Vec::new();
            let [first, second] = *halves;
            for half in [first, second] {
                let (messages, transactions) = (half.messages(), half.transactions());
                pieces(half, messages, transactions, limit, &mut |piece| all.push(piece));
            }
            Some(all)
        }
    }
}
