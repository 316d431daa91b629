"""The same over Kafka: the real client of Python over librdkafka's own mock cluster."""

import base64

import confluent_kafka
import datastreams_abi as ds
from checks import Wrong, equal
from pathways import ENV

COUNT = 30


class Broker:
    """A mock cluster, which lives as long as its client."""

    def __init__(self):
        settings = {"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 4}
        self.producer = confluent_kafka.Producer(settings)
        cluster = self.producer.list_topics(timeout=20)
        self.cluster_id = cluster.cluster_id
        self.address = ",".join(f"{broker.host}:{broker.port}" for broker in cluster.brokers.values())

    def consume(self, group, topic, count):
        """Messages of partition 0."""
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.address, "group.id": group})
        consumer.assign([confluent_kafka.TopicPartition(topic, 0, confluent_kafka.OFFSET_BEGINNING)])
        try:
            for _ in range(count):
                message = consumer.poll(20)
                if message is None or message.error():
                    raise Wrong(f"no message came: {message and message.error()}")
                yield message
        finally:
            consumer.close()


def over_kafka(pathways):
    """ddtrace -> ours -> ddtrace over a Kafka client is one pathway, and the offsets of both give the lag"""
    broker = Broker()
    unsent = pathways.orders.kafka_produce(broker.address, "k-orders", ["value"] * COUNT)
    equal("what ddtrace's producer left unsent", unsent, 0)
    last = through_payments(pathways, broker)
    received = pathways.shipping.kafka_consume(broker.address, "k-ship", "k-invoices", COUNT)
    if not isinstance(received, list):
        raise Wrong(f"ddtrace's consumer: {received}")
    equal("the last header that ddtrace received", received[-1], {ds.HEADER_KEY: base64.b64encode(last).decode()})
    pathways.orders.flush()
    pathways.shipping.flush()
    steps = ["orders out k-orders", "payments in k-orders", "payments out k-invoices", "shipping in k-invoices"]
    pathways.one_pathway(steps, COUNT, None)
    groups = {(one["topic"], one["group"]): one for one in pathways.collector.get("/api/lag")["groups"]}
    # Ours committed, ddtrace produced; then the other way around, where ddtrace does not tell the cluster.
    for topic, group, committed, lag in (("k-orders", "k-pay", COUNT - 3, 3), ("k-invoices", "k-ship", COUNT, 0)):
        if (topic, group) not in groups:
            raise Wrong(f"no lag of {topic} and {group} among {list(groups)}")
        one = groups[topic, group]
        partition = one["partitions"][0]
        found = [one["cluster"], one["messages"], *(partition[name] for name in ("partition", "committed", "end"))]
        equal(f"the lag of {topic}", found, [broker.cluster_id, lag, "0", committed, COUNT])
    return f"{COUNT} messages, librdkafka {confluent_kafka.libversion()[0]}"


def through_payments(pathways, broker):
    """Our service, with a Kafka client that nothing instruments: receives, sends, tells offsets. The last header."""
    cluster = f"kafka_cluster_id:{broker.cluster_id}"
    offsets = []

    def sent(error, message):
        if error is None:
            offsets.append(message.offset())

    library = pathways.library
    with pathways.client("payments") as client:
        # Only lends its hash.
        with ds.Client(library, service="orders", env=ENV, delivery=ds.DELIVERY_HOST) as twin:
            expected, _ = twin.checkpoint(["direction:out", cluster, "topic:k-orders", "type:kafka"])
        for message in broker.consume("k-pay", "k-orders", COUNT):
            headers = dict(message.headers())
            equal("the keys of ddtrace's headers", list(headers), [ds.HEADER_KEY])
            header = headers[ds.HEADER_KEY]
            equal("the hash in ddtrace's header", library.decode(header).hash, expected.hash)
            tags = ["direction:in", "group:k-pay", cluster, "topic:k-orders", "type:kafka"]
            pathway, _ = client.checkpoint(tags, header, size=len(message.value()))
            _, header = client.checkpoint(
                ["direction:out", cluster, "topic:k-invoices", "type:kafka"], b"", pathway, size=1
            )
            broker.producer.produce(
                "k-invoices", b"v", partition=0, headers=[(ds.HEADER_KEY, header)], on_delivery=sent
            )
        equal("what our producer left unsent", broker.producer.flush(20), 0)
        # Three messages have not been processed yet.
        client.track(["consumer_group:k-pay", cluster, "topic:k-orders", "type:kafka_commit"], 0, COUNT - 3)
        client.track([cluster, "topic:k-invoices", "type:kafka_produce"], 0, max(offsets))
        client.flush()
    return header
