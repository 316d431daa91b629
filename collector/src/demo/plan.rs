//! The pipeline of the demonstration: its services, and the delays that are put into it.
//!
//! ```text
//! orders --> [orders] --> payments --> [payments] --> ledger
//!                                         |--> mailer
//!                                         |--> archive, which rests now and then
//!                                         \--> shipping --> [shipments] --> tracking --> [tracked]
//! ```

/// Orders per second. Whoever works on messages works on one after the other, so the rate times the work stays well below
/// one second: no queue builds up, and the time in the queue is what is put in.
pub(super) const RATE: u32 = 10;
/// How long payments work on an order, in milliseconds.
pub(super) const WORK_MS: u32 = 60;
/// How old a payment must be for the ledger, in milliseconds.
pub(super) const LEDGER_MS: u32 = 150;
/// How old a payment must be for the mailer, in milliseconds.
pub(super) const MAILER_MS: u32 = 400;
/// How long shipping works on a payment, and tracking on a shipment, in milliseconds.
pub(super) const SHIPPING_MS: u32 = 40;
pub(super) const TRACKING_MS: u32 = 50;
/// How long the archive rests, how often, and how long it works on each message when it catches up, in milliseconds.
pub(super) const REST_MS: u32 = 6_000;
pub(super) const REST_EVERY_MS: u32 = 20_000;
pub(super) const ARCHIVE_MS: u32 = 60;
/// When the archive rests first: after a quarter of the time between two.
const FIRST_REST_MS: u32 = (REST_EVERY_MS - REST_MS) / 4;
/// How much later a service may be than the orders, in milliseconds.
const LATE_MS: u32 = 500;

/// Whether so many orders came in a time in which the archive may have gone to rest.
pub(super) fn may_rest(orders: u64) -> bool {
    orders >= u64::from(RATE * (FIRST_REST_MS - LATE_MS) / 1000)
}

/// Whether so many orders came in a time in which the archive had a whole rest.
pub(super) fn has_rested(orders: u64) -> bool {
    orders >= u64::from(RATE * (FIRST_REST_MS + REST_MS + LATE_MS) / 1000)
}

/// What a service is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    C,
    Go,
    Python,
}

/// A service that runs as a process of its own.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// Its name on the map.
    pub(super) name: &'static str,
    /// The example that it is.
    pub(super) program: &'static str,
    pub(super) language: Language,
    /// Its own arguments.
    pub(super) arguments: Vec<String>,
}

impl Service {
    fn new(name: &'static str, program: &'static str, language: Language, arguments: &[(&str, &dyn ToString)]) -> Self {
        let arguments =
            arguments.iter().flat_map(|(option, value)| [(*option).to_owned(), value.to_string()]).collect();
        Self { name, program, language, arguments }
    }
}

/// The broker.
pub(super) const KAFKA: &str = "mock_kafka";
/// The topics that it has from the start.
pub(super) const TOPICS: [&str; 4] = ["orders", "payments", "shipments", "tracked"];
/// The programs of the services without which there is no demonstration, and of those that may be missing.
pub(super) const PROGRAMS: [&str; 3] = ["orders", "payments", "sink"];
pub(super) const SHIPPING: &str = "shipping";
pub(super) const TRACKING: &str = "tracking";
/// The service that pathways start from, and the one that rests.
pub(super) const ORDERS: &str = "orders";
pub(super) const ARCHIVE: &str = "archive";

/// How long a message takes from the checkpoint before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delay {
    /// This long, in milliseconds.
    Put(u32),
    /// As long as a rest lasts, at most.
    Rest,
}

/// A checkpoint that is expected.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) service: &'static str,
    pub(super) tags: Vec<String>,
    pub(super) delay: Delay,
}

/// A pathway that is expected.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    pub(super) services: Vec<&'static str>,
    pub(super) steps: Vec<Step>,
}

/// The whole of it.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) orders: Service,
    /// The services that wait for messages, in the order in which they are stopped: what one still produces the next
    /// still consumes.
    pub(super) consumers: Vec<Service>,
    pub(super) pathways: Vec<Expected>,
}

impl Plan {
    /// With the services of these languages.
    pub(super) fn new(go: bool, python: bool) -> Self {
        let sink = |name: &'static str, delay: &[(&str, &dyn ToString)]| {
            Service::new(name, "sink", Language::C, &[&[("--group", &name as &dyn ToString)], delay].concat())
        };
        let mut consumers = vec![Service::new("payments", "payments", Language::C, &[("--work-ms", &WORK_MS)])];
        let paid = [
            produced("orders", "orders", 0),
            consumed("payments", "orders", Delay::Put(0)),
            produced("payments", "payments", WORK_MS),
        ];
        let pathway = |more: &[Step]| {
            let steps = [&paid[..], more].concat();
            let mut services: Vec<&'static str> = steps.iter().map(|step| step.service).collect();
            services.dedup();
            Expected { services, steps }
        };
        let mut pathways = vec![
            pathway(&[consumed("ledger", "payments", Delay::Put(LEDGER_MS))]),
            pathway(&[consumed("mailer", "payments", Delay::Put(MAILER_MS))]),
            pathway(&[consumed(ARCHIVE, "payments", Delay::Rest)]),
        ];
        let mut shipped = Vec::new();
        if go {
            consumers.push(Service::new(SHIPPING, SHIPPING, Language::Go, &[("--work", &format!("{SHIPPING_MS}ms"))]));
            shipped = vec![consumed(SHIPPING, "payments", Delay::Put(0)), produced(SHIPPING, "shipments", SHIPPING_MS)];
        }
        if python {
            let from = if go { "shipments" } else { "payments" };
            let arguments: [(&str, &dyn ToString); 2] = [("--work-ms", &TRACKING_MS), ("--topic", &from)];
            consumers.push(Service::new(TRACKING, TRACKING, Language::Python, &arguments));
            shipped.extend([consumed(TRACKING, from, Delay::Put(0)), produced(TRACKING, "tracked", TRACKING_MS)]);
        }
        if !shipped.is_empty() {
            pathways.push(pathway(&shipped));
        }
        consumers.extend([
            sink("ledger", &[("--hold-ms", &LEDGER_MS)]),
            sink("mailer", &[("--hold-ms", &MAILER_MS)]),
            sink(ARCHIVE, &[("--work-ms", &ARCHIVE_MS), ("--rest-ms", &REST_MS), ("--rest-every-ms", &REST_EVERY_MS)]),
        ]);
        let orders = Service::new(ORDERS, "orders", Language::C, &[("--rate", &RATE)]);
        Self { orders, consumers, pathways }
    }

    /// What people are told of it.
    pub(super) fn text(&self) -> String {
        let has = |name: &str| self.consumers.iter().any(|service| service.name == name);
        let mut lines = vec![
            format!("  orders -> payments (C; works {WORK_MS} ms) -> ledger (C; takes payments {LEDGER_MS} ms old)"),
            format!("{:40}-> mailer (C; takes payments {MAILER_MS} ms old)", ""),
            format!(
                "{:40}-> archive (C; rests {} s in every {} s: its lag grows and recovers)",
                "",
                REST_MS / 1000,
                REST_EVERY_MS / 1000
            ),
        ];
        let mut more = String::new();
        if has(SHIPPING) {
            more.push_str(&format!(" -> shipping (Go; works {SHIPPING_MS} ms)"));
        }
        if has(TRACKING) {
            more.push_str(&format!(" -> tracking (Python; works {TRACKING_MS} ms)"));
        }
        if !more.is_empty() {
            lines.push(format!("{:39}{more}", ""));
        }
        lines.join("\n")
    }
}

fn produced(service: &'static str, topic: &str, delay_ms: u32) -> Step {
    let tags = vec!["direction:out".into(), format!("topic:{topic}"), "type:kafka".into()];
    Step { service, tags, delay: Delay::Put(delay_ms) }
}

fn consumed(service: &'static str, topic: &str, delay: Delay) -> Step {
    let tags = vec!["direction:in".into(), format!("group:{service}"), format!("topic:{topic}"), "type:kafka".into()];
    Step { service, tags, delay }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_that_are_not_there_are_not_expected() {
        let services = |go, python| {
            let plan = Plan::new(go, python);
            let last = plan.pathways.last().unwrap().services.join(" ");
            (plan.pathways.len(), plan.consumers.len(), last)
        };
        assert_eq!(services(false, false), (3, 4, "orders payments archive".into()));
        assert_eq!(services(true, false), (4, 5, "orders payments shipping".into()));
        assert_eq!(services(false, true), (4, 5, "orders payments tracking".into()));
        assert_eq!(services(true, true), (4, 6, "orders payments shipping tracking".into()));
        let alone = Plan::new(false, true).consumers[1].arguments.join(" ");
        assert!(alone.contains("--topic payments"), "it takes what shipping would: {alone}");
    }

    #[test]
    fn nobody_is_busier_than_messages_come() {
        for work in [WORK_MS, SHIPPING_MS, TRACKING_MS, ARCHIVE_MS] {
            assert!(work * RATE <= 700, "{work}");
        }
        // The archive has caught up long before the next rest.
        let behind = REST_MS / 1000 * RATE;
        let gains = 1000 / ARCHIVE_MS - RATE;
        assert!(behind / gains * 1000 < (REST_EVERY_MS - REST_MS) * 3 / 4);
        assert!(!has_rested(99) && has_rested(100) && !may_rest(29) && may_rest(30));
    }
}
