//! What a series is about, in the words of OpenTelemetry's conventions for messaging.
//!
//! Only what has few values becomes a label: edges that differ in other tags alone are one series, whose counts add up.

use crate::model::edge::{Direction, EdgeKey};

/// The most bytes of a label's value; longer ones are cut off there, which may join series but loses no count.
const MAX_VALUE: usize = 255;

/// The labels of a series; an empty one is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Labels {
    pub(crate) env: Box<str>,
    pub(crate) service: Box<str>,
    /// `kafka`, `rabbitmq`, `aws_sqs`: the name by the conventions where they have one.
    pub(crate) system: Box<str>,
    /// The topic, queue, exchange or subject.
    pub(crate) destination: Box<str>,
    /// Kafka's cluster id.
    pub(crate) cluster: Box<str>,
    pub(crate) group: Box<str>,
    /// `send` or `receive`; empty for a checkpoint without direction.
    pub(crate) operation: &'static str,
    /// All that did not fit: nothing else is said of it.
    pub(crate) overflow: bool,
}

impl Labels {
    /// Those of an edge.
    pub(crate) fn of(edge: &EdgeKey) -> Self {
        let tag = |keys: &[&str]| keys.iter().find_map(|key| edge.tag(key)).unwrap_or_default();
        Self {
            env: short(&edge.env),
            service: short(&edge.service),
            system: short(system(tag(&["type"]))),
            destination: short(tag(&["topic", "exchange", "bus", "subscription"])),
            cluster: short(tag(&["kafka_cluster_id"])),
            group: short(tag(&["group", "consumer_group"])),
            operation: match edge.direction() {
                Direction::Out => "send",
                Direction::In => "receive",
                Direction::None => "",
            },
            overflow: false,
        }
    }

    /// The one series for everything beyond the limit.
    pub(crate) fn overflow() -> Self {
        Self { overflow: true, ..Self::default() }
    }

    /// The attributes that are not those of the resource (`service.name`, `deployment.environment.name`), as
    /// OpenTelemetry names them; absent ones left out.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("messaging.system", &*self.system),
            ("messaging.destination.name", &*self.destination),
            ("messaging.consumer.group.name", &*self.group),
            ("messaging.operation.type", self.operation),
            ("datastreams.cluster", &*self.cluster),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty())
    }
}

/// The name of a messaging system by the conventions, where they know it by another.
pub(crate) fn system(kind: &str) -> &str {
    match kind {
        "sqs" => "aws_sqs",
        "sns" => "aws.sns",
        "google-pubsub" | "pubsub" => "gcp_pubsub",
        other => other,
    }
}

/// At most [`MAX_VALUE`] bytes of it, in whole characters.
pub(crate) fn short(text: &str) -> Box<str> {
    let end = (0..=MAX_VALUE.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    text.get(..end.unwrap_or_default()).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tags: &[&str]) -> Vec<(&'static str, String)> {
        let tags = tags.iter().map(|&tag| tag.into()).collect();
        let edge = EdgeKey { env: "prod".into(), service: "billing".into(), tags };
        Labels::of(&edge).attributes().map(|(name, value)| (name, value.to_string())).collect()
    }

    #[test]
    fn of_an_edge() {
        let consumed = of(&["direction:in", "group:g", "kafka_cluster_id:c", "topic:orders", "type:kafka"]);
        assert_eq!(
            consumed,
            [
                ("messaging.system", "kafka".into()),
                ("messaging.destination.name", "orders".into()),
                ("messaging.consumer.group.name", "g".into()),
                ("messaging.operation.type", "receive".into()),
                ("datastreams.cluster", "c".into()),
            ]
        );
        let produced = of(&["direction:out", "exchange:x", "has_routing_key:true", "type:sqs"]);
        assert_eq!(
            produced,
            [
                ("messaging.system", "aws_sqs".into()),
                ("messaging.destination.name", "x".into()),
                ("messaging.operation.type", "send".into())
            ]
        );
        assert_eq!(of(&["type:internal"]), [("messaging.system", "internal".into())]);
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(short(&"ä".repeat(200)).len(), 254);
        assert_eq!(&*short("orders"), "orders");
    }
}
