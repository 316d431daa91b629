//! How far producers and consumers have come: offsets by queue, partition and group.

use crate::history::levels::SLOT;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most bytes of the names of one queue.
const MAX_NAME: usize = 4096;

/// One partition of a queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Partition {
    pub(crate) env: Box<str>,
    /// Such as `kafka`.
    pub(crate) kind: Box<str>,
    pub(crate) topic: Box<str>,
    /// Equal topics of several clusters are not one. Empty: the client did not tell.
    pub(crate) cluster: Box<str>,
    pub(crate) partition: Box<str>,
}

/// An offset and when it was right, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dated {
    at: i64,
    offset: i64,
}

impl Dated {
    /// Of one bucket the greatest offset counts: it comes in several parts, in any order. Of two buckets the later one
    /// counts, though its offset be lower: a group may be set back, and a topic made anew.
    fn or(self, other: Self) -> Self {
        if (self.at, self.offset) < (other.at, other.offset) { other } else { self }
    }
}

impl Partition {
    /// The queue it belongs to, whatever the cluster.
    fn queue(&self) -> [&str; 3] {
        [&self.env, &self.kind, &self.topic]
    }
}

/// The number of a series of offsets: never used again, and the same after a restart.
pub(crate) type SeriesId = u32;

/// Whose offsets a series has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeriesKey {
    pub(crate) partition: Partition,
    pub(crate) what: What,
    /// Of those committed.
    pub(crate) group: Box<str>,
}

impl SeriesKey {
    /// Bytes of its texts.
    pub(crate) fn bytes(&self) -> usize {
        let Partition { env, kind, topic, cluster, partition } = &self.partition;
        [env, kind, topic, cluster, partition, &self.group].iter().map(|text| text.len()).sum()
    }
}

/// A series and its last offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    series: SeriesId,
    last: Dated,
    /// The last slot, in seconds, whatever its offset.
    seen: i64,
}

/// What is known of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Offsets {
    /// The offset of the last record produced.
    produced: Option<Known>,
    /// The high watermark: the offset of the next record.
    high: Option<Known>,
    /// By group, the offset of the next record to read.
    committed: BTreeMap<Box<str>, Known>,
}

/// A series that tells the end of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) series: SeriesId,
    /// What makes the next offset of its offsets: 1 for those of the last record produced.
    pub(crate) plus: i64,
}

/// A partition as all clients together tell it.
#[derive(Clone, Debug, Default)]
struct Merged<'a> {
    end: Option<Dated>,
    ends: Vec<End>,
    committed: BTreeMap<&'a str, (Dated, Vec<SeriesId>)>,
}

impl<'a> Merged<'a> {
    fn add(&mut self, offsets: &'a Offsets) {
        for (known, plus) in [(offsets.produced, 1), (offsets.high, 0)] {
            let Some(Known { series, last, .. }) = known else { continue };
            self.ends.push(End { series, plus });
            let end = Dated { offset: last.offset.saturating_add(plus), ..last };
            self.end = Some(self.end.map_or(end, |known| known.or(end)));
        }
        for (group, known) in &offsets.committed {
            let (last, series) = self.committed.entry(group).or_insert((known.last, Vec::new()));
            *last = last.or(known.last);
            series.push(known.series);
        }
    }
}

/// How far a group is behind in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lag {
    pub(crate) partition: Partition,
    pub(crate) group: Box<str>,
    pub(crate) committed: i64,
    /// When that was right, in seconds; `None`: it is the 0 that some send for what they do not know.
    pub(crate) committed_at: Option<i64>,
    /// `None`: neither a producer nor a high watermark was seen.
    pub(crate) end: Option<i64>,
    pub(crate) messages: Option<i64>,
    /// The series that tell the end, and those of the group.
    pub(crate) ends: Vec<End>,
    pub(crate) commits: Vec<SeriesId>,
}

/// All offsets.
#[derive(Debug, Default)]
pub(crate) struct Backlogs {
    partitions: BTreeMap<Partition, Offsets>,
    /// Partitions, and groups in them.
    len: usize,
    last: SeriesId,
}

/// What became of an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// With its series, whose key comes with the first.
    Yes { series: SeriesId, new: Option<Arc<SeriesKey>> },
    /// There are too many partitions and groups.
    Full,
    /// It is neither a produced nor a committed offset nor a high watermark, or it is negative: unknown.
    Ignored,
}

impl Backlogs {
    /// Takes an offset of the bucket at `slot`, in seconds; `tag` gives the values of its tags. Keeps the latest ones, of at
    /// most `max` partitions and groups.
    pub(crate) fn add<'a>(
        &mut self,
        env: &str,
        tag: impl Fn(&str) -> Option<Cow<'a, str>>,
        offset: i64,
        slot: i64,
        max: usize,
    ) -> Taken {
        let name = tag("type").unwrap_or_default();
        let Some((kind, what)) = kind(&name) else { return Taken::Ignored };
        let topic = &*tag("topic").unwrap_or_default();
        let cluster = &*tag("kafka_cluster_id").unwrap_or_default();
        let partition = &*tag("partition").unwrap_or_default();
        let group = &*match what {
            What::Committed => tag("consumer_group").or_else(|| tag("group")).unwrap_or_default(),
            What::Produced | What::High => Cow::default(),
        };
        if offset < 0 {
            return Taken::Ignored;
        }
        let bytes: usize = [env, kind, topic, cluster, partition, group].iter().map(|text| text.len()).sum();
        if bytes > MAX_NAME {
            return Taken::Full;
        }
        let key = Partition {
            env: env.into(),
            kind: kind.into(),
            topic: topic.into(),
            cluster: cluster.into(),
            partition: partition.into(),
        };
        // It is right at the end of the bucket. 0 is also what tracers send for an offset that they do not know
        // (dd-trace-py and -rb, and -js as nil): it counts only as long as nothing else is known.
        let at = if offset == 0 { i64::MIN } else { slot + SLOT };
        let new = Dated { at, offset };
        if let Some(known) = self.known(&key, what, group) {
            known.last = known.last.or(new);
            known.seen = known.seen.max(slot);
            return Taken::Yes { series: known.series, new: None };
        }
        let added = usize::from(!self.partitions.contains_key(&key)) + usize::from(what == What::Committed);
        if added > 0 && self.len >= max {
            return Taken::Full;
        }
        let Some(series) = self.last.checked_add(1) else { return Taken::Full };
        self.insert(&key, what, group, Known { series, last: new, seen: slot });
        Taken::Yes { series, new: Some(Arc::new(SeriesKey { partition: key, what, group: group.into() })) }
    }

    fn known(&mut self, key: &Partition, what: What, group: &str) -> Option<&mut Known> {
        let offsets = self.partitions.get_mut(key)?;
        match what {
            What::Produced => offsets.produced.as_mut(),
            What::High => offsets.high.as_mut(),
            What::Committed => offsets.committed.get_mut(group),
        }
    }

    fn insert(&mut self, key: &Partition, what: What, group: &str, known: Known) {
        self.last = self.last.max(known.series);
        self.len += usize::from(!self.partitions.contains_key(key)) + usize::from(what == What::Committed);
        let offsets = self.partitions.entry(key.clone()).or_default();
        match what {
            What::Produced => offsets.produced = Some(known),
            What::High => offsets.high = Some(known),
            What::Committed => {
                offsets.committed.insert(group.into(), known);
            }
        }
    }

    /// Takes over a series and its last offset; without one it had none but 0, and counts as seen at `now`, in seconds.
    pub(super) fn restore(&mut self, series: SeriesId, key: &SeriesKey, latest: Option<(i64, i64)>, now: i64) {
        let (at, offset) = latest.unwrap_or((i64::MIN, 0));
        let seen = if latest.is_some() { at.saturating_sub(SLOT) } else { now };
        let known = Known { series, last: Dated { at, offset }, seen };
        self.insert(&key.partition, key.what, &key.group, known);
    }

    /// Gives no number up to this one again.
    pub(super) fn go_on_after(&mut self, last: SeriesId) {
        self.last = self.last.max(last);
    }

    /// Forgets series that were not seen since, and returns them.
    pub(super) fn forget_before(&mut self, oldest: i64) -> Vec<SeriesId> {
        let mut gone = Vec::new();
        let mut old = |known: &Known| {
            let old = known.seen < oldest;
            if old {
                gone.push(known.series);
            }
            old
        };
        self.partitions.retain(|_, offsets| {
            let Offsets { produced, high, committed } = offsets;
            for end in [&mut *produced, &mut *high] {
                end.take_if(|known| old(known));
            }
            committed.retain(|_, known| !old(known));
            produced.is_some() || high.is_some() || !committed.is_empty()
        });
        self.len = self.partitions.values().map(|offsets| 1 + offsets.committed.len()).sum();
        gone
    }

    /// The queues whose cluster is known, with it: environment, type, topic, cluster.
    pub(crate) fn clusters(&self) -> impl Iterator<Item = [&str; 4]> {
        let known = self.partitions.keys().filter(|partition| !partition.cluster.is_empty());
        known.map(|partition| [&*partition.env, &*partition.kind, &*partition.topic, &*partition.cluster])
    }

    /// The lag of every group in every partition, those behind and those not. A client that does not tell the cluster
    /// is taken to mean the only one in which others know the topic.
    pub(crate) fn lags(&self) -> Vec<Lag> {
        let mut clusters: BTreeMap<[&str; 3], BTreeSet<&str>> = BTreeMap::new();
        for key in self.partitions.keys().filter(|key| !key.cluster.is_empty()) {
            clusters.entry(key.queue()).or_default().insert(&key.cluster);
        }
        let mut merged: BTreeMap<Partition, Merged<'_>> = BTreeMap::new();
        for (partition, offsets) in &self.partitions {
            let mut key = partition.clone();
            if let Some(clusters) = clusters.get(&key.queue())
                && clusters.len() == 1
            {
                key.cluster = clusters.first().copied().unwrap_or_default().into();
            }
            merged.entry(key).or_default().add(offsets);
        }
        let lags = merged.into_iter().flat_map(|(partition, Merged { end, ends, committed })| {
            let end = end.map(|end| end.offset);
            committed.into_iter().map(move |(group, (last, commits))| Lag {
                partition: partition.clone(),
                group: group.into(),
                committed: last.offset,
                committed_at: (last.at != i64::MIN).then_some(last.at),
                end,
                // A commit may overtake the news of what it commits.
                messages: end.map(|end| end.saturating_sub(last.offset).max(0)),
                ends: ends.clone(),
                commits,
            })
        });
        lags.collect()
    }
}

/// What an offset says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Produced,
    Committed,
    High,
}

impl What {
    pub(crate) const ALL: [Self; 3] = [Self::Produced, Self::Committed, Self::High];
}

fn kind(name: &str) -> Option<(&str, What)> {
    let suffixes = [("_produce", What::Produced), ("_commit", What::Committed), ("_high_watermark", What::High)];
    suffixes.into_iter().find_map(|(suffix, what)| Some((name.strip_suffix(suffix)?, what)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(backlogs: &mut Backlogs, tags: &[&str], value: i64) -> Taken {
        add_at(backlogs, 0, tags, value)
    }

    fn add_at(backlogs: &mut Backlogs, slot: i64, tags: &[&str], value: i64) -> Taken {
        let tag = |key: &str| tags.iter().find_map(|tag| Some(tag.strip_prefix(key)?.strip_prefix(':')?.into()));
        backlogs.add("e", tag, value, slot, 8)
    }

    fn taken(taken: Taken) -> bool {
        matches!(taken, Taken::Yes { .. })
    }

    fn lags(backlogs: &Backlogs) -> Vec<(String, String, Option<i64>)> {
        let names =
            |lag: &Lag| format!("{}/{}/{}", lag.partition.cluster, lag.partition.topic, lag.partition.partition);
        backlogs.lags().iter().map(|lag| (names(lag), lag.group.to_string(), lag.messages)).collect()
    }

    #[test]
    fn commit_against_produce_and_high_watermark() {
        let mut all = Backlogs::default();
        add(&mut all, &["type:kafka_commit", "topic:t", "partition:1", "consumer_group:g"], 5);
        assert_eq!(lags(&all), [("/t/1".into(), "g".into(), None)], "no end is known");
        add(&mut all, &["type:kafka_produce", "topic:t", "partition:1"], 9);
        assert_eq!(lags(&all), [("/t/1".into(), "g".into(), Some(5))], "5, 6, 7, 8 and 9 are to be read");
        add(&mut all, &["partition:1", "topic:t", "type:kafka_high_watermark"], 12);
        add(&mut all, &["type:kafka_produce", "topic:t", "partition:1"], 3);
        assert_eq!(lags(&all), [("/t/1".into(), "g".into(), Some(7))], "the greatest end");
        add(&mut all, &["type:kafka_commit", "topic:t", "partition:1", "consumer_group:g"], 20);
        add(&mut all, &["type:kafka_commit", "topic:t", "partition:1", "consumer_group:g"], 4);
        assert_eq!(lags(&all), [("/t/1".into(), "g".into(), Some(0))], "never negative, never back");
    }

    #[test]
    fn a_later_bucket_counts_even_when_its_offsets_are_lower() {
        let mut all = Backlogs::default();
        let commit = ["type:kafka_commit", "topic:t", "partition:1", "consumer_group:g"];
        let produce = ["type:kafka_produce", "topic:t", "partition:1"];
        add_at(&mut all, 10, &produce, 99);
        add_at(&mut all, 10, &commit, 90);
        assert_eq!(lags(&all), [("/t/1".into(), "g".into(), Some(10))]);
        add_at(&mut all, 20, &commit, 20);
        assert_eq!(lags(&all), [("/t/1".into(), "g".into(), Some(80))], "the group was set back");
        add_at(&mut all, 10, &commit, 95);
        assert_eq!(lags(&all), [("/t/1".into(), "g".into(), Some(80))], "a payload that was delivered late");
        add_at(&mut all, 30, &produce, 24);
        assert_eq!(lags(&all), [("/t/1".into(), "g".into(), Some(5))], "the topic was made anew");
        add_at(&mut all, 30, &[&produce[..], &["kafka_cluster_id:c"]].concat(), 29);
        assert_eq!(lags(&all), [("c/t/1".into(), "g".into(), Some(10))], "the same, merged over the only cluster");
        add_at(&mut all, 40, &commit, 0);
        add_at(&mut all, 40, &produce, 0);
        assert_eq!(lags(&all), [("c/t/1".into(), "g".into(), Some(10))], "0 means unknown to some");
    }

    #[test]
    fn clusters_are_apart_unless_there_is_one() {
        let mut all = Backlogs::default();
        add(&mut all, &["type:kafka_commit", "topic:t", "partition:0", "consumer_group:g"], 1);
        add(&mut all, &["type:kafka_produce", "topic:t", "partition:0", "kafka_cluster_id:a"], 10);
        assert_eq!(lags(&all), [("a/t/0".into(), "g".into(), Some(10))], "the client without a cluster id is in a");
        add(&mut all, &["type:kafka_produce", "topic:t", "partition:0", "kafka_cluster_id:b"], 3);
        assert_eq!(lags(&all), [("/t/0".into(), "g".into(), None)], "now it cannot be told");
        add(&mut all, &["type:kafka_commit", "topic:t", "partition:0", "kafka_cluster_id:b", "consumer_group:g"], 3);
        assert_eq!(lags(&all)[1], ("b/t/0".into(), "g".into(), Some(1)));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let mut all = Backlogs::default();
        assert_eq!(add(&mut all, &["type:weather", "topic:t"], 1), Taken::Ignored);
        assert_eq!(add(&mut all, &["topic:t"], 1), Taken::Ignored);
        assert_eq!(add(&mut all, &["type:kafka_commit", "topic:t"], -1), Taken::Ignored);
        assert!(taken(add(&mut all, &["type:kafka_commit", &"x".repeat(5000), "topic:t"], 1)));
        assert_eq!(add(&mut all, &["type:kafka_commit", &format!("topic:{}", "x".repeat(5000))], 1), Taken::Full);
        for partition in 0..20 {
            add(&mut all, &["type:kafka_produce", "topic:u", &format!("partition:{partition}")], 1);
        }
        assert_eq!((all.len, all.partitions.len()), (8, 7), "a partition and its group, and six more");
        assert!(taken(add(&mut all, &["type:kafka_produce", "topic:u", "partition:0"], 2)), "known ones go on");
        assert!(
            taken(add(&mut all, &["type:kafka_high_watermark", "topic:u", "partition:0"], 2)),
            "and what else is known"
        );
    }
}
