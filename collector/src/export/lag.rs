//! How far groups are behind, as gauges.

use std::collections::BTreeMap;

/// The most groups that are told of; the model bounds partitions, not these.
const MAX_GROUPS: usize = 2000;

/// A group and its queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    pub(crate) env: Box<str>,
    pub(crate) system: Box<str>,
    pub(crate) cluster: Box<str>,
    pub(crate) destination: Box<str>,
    pub(crate) group: Box<str>,
}

impl Group {
    /// The attributes that are not the resource's.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("messaging.system", &*self.system),
            ("messaging.destination.name", &*self.destination),
            ("messaging.consumer.group.name", &*self.group),
            ("datastreams.cluster", &*self.cluster),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty())
    }
}

/// How far it is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Behind {
    /// Over the partitions of which it is known.
    pub(crate) messages: i64,
    /// That of the partition furthest behind; `None`: it cannot be known.
    pub(crate) seconds: Option<f64>,
}

/// The lag of every group that is known, and how many groups did not fit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lags {
    pub(crate) groups: BTreeMap<Group, Behind>,
    pub(crate) omitted: u64,
}

impl Lags {
    /// Adds that of a group, or of another that has the same name once it is cut.
    pub(crate) fn add(&mut self, group: Group, behind: Behind) {
        if self.groups.len() >= MAX_GROUPS && !self.groups.contains_key(&group) {
            self.omitted += 1;
            return;
        }
        let sum = self.groups.entry(group).or_default();
        sum.messages = sum.messages.saturating_add(behind.messages);
        sum.seconds = sum.seconds.into_iter().chain(behind.seconds).reduce(f64::max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_one_name_add_up_and_the_oldest_counts() {
        let group = |name: &str| Group { group: name.into(), ..Group::default() };
        let mut lags = Lags::default();
        for (messages, seconds) in [(5, Some(1.5)), (7, None), (1, Some(9.0))] {
            lags.add(group("g"), Behind { messages, seconds });
        }
        assert_eq!(lags.groups[&group("g")], Behind { messages: 13, seconds: Some(9.0) });
        (0..MAX_GROUPS + 5).for_each(|at| lags.add(group(&at.to_string()), Behind::default()));
        assert_eq!((lags.groups.len(), lags.omitted), (MAX_GROUPS, 6));
    }
}
