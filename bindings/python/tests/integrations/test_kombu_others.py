"""kombu over Kafka and Pub/Sub, whose messages the integrations of their own clients record."""

import uuid

import datastreams
import pytest
from kombu import Connection, Consumer, Exchange, Producer, Queue
from points import reported
from test_kombu import drain, put_and_get


@pytest.fixture(params=["over_kafka", "over_pubsub"])
def broker(request, started):
    broker = request.getfixturevalue(request.param)
    datastreams.patch(broker.client, "kombu")
    return broker


def make_queue(connection, name):
    name = f"{name}-{uuid.uuid4().hex[:8]}"
    queue = Queue(name, Exchange(name, type="direct"), name, channel=connection.default_channel)
    queue.declare()
    return queue


def send(connection, queue, body):
    Producer(connection, queue.exchange).publish(body, routing_key=queue.routing_key)


@pytest.fixture
def connection(broker):
    with Connection(broker.url, transport_options=broker.options) as connection:
        yield connection


def test_each_message_has_its_own_pathway(connection, broker, started):
    first, second = make_queue(connection, "first"), make_queue(connection, "second")
    seen = []
    for number in range(3):
        with datastreams.use_pathway(None):
            if number:
                datastreams.set_checkpoint(["direction:in", f"topic:{number}", "type:http"])
            send(connection, first, {"number": number})

    def on_first(body, message):
        assert datastreams.pathway_of(message) == datastreams.current_pathway()
        seen.append((body["number"], datastreams.current_pathway().hash))
        send(connection, second, {})
        message.ack()

    drain(connection, Consumer(connection, [first], callbacks=[on_first]), lambda: len(seen) == 3)
    assert datastreams.current_pathway() is None
    hashes = dict(seen)
    assert len(set(hashes.values())) == 3
    points = reported(started)
    (first_out, first_in), (second_out, _) = broker.edges(first.name), broker.edges(second.name)
    counts = points.counts()
    assert (counts[first_out], counts[first_in], counts[second_out]) == (3, 3, 3)
    assert {point["ParentHash"] for point in points.all_of(second_out)} == set(hashes.values())
    assert points.roots(first_in) == 0


def test_one_at_a_time_and_unpatched(connection, broker, started):
    queue = make_queue(connection, "single")
    send(connection, queue, {"a": 1})
    message = queue.get()
    while message is None:  # A new group of consumers has nothing at first.
        message = queue.get()
    assert message.payload == {"a": 1}
    assert datastreams.pathway_of(message) == datastreams.current_pathway() is not None
    message.ack()
    assert queue.get() is None
    assert datastreams.current_pathway() is None
    points = reported(started)
    points.chain(*broker.edges(queue.name))
    with connection.SimpleQueue(queue) as simple:
        put_and_get(simple, {"b": 2})
        datastreams.unpatch()
        simple.put({"c": 3})
        message = simple.get(timeout=30)
        assert message.payload == {"c": 3} and datastreams.pathway_of(message) is None
        message.ack()
