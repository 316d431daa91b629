//! Where the numbers come from: all that the export knows of the model.

use super::labels::{short, system};
use super::lag::{Behind, Group, Lags};
use super::prometheus::About;
use super::{Exports, Passed};
use crate::collect::server::Shared;
use crate::graph;
use crate::model::Model;
use crate::model::stats::{EdgeStats, Window};
use serde_json::Value;
use std::sync::Arc;

impl<'a> From<&'a EdgeStats> for Passed<'a> {
    fn from(stats: &'a EdgeStats) -> Self {
        Self {
            messages: stats.messages,
            edge_latency: &stats.edge_latency,
            pathway_latency: &stats.pathway_latency,
            payload_size: &stats.payload_size,
        }
    }
}

/// What is counted.
pub(crate) fn exports(shared: &Shared) -> Arc<Exports> {
    shared.lock().model.exports.clone()
}

/// What the collector tells of itself, and the lags.
pub(crate) fn about(shared: &Shared) -> About {
    let model = &shared.lock().model;
    About::new(&model.received, &model.cut, lags(model))
}

/// The map, for Grafana.
pub(crate) fn panel(shared: &Shared, window: Window, now_ns: i64) -> Value {
    super::grafana::data(&graph::graph(&shared.lock().model, window, now_ns))
}

/// The lag of every group that is known.
fn lags(model: &Model) -> Lags {
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
        lags.add(group, Behind { messages, seconds: None });
    }
    lags
}
