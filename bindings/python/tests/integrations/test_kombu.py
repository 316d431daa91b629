"""kombu over RabbitMQ, Redis and its own memory."""

import socket
import time
import uuid

import datastreams
import pytest
from kombu import Connection, Consumer, Exchange, Producer, Queue
from points import reported

KEY = datastreams.HEADER_KEY


@pytest.fixture(params=["rabbitmq", "redis", "memory"])
def kind(request):
    return request.param


@pytest.fixture
def connection(started, kind, request):
    datastreams.patch("kombu")
    url = {"rabbitmq": "amqp://guest:guest@127.0.0.1:{}//", "redis": "redis://127.0.0.1:{}/0", "memory": "memory://"}[
        kind
    ]
    port = None if kind == "memory" else request.getfixturevalue(kind)
    with Connection(url.format(port)) as connection:
        yield connection


@pytest.fixture
def rabbit(started, rabbitmq):
    datastreams.patch("kombu")
    with Connection(f"amqp://guest:guest@127.0.0.1:{rabbitmq}//") as connection:
        yield connection


def make_queue(connection, name, **more):
    queue = Queue(f"{name}-{uuid.uuid4().hex[:8]}", channel=connection.default_channel, **more)
    queue.declare()
    return queue


def drain(connection, consumer, until):
    with consumer:
        deadline = time.monotonic() + 20
        while not until():
            assert time.monotonic() < deadline
            try:
                connection.drain_events(timeout=0.5)
            except TimeoutError:
                pass


def put_and_get(simple, body):
    """By one who takes the messages of a queue one at a time, and then finds it empty."""
    simple.put(body)
    message = simple.get(timeout=30)
    assert message.payload == body
    assert datastreams.pathway_of(message) == datastreams.current_pathway() is not None
    message.ack()
    with pytest.raises(simple.Empty):
        simple.get(timeout=0.1)
    assert datastreams.current_pathway() is None


def test_a_chain(connection, kind, started):
    first, second = make_queue(connection, "first"), make_queue(connection, "second")
    producer, headers, seen = Producer(connection), {"tenant": "blue"}, []
    producer.publish("hello", routing_key=first.name, headers=headers, serializer="raw", content_type="text/plain")
    assert headers == {"tenant": "blue"}

    def on_first(body, message):
        assert datastreams.pathway_of(message) == datastreams.current_pathway()
        assert message.headers["tenant"] == "blue" and KEY in message.headers
        producer.publish({"a": 1}, routing_key=second.name, retry=True)
        message.ack()

    def on_second(message):
        seen.append((message.payload, datastreams.pathway_of(message) == datastreams.current_pathway()))
        message.ack()

    before = datastreams.current_pathway()
    with Consumer(connection, [first], callbacks=[on_first], accept=["text/plain"]):
        drain(connection, Consumer(connection, [second], on_message=on_second), lambda: seen)
    assert seen == [({"a": 1}, True)] and datastreams.current_pathway() == before

    points = reported(started)
    edges = [f"{way},topic:{queue.name},type:{kind}" for queue in (first, second) for way in ("out", "in")]
    points.chain(*edges)
    assert points.counts() == dict.fromkeys(edges, 1)
    for edge, size in zip(edges, (15, 15, 8, 8)):
        assert points.size(edge) == pytest.approx(size, rel=0.008)


def test_simple_queues_and_messages_without_a_header(connection, kind, started):
    name = f"simple-{uuid.uuid4().hex[:8]}"
    with connection.SimpleQueue(name) as queue:
        for number in range(3):
            with datastreams.use_pathway(None):
                queue.put(number)
            time.sleep(0.002)
        datastreams.unpatch("kombu")
        queue.put("no header")
        datastreams.patch("kombu")
        starts = []
        for _ in range(4):
            message = queue.get(timeout=10)
            starts.append(datastreams.current_pathway().start_ns)
            assert datastreams.pathway_of(message) == datastreams.current_pathway()
            message.ack()
        with pytest.raises(queue.Empty):
            queue.get(timeout=0.1)
        assert datastreams.current_pathway() is None
        with pytest.raises(queue.Empty):
            queue.get_nowait()
        queue.put("x")
        assert queue.get(timeout=10).payload == "x"
    assert len(set(starts)) == 4
    points = reported(started)
    assert points.roots(f"in,topic:{name},type:{kind}") == 1
    counts = points.counts()
    assert counts == {
        f"out,exchange:{name},has_routing_key:true,type:{kind}": 4,
        f"in,topic:{name},type:{kind}": 5,
    }


def test_a_bad_header_starts_anew_and_one_that_was_there_is_replaced(rabbit, started):
    first, second = make_queue(rabbit, "first"), make_queue(rabbit, "second")
    producer = Producer(rabbit)
    datastreams.unpatch("kombu")
    for header in ("?!", 17, ["list"]):
        producer.publish("x", routing_key=first.name, headers={KEY: header})
    datastreams.patch("kombu")
    for _ in range(3):
        assert first.get(no_ack=True) is not None
    assert datastreams.current_pathway() is not None
    assert first.get() is None
    assert datastreams.current_pathway() is None
    with datastreams.use_pathway(None):
        producer.publish("x", routing_key=first.name)
    message = first.get(no_ack=True)
    old = message.headers[KEY]
    producer.publish("x", routing_key=second.name, headers=message.headers)
    assert message.headers == {KEY: old}
    assert second.get(no_ack=True).headers[KEY] != old
    points = reported(started)
    assert points.roots(f"in,topic:{first.name},type:rabbitmq") == 3
    assert points.counts()[f"in,topic:{second.name},type:rabbitmq"] == 1
    assert datastreams.stats()["header_unreadable"] == 3


def test_a_message_that_is_sent_again_counts_once(rabbit, started):
    queue = make_queue(rabbit, "again")
    producer = Producer(rabbit)
    producer.publish("x", routing_key=queue.name)
    rabbit.default_channel.connection.transport.sock.shutdown(socket.SHUT_RDWR)  # The network fails.
    producer.publish("y", routing_key=queue.name, retry=True, retry_policy={"max_retries": 5, "interval_start": 0})
    queue.maybe_bind(rabbit.default_channel)
    assert reported(started).counts() == {f"out,topic:{queue.name},type:rabbitmq": 2}


def test_exchanges_and_internal_ones(rabbit, started):
    exchange = Exchange(f"exchange-{uuid.uuid4().hex[:8]}", type="direct")
    queue = make_queue(rabbit, "bound", exchange=exchange, routing_key="key")
    for name in ("celeryev", "shop.pidbox", "reply.shop.pidbox"):
        internal = Exchange(name, type="topic" if name == "celeryev" else "fanout", durable=name == "celeryev")
        Producer(rabbit).publish("x", exchange=internal, declare=[internal])
    Producer(rabbit, exchange).publish("x", routing_key="key")
    assert queue.get(no_ack=True).payload == "x"
    assert reported(started).counts() == {
        f"out,exchange:{exchange.name},has_routing_key:true,type:rabbitmq": 1,
        f"in,topic:{queue.name},type:rabbitmq": 1,
    }


def test_headers_as_long_as_a_frame_go_without_ours(rabbit, started, counted):
    queue = make_queue(rabbit, "long")
    for length, stamped in ((131_000, False), (60_000, True)):
        Producer(rabbit).publish("x", routing_key=queue.name, headers={"long": "a" * length})
        message = queue.get(no_ack=True)
        assert len(message.headers["long"]) == length and (KEY in message.headers) == stamped
    assert counted() == {"rabbitmq_too_large": 1}


def test_unpatched(rabbit, started):
    queue = make_queue(rabbit, "off")
    seen = []
    consumer = Consumer(rabbit, [queue], callbacks=[lambda body, message: seen.append(body)], no_ack=True)
    with consumer:
        datastreams.unpatch("kombu")
        Producer(rabbit).publish("x", routing_key=queue.name)
        while not seen:
            rabbit.drain_events(timeout=5)
    assert reported(started).counts() == {}
