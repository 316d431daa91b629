"""Kafka's clients over a broker whose topics have the format from before headers: tests/kafka/with-broker --old starts it.

It refuses messages with headers, and drops them: the program is told of each. Those after the first go without headers, so
that no more are refused, and that is told and counted once.
"""

import asyncio
import logging
import os
import uuid

import aiokafka
import confluent_kafka
import datastreams
import kafka as kafka_python
import pytest
from confluent_kafka import cimpl
from points import reported

OLD = os.environ.get("DATASTREAMS_KAFKA_OLD")
pytestmark = pytest.mark.skipif(not OLD, reason="needs tests/kafka/with-broker --old")
# In a dict: a variable that is this class becomes the instrumented one.
BARE = {"Consumer": cimpl.Consumer}


@pytest.fixture
def topic():
    """A topic with a name of its own, which exists: the broker makes it when it is asked."""
    name = f"old-{uuid.uuid4().hex[:8]}"
    admin = kafka_python.KafkaAdminClient(bootstrap_servers=OLD)
    admin.create_topics([kafka_python.admin.NewTopic(name, 1, 1)])
    admin.close()
    return name


def arrived(topic, count):
    """Values and headers of what is in the topic."""
    consumer = BARE["Consumer"]({"bootstrap.servers": OLD, "group.id": "reader", "enable.auto.commit": False})
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
    messages = []
    while len(messages) < count:
        message = consumer.poll(20)
        assert message is not None and message.error() is None, message and message.error()
        messages.append((message.value(), message.headers()))
    assert consumer.poll(0.5) is None
    consumer.close()
    return messages


@pytest.fixture
def check(topic, started, counted, caplog):
    """Sends ten messages one after the other with a function that says whether it failed, then compares. What failed is sent
    once more, as a program does."""
    caplog.set_level(logging.WARNING, "datastreams")

    def check(send):
        failed = [number for number in range(10) if not send(b"%d" % number)]
        assert failed == [0]
        assert send(b"0")
        assert sorted(arrived(topic, 10)) == [(b"%d" % number, None) for number in range(10)]
        compare()

    def compare():
        assert counted() == {"kafka_headers_refused": 1, "kafka_headers_off": 10}
        assert [record.message for record in caplog.records if "sends no headers more" in record.message] != []
        points = reported(started).counts()
        assert [(edge.split(",")[0], count) for edge, count in points.items()] == [("out", 1)], points

    check.compare = compare
    return check


def test_confluent_kafka(topic, check):
    datastreams.patch("confluent_kafka")
    producer = confluent_kafka.Producer({"bootstrap.servers": OLD, "linger.ms": 0})

    def send(value):
        errors = []
        producer.produce(topic, value, on_delivery=lambda error, message: errors.append(error))
        assert producer.flush(30) == 0
        return errors[0] is None  # A KafkaError cannot be compared with None.

    check(send)


def test_kafka_python(topic, check):
    datastreams.patch("kafka_python")
    producer = kafka_python.KafkaProducer(bootstrap_servers=OLD, enable_idempotence=False)

    def send(value):
        try:
            producer.send(topic, value).get(30)
        except kafka_python.errors.UnknownError:
            return False
        return True

    check(send)
    producer.close()


def test_aiokafka(topic, check):
    datastreams.patch("aiokafka")

    async def main():
        async with aiokafka.AIOKafkaProducer(bootstrap_servers=OLD) as producer:
            failed = 0
            for number in [*range(10), 0]:
                try:
                    await producer.send_and_wait(topic, b"%d" % number)
                except aiokafka.errors.UnknownError:
                    failed += 1
            return failed

    assert asyncio.run(main()) == 1
    assert sorted(arrived(topic, 10)) == [(b"%d" % number, None) for number in range(10)]
    check.compare()
