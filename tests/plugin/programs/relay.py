"""relay.py BROKERS FROM TO COUNT [PROPERTY]...: consumes messages and produces each again with its headers."""

import sys

import confluent_kafka


def main(brokers: str, source: str, target: str, count: str, *properties: str) -> None:
    common = {"bootstrap.servers": brokers, **dict(one.split("=", 1) for one in properties)}
    consumer = confluent_kafka.Consumer(
        {
            "group.id": "programs",
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 10,
            **common,
        }
    )
    producer = confluent_kafka.Producer(common)
    consumer.subscribe([source])
    left = int(count)
    while left:
        message = consumer.poll(0.1)
        if message is None:
            continue
        if message.error():
            if message.error().code() == confluent_kafka.KafkaError.UNKNOWN_TOPIC_OR_PART:
                continue
            raise confluent_kafka.KafkaException(message.error())
        producer.produce(target, message.value(), message.key(), headers=message.headers())
        left -= 1
    if producer.flush(20):
        raise RuntimeError("not all were delivered")
    consumer.close()


main(*sys.argv[1:])
