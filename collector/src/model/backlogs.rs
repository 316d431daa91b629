//! How far producers and consumers have come: offsets by queue, partition and group.

use datastreams_core::payload::Backlog;
use std::collections::{BTreeMap, BTreeSet};

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

/// An offset and when it was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dated {
    at_ns: i64,
    offset: i64,
}

impl Dated {
    /// Of one bucket the greatest offset counts: it comes in several parts, in any order. Of two buckets the later one
    /// counts, though its offset be lower: a group may be set back, and a topic made anew.
    fn or(self, other: Self) -> Self {
        if (self.at_ns, self.offset) < (other.at_ns, other.offset) { other } else { self }
    }
}

impl Partition {
    /// The queue it belongs to, whatever the cluster.
    fn queue(&self) -> [&str; 3] {
        [&self.env, &self.kind, &self.topic]
    }
}

/// What is known of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Offsets {
    /// The offset of the last record produced.
    produced: Option<Dated>,
    /// The high watermark: the offset of the next record.
    high: Option<Dated>,
    /// By group, the offset of the next record to read.
    committed: BTreeMap<Box<str>, Dated>,
}

impl Offsets {
    /// The offset of the next record, as far as is known.
    fn end(&self) -> Option<i64> {
        let produced = self.produced.map(|produced| produced.offset.saturating_add(1));
        produced.max(self.high.map(|high| high.offset))
    }

    fn merge(&mut self, other: &Self) {
        keep(&mut self.produced, other.produced);
        keep(&mut self.high, other.high);
        for (group, &offset) in &other.committed {
            let known = self.committed.entry(group.clone()).or_insert(offset);
            *known = known.or(offset);
        }
    }
}

fn keep(known: &mut Option<Dated>, new: Option<Dated>) {
    if let Some(new) = new {
        *known = Some(known.map_or(new, |known| known.or(new)));
    }
}

/// How far a group is behind in a partition.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Lag {
    pub(crate) env: Box<str>,
    #[serde(rename = "type")]
    pub(crate) kind: Box<str>,
    pub(crate) cluster: Box<str>,
    pub(crate) topic: Box<str>,
    pub(crate) partition: Box<str>,
    pub(crate) group: Box<str>,
    pub(crate) committed: i64,
    /// `None`: neither a producer nor a high watermark was seen.
    pub(crate) end: Option<i64>,
    pub(crate) lag: Option<i64>,
}

/// All offsets.
#[derive(Debug, Default)]
pub(crate) struct Backlogs {
    partitions: BTreeMap<Partition, Offsets>,
    /// Partitions, and groups in them.
    len: usize,
}

/// What became of an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Yes,
    /// There are too many partitions and groups.
    Full,
    /// It is neither a produced nor a committed offset nor a high watermark, or it is negative: unknown.
    Ignored,
}

impl Backlogs {
    /// Takes an offset that was right at `at_ns`. Keeps the latest ones, of at most `max` partitions and groups.
    pub(crate) fn add(&mut self, env: &str, backlog: &Backlog, at_ns: i64, max: usize) -> Taken {
        let tag = |key: &str| backlog.tags.iter().find_map(|tag| tag.strip_prefix(key)?.strip_prefix(':'));
        let Some((kind, what)) = tag("type").and_then(kind) else { return Taken::Ignored };
        let topic = tag("topic").unwrap_or_default();
        let cluster = tag("kafka_cluster_id").unwrap_or_default();
        let partition = tag("partition").unwrap_or_default();
        let group = tag("consumer_group").or(tag("group")).unwrap_or_default();
        if backlog.value < 0 {
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
        let full = self.len >= max;
        let known = self.partitions.get_mut(&key);
        if full && known.is_none() {
            return Taken::Full;
        }
        let mut added = usize::from(known.is_none());
        let offsets = match known {
            Some(offsets) => offsets,
            None => self.partitions.entry(key).or_default(),
        };
        // 0 is also what tracers send for an offset that they do not know (dd-trace-py and -rb, and -js as nil): it
        // counts only as long as nothing else is known.
        let at_ns = if backlog.value == 0 { i64::MIN } else { at_ns };
        let new = Dated { at_ns, offset: backlog.value };
        match what {
            What::Produced => keep(&mut offsets.produced, Some(new)),
            What::High => keep(&mut offsets.high, Some(new)),
            What::Committed => match offsets.committed.get_mut(group) {
                Some(known) => *known = known.or(new),
                None if full => return Taken::Full,
                None => {
                    offsets.committed.insert(group.into(), new);
                    added += 1;
                }
            },
        }
        self.len += added;
        Taken::Yes
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
        let mut merged: BTreeMap<Partition, Offsets> = BTreeMap::new();
        for (partition, offsets) in &self.partitions {
            let mut key = partition.clone();
            if let Some(clusters) = clusters.get(&key.queue())
                && clusters.len() == 1
            {
                key.cluster = clusters.first().copied().unwrap_or_default().into();
            }
            merged.entry(key).or_default().merge(offsets);
        }
        let lags = merged.into_iter().flat_map(|(partition, offsets)| {
            let end = offsets.end();
            offsets.committed.into_iter().map(move |(group, committed)| Lag {
                env: partition.env.clone(),
                kind: partition.kind.clone(),
                cluster: partition.cluster.clone(),
                topic: partition.topic.clone(),
                partition: partition.partition.clone(),
                group,
                committed: committed.offset,
                end,
                // A commit may overtake the news of what it commits.
                lag: end.map(|end| end.saturating_sub(committed.offset).max(0)),
            })
        });
        lags.collect()
    }
}

enum What {
    Produced,
    Committed,
    High,
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

    fn add_at(backlogs: &mut Backlogs, at_ns: i64, tags: &[&str], value: i64) -> Taken {
        let tags = tags.iter().map(|&tag| tag.into()).collect();
        backlogs.add("e", &Backlog { tags, value }, at_ns, 8)
    }

    fn lags(backlogs: &Backlogs) -> Vec<(String, String, Option<i64>)> {
        let names = |lag: &Lag| format!("{}/{}/{}", lag.cluster, lag.topic, lag.partition);
        backlogs.lags().iter().map(|lag| (names(lag), lag.group.to_string(), lag.lag)).collect()
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
        assert_eq!(add(&mut all, &["type:kafka_commit", &"x".repeat(5000), "topic:t"], 1), Taken::Yes);
        assert_eq!(add(&mut all, &["type:kafka_commit", &format!("topic:{}", "x".repeat(5000))], 1), Taken::Full);
        for partition in 0..20 {
            add(&mut all, &["type:kafka_produce", "topic:u", &format!("partition:{partition}")], 1);
        }
        assert_eq!((all.len, all.partitions.len()), (8, 7), "a partition and its group, and six more");
        assert_eq!(add(&mut all, &["type:kafka_produce", "topic:u", "partition:0"], 2), Taken::Yes, "known ones go on");
    }
}
