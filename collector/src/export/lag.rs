//! How far groups are behind, as gauges.

use super::labels::{short, system};
use crate::model::Model;
use std::collections::BTreeMap;

/// The most groups that are told of; the model bounds partitions, not these.
const MAX_GROUPS: usize = 2000;

/// A group and its queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// The greatest of all partitions; `None`: it cannot be known.
    pub(crate) seconds: Option<f64>,
}

/// The lag of every group that is known, and how many groups did not fit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lags {
    pub(crate) groups: BTreeMap<Group, Behind>,
    pub(crate) omitted: u64,
}

pub(crate) fn lags(model: &Model) -> Lags {
    let mut lags = Lags::default();
    for lag in model.backlogs.lags() {
        let Some(messages) = lag.lag else { continue };
        let group = Group {
            env: short(&lag.env),
            system: short(system(&lag.kind)),
            cluster: short(&lag.cluster),
            destination: short(&lag.topic),
            group: short(&lag.group),
        };
        if lags.groups.len() >= MAX_GROUPS && !lags.groups.contains_key(&group) {
            lags.omitted += 1;
            continue;
        }
        let behind = lags.groups.entry(group).or_default();
        behind.messages = behind.messages.saturating_add(messages);
    }
    lags
}
