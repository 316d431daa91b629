"""Kafka for tests: a mock cluster, or the one that DATASTREAMS_KAFKA=host:port names; topics, and a client without us."""

import contextlib
import os
import pathlib
import subprocess
import sys
import time
import uuid

import confluent_kafka
from confluent_kafka import cimpl

HERE = pathlib.Path(__file__).resolve().parent
KEY = "dd-pathway-ctx-base64"
# In a dict: variables that are these classes become the instrumented ones.
BARE = {"Producer": cimpl.Producer, "Consumer": cimpl.Consumer}
ADDRESS = os.environ.get("DATASTREAMS_KAFKA")


class Kafka:
    """A cluster. What is sent and read here has none of our checkpoints."""

    def __init__(self, address):
        self.address = address
        self._producer = BARE["Producer"]({"bootstrap.servers": address, "linger.ms": 50, "log_level": 0})
        self.id = self._producer.list_topics(timeout=20).cluster_id

    def topic(self, name):
        """A topic with a name of its own, which exists."""
        topic = f"{name}-{uuid.uuid4().hex[:8]}"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            partitions = self._producer.list_topics(topic, timeout=20).topics[topic]
            if partitions.error is None and partitions.partitions:
                return topic
            time.sleep(0.05)
        raise RuntimeError(f"{topic} is not there: {partitions.error}")

    def edge(self, direction, topic, group=None):
        """An edge as points.Points names it."""
        tags = [f"group:{group}"] * (group is not None) + [
            f"kafka_cluster_id:{self.id}",
            f"topic:{topic}",
            "type:kafka",
        ]
        return ",".join([direction, *tags])

    def backlog(self, kind, topic, group=None, partition=0):
        """The tags of a backlog, as the agent sorts them."""
        tags = [f"kafka_cluster_id:{self.id}", f"partition:{partition}", f"topic:{topic}", f"type:kafka_{kind}"]
        return tuple([f"consumer_group:{group}"] * (group is not None) + tags)

    def send(self, topic, value=b"v", key=None, headers=None, **more):
        self._producer.produce(topic, value, key, partition=0, headers=headers, **more)
        assert self._producer.flush(20) == 0

    def send_together(self, topic, *headers):
        """Messages that one answer of the broker has together."""
        for one in headers:
            self._producer.produce(topic, b"v", partition=0, headers=one)
        assert self._producer.flush(20) == 0

    def read(self, topic, count):
        """The first messages of partition 0: value, key and headers of each."""
        consumer = BARE["Consumer"](
            {"bootstrap.servers": self.address, "group.id": "reader", "enable.auto.commit": False}
        )
        consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
        messages = []
        while len(messages) < count:
            message = consumer.poll(20)
            assert message is not None and message.error() is None, message and message.error()
            messages.append((message.value(), message.key(), message.headers()))
        consumer.close()
        return messages


@contextlib.contextmanager
def kafka():
    if ADDRESS:
        yield Kafka(ADDRESS)
        return
    process = subprocess.Popen(
        [sys.executable, HERE / "mock_kafka.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Kafka(process.stdout.readline().split()[0])
    finally:
        process.stdin.close()
        process.wait(20)
