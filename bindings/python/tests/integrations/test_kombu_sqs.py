"""kombu over SQS, a moto server, by way of boto3. test_celery.py has a worker, which receives by kombu's own client."""

import uuid

import datastreams
import pytest
from kombu import Connection, Consumer, Producer, Queue
from points import reported
from test_kombu import drain, put_and_get


@pytest.fixture
def connection(started, sqs_broker):
    datastreams.patch("boto3", "kombu")
    url, options = sqs_broker
    with Connection(url, transport_options=options) as connection:
        yield connection


def make_queue(connection, name):
    queue = Queue(f"{name}-{uuid.uuid4().hex[:8]}", channel=connection.default_channel)
    queue.declare()
    return queue


def edges(*queues):
    return [f"{way},topic:{queue.name},type:sqs" for queue in queues for way in ("out", "in")]


def test_each_message_of_an_answer_has_its_own_pathway(connection, started):
    first, second = make_queue(connection, "first"), make_queue(connection, "second")
    producer, seen = Producer(connection), []
    for number in range(2):
        with datastreams.use_pathway(None):
            producer.publish({"number": number}, routing_key=first.name)
    datastreams.unpatch("boto3")
    producer.publish({"number": 2}, routing_key=first.name)
    datastreams.patch("boto3")

    def on_first(body, message):
        assert datastreams.pathway_of(message) == datastreams.current_pathway()
        seen.append((body["number"], datastreams.current_pathway().hash))
        producer.publish({}, routing_key=second.name)
        message.ack()

    drain(connection, Consumer(connection, [first], callbacks=[on_first]), lambda: len(seen) == 3)
    assert datastreams.current_pathway() is None
    hashes = dict(seen)
    assert hashes[0] == hashes[1] != hashes[2]
    points = reported(started)
    first_out, first_in, second_out, _ = edges(first, second)
    assert points.counts() == {first_out: 2, first_in: 3, second_out: 3} and points.roots(first_in) == 1
    assert {point["ParentHash"] for point in points.all_of(second_out)} == set(hashes.values())
    assert {point["ParentHash"] for point in points.all_of(first_in)} == {0, points.of(first_out)["Hash"]}


def test_one_at_a_time(connection, started):
    queue = make_queue(connection, "single")
    Producer(connection).publish({"a": 1}, routing_key=queue.name)
    message = queue.get()
    assert message.payload == {"a": 1} and "_datadog" not in str(message.delivery_info)
    assert datastreams.pathway_of(message) == datastreams.current_pathway() is not None
    message.ack()
    assert queue.get() is None
    assert datastreams.current_pathway() is None
    with connection.SimpleQueue(queue.name) as simple:
        put_and_get(simple, {"b": 2})
    points = reported(started)
    points.chain(*edges(queue))
    assert points.counts() == dict.fromkeys(edges(queue), 2)


def test_without_boto3_and_unpatched(connection, started):
    queue, seen = make_queue(connection, "alone"), []
    datastreams.unpatch("boto3")

    def receive(body, message):
        seen.append(message)
        message.ack()

    consumer = Consumer(connection, [queue], callbacks=[receive])
    Producer(connection).publish({}, routing_key=queue.name)
    drain(connection, consumer, lambda: len(seen) == 1)
    assert datastreams.pathway_of(seen[0]) is not None
    datastreams.unpatch("kombu")
    Producer(connection).publish({}, routing_key=queue.name)
    drain(connection, consumer, lambda: len(seen) == 2)
    assert datastreams.pathway_of(seen[1]) is None
    assert reported(started).counts() == {edges(queue)[1]: 1}
