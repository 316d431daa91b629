//! source BROKERS TOPIC COUNT [PROPERTY]...: produces COUNT messages.

use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::time::Duration;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [brokers, topic, count, properties @ ..] = &arguments[..] else { panic!("source BROKERS TOPIC COUNT") };
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    for property in properties {
        let (name, value) = property.split_once('=').expect("give name=value");
        config.set(name, value);
    }
    let producer: BaseProducer = config.create().expect("a producer");
    for number in 0..count.parse::<u32>().expect("a count") {
        let value = number.to_string();
        producer.send(BaseRecord::<(), str>::to(topic).payload(&value)).expect("room in the queue");
    }
    producer.flush(Duration::from_secs(20));
    assert_eq!(producer.in_flight_count(), 0, "not all were delivered");
}
