"""aiokafka over a Kafka: librdkafka's mock cluster, or a real one."""

import asyncio
import time

import aiokafka
import datastreams
import kafka_cases
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import MessageSizeTooLargeError, ProducerClosed
from datastreams.integrations import aiokafka as integration
from kafka_cases import KEY, MAX_REQUEST_SIZE, OLD, SIZES, STALE, TOO_LARGE
from points import reported


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
    kafka_cases.is_a_chain(started, kafka, first, second, sizes=(27, 2))


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
    stale = list(STALE)

    async def program(producer, consumer):
        for headers in (None, [], stale):
            await producer.send_and_wait(topic, b"v", partition=0, headers=headers)

    run(program)
    assert stale == list(STALE)
    kafka_cases.have_ours_once(kafka, topic)


def test_no_header_and_bad_headers_begin_anew(run, kafka, started):
    topic = kafka.topic("roots")
    kafka_cases.send_roots(kafka, topic)

    async def program(producer, consumer):
        receiver = await consumer(topic)
        hashes = []
        for _ in range(4):
            await receiver.getone()
            hashes.append(datastreams.current_pathway().hash)
        return hashes

    kafka_cases.are_roots(started, kafka, topic, run(program))


def test_a_batch(run, kafka, started):
    source, target = kafka.topic("batch"), kafka.topic("fan")
    kafka.send_together(source, [(KEY, OLD.encode())], None, None)

    async def program(producer, consumer):
        receiver = await consumer(source)
        batch = (await receiver.getmany(timeout_ms=20_000))[TopicPartition(source, 0)]
        pathways = kafka_cases.is_a_batch(batch)
        for message, pathway in zip(batch, pathways):
            assert datastreams.current_pathway() == datastreams.pathway_of(message) == pathway
            await producer.send_and_wait(target, b"w", partition=0)
        assert await receiver.getmany(timeout_ms=10) == {}
        assert datastreams.current_pathway() is None
        return pathways

    kafka_cases.went_on_from(started, kafka, source, target, run(program))


def test_what_does_not_fit_is_sent_as_it_is(run, kafka, started, counted):
    topic = kafka.topic("limits")

    async def program(producer, consumer):
        for size in SIZES:
            await producer.send_and_wait(topic, b"v" * size, partition=0)
        with pytest.raises(MessageSizeTooLargeError):
            await producer.send_and_wait(topic, b"v" * TOO_LARGE, partition=0)

    run(program, max_request_size=MAX_REQUEST_SIZE)
    kafka_cases.one_has_ours(started, kafka, topic, counted)


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
    kafka_cases.are_the_offsets(started, kafka, topic, auto)


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
