//! Where the numbers come from: all that the export knows of the model.

use super::labels::{short, system};
use super::lag::{Behind, Group, Lags};
use super::prometheus::About;
use super::{Exports, Passed};
use crate::collect::server::Shared;
use crate::graph::Clusters;
use crate::lag;
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

/// The lag of every group that is known: the same as on the page.
fn lags(view: &View) -> Lags {
    let clusters = Clusters::new(view);
    let mut lags = Lags::default();
    for ([env, kind, cluster, topic, name], group) in lag::groups(view, &clusters) {
        let Some((messages, _)) = group.messages() else { continue };
        let labels = Group {
            env: short(env),
            system: short(system(kind)),
            cluster: short(cluster),
            destination: short(topic),
            group: short(name),
        };
        lags.add(labels, Behind { messages, seconds: group.seconds() });
    }
    lags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{NOW, SECOND, add, lags_json, model, payload, point, take, view};
    use datastreams_core::payload::Backlog;
    use serde_json::json;

    /// The only group, as it is exported and as `/api/lag` tells it.
    #[test]
    fn a_lag_is_that_of_the_page() {
        let model = model();
        let offset = |kind: &str, partition: u32, value: i64| {
            let tags = [
                format!("type:kafka_{kind}"),
                "consumer_group:g".into(),
                "topic:orders".into(),
                format!("partition:{partition}"),
            ];
            Backlog { tags: tags.map(String::into_boxed_str).into(), value }
        };
        // The first is behind by what was produced before anything was seen, the second is not behind at all.
        let mut one = payload("reader", vec![]);
        one.stats[0].backlogs =
            vec![offset("commit", 0, 40), offset("produce", 0, 99), offset("commit", 1, 10), offset("produce", 1, 9)];
        take(&model, &one.encode().unwrap());
        // Offsets do not tell the cluster; an edge does.
        let into = ["direction:in", "group:g", "kafka_cluster_id:east", "topic:orders", "type:kafka"];
        add(&model, "reader", vec![point(&into, 0, 1, &[0.1], &[0.1])]);
        let exported = lags(&view(&model, Asked::default(), NOW + 10 * SECOND));
        let [(group, behind)] = exported.groups.iter().collect::<Vec<_>>()[..] else { panic!("{exported:?}") };
        let shown = &lags_json(&model)["groups"][0];
        assert_eq!((json!(&*group.cluster), json!(&*group.group)), (shown["cluster"].clone(), shown["group"].clone()));
        assert_eq!(
            (json!(behind.messages), json!(behind.seconds)),
            (shown["messages"].clone(), shown["seconds"].clone())
        );
        assert_eq!((&*group.cluster, behind.messages, behind.seconds), ("east", 60, None), "{exported:?}");
    }
}
