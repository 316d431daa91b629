//! Statistics over time: everything since the start, and the last minutes.

use datastreams_core::sketch::Sketch;
use std::collections::VecDeque;

pub(crate) const SECOND_NS: i64 = 1_000_000_000;
/// The recent window: five minutes.
pub(crate) const RECENT_NS: i64 = 300 * SECOND_NS;
/// How far ahead a service's clock may be for its buckets to count as recent.
const AHEAD_NS: i64 = 60 * SECOND_NS;
/// The grain of recent sketches, and of rates.
const MINUTE_NS: i64 = 60 * SECOND_NS;
const SLOT_NS: i64 = 10 * SECOND_NS;
/// How long a bucket may be on its way: open for ten seconds, sent within the next ten.
const LATE_NS: i64 = 20 * SECOND_NS;

/// Which part of the time is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Window {
    /// Since the collector started.
    #[default]
    All,
    /// The last five minutes.
    Recent,
}

/// What is gathered and added up.
pub(crate) trait Merge: Default {
    /// Adds what another one holds.
    fn merge(&mut self, other: &Self);
}

/// Statistics of an edge.
#[derive(Clone, Debug, Default)]
pub(crate) struct EdgeStats {
    pub(crate) messages: u64,
    /// Seconds.
    pub(crate) edge_latency: Sketch,
    /// Seconds.
    pub(crate) pathway_latency: Sketch,
    /// Bytes.
    pub(crate) payload_size: Sketch,
}

impl Merge for EdgeStats {
    fn merge(&mut self, other: &Self) {
        self.messages = self.messages.saturating_add(other.messages);
        self.edge_latency.merge(&other.edge_latency);
        self.pathway_latency.merge(&other.pathway_latency);
        self.payload_size.merge(&other.payload_size);
    }
}

/// Statistics of a pathway up to one of its steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct HopStats {
    pub(crate) messages: u64,
    /// Seconds since the origin.
    pub(crate) latency: Sketch,
}

impl Merge for HopStats {
    fn merge(&mut self, other: &Self) {
        self.messages = self.messages.saturating_add(other.messages);
        self.latency.merge(&other.latency);
    }
}

/// Statistics since the start, and by minute for the recent window.
#[derive(Debug, Default)]
pub(crate) struct Timed<T> {
    all: T,
    /// By the minute of the bucket, ascending; one more than fit the window.
    minutes: VecDeque<(i64, T)>,
    rate: Rate,
}

impl<T: Merge> Timed<T> {
    /// Adds the statistics of a bucket that starts at `start_ns`.
    pub(crate) fn add(&mut self, stats: &T, messages: u64, start_ns: i64, now_ns: i64) {
        self.all.merge(stats);
        self.minutes.retain(|&(minute, _)| is_recent(minute * MINUTE_NS, now_ns));
        if !(now_ns - RECENT_NS..=now_ns + AHEAD_NS).contains(&start_ns) {
            return;
        }
        let minute = start_ns.div_euclid(MINUTE_NS);
        let at = self.minutes.partition_point(|&(known, _)| known < minute);
        if self.minutes.get(at).is_none_or(|&(known, _)| known != minute) {
            self.minutes.insert(at, (minute, T::default()));
        }
        if let Some((_, slot)) = self.minutes.get_mut(at) {
            slot.merge(stats);
        }
        self.rate.add(messages, start_ns, now_ns);
    }

    /// Adds the statistics of the window up.
    pub(crate) fn get(&self, window: Window, now_ns: i64) -> T {
        let mut sum = T::default();
        match window {
            Window::All => sum.merge(&self.all),
            Window::Recent => {
                let recent = self.minutes.iter().filter(|&&(minute, _)| is_recent(minute * MINUTE_NS, now_ns));
                recent.for_each(|(_, stats)| sum.merge(stats));
            }
        }
        sum
    }

    /// Messages per second over the recent window.
    pub(crate) fn per_second(&self, now_ns: i64) -> f64 {
        self.rate.per_second(now_ns)
    }
}

fn is_recent(start_ns: i64, now_ns: i64) -> bool {
    start_ns > now_ns - RECENT_NS - MINUTE_NS && start_ns <= now_ns + AHEAD_NS
}

/// Messages by slots of ten seconds, over the recent window.
#[derive(Debug, Default)]
struct Rate {
    slots: VecDeque<(i64, u64)>,
    /// When the first report arrived, and how many messages it had.
    first: Option<(i64, u64)>,
}

impl Rate {
    fn add(&mut self, messages: u64, start_ns: i64, now_ns: i64) {
        self.first.get_or_insert((now_ns, messages));
        self.slots.retain(|&(slot, _)| (now_ns - RECENT_NS..=now_ns + AHEAD_NS).contains(&(slot * SLOT_NS)));
        let slot = start_ns.div_euclid(SLOT_NS);
        let at = self.slots.partition_point(|&(known, _)| known < slot);
        match self.slots.get_mut(at) {
            Some((known, sum)) if *known == slot => *sum = sum.saturating_add(messages),
            _ => self.slots.insert(at, (slot, messages)),
        }
    }

    /// The messages of the slots, over the time from the first to the last of them; silence since then counts, less the
    /// time that a bucket takes to arrive. While the first slot is that in which everything began, it is what came after
    /// the first report, over the time since then: when its messages began is not known.
    fn per_second(&self, now_ns: i64) -> f64 {
        let recent = || self.slots.iter().filter(|&&(slot, _)| slot * SLOT_NS >= now_ns - RECENT_NS);
        let (Some(first), Some(last)) = (recent().next(), recent().next_back()) else { return 0.0 };
        let mut sum: u64 = recent().map(|&(_, messages)| messages).fold(0, u64::saturating_add);
        let mut start = first.0 * SLOT_NS;
        let mut end = ((last.0 + 1) * SLOT_NS).max(now_ns - LATE_NS);
        let began = self.first.filter(|(at, _)| (start..start + SLOT_NS).contains(at));
        // Not over a moment: what comes at once was not recorded at once.
        if let Some((at, messages)) = began.filter(|&(at, messages)| sum > messages && now_ns - at >= SLOT_NS / 2) {
            sum -= messages;
            start = at;
            end = end.min(now_ns);
        }
        sum as f64 / ((end - start) as f64 / SECOND_NS as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_786_000_000 * SECOND_NS;

    fn hop(messages: u64) -> HopStats {
        HopStats { messages, latency: Sketch::new() }
    }

    #[test]
    fn the_recent_window_moves_on() {
        let mut timed = Timed::default();
        for second in (0..600).step_by(10) {
            let now = NOW + second * SECOND_NS;
            timed.add(&hop(20), 20, now, now);
        }
        let now = NOW + 600 * SECOND_NS;
        assert_eq!(timed.get(Window::All, now).messages, 1200);
        let recent = timed.get(Window::Recent, now).messages;
        assert!((600..=720).contains(&recent), "five to six minutes: {recent}");
        assert!((timed.per_second(now) - 2.0).abs() < 0.1, "{}", timed.per_second(now));
        assert!(timed.minutes.len() <= 8 && timed.rate.slots.len() <= 37, "bounded");
        let later = now + 400 * SECOND_NS;
        assert_eq!(timed.get(Window::Recent, later).messages, 0);
        assert_eq!(timed.per_second(later), 0.0);
        assert_eq!(timed.get(Window::All, later).messages, 1200);
    }

    #[test]
    fn one_bucket_in_two_parts_is_one_slot() {
        let mut timed = Timed::default();
        timed.add(&hop(30), 30, NOW, NOW + 3 * SECOND_NS);
        timed.add(&hop(70), 70, NOW, NOW + 9 * SECOND_NS);
        assert!((timed.per_second(NOW + 10 * SECOND_NS) - 10.0).abs() < 1e-9);
        let silent = timed.per_second(NOW + 40 * SECOND_NS);
        assert!((silent - 70.0 / 17.0).abs() < 1e-9, "ten silent seconds are certain: {silent}");
    }

    #[test]
    fn buckets_of_a_clock_that_is_off_only_count_in_all() {
        let mut timed = Timed::default();
        timed.add(&hop(1), 1, NOW, NOW);
        timed.add(&hop(2), 2, NOW - 3600 * SECOND_NS, NOW);
        timed.add(&hop(4), 4, NOW + 3600 * SECOND_NS, NOW);
        timed.add(&hop(8), 8, i64::MAX, NOW);
        assert_eq!(timed.get(Window::All, NOW).messages, 15);
        assert_eq!(timed.get(Window::Recent, NOW).messages, 1);
    }
}
