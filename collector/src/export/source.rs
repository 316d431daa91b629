//! Where the numbers come from: all that the export knows of the model.

use super::Exports;
use super::labels::{short, system};
use super::lag::{Behind, Group, Lags};
use super::prometheus::About;
use crate::collect::server::Shared;
use crate::graph::Clusters;
use crate::lag;
use crate::view::{Asked, Needs, View};
use std::sync::Arc;

/// What is counted, with all that came until now.
pub(crate) fn exports(shared: &Shared) -> Arc<Exports> {
    shared.store.read(|model| model.exports.clone()).1
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
    use crate::collect::limits::Limits;
    use crate::export::measure::{Bounds, Kept, Measure};
    use crate::store::Store;
    use crate::tests::{NOW, SECOND, add, lags_json, model, payload, point, take, view};
    use datastreams_core::payload::Backlog;
    use datastreams_core::sketch::{Interpolation, Mapping, Sketch};
    use serde_json::json;

    /// Nothing is told twice, and nothing is not told for which the model or the history has no room.
    #[test]
    fn all_that_came_is_exported() {
        let exported = |store: &Store| {
            let exports = store.read(|model| model.exports.clone()).1;
            exports.lock().totals().iter().map(|series| series.messages).sum::<u64>()
        };
        let all = |limits| {
            let store = Store::open(limits, None, None, NOW).unwrap();
            for topic in ["a", "b", "c", "b"] {
                let tags = ["direction:in", &format!("topic:{topic}")];
                add(&store, "reader", vec![point(&tags, 0, 1, &[0.1; 5], &[0.1; 5])]);
            }
            assert_eq!((exported(&store), exported(&store)), (20, 20));
            store.commit(NOW).unwrap();
            assert_eq!(exported(&store), 20);
            let cut = store.model().cut;
            (cut.edge_messages, cut.history_messages)
        };
        assert_eq!(all(Limits::DEFAULT), (0, 0));
        assert_eq!(all(Limits { max_edges: 1, ..Limits::DEFAULT }), (15, 0));
        let (edges, history) = all(Limits { max_waiting: 1, ..Limits::DEFAULT });
        assert!(edges == 0 && history > 0, "{history}");
    }

    /// What a tracer with another mapping reports is exported as it would be alone, and kept as the history keeps all.
    #[test]
    fn bins_of_another_mapping_are_moved_once() {
        let mapping = Mapping::new(1.02, 0.0, Interpolation::None).unwrap();
        let mut sketch = Sketch::with_mapping(mapping);
        (1..=1000).for_each(|value| assert!(sketch.add(f64::from(value) / 1000.0)));
        let mut bytes = Vec::new();
        sketch.encode(&mut bytes);
        let mut point = point(&["direction:in", "topic:t"], 0, 1, &[], &[]);
        (point.edge_latency, point.pathway_latency) = (bytes.clone(), bytes);
        let store = Store::open(Limits::DEFAULT, None, None, NOW).unwrap();
        add(&store, "reader", vec![point]);
        let exports = store.read(|model| model.exports.clone()).1;
        let exported = exports.lock().totals().remove(0);
        let mut alone = Measure::new(Bounds::DEFAULT);
        alone.add(&sketch, 0, Kept::default());
        alone.settle(0, Kept::default());
        assert_eq!(exported.measures[0], alone.total);
        store.commit(NOW).unwrap();
        let sums = view(&store, Asked::default(), NOW).edge_sums;
        let mut canonical = Sketch::new();
        canonical.merge(&sketch);
        assert_eq!(sums.values().next().unwrap().stats.edge_latency.quantile(0.5), canonical.quantile(0.5));
    }

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
