"""pika over a real RabbitMQ."""

import asyncio
import copy
import time
import uuid

import datastreams
import pika
import pytest
from pika.adapters.asyncio_connection import AsyncioConnection
from points import reported

KEY = datastreams.HEADER_KEY


@pytest.fixture
def channel(started, rabbitmq):
    datastreams.patch("pika")
    with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", rabbitmq)) as connection:
        yield connection.channel()


@pytest.fixture
def queue(channel):
    """Makes a queue with a name of its own that ends in the one given."""
    names = []

    def declare(name):
        names.append(f"{name}-{uuid.uuid4().hex[:8]}")
        channel.queue_declare(names[-1])
        return names[-1]

    yield declare
    for name in names:
        channel.queue_delete(name)


def get(channel, queue):
    """The next message: its properties and body."""
    for _ in range(500):
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        if method is not None:
            return properties, body
        time.sleep(0.01)
    raise AssertionError(f"{queue} stays empty")


def test_a_chain_through_a_callback(channel, queue, started):
    first, second = queue("first"), queue("second")
    headers = {"tenant": "ä", "attempt": 3}
    channel.basic_publish("", first, b"hello", pika.BasicProperties(headers=headers, content_type="text/plain"))
    assert headers == {"tenant": "ä", "attempt": 3}
    seen = []

    def on_message(inner, method, properties, body):
        seen.append((body, properties.headers["tenant"], properties.content_type))
        assert datastreams.pathway_of(properties) == datastreams.current_pathway()
        inner.basic_publish("", second, body * 2)
        inner.basic_ack(method.delivery_tag)
        inner.stop_consuming()

    before = datastreams.current_pathway()
    channel.basic_consume(first, on_message)
    channel.start_consuming()
    assert seen == [(b"hello", "ä", "text/plain")]
    assert datastreams.current_pathway() == before
    assert get(channel, second)[1] == b"hellohello"

    points = reported(started)
    edges = [f"{way},topic:{name},type:rabbitmq" for name in (first, second) for way in ("out", "in")]
    points.chain(*edges)
    assert points.counts() == dict.fromkeys(edges, 1)
    size = len(b"hello" + b"tenant" + "ä".encode() + b"attempt") + 8
    for edge, expected in zip(edges, (size, size, 10, 10)):
        assert points.size(edge) == pytest.approx(expected, rel=0.008)


def test_a_generator_hands_out_each_message_with_its_own_pathway(channel, queue, started):
    name = queue("batch")
    for number in range(20):
        with datastreams.use_pathway(None):
            channel.basic_publish("", name, b"%d" % number, pika.BasicProperties(headers={}))
        time.sleep(0.002)  # A header has milliseconds.
    datastreams.unpatch("pika")
    channel.basic_publish("", name, b"no header")
    datastreams.patch("pika")

    starts, idle = [], 0
    for method, properties, _ in channel.consume(name, auto_ack=True, inactivity_timeout=0.2):
        if method is None:
            idle += 1
            break
        starts.append(datastreams.current_pathway().start_ns)
        assert datastreams.pathway_of(properties) == datastreams.current_pathway()
    channel.cancel()
    assert idle == 1 and len(set(starts)) == 21 and starts == sorted(starts)

    points = reported(started)
    assert points.counts() == {f"out,topic:{name},type:rabbitmq": 20, f"in,topic:{name},type:rabbitmq": 21}
    assert points.roots(f"in,topic:{name},type:rabbitmq") == 1


def test_an_empty_queue_counts_nothing(channel, queue, started):
    name = queue("empty")
    assert channel.basic_get(name) == (None, None, None)
    assert reported(started).counts() == {}


def test_after_an_empty_answer_nothing_goes_on_from_the_message_before(channel, queue):
    """Only from another queue's."""
    first, second = queue("first"), queue("second")
    for empty in (lambda: channel.basic_get(first), lambda: next(channel.consume(first, inactivity_timeout=0.05))):
        channel.basic_publish("", first, b"x")
        get(channel, first)
        current = datastreams.current_pathway()
        channel.basic_get(second)
        assert datastreams.current_pathway() is current is not None
        assert empty() == (None, None, None)
        assert datastreams.current_pathway() is None


def test_a_bad_header_starts_anew(channel, queue, started):
    name = queue("bad")
    datastreams.unpatch("pika")
    for header in ("?!", b"\x00\xff", 17, None, ["list"], {"table": 1}):
        channel.basic_publish("", name, b"x", pika.BasicProperties(headers={KEY: header}))
    datastreams.patch("pika")
    for _ in range(6):
        get(channel, name)
    points = reported(started)
    assert points.roots(f"in,topic:{name},type:rabbitmq") == 6
    assert datastreams.stats()["header_unreadable"] == 5


def test_a_header_that_was_there_is_replaced(channel, queue, started):
    first, second = queue("first"), queue("second")
    channel.basic_publish("", first, b"x")
    received, _ = get(channel, first)
    mine = copy.deepcopy(received.headers)
    channel.basic_publish("", second, b"x", received)
    assert received.headers == mine
    forwarded, _ = get(channel, second)
    assert list(forwarded.headers) == [KEY] and forwarded.headers[KEY] != received.headers[KEY]
    reported(started).chain(*(f"{way},topic:{name},type:rabbitmq" for name in (first, second) for way in ("out", "in")))


def test_exchanges_and_queues_that_the_broker_named(channel, started):
    exchange = f"exchange-{uuid.uuid4().hex}"
    channel.exchange_declare(exchange, "fanout", auto_delete=True)
    named = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(named, exchange)
    channel.basic_publish(exchange, "key", b"")
    channel.basic_publish(exchange, "", b"")
    get(channel, named)
    get(channel, "")
    channel.basic_publish("", named, b"")
    assert reported(started).counts() == {
        f"out,exchange:{exchange},has_routing_key:true,type:rabbitmq": 1,
        f"out,exchange:{exchange},has_routing_key:false,type:rabbitmq": 1,
        "in,topic:amq.gen,type:rabbitmq": 2,
        "out,topic:amq.gen,type:rabbitmq": 1,
    }


def test_a_root_begins_when_the_message_entered_the_queue(channel, queue, started):
    name = queue("old")
    datastreams.unpatch("pika")
    for timestamp in (int(time.time()) - 100, int(time.time() * 1000), 2**63):
        channel.basic_publish("", name, b"x", pika.BasicProperties(timestamp=timestamp))
    datastreams.patch("pika")
    for _ in range(3):
        get(channel, name)
    edge = f"in,topic:{name},type:rabbitmq"
    points = reported(started)
    assert points.counts() == {edge: 3}
    assert 99 < points.latency(edge) < 130


def test_headers_as_long_as_a_frame_go_without_ours(channel, queue, started, counted):
    name = queue("long")
    frame = channel.connection._impl.params.frame_max
    bare = pika.BasicProperties(headers={"long": ""})
    room = frame - sum(map(len, bare.encode())) - 22
    for longest, stamped in ((room, False), (room - 200, True)):
        channel.basic_publish("", name, b"x", pika.BasicProperties(headers={"long": "a" * longest}))
        properties, _ = get(channel, name)
        assert (KEY in properties.headers) == stamped and len(properties.headers["long"]) == longest
    assert counted() == {"rabbitmq_too_large": 1}
    counts = reported(started).counts()
    assert counts == {f"out,topic:{name},type:rabbitmq": 1, f"in,topic:{name},type:rabbitmq": 2}


def test_a_closed_channel_records_nothing(channel, queue, started):
    closed = channel.connection.channel()
    closed.close()
    with pytest.raises(pika.exceptions.ChannelWrongStateError):
        closed.basic_publish("", "somewhere", b"x")
    assert reported(started).counts() == {}


def test_an_unpatched_client_records_nothing(channel, queue, started):
    name = queue("off")
    channel.basic_publish("", name, b"x")
    callbacks = []
    channel.basic_consume(name, lambda inner, method, properties, body: callbacks.append(body), auto_ack=True)
    datastreams.unpatch("pika")
    assert "basic_publish" in vars(pika.channel.Channel) and not hasattr(
        pika.channel.Channel.basic_publish, "__wrapped__"
    )
    channel.basic_publish("", name, b"y")
    channel.connection.process_data_events(1)
    channel.connection.process_data_events(1)
    assert sorted(callbacks) == [b"x", b"y"]
    assert reported(started).counts() == {f"out,topic:{name},type:rabbitmq": 1}


def test_an_asynchronous_connection(channel, queue, rabbitmq, started):
    first, second = queue("first"), queue("second")

    async def main():
        done = asyncio.get_running_loop().create_future()

        def on_open(connection):
            connection.channel(on_open_callback=on_channel)

        def on_channel(inner):
            inner.basic_publish("", first, b"1")
            inner.basic_publish("", first, b"2")
            inner.basic_consume(first, on_first, auto_ack=True)

        def on_first(inner, method, properties, body):
            inner.basic_publish("", second, body)
            if body == b"2":
                assert datastreams.current_pathway().direction == "out"
                inner.basic_get(second, on_second, auto_ack=True)

        def on_second(inner, method, properties, body):
            done.set_result((body, datastreams.current_pathway().direction))

        connection = AsyncioConnection(
            pika.ConnectionParameters("127.0.0.1", rabbitmq),
            on_open_callback=on_open,
            on_open_error_callback=lambda _, error: done.set_exception(error),
        )
        result = await asyncio.wait_for(done, 20)
        closed = asyncio.get_running_loop().create_future()
        connection.add_on_close_callback(lambda *_: closed.set_result(None))
        connection.close()
        await closed
        return result

    assert asyncio.run(main()) == (b"1", "in")
    edges = [f"{way},topic:{name},type:rabbitmq" for name in (first, second) for way in ("out", "in")]
    points = reported(started)
    points.chain(*edges)
    assert points.counts() == dict(zip(edges, (2, 2, 2, 1)))
