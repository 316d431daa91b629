//! How far producers and consumers have come: offsets by queue, partition and group.

use datastreams_core::payload::Backlog;
use std::collections::BTreeMap;

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

/// What is known of a partition. The greatest offsets are kept: reports come late and more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offsets {
    /// The offset of the last record produced.
    pub(crate) produced: Option<i64>,
    /// The high watermark: the offset of the next record.
    pub(crate) high: Option<i64>,
    /// By group, the offset of the next record to read.
    pub(crate) committed: BTreeMap<Box<str>, i64>,
}

impl Offsets {
    /// The offset of the next record, as far as is known.
    pub(crate) fn end(&self) -> Option<i64> {
        self.high.max(self.produced.map(|offset| offset.saturating_add(1)))
    }

    fn merge(&mut self, other: &Self) {
        self.produced = self.produced.max(other.produced);
        self.high = self.high.max(other.high);
        for (group, &offset) in &other.committed {
            let known = self.committed.entry(group.clone()).or_insert(offset);
            *known = offset.max(*known);
        }
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
    /// Keeps the greatest offsets, of at most `max` partitions and groups.
    pub(crate) fn add(&mut self, env: &str, backlog: &Backlog, max: usize) -> Taken {
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
        match what {
            What::Produced => offsets.produced = offsets.produced.max(Some(backlog.value)),
            What::High => offsets.high = offsets.high.max(Some(backlog.value)),
            What::Committed => match offsets.committed.get_mut(group) {
                Some(known) => *known = backlog.value.max(*known),
                None if full => return Taken::Full,
                None => {
                    offsets.committed.insert(group.into(), backlog.value);
                    added += 1;
                }
            },
        }
        self.len += added;
        Taken::Yes
    }

    /// The lag of every group in every partition, those behind and those not. A client that does not tell the cluster
    /// is taken to mean the only one in which others know the topic.
    pub(crate) fn lags(&self) -> Vec<Lag> {
        let mut merged = self.partitions.clone();
        for (partition, offsets) in &self.partitions {
            if let Some(cluster) = self.only_cluster(partition) {
                merged.remove(partition);
                merged.entry(Partition { cluster: cluster.into(), ..partition.clone() }).or_default().merge(offsets);
            }
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
                committed,
                end,
                // A commit may overtake the news of what it commits.
                lag: end.map(|end| end.saturating_sub(committed).max(0)),
            })
        });
        lags.collect()
    }

    fn only_cluster(&self, of: &Partition) -> Option<&str> {
        if !of.cluster.is_empty() {
            return None;
        }
        let same = |key: &&Partition| key.env == of.env && key.kind == of.kind && key.topic == of.topic;
        let mut clusters = self.partitions.range(of..).map(|(key, _)| key).take_while(same).map(|key| &*key.cluster);
        let only = clusters.clone().find(|cluster| !cluster.is_empty())?;
        clusters.all(|cluster| cluster.is_empty() || cluster == only).then_some(only)
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
        let tags = tags.iter().map(|&tag| tag.into()).collect();
        backlogs.add("e", &Backlog { tags, value }, 8)
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
