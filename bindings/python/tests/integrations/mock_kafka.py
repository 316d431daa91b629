"""A Kafka for tests: librdkafka's mock cluster, which lives as long as the standard input. Prints address and cluster id."""

import sys

import confluent_kafka

producer = confluent_kafka.Producer({"bootstrap.servers": "none", "test.mock.num.brokers": 1, "log_level": 0})
cluster = producer.list_topics(timeout=20)
(broker,) = cluster.brokers.values()
print(f"{broker.host}:{broker.port}", cluster.cluster_id, flush=True)
sys.stdin.read()
