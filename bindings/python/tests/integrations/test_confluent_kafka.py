"""confluent-kafka over a Kafka: librdkafka's mock cluster, or a real one."""

import asyncio
import subprocess
import sys
import threading
import time
import types
from concurrent.futures import ThreadPoolExecutor

import confluent_kafka
import datastreams
import kafka_cases
import pytest
from confluent_kafka import DeserializingConsumer, SerializingProducer, TopicPartition
from confluent_kafka.aio import AIOConsumer, AIOProducer
from confluent_kafka.error import ConsumeError
from confluent_kafka.serialization import StringDeserializer, StringSerializer
from datastreams.integrations import confluent_kafka as integration
from kafka_cases import KEY, OLD
from points import reported


def known(client):
    """The client when it knows its cluster: until then edges have no tag for it."""
    client.list_topics(timeout=20)
    return client


@pytest.fixture
def patched(started):
    datastreams.patch("confluent_kafka")


@pytest.fixture
def producer(patched, kafka):
    producer = known(confluent_kafka.Producer({"bootstrap.servers": kafka.address, "message.max.bytes": 5000}))
    yield producer
    assert producer.flush(20) == 0


@pytest.fixture
def consumer(patched, kafka):
    """Makes a consumer of partition 0 of a topic, from its first message on."""
    made = []

    def make(topic, group="g", kind=None, **more):
        kind = kind or confluent_kafka.Consumer
        made.append(kind({"bootstrap.servers": kafka.address, "group.id": group, "enable.auto.commit": False, **more}))
        made[-1].assign([TopicPartition(topic, 0, 0)])
        return made[-1]

    yield make
    for one in made:
        one.close()


def take(consumer):
    """The next message."""
    message = consumer.poll(20)
    assert message is not None and message.error() is None
    return message


def take_many(consumer, count):
    """The next messages, in one list."""
    time.sleep(0.2)
    messages = consumer.consume(count, 20)
    assert len(messages) == count
    return messages


def test_a_chain(producer, consumer, kafka, started):
    first, second = kafka.topic("first"), kafka.topic("second")
    headers = {"tenant": "ä", "empty": None}
    producer.produce(first, "hällo", b"key", partition=0, headers=headers)
    assert headers == {"tenant": "ä", "empty": None}
    assert producer.flush(20) == 0
    datastreams._native.context.set(None)
    message = take(consumer(first))
    assert (message.value(), message.key()) == ("hällo".encode(), b"key")
    assert dict(message.headers())["tenant"] == "ä".encode()
    assert datastreams.pathway_of(message) == datastreams.current_pathway()
    producer.produce(second, message.value(), partition=0)
    producer.flush(20)
    take(consumer(second, "h"))
    size = len("hällo".encode()) + 3 + len("tenant") + 2 + len("empty")
    kafka_cases.is_a_chain(started, kafka, first, second, sizes=(size, 6))


def test_headers_as_the_program_has_them(producer, kafka):
    """In a list, with repeated and missing values, in a dict, or none: ours is added, or replaced, once."""
    topic = kafka.topic("headers")
    pairs = [("a", b"1"), ("a", "2"), ("b", None)]
    stale = [("a", b"1"), (KEY, OLD.encode()), ("dd-pathway-ctx", OLD.encode(binary=True)), (KEY, b"x")]
    for headers in (pairs, {"a": "1"}, stale, {KEY: "x", "z": b""}, [], {}, None):
        before = None if headers is None else headers.copy()
        producer.produce(topic, b"v", partition=0, headers=headers)
        assert headers == before
    producer.flush(20)
    seen = [headers for _, _, headers in kafka.read(topic, 7)]
    ours = [[value for name, value in headers if name == KEY] for headers in seen]
    assert [len(one) for one in ours] == [1] * 7
    assert all(datastreams.Pathway.decode(one[0]) for one in ours)
    others = [[pair for pair in headers if pair[0] != KEY] for headers in seen]
    ones = [("a", b"1")]
    assert others == [[("a", b"1"), ("a", b"2"), ("b", None)], ones, ones, [("z", b"")], [], [], []]


def test_a_forwarded_header_is_the_parent_where_nothing_is_current(producer, kafka, started):
    topic = kafka.topic("forwarded")
    producer.produce(topic, b"v", headers=[(KEY, OLD.encode())])
    producer.flush(20)
    point = reported(started).of(kafka.edge("out", topic))
    assert point["ParentHash"] == OLD.hash


def test_every_argument_by_position_and_by_name(producer, kafka):
    topic, told = kafka.topic("arguments"), []

    def on_delivery(error, message):
        told.append((error, message.offset()))

    producer.produce(topic, b"0", b"k", 0, on_delivery, None, 5000, [("h", b"1")])
    producer.produce(topic, b"1", on_delivery=on_delivery, partition=0)
    producer.produce(topic=topic, value=b"2", callback=on_delivery, partition=0, timestamp=0)
    producer.flush(20)
    assert told == [(None, 0), (None, 1), (None, 2)]
    assert [(value, key) for value, key, _ in kafka.read(topic, 3)] == [(b"0", b"k"), (b"1", None), (b"2", None)]


def test_the_delivery_callback_of_the_configuration(patched, kafka, started):
    told = []
    producer = known(
        confluent_kafka.Producer(
            {"bootstrap.servers": kafka.address}, on_delivery=lambda error, message: told.append(message.value())
        )
    )
    topic = kafka.topic("told")
    for value in (b"a", b"b"):
        producer.produce(topic, value, partition=0)
    producer.flush(20)
    assert told == [b"a", b"b"]
    reported(started)
    assert started.backlogs() == {kafka.backlog("produce", topic): 1}


def test_no_header_and_bad_headers_begin_anew(consumer, kafka, started):
    topic = kafka.topic("roots")
    kafka.send(topic, headers=[(KEY, OLD.encode())])
    kafka.send(topic)
    kafka.send(topic, headers=[(KEY, b"?" * 30)])
    kafka.send(topic, headers=[(KEY, None)])
    kafka.send(topic, headers=[("dd-pathway-ctx", OLD.encode(binary=True))])
    receiver = consumer(topic)
    pathways = []
    for _ in range(5):
        take(receiver)
        pathways.append(datastreams.current_pathway())
    hashes = [pathway.hash for pathway in pathways]
    assert hashes[0] == hashes[4] != hashes[1] == hashes[2] == hashes[3]
    points = reported(started)
    assert points.counts() == {kafka.edge("in", topic, "g"): 5}
    assert points.roots(kafka.edge("in", topic, "g")) == 3


def test_a_root_begins_when_the_message_was_sent(consumer, kafka, started):
    topic = kafka.topic("queued")
    kafka.send(topic, timestamp=int(time.time() * 1000) - 60_000)
    take(consumer(topic))
    kafka_cases.is_a_minute(reported(started).latency(kafka.edge("in", topic, "g")))


def test_polls_without_a_message_count_none(consumer, producer, kafka, started):
    topic = kafka.topic("empty")
    kafka.send(topic)
    receiver = consumer(topic, **{"enable.partition.eof": True})
    take(receiver)
    assert datastreams.current_pathway()
    end = receiver.poll(20)
    assert end.error().code() == confluent_kafka.KafkaError._PARTITION_EOF
    assert receiver.poll(0.01) is None
    # The message before is done with.
    assert datastreams.current_pathway() is None
    with datastreams.use_pathway(OLD):
        assert consumer(topic).poll(0) is None
        assert datastreams.current_pathway() == OLD
    assert reported(started).counts() == {kafka.edge("in", topic, "g"): 1}


def test_a_batch(consumer, producer, kafka, started):
    source, target = kafka.topic("batch"), kafka.topic("fan")
    for topic in (source, source, source):
        producer.produce(topic, b"v", partition=0)
    kafka.send(source)
    producer.flush(20)
    datastreams._native.context.set(None)
    receiver = consumer(source, **{"enable.partition.eof": True})
    messages = take_many(receiver, 5)
    assert isinstance(messages, list) and [message.error() is None for message in messages] == [True] * 4 + [False]
    pathways = [datastreams.pathway_of(message) for message in messages]
    assert pathways[4] is None
    merged = datastreams.Pathway.merge(pathways)
    assert datastreams.current_pathway() == merged
    assert messages[0].offset() == 0 and datastreams.current_pathway() == merged
    for message, pathway in zip(messages[:4], pathways):
        assert datastreams.pathway_of(message) == pathway
    for message in messages:
        if message.error() is None:
            assert datastreams.current_pathway() == datastreams.pathway_of(message)
            producer.produce(target, b"w", partition=0)
    assert datastreams.current_pathway() == merged
    assert receiver.consume(1, 0.01) == []
    assert datastreams.current_pathway() is None
    points = reported(started)
    assert points.counts() == {
        kafka.edge("out", source): 3,
        kafka.edge("in", source, "g"): 4,
        kafka.edge("out", target): 4,
    }
    # Each message has gone on from its own pathway: one was a root.
    assert points.roots(kafka.edge("in", source, "g")) == 1
    parents = {point["Hash"] for point in points.points if "direction:in" in point["EdgeTags"]}
    assert {point["ParentHash"] for point in points.points if f"topic:{target}" in point["EdgeTags"]} == parents


def test_what_does_not_fit_is_sent_as_it_is(producer, kafka, started, counted):
    topic = kafka.topic("limits")
    fits = 5000 - 61 - 36 - 21 - 36 - 2
    for size in (fits, fits + 1, 5000 - 36):
        producer.produce(topic, b"v" * size, partition=0)
    with pytest.raises(confluent_kafka.KafkaException):
        producer.produce(topic, b"v" * (5000 - 35), partition=0)
    # Headers count, too: theirs take a byte more for each length. The one that is replaced does not.
    producer.produce(topic, b"v" * (fits - 12), partition=0, headers={"12345": b"12345", KEY: OLD.encode()})
    producer.produce(topic, b"v" * (fits - 11), partition=0, headers={"12345": b"12345", KEY: OLD.encode()})
    assert producer.flush(20) == 0
    headers = [dict(headers or ()) for _, _, headers in kafka.read(topic, 5)]
    assert [KEY in one for one in headers] == [True, False, False, True, True]
    assert headers[3][KEY] != OLD.encode().encode() == headers[4][KEY]
    assert counted() == {"kafka_too_large": 3}
    assert reported(started).counts() == {kafka.edge("out", topic): 2}


def test_a_message_that_is_refused_and_tried_again_counts_once(patched, kafka, started, counted):
    producer = known(
        confluent_kafka.Producer(
            {"bootstrap.servers": kafka.address, "queue.buffering.max.messages": 1, "linger.ms": 0}
        )
    )
    topic = kafka.topic("full")
    values = [bytes([at]) * 10 for at in range(30)]
    refused = 0
    for value in values:
        while True:
            try:
                producer.produce(topic, value, partition=0)
                break
            except BufferError:
                refused += 1
                producer.poll(0.05)
    producer.flush(20)
    assert refused > 0 and counted() == {}
    assert reported(started).counts() == {kafka.edge("out", topic): 30}
    # One that is given up stays counted, and what is current is what was.
    current = datastreams.current_pathway()
    with pytest.raises(confluent_kafka.KafkaException):
        producer.produce(topic, b"v", partition=12345)
    assert datastreams.current_pathway() is current
    assert counted() == {"kafka_refused": 1}


def test_another_message_than_the_refused_one_has_its_own_headers(producer, consumer, kafka, counted):
    topic, expected = kafka.topic("constant"), [[], [("a", b"1")], [("a", b"2")]]
    datastreams.edge("direction:in", "type:test").consume()
    for headers in (None, {"a": b"1"}, [("a", b"2")]):
        with pytest.raises(TypeError):
            producer.produce(topic, b"tick", headers={"first": 1})
        producer.produce(topic, b"tick", headers=headers, partition=0)
    with pytest.raises(TypeError):
        producer.produce(topic, b"tick", headers={"first": 1})
    with pytest.raises(TypeError):
        producer.produce(topic, b"tick", headers=5)
    producer.flush(20)
    receiver = consumer(topic)
    carried = [[pair for pair in take(receiver).headers() if pair[0] != KEY] for _ in expected]
    assert carried == expected
    assert counted() == {"kafka_refused": 4}


def test_what_the_client_refuses_it_refuses(producer, counted):
    with pytest.raises(TypeError):
        producer.produce()
    with pytest.raises(TypeError):
        producer.produce("t", 5)
    with pytest.raises(TypeError):
        producer.produce("t", b"v", headers=(("a", b"b"),))
    with pytest.raises(TypeError):
        producer.produce("t", b"v", nothing=1)
    with pytest.raises(TypeError):
        producer.produce_batch("t", (1,))
    with pytest.raises(NotImplementedError):
        producer.produce_batch("t", [{"value": b"v", "timestamp": 5}])
    with pytest.raises(confluent_kafka.KafkaException):
        confluent_kafka.Producer({"on_delivery": 5})
    with pytest.raises(confluent_kafka.KafkaException):
        confluent_kafka.Consumer({"group.id": "g", "no.such.setting": 1})


def test_produce_batch(producer, kafka, started):
    topic, told = kafka.topic("batched"), []
    messages = [
        {"value": b"a", "key": "k", "callback": lambda error, message: told.append((error, message.value()))},
        {"value": b"x" * 5000},
        {"value": "c", "partition": 3, "headers": {"lost": b"anyway"}},
        {},
    ]
    assert producer.produce_batch(topic, messages, 0) == 3
    assert [message.get("_error") and message["_error"].name() for message in messages] == [
        None,
        "MSG_SIZE_TOO_LARGE",
        None,
        None,
    ]
    assert producer.flush(20) == 0
    assert told == [(None, b"a")]
    seen = kafka.read(topic, 3)
    assert [(value, key) for value, key, _ in seen] == [(b"a", b"k"), (b"c", None), (None, None)]
    assert [[name for name, _ in headers] for _, _, headers in seen] == [[KEY]] * 3
    points = reported(started)
    assert points.counts() == {kafka.edge("out", topic): 3}
    assert started.backlogs() == {kafka.backlog("produce", topic): 2}


def test_offsets(producer, consumer, kafka, started):
    """Those that were committed to the broker: of the next message to read."""
    topic, told = kafka.topic("offsets"), []
    for _ in range(5):
        producer.produce(topic, b"v", partition=0)
    producer.flush(20)
    receiver = consumer(topic, "lag", on_commit=lambda error, partitions: told.append((error, partitions[0].offset)))
    for _ in range(3):
        message = take(receiver)
    receiver.commit(message=message, asynchronous=False)
    reported(started)
    expected = {
        kafka.backlog("produce", topic): 4,
        kafka.backlog("high_watermark", topic): 5,
        kafka.backlog("commit", topic, "lag"): 3,
    }
    assert started.backlogs() == expected
    assert receiver.committed([TopicPartition(topic, 0)], 20)[0].offset == 3
    message = take(receiver)
    receiver.commit(offsets=[TopicPartition(topic, 0, 4)])
    deadline = time.monotonic() + 20
    while (None, 4) not in told and time.monotonic() < deadline:
        receiver.poll(0.05)
    reported(started)
    assert started.backlogs() == {**expected, kafka.backlog("commit", topic, "lag"): 4}


def test_offsets_that_the_client_commits(consumer, kafka, started):
    topic = kafka.topic("auto")
    for _ in range(4):
        kafka.send(topic)
    receiver = consumer(topic, "auto", **{"enable.auto.commit": True, "auto.commit.interval.ms": 100_000})
    for _ in range(4):
        take(receiver)
    receiver.close()
    reported(started)
    assert started.backlogs()[kafka.backlog("commit", topic, "auto")] == 4


def test_a_group_that_subscribes(patched, producer, kafka, started):
    topic = kafka.topic("subscribed")
    producer.produce(topic, b"v", partition=0)
    producer.flush(20)
    settings = {"bootstrap.servers": kafka.address, "group.id": "sub", "auto.offset.reset": "earliest"}
    receiver = confluent_kafka.Consumer(settings)
    receiver.subscribe([topic])
    take(receiver)
    receiver.close()
    points = reported(started)
    points.chain(kafka.edge("out", topic), kafka.edge("in", topic, "sub"))


def test_serializing(patched, consumer, kafka, started):
    """Sizes are those of what is sent, not of what the program hands over."""
    topic = kafka.topic("serialized")
    sender = known(
        SerializingProducer(
            {
                "bootstrap.servers": kafka.address,
                "key.serializer": StringSerializer("utf_16_le"),
                "value.serializer": StringSerializer("utf_16_le"),
            }
        )
    )
    sender.produce(topic, key="kk", value="value", partition=0, headers={"h": b"1"})
    assert sender.flush(20) == 0
    more = {"value.deserializer": StringDeserializer("utf_16_le"), "enable.partition.eof": True}
    receiver = consumer(topic, "d", kind=DeserializingConsumer, **more)
    message = take(receiver)
    assert message.value() == "value"
    assert datastreams.pathway_of(message) == datastreams.current_pathway()
    with pytest.raises(ConsumeError):
        receiver.poll(20)
    points = reported(started)
    edges = kafka.edge("out", topic), kafka.edge("in", topic, "d")
    assert points.counts() == dict.fromkeys(edges, 1)
    points.chain(*edges)
    assert [points.size(edge) for edge in edges] == pytest.approx([16, 16], rel=0.008)


def test_asyncio(patched, kafka, started):
    first, second = kafka.topic("aio-first"), kafka.topic("aio-second")

    async def sends(producer, topic, value):
        return await producer.produce(topic, value, partition=0)

    async def run():
        sender = AIOProducer({"bootstrap.servers": kafka.address}, buffer_timeout=0.05)
        await sender.list_topics(timeout=20)
        settings = {"bootstrap.servers": kafka.address, "group.id": "aio", "enable.auto.commit": False}
        receiver = AIOConsumer(settings, executor=pool)
        await receiver.assign([TopicPartition(first, 0, 0)])
        # Each in a task of its own, and one that goes on from a pathway.
        sent = [asyncio.create_task(sends(sender, first, b"%d" % at)) for at in range(3)]
        with datastreams.use_pathway(OLD):
            sent.append(asyncio.create_task(sends(sender, first, b"old")))
        delivered = [await future for future in await asyncio.gather(*sent)]
        assert sorted(message.offset() for message in delivered) == [0, 1, 2, 3]
        assert datastreams.current_pathway() is None
        hashes = []
        for _ in range(2):
            message = await receiver.poll(20)
            assert datastreams.current_pathway() == datastreams.pathway_of(message) is not None
            hashes.append(datastreams.current_pathway().hash)
            await (await sender.produce(second, b"w", partition=0))
        await asyncio.sleep(0.3)
        messages = await receiver.consume(2, 20)
        for message in messages:
            assert datastreams.current_pathway() == datastreams.pathway_of(message) is not None
            hashes.append(datastreams.current_pathway().hash)
        # What else runs in the threads of the pool has nothing of what was received there.
        assert [one.result() for one in [pool.submit(current_in_thread) for _ in range(2)]] == [None, None]
        assert await receiver.poll(0.01) is None
        assert datastreams.current_pathway() is None
        with pytest.raises(NotImplementedError):
            await sender.produce(first, b"v", headers={"a": b"b"})
        await receiver.close()
        await sender.close()
        return hashes

    def current_in_thread():
        both.wait(20)
        return datastreams.current_pathway()

    both, pool = threading.Barrier(2), ThreadPoolExecutor(2)

    hashes = asyncio.run(run())
    assert len(set(hashes)) == 2
    points = reported(started)
    assert points.counts() == {
        kafka.edge("out", first): 4,
        kafka.edge("in", first, "aio"): 4,
        kafka.edge("out", second): 2,
    }
    headers = [dict(headers) for _, _, headers in kafka.read(second, 2)]
    parents = {point["ParentHash"] for point in points.points if f"topic:{second}" in point["EdgeTags"]}
    assert len(headers) == 2 and parents <= set(hashes)


def test_threads_keep_their_own(producer, consumer, kafka, started):
    """Consumers in two threads, which take turns: each message goes on from its own."""
    topics = [(kafka.topic(f"from{at}"), kafka.topic(f"to{at}")) for at in range(2)]
    barrier = threading.Barrier(2)
    receivers = [consumer(source, f"t{at}") for at, (source, _) in enumerate(topics)]
    for source, _ in topics:
        kafka.send(source)

    def work(receiver, target):
        take(receiver)
        barrier.wait(20)
        producer.produce(target, b"v", partition=0)

    threads = [threading.Thread(target=work, args=(one, target)) for one, (_, target) in zip(receivers, topics)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    points = reported(started)
    for at, (source, target) in enumerate(topics):
        points.chain(kafka.edge("in", source, f"t{at}"), kafka.edge("out", target))


def test_names_that_were_imported_before(started, kafka):
    """And classes that a program derived: from then on, and no longer after unpatch()."""
    namespace = types.ModuleType("program")
    exec("from confluent_kafka import Producer\nclass Mine(Producer): pass", vars(namespace))
    sys.modules["program"] = namespace
    try:
        datastreams.patch("confluent_kafka")
        assert namespace.Producer is confluent_kafka.Producer
        mine = known(namespace.Mine({"bootstrap.servers": kafka.address}))
        assert isinstance(mine, confluent_kafka.Producer)
        topic = kafka.topic("mine")
        mine.produce(topic, b"v", partition=0)
        datastreams.unpatch("confluent_kafka")
        mine.produce(topic, b"w", partition=0)
        assert mine.flush(20) == 0
        assert namespace.Producer is confluent_kafka.Producer is confluent_kafka.cimpl.Producer
        assert namespace.Mine.__bases__ == (confluent_kafka.Producer,)
        headers = [headers for _, _, headers in kafka.read(topic, 2)]
        assert [name for name, _ in headers[0]] == [KEY] and headers[1] is None
        assert reported(started).counts() == {kafka.edge("out", topic): 1}
    finally:
        del sys.modules["program"]


def test_clients_that_were_made_before(started, kafka):
    """They record nothing, and are instances of what their class is called by now."""
    old = confluent_kafka.Producer({"bootstrap.servers": kafka.address})
    datastreams.patch("confluent_kafka")
    new = known(confluent_kafka.Producer({"bootstrap.servers": kafka.address}))

    class Mine(confluent_kafka.Producer):
        pass

    assert isinstance(old, confluent_kafka.Producer) and issubclass(type(old), confluent_kafka.Producer)
    assert isinstance(new, confluent_kafka.Producer) and isinstance(old, type(new))
    assert not isinstance(old, (Mine, confluent_kafka.Consumer)) and not isinstance(new, Mine)
    assert not issubclass(int, confluent_kafka.Producer)
    topic = kafka.topic("before")
    for producer in (old, new):
        producer.produce(topic, b"v", partition=0)
        assert producer.flush(20) == 0
    assert [bool(headers) for _, _, headers in kafka.read(topic, 2)] == [False, True]
    datastreams.unpatch("confluent_kafka")
    assert isinstance(old, confluent_kafka.Producer) and isinstance(new, confluent_kafka.Producer)
    assert Mine.__bases__ == (confluent_kafka.cimpl.Producer,)
    assert reported(started).counts() == {kafka.edge("out", topic): 1}


def test_a_class_of_the_program_may_have_a_metaclass():
    """In a process of its own: no client has been made before."""
    program = """
import confluent_kafka, datastreams
datastreams.patch("confluent_kafka")
class Meta(type): pass
class Mine(confluent_kafka.Producer, metaclass=Meta): pass
class Other(confluent_kafka.Consumer, metaclass=Meta): pass
assert isinstance(Mine({}), confluent_kafka.Producer) and isinstance(Other({"group.id": "g"}), confluent_kafka.Consumer)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_by_hand(started, kafka):
    """Without patch()."""
    topic = kafka.topic("hand")
    headers = integration.produced(topic, b"v", None, {"a": b"b"}, cluster=kafka.id)
    kafka.send(topic, b"v", headers=headers)
    reader = confluent_kafka.Consumer(
        {"bootstrap.servers": kafka.address, "group.id": "r", "enable.auto.commit": False}
    )
    reader.assign([TopicPartition(topic, 0, 0)])
    message = take(reader)
    reader.close()
    assert datastreams.pathway_of(message) is None
    assert integration.consumed(message, "r", kafka.id) == datastreams.pathway_of(message)
    reported(started).chain(kafka.edge("out", topic), kafka.edge("in", topic, "r"))
