//! The columns of the tables, and the order of their lines.

use super::row::Row;
use crate::units;
use std::cmp::Ordering;

/// A column, which is a sort key too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Column {
    /// The names, from A to Z
    Name,
    /// Messages per second
    Rate,
    EdgeP50,
    EdgeP95,
    EdgeP99,
    EdgeMax,
    OriginP50,
    OriginP95,
    OriginP99,
    OriginMax,
    /// The median payload
    Size,
    /// Messages not yet consumed
    Lag,
    /// The age of the oldest of them
    LagTime,
}

impl Column {
    /// As they stand in a table of edges.
    pub(super) const EDGES: [Self; 13] = [
        Self::Name,
        Self::Rate,
        Self::EdgeP50,
        Self::EdgeP95,
        Self::EdgeP99,
        Self::EdgeMax,
        Self::OriginP50,
        Self::OriginP95,
        Self::OriginP99,
        Self::OriginMax,
        Self::Size,
        Self::Lag,
        Self::LagTime,
    ];
    /// As they stand in a table of pathways.
    pub(super) const PATHWAYS: [Self; 6] =
        [Self::Name, Self::Rate, Self::OriginP50, Self::OriginP95, Self::OriginP99, Self::OriginMax];
    /// What goes first where there is little room is at the end.
    const WORTH: [Self; 13] = [
        Self::Name,
        Self::EdgeP95,
        Self::Rate,
        Self::Lag,
        Self::OriginP95,
        Self::LagTime,
        Self::EdgeP50,
        Self::OriginP50,
        Self::EdgeMax,
        Self::OriginMax,
        Self::EdgeP99,
        Self::OriginP99,
        Self::Size,
    ];

    /// How dispensable it is: 0 never.
    pub(super) fn worth(self) -> usize {
        Self::WORTH.iter().position(|&column| column == self).unwrap_or(0)
    }

    pub(super) fn heading(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::Rate => "MSG/S",
            Self::EdgeP50 => "EDGE p50",
            Self::EdgeP95 => "EDGE p95",
            Self::EdgeP99 => "EDGE p99",
            Self::EdgeMax => "EDGE max",
            Self::OriginP50 => "ORIGIN p50",
            Self::OriginP95 => "ORIGIN p95",
            Self::OriginP99 => "ORIGIN p99",
            Self::OriginMax => "ORIGIN max",
            Self::Size => "SIZE p50",
            Self::Lag => "LAG",
            Self::LagTime => "LAG TIME",
        }
    }

    /// The number in a line; none when nothing was measured.
    pub(super) fn value(self, row: &Row) -> Option<f64> {
        let (edge, origin) = (row.edge_latency.as_ref(), row.pathway_latency.as_ref());
        match self {
            Self::Name => None,
            Self::Rate => Some(row.rate),
            Self::EdgeP50 => edge.map(|q| q.p50),
            Self::EdgeP95 => edge.map(|q| q.p95),
            Self::EdgeP99 => edge.map(|q| q.p99),
            Self::EdgeMax => edge.map(|q| q.max),
            Self::OriginP50 => origin.map(|q| q.p50),
            Self::OriginP95 => origin.map(|q| q.p95),
            Self::OriginP99 => origin.map(|q| q.p99),
            Self::OriginMax => origin.map(|q| q.max),
            Self::Size => row.payload_size.as_ref().map(|q| q.p50),
            Self::Lag => row.lag.as_ref().and_then(|lag| lag.messages).map(|messages| messages as f64),
            Self::LagTime => row.lag.as_ref().and_then(|lag| lag.seconds),
        }
    }

    /// What stands in a line.
    pub(super) fn text(self, row: &Row) -> String {
        if self == Self::Name {
            return row.name.clone();
        }
        let unit = match self {
            Self::Rate => units::count,
            Self::Size => units::bytes,
            Self::Lag => |messages: f64| format!("{messages}"),
            _ => units::seconds,
        };
        self.value(row).map_or_else(|| "-".into(), unit)
    }

    /// The order of two lines: names from A to Z, numbers from the largest, what is not known at the end in any case.
    pub(super) fn order(self, reverse: bool, one: &Row, other: &Row) -> Ordering {
        let turned = |order: Ordering| if reverse { order.reverse() } else { order };
        let order = match (self.value(one), self.value(other)) {
            (Some(one), Some(other)) => turned(other.total_cmp(&one)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) if self == Self::Name => turned(one.name.cmp(&other.name)),
            (None, None) => Ordering::Equal,
        };
        order.then_with(|| one.name.cmp(&other.name)).then_with(|| one.id.cmp(&other.id))
    }

    /// The next or the last but one of a table's columns.
    pub(super) fn step(self, columns: &[Self], forward: bool) -> Self {
        let at = columns.iter().position(|&column| column == self).unwrap_or(0);
        let by = if forward { 1 } else { columns.len().saturating_sub(1) };
        columns.get((at + by) % columns.len().max(1)).copied().unwrap_or(self)
    }
}
