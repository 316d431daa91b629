"""aiokafka over a Kafka: librdkafka's mock cluster, or a real one."""

import asyncio
import time

import aiokafka
import datastreams
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import MessageSizeTooLargeError, ProducerClosed
from datastreams.integrations import aiokafka as integration
from points import reported

KEY = datastreams.HEADER_KEY
OLD = datastreams.Pathway(7, time.time_ns() - 10**9, time.time_ns() - 10**9)


@pytest.fixture(autouse=True)
def patched(started):
    datastreams.patch("aiokafka")


@pytest.fixture
def run(kafka):
    """Runs a coroutine function that is given a producer, and a function that makes consumers of partition 0."""

    def run(program, **settings):
        async def begin():
            receivers = []

            async def consumer(topic, group="g", **more):
                more = {"enable_auto_commit": False, **more}
                receiver = aiokafka.AIOKafkaConsumer(bootstrap_servers=kafka.address, group_id=group, **more)
                receivers.append(receiver)
                await receiver.start()
                receiver.assign([TopicPartition(topic, 0)])
                await receiver.seek_to_beginning()
                return receiver

            async with aiokafka.AIOKafkaProducer(bootstrap_servers=kafka.address, **settings) as producer:
                try:
                    return await program(producer, consumer)
                finally:
                    for one in receivers:
                        await one.stop()

        return asyncio.run(begin())

    return run


def test_a_chain(run, kafka, started):
    """Sizes are those of what is sent, after serializers."""
    first, second = kafka.topic("first"), kafka.topic("second")
    headers = [("tenant", b"a"), ("tenant", b"b")]

    async def program(producer, consumer):
        sent = await producer.send_and_wait(first, "värde", key=b"key", partition=0, headers=headers)
        assert sent.offset == 0
        datastreams._native.context.set(None)
        message = await (await consumer(first)).getone()
        assert message.headers[:2] == tuple(headers) and [name for name, _ in message.headers[2:]] == [KEY]
        assert datastreams.pathway_of(message) == datastreams.current_pathway() is not None
        await producer.send_and_wait(second, "w", partition=0)
        async for message in await consumer(second, "h"):
            assert message.value == "w".encode("utf-16-le")
            break

    run(program, value_serializer=lambda value: value.encode("utf-16-le"))
    assert headers == [("tenant", b"a"), ("tenant", b"b")]
    points = reported(started)
    edges = [
        kafka.edge("out", first),
        kafka.edge("in", first, "g"),
        kafka.edge("out", second),
        kafka.edge("in", second, "h"),
    ]
    assert points.counts() == dict.fromkeys(edges, 1)
    points.chain(*edges)
    assert [points.size(edge) for edge in edges] == pytest.approx([27, 27, 2, 2], rel=0.008)


def test_tasks_keep_their_own(run, kafka, started):
    """Messages of two topics, which are handled in turns."""
    topics = [(kafka.topic(f"from{at}"), kafka.topic(f"to{at}")) for at in range(2)]
    for source, _ in topics:
        kafka.send(source)

    async def program(producer, consumer):
        async def work(at, source, target):
            receiver = await consumer(source, f"t{at}")
            await receiver.getone()
            await asyncio.sleep(0.05 * (2 - at))
            await producer.send_and_wait(target, b"v", partition=0)

        await asyncio.gather(*(work(at, *names) for at, names in enumerate(topics)))
        assert datastreams.current_pathway() is None

    run(program)
    points = reported(started)
    for at, (source, target) in enumerate(topics):
        points.chain(kafka.edge("in", source, f"t{at}"), kafka.edge("out", target))


def test_headers(run, kafka):
    """None, empty, and with ours in them already."""
    topic = kafka.topic("headers")
    stale = [("a", b"1"), (KEY, OLD.encode().encode()), ("dd-pathway-ctx", b"x"), (KEY, b"y")]

    async def program(producer, consumer):
        for headers in (None, [], stale):
            await producer.send_and_wait(topic, b"v", partition=0, headers=headers)

    run(program)
    assert len(stale) == 4
    seen = [headers for _, _, headers in kafka.read(topic, 3)]
    assert [[name for name, _ in headers] for headers in seen] == [[KEY], [KEY], ["a", KEY]]
    assert all(datastreams.Pathway.decode(headers[-1][1]) for headers in seen)


def test_no_header_and_bad_headers_begin_anew(run, kafka, started):
    topic = kafka.topic("roots")
    kafka.send(topic, headers=[(KEY, OLD.encode())])
    kafka.send(topic, timestamp=int(time.time() * 1000) - 60_000)
    kafka.send(topic, headers=[(KEY, b"?" * 30)])
    kafka.send(topic, headers=[(KEY, None)])

    async def program(producer, consumer):
        receiver = await consumer(topic)
        hashes = []
        for _ in range(4):
            await receiver.getone()
            hashes.append(datastreams.current_pathway().hash)
        return hashes

    hashes = run(program)
    assert hashes[0] != hashes[1] == hashes[2] == hashes[3]
    points = reported(started)
    edge = kafka.edge("in", topic, "g")
    assert points.counts() == {edge: 4} and points.roots(edge) == 3
    assert points.latency(edge) == pytest.approx(60, rel=0.2)


def test_a_batch(run, kafka, started):
    source, target = kafka.topic("batch"), kafka.topic("fan")
    kafka.send_together(source, [(KEY, OLD.encode())], None, None)

    async def program(producer, consumer):
        receiver = await consumer(source)
        batch = (await receiver.getmany(timeout_ms=20_000))[TopicPartition(source, 0)]
        assert isinstance(batch, list) and len(batch) == 3
        pathways = [datastreams.pathway_of(message) for message in list.__iter__(batch)]
        merged = datastreams.Pathway.merge(pathways)
        assert datastreams.current_pathway() == merged
        for message, pathway in zip(batch, pathways):
            assert datastreams.current_pathway() == datastreams.pathway_of(message) == pathway
            await producer.send_and_wait(target, b"w", partition=0)
        assert await receiver.getmany(timeout_ms=10) == {}
        assert datastreams.current_pathway() is None
        return {pathway.hash for pathway in pathways}

    hashes = run(program)
    points = reported(started)
    assert points.counts()[kafka.edge("out", target)] == 3
    assert {point["ParentHash"] for point in points.points if f"topic:{target}" in point["EdgeTags"]} == hashes


def test_what_does_not_fit_is_sent_as_it_is(run, kafka, started, counted):
    topic = kafka.topic("limits")
    # Ours takes 59 bytes at most, and the lengths of a value and of a missing key 3.
    fits = 5000 - 83 - 3 - 59

    async def program(producer, consumer):
        for size in (fits, fits + 1, 5000 - 82 - 4):
            await producer.send_and_wait(topic, b"v" * size, partition=0)
        with pytest.raises(MessageSizeTooLargeError):
            await producer.send_and_wait(topic, b"v" * (5000 - 82 - 3), partition=0)

    run(program, max_request_size=5000)
    headers = [[name for name, _ in headers or ()] for _, _, headers in kafka.read(topic, 3)]
    assert headers == [[KEY], [], []]
    assert counted() == {"kafka_too_large": 2}
    assert reported(started).counts() == {kafka.edge("out", topic): 1}


def test_a_message_that_is_refused(run, kafka, started, counted):
    topic = kafka.topic("refused")

    async def program(producer, consumer):
        with datastreams.use_pathway(OLD):
            with pytest.raises(AssertionError):
                await producer.send(topic)
            with pytest.raises(TypeError):
                await producer.send(topic, b"v", partition=0, headers=[("a", 5)])
            assert counted() == {}
            await producer.stop()
            with pytest.raises(ProducerClosed):
                await producer.send(topic, b"v", partition=0)
            # It had its checkpoint.
            assert counted() == {"kafka_refused": 1}
            assert datastreams.current_pathway() is OLD

    run(program)


def test_offsets(run, kafka, started):
    topic, auto = kafka.topic("offsets"), kafka.topic("auto")

    async def program(producer, consumer):
        sent = [await producer.send(topic, b"v", partition=0) for _ in range(5)]
        await asyncio.gather(*sent)
        receiver = await consumer(topic, "lag")
        for _ in range(3):
            message = await receiver.getone()
        await receiver.commit({TopicPartition(topic, 0): message.offset + 1})
        other = await consumer(auto, "auto", enable_auto_commit=True, auto_commit_interval_ms=50)
        await producer.send_and_wait(auto, b"v", partition=0)
        await other.getone()
        # The client commits on its way.
        deadline = time.monotonic() + 20
        while await other.committed(TopicPartition(auto, 0)) != 1 and time.monotonic() < deadline:
            await asyncio.sleep(0.05)

    run(program)
    reported(started)
    assert started.backlogs() == {
        kafka.backlog("produce", topic): 4,
        kafka.backlog("high_watermark", topic): 5,
        kafka.backlog("commit", topic, "lag"): 3,
        kafka.backlog("produce", auto): 0,
        kafka.backlog("high_watermark", auto): 1,
        kafka.backlog("commit", auto, "auto"): 1,
    }


def test_without_a_group(run, kafka, started):
    topic = kafka.topic("alone")
    kafka.send(topic)

    async def program(producer, consumer):
        await (await consumer(topic, None)).getone()

    run(program)
    assert reported(started).counts() == {kafka.edge("in", topic): 1}


def test_delivery_that_fails_and_producers_without_answers(run, kafka, started):
    topic = kafka.topic("unanswered")

    async def program(producer, consumer):
        assert await (await producer.send(topic, b"v", partition=0)) is None

    run(program, acks=0)
    assert reported(started).counts() == {kafka.edge("out", topic): 1}
    assert started.backlogs() == {}


def test_by_hand(run, kafka, started):
    """A batch that the program makes itself; and without patch()."""
    topic = kafka.topic("hand")

    async def program(producer, consumer):
        batch = producer.create_batch()
        headers = integration.produced(topic, b"v", None, [("a", b"b")], kafka.id)
        batch.append(key=None, value=b"v", timestamp=None, headers=headers)
        await (await producer.send_batch(batch, topic, partition=0))
        receiver = await consumer(topic)
        datastreams.unpatch("aiokafka")
        message = await receiver.getone()
        assert datastreams.pathway_of(message) is None
        assert integration.consumed(message, "g", kafka.id) == datastreams.pathway_of(message)

    run(program)
    reported(started).chain(kafka.edge("out", topic), kafka.edge("in", topic, "g"))
