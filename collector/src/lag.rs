//! How far groups are behind: in messages, and in seconds.

use crate::graph::Clusters;
use crate::history::{History, ReadError};
use crate::model::backlogs::{End, Lag};
use crate::model::edge::fingerprint;
use crate::model::stats::{LATE_S, SECOND_NS};
use crate::view::{Range, View};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// The most partitions of a group that are listed.
const MAX_LISTED: usize = 1000;
/// The most offsets that are looked at for one answer; the lag in seconds of what is beyond is not known.
const MAX_STEPS: usize = 500_000;

/// How far a group is behind in a partition.
#[derive(Clone, Debug)]
pub(crate) struct PartitionLag {
    pub(crate) lag: Lag,
    /// `None`: it cannot be known.
    pub(crate) seconds: Option<f64>,
}

/// Tells the lags of the end of a range; those of the last reports when it ends now.
pub(crate) fn evaluate(
    history: &History,
    lags: Vec<Lag>,
    range: &Range,
    now_ns: i64,
) -> Result<Vec<PartitionLag>, ReadError> {
    let now = now_ns as f64 / SECOND_NS as f64;
    let mut steps = MAX_STEPS;
    let mut all = Vec::with_capacity(lags.len());
    for mut lag in lags {
        let (until, at) = if range.past {
            if !set_back(history, &mut lag, range.to)? {
                continue;
            }
            (range.to, range.to as f64)
        } else {
            // A commit is news for as long as a bucket may be on its way; then it counts that none came.
            let known = lag.committed_at.map_or(f64::MIN, |at| (at as f64).min(now));
            (i64::MAX, known.max(now - LATE_S as f64))
        };
        let seconds = match lag.messages {
            None => None,
            Some(0) => Some(0.0),
            Some(_) if lag.committed_at.is_none() => None,
            Some(_) => {
                let produced = crossing(history, &lag.ends, lag.committed, until, now as i64, &mut steps)?;
                produced.map(|produced| (at - produced).max(0.0))
            }
        };
        all.push(PartitionLag { lag, seconds });
    }
    Ok(all)
}

/// Sets a lag to what it was; `false`: nothing was known then.
fn set_back(history: &History, lag: &mut Lag, to: i64) -> Result<bool, ReadError> {
    let last = |series| {
        let mut last = None;
        history.back(series, to, |at, value| {
            last = Some((at, value));
            ControlFlow::Break(())
        })?;
        Ok::<_, ReadError>(last)
    };
    let mut committed: Option<(i64, i64)> = None;
    for &series in &lag.commits {
        committed = committed.max(last(series)?);
    }
    let Some((at, committed)) = committed else { return Ok(false) };
    let mut end: Option<(i64, i64)> = None;
    for known in &lag.ends {
        end = end.max(last(known.series)?.map(|(at, value)| (at, value.saturating_add(known.plus))));
    }
    lag.committed = committed;
    lag.committed_at = Some(at);
    lag.end = end.map(|(_, end)| end);
    lag.messages = lag.end.map(|end| end.saturating_sub(committed).max(0));
    Ok(true)
}

/// When the message at an offset was produced, in seconds: when the end of its partition passed it. `None`: the end was
/// beyond it as far back as is known.
fn crossing(
    history: &History,
    ends: &[End],
    offset: i64,
    until: i64,
    now: i64,
    steps: &mut usize,
) -> Result<Option<f64>, ReadError> {
    let mut earliest: Option<f64> = None;
    for end in ends {
        let (mut above, mut below) = (None, None);
        history.back(end.series, until, |at, value| {
            let known = (at, value.saturating_add(end.plus));
            *steps = steps.saturating_sub(1);
            if known.1 <= offset {
                below = Some(known);
                return ControlFlow::Break(());
            }
            above = Some(known);
            if *steps == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if let (Some(above), Some(below)) = (above, below) {
            let at = between(below, above, offset, history.offset_width(above.0, now));
            earliest = Some(earliest.map_or(at, |known| known.min(at)));
        }
    }
    Ok(earliest)
}

/// When the end passed an offset, as if messages came evenly between two reports: over the width of one at the most, since
/// nothing is reported while nothing comes.
pub(crate) fn between(below: (i64, i64), above: (i64, i64), offset: i64, width: i64) -> f64 {
    let from = below.0.max(above.0 - width) as f64;
    let part = (offset.saturating_add(1) - below.1) as f64 / (above.1 - below.1) as f64;
    from + (above.0 as f64 - from) * part.clamp(0.0, 1.0)
}

/// Environment, type, cluster, topic and group.
pub(crate) type GroupKey<'a> = [&'a str; 5];

/// A group and its partitions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group<'a> {
    pub(crate) partitions: Vec<&'a PartitionLag>,
}

impl Group<'_> {
    /// Messages over the partitions of which they are known, and how many these are.
    pub(crate) fn messages(&self) -> Option<(i64, u64)> {
        let known = self.partitions.iter().filter_map(|partition| partition.lag.messages);
        known.fold(None, |sum, messages| {
            let (all, count) = sum.unwrap_or((0i64, 0));
            Some((all.saturating_add(messages), count + 1))
        })
    }

    /// That of the partition furthest behind.
    pub(crate) fn seconds(&self) -> Option<f64> {
        greatest(self.partitions.iter().map(|partition| (partition.lag.messages, partition.seconds)))
    }
}

/// The greatest of some lags in seconds; `None` when all that is known is that others are not behind.
pub(crate) fn greatest(lags: impl Iterator<Item = (Option<i64>, Option<f64>)>) -> Option<f64> {
    let (mut greatest, mut unknown) = (None::<f64>, false);
    for (messages, seconds) in lags {
        unknown |= messages.is_some_and(|messages| messages > 0) && seconds.is_none();
        greatest = greatest.into_iter().chain(seconds).reduce(f64::max);
    }
    greatest.filter(|&seconds| seconds > 0.0 || !unknown)
}

/// All groups of a view, in order.
pub(crate) fn groups<'a>(view: &'a View, clusters: &Clusters<'a>) -> BTreeMap<GroupKey<'a>, Group<'a>> {
    let mut groups: BTreeMap<GroupKey<'a>, Group<'a>> = BTreeMap::new();
    for partition in &view.lags {
        let of = &partition.lag.partition;
        if view.env.as_ref().is_some_and(|env| **env != *of.env) {
            continue;
        }
        let cluster = match &*of.cluster {
            "" => clusters.only([&of.env, &of.kind, &of.topic]).unwrap_or_default(),
            known => known,
        };
        let key = [&*of.env, &*of.kind, cluster, &*of.topic, &*partition.lag.group];
        groups.entry(key).or_default().partitions.push(partition);
    }
    groups
}

/// The name of a group in links.
pub(crate) fn id(key: &GroupKey<'_>) -> String {
    format!("{:016x}", fingerprint(["lag"].into_iter().chain(key.iter().copied())))
}

/// `GET /api/lag`.
#[derive(Debug, Serialize)]
pub(crate) struct Lags<'a> {
    now_ms: i64,
    from_ms: i64,
    to_ms: i64,
    pub(crate) groups: Vec<Listed<'a>>,
}

/// A group as it is listed.
#[derive(Debug, Serialize)]
pub(crate) struct Listed<'a> {
    id: String,
    env: &'a str,
    r#type: &'a str,
    cluster: &'a str,
    topic: &'a str,
    group: &'a str,
    messages: Option<i64>,
    seconds: Option<f64>,
    partition_count: usize,
    partitions: Vec<ListedPartition<'a>>,
}

#[derive(Debug, Serialize)]
struct ListedPartition<'a> {
    partition: &'a str,
    committed: i64,
    end: Option<i64>,
    messages: Option<i64>,
    seconds: Option<f64>,
}

pub(crate) fn list(view: &View) -> Lags<'_> {
    let clusters = Clusters::new(view);
    let groups = groups(view, &clusters).into_iter().map(|(key, group)| {
        let [env, kind, cluster, topic, name] = key;
        let mut partitions = group.partitions.clone();
        // Those furthest behind first, in a fixed order.
        partitions.sort_by_key(|partition| std::cmp::Reverse(partition.lag.messages));
        let listed = partitions.iter().take(MAX_LISTED).map(|partition| ListedPartition {
            partition: &partition.lag.partition.partition,
            committed: partition.lag.committed,
            end: partition.lag.end,
            messages: partition.lag.messages,
            seconds: partition.seconds,
        });
        Listed {
            id: id(&key),
            env,
            r#type: kind,
            cluster,
            topic,
            group: name,
            messages: group.messages().map(|(messages, _)| messages),
            seconds: group.seconds(),
            partition_count: partitions.len(),
            partitions: listed.collect(),
        }
    });
    Lags {
        now_ms: view.now_ns / 1_000_000,
        from_ms: view.range.ms().0,
        to_ms: view.range.ms().1,
        groups: groups.collect(),
    }
}
