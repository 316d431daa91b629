//! The pipeline of the demonstration: its services, and the delays that are put into it.
//!
//! ```text
//! orders --> [kafka orders] --> payments --> [kafka payments] --> ledger
//!                                                            \--> mailer
//! ```

/// Orders per second. Payments work on one after the other, so the rate times the work stays well below one second:
/// no queue builds up, and the time in the queue is what is put in.
pub(super) const RATE: u32 = 10;
/// How long payments work on an order, in milliseconds.
pub(super) const WORK_MS: u32 = 60;
/// How old a payment must be for the ledger, in milliseconds.
pub(super) const LEDGER_MS: u32 = 150;
/// How old a payment must be for the mailer, in milliseconds.
pub(super) const MAILER_MS: u32 = 400;

/// A service that runs as a process of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service {
    /// Its name on the map.
    pub(super) name: &'static str,
    /// The example that it is.
    pub(super) program: &'static str,
    /// Its own arguments.
    pub(super) arguments: &'static [(&'static str, Value)],
}

/// An argument's value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    Text(&'static str),
    Number(u32),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// The broker.
pub(super) const KAFKA: &str = "mock_kafka";
/// The topics that it has from the start.
pub(super) const TOPICS: [&str; 2] = ["orders", "payments"];
/// The service that pathways start from.
pub(super) const ORDERS: Service =
    Service { name: "orders", program: "orders", arguments: &[("--rate", Value::Number(RATE))] };
/// The services that wait for messages, in the order in which they are stopped: what one still produces the next
/// still consumes.
pub(super) const CONSUMERS: [Service; 3] = [
    Service { name: "payments", program: "payments", arguments: &[("--work-ms", Value::Number(WORK_MS))] },
    Service {
        name: "ledger",
        program: "sink",
        arguments: &[("--group", Value::Text("ledger")), ("--hold-ms", Value::Number(LEDGER_MS))],
    },
    Service {
        name: "mailer",
        program: "sink",
        arguments: &[("--group", Value::Text("mailer")), ("--hold-ms", Value::Number(MAILER_MS))],
    },
];

/// A checkpoint that is expected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) service: &'static str,
    pub(super) tags: &'static [&'static str],
    /// The delay put in since the checkpoint before.
    pub(super) delay_ms: u32,
}

/// A pathway that is expected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) services: [&'static str; 3],
    pub(super) steps: [Step; 4],
}

const ORDERS_OUT: Step =
    Step { service: "orders", tags: &["direction:out", "topic:orders", "type:kafka"], delay_ms: 0 };
const PAYMENTS_IN: Step = Step {
    service: "payments",
    tags: &["direction:in", "group:payments", "topic:orders", "type:kafka"],
    delay_ms: 0, // nothing but Kafka
};
const PAYMENTS_OUT: Step =
    Step { service: "payments", tags: &["direction:out", "topic:payments", "type:kafka"], delay_ms: WORK_MS };

/// The pathways that are expected.
pub(super) const PATHWAYS: [Expected; 2] = [
    Expected {
        services: ["orders", "payments", "ledger"],
        steps: [
            ORDERS_OUT,
            PAYMENTS_IN,
            PAYMENTS_OUT,
            Step {
                service: "ledger",
                tags: &["direction:in", "group:ledger", "topic:payments", "type:kafka"],
                delay_ms: LEDGER_MS,
            },
        ],
    },
    Expected {
        services: ["orders", "payments", "mailer"],
        steps: [
            ORDERS_OUT,
            PAYMENTS_IN,
            PAYMENTS_OUT,
            Step {
                service: "mailer",
                tags: &["direction:in", "group:mailer", "topic:payments", "type:kafka"],
                delay_ms: MAILER_MS,
            },
        ],
    },
];
