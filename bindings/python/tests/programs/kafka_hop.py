"""A service between two topics, which knows of no tracer: kafka_hop.py BROKERS WARM GROUP SOURCE TARGET COUNT. "-": no topic.

First it sends a message to WARM: ddtrace's consumers have the id of a cluster only from a producer that has sent something.
"""

import sys

import confluent_kafka

brokers, warm, group, source, target, count = sys.argv[1:]
producer = confluent_kafka.Producer({"bootstrap.servers": brokers})
consumer = confluent_kafka.Consumer({"bootstrap.servers": brokers, "group.id": group, "enable.auto.commit": False})
producer.list_topics(timeout=20)
producer.produce(warm, b"w", partition=0)
assert producer.flush(20) == 0
if source != "-":
    consumer.assign([confluent_kafka.TopicPartition(source, 0, 0)])
for at in range(int(count)):
    value = b"%d" % at
    if source != "-":
        message = consumer.poll(60)
        assert message is not None and message.error() is None, message and message.error()
        value = message.value()
    if target != "-":
        producer.produce(target, value, partition=0)
        producer.poll(0)
if source != "-":
    consumer.commit(message=message, asynchronous=False)
assert producer.flush(20) == 0
consumer.close()
