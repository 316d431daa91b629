//! Where the numbers come from: all that the export knows of the model.

use super::labels::{short, system};
use super::lag::{Behind, Group, Lags};
use super::prometheus::About;
use super::{Exports, Passed};
use crate::collect::server::Shared;
use crate::model::parsed::Measured;
use crate::view::{Asked, Needs, View};
use std::sync::Arc;

impl<'a> From<&'a Measured<'a>> for Passed<'a> {
    fn from(measured: &'a Measured<'a>) -> Self {
        Self {
            messages: measured.messages,
            edge_latency: &measured.edge_latency,
            pathway_latency: &measured.pathway_latency,
            payload_size: measured.payload_size.as_ref(),
        }
    }
}

/// What is counted.
pub(crate) fn exports(shared: &Shared) -> Arc<Exports> {
    shared.store.model().exports.clone()
}

/// What the collector tells of itself, and the lags: none when the history, by which their seconds are known, cannot be
/// read.
pub(crate) fn about(shared: &Shared, now_ns: i64) -> About {
    let needs = Needs { lags: true, ..Needs::default() };
    match View::read(&shared.store, Asked::default(), None, needs, now_ns) {
        Ok(view) => About::new(&view.received, &view.cut, lags(&view)),
        Err(_) => {
            let model = shared.store.model();
            About::new(&model.received, &model.cut, Lags::default())
        }
    }
}

/// The lag of every group that is known.
fn lags(view: &View) -> Lags {
    let mut lags = Lags::default();
    for partition in &view.lags {
        let lag = &partition.lag;
        let Some(messages) = lag.messages else { continue };
        let group = Group {
            env: short(&lag.partition.env),
            system: short(system(&lag.partition.kind)),
            cluster: short(&lag.partition.cluster),
            destination: short(&lag.partition.topic),
            group: short(&lag.group),
        };
        lags.add(group, Behind { messages, seconds: partition.seconds });
    }
    lags
}
