"""nats-py over a real NATS server: core and JetStream."""

import asyncio
import time
import uuid

import datastreams
import nats as client
import pytest
from nats.js.api import ConsumerConfig
from points import reported

KEY = datastreams.HEADER_KEY


@pytest.fixture
def run(started, nats):
    """Runs a coroutine function with a connection."""
    datastreams.patch("nats")

    def run(main):
        async def connected():
            connection = await client.connect(f"nats://127.0.0.1:{nats}")
            try:
                return await asyncio.wait_for(main(connection), 30)
            finally:
                await connection.close()

        return asyncio.run(connected())

    return run


def name(prefix="subject"):
    return f"{prefix}.{uuid.uuid4().hex[:8]}"


def test_a_chain_by_callbacks(run, started):
    async def main(connection):
        first, second, done = name("first"), name("second"), asyncio.get_running_loop().create_future()
        headers = {"tenant": "blue"}

        async def on_first(message):
            assert datastreams.pathway_of(message) == datastreams.current_pathway()
            await connection.publish(second, message.data * 2)

        async def on_second(message):
            done.set_result((message.data, datastreams.pathway_of(message) == datastreams.current_pathway()))

        await connection.subscribe(first, queue="workers", cb=on_first)
        await connection.subscribe(second, cb=on_second)
        await connection.publish(first, b"hello", headers=headers)
        assert headers == {"tenant": "blue"}
        assert await done == (b"hellohello", True)
        return first, second

    first, second = run(main)
    points = reported(started)
    edges = (
        f"out,topic:{first},type:nats",
        f"in,group:workers,topic:{first},type:nats",
        f"out,topic:{second},type:nats",
        f"in,topic:{second},type:nats",
    )
    points.chain(*edges)
    assert points.counts() == dict.fromkeys(edges, 1)
    for edge, size in zip(edges, (15, 15, 10, 10)):
        assert points.size(edge) == pytest.approx(size, rel=0.008)


def test_next_msg_and_iterators_hand_out_each_message_with_its_own_pathway(run, started):
    async def main(connection):
        subject = name()
        first, second = await connection.subscribe(subject), await connection.subscribe(subject, queue="group")
        for number in range(5):
            with datastreams.use_pathway(None):
                await connection.publish(subject, b"%d" % number)
            await asyncio.sleep(0.002)
        datastreams.unpatch("nats")
        await connection.publish(subject, b"no header")
        datastreams.patch("nats")
        starts = []
        for _ in range(6):
            message = await first.next_msg()
            assert datastreams.pathway_of(message) == datastreams.current_pathway()
            starts.append(datastreams.current_pathway().start_ns)
        with pytest.raises(client.errors.TimeoutError):
            await first.next_msg(timeout=0.05)
        assert datastreams.current_pathway() is None
        async for message in second.messages:
            assert datastreams.pathway_of(message) == datastreams.current_pathway()
            starts.append(datastreams.current_pathway().start_ns)
            if len(starts) == 12:
                break
        assert starts[:5] == starts[6:11] == sorted(set(starts[:5])) and starts[5] > starts[4]
        return subject

    subject = run(main)
    points = reported(started)
    edges = f"in,topic:{subject},type:nats", f"in,group:group,topic:{subject},type:nats"
    assert points.counts() == {f"out,topic:{subject},type:nats": 5, edges[0]: 6, edges[1]: 6}
    assert points.roots(edges[0]) == points.roots(edges[1]) == 1


def test_headers(run, started, counted):
    async def main(connection):
        first, second = name("first"), name("second")
        subscription, other = await connection.subscribe(first), await connection.subscribe(second)
        datastreams.unpatch("nats")
        for header in ("?!", "", "AAAA"):
            await connection.publish(first, b"x", headers={KEY: header})
        datastreams.patch("nats")
        for _ in range(3):
            await subscription.next_msg()
        with datastreams.use_pathway(None):
            await connection.publish(first, b"x")
        received = await subscription.next_msg()
        old = received.headers[KEY]
        await connection.publish(second, b"x", headers=received.headers)
        assert received.headers == {KEY: old}
        forwarded = await other.next_msg()
        assert list(forwarded.headers) == [KEY] and forwarded.headers[KEY] != old
        return first, second

    first, second = run(main)
    points = reported(started)
    assert points.roots(f"in,topic:{first},type:nats") == 3
    assert points.counts()[f"in,topic:{second},type:nats"] == 1 and counted() == {}


def test_the_greatest_payload_is_never_passed(run, started, counted):
    async def main(connection):
        subject, headers = name(), {"a": "b"}
        subscription, limit = await connection.subscribe(subject), connection.max_payload
        block = len("NATS/1.0\r\n" + "a: b\r\n" + f"{KEY}: {'=' * 36}\r\n" + "\r\n")
        for length, stamped in ((limit - block, True), (limit - block + 1, False)):
            await connection.publish(subject, b"x" * length, headers=headers)
            message = await subscription.next_msg()
            assert len(message.data) == length and (KEY in message.headers) == stamped
        with pytest.raises(client.errors.MaxPayloadError):
            await connection.publish(subject, b"x" * (limit + 1))
        assert connection.is_connected and connection.stats["reconnects"] == 0
        return subject

    subject = run(main)
    assert counted() == {"nats_too_large": 1}
    assert reported(started).counts() == {f"out,topic:{subject},type:nats": 1, f"in,topic:{subject},type:nats": 2}


def test_a_request_is_followed_and_its_answer_is_not(run, started):
    async def main(connection):
        subject = name()

        async def answer(message):
            await message.respond(b"answer")

        await connection.subscribe(subject, cb=answer)
        assert (await connection.request(subject, b"question")).data == b"answer"
        return subject

    subject = run(main)
    points = reported(started)
    edges = f"out,topic:{subject},type:nats", f"in,topic:{subject},type:nats"
    points.chain(*edges)
    assert points.counts() == dict.fromkeys(edges, 1)


def test_jetstream(run, started):
    async def main(connection):
        streams, stream = connection.jetstream(), uuid.uuid4().hex[:8]
        pulled, pushed = f"{stream}.pulled", f"{stream}.pushed"
        await streams.add_stream(name=stream, subjects=[f"{stream}.*"])
        for number in range(4):
            with datastreams.use_pathway(None):
                await streams.publish(pulled, b"%d" % number)
            await asyncio.sleep(0.002)
        subscription = await streams.pull_subscribe(pulled, durable="worker")
        messages = await subscription.fetch(4)
        merged = datastreams.current_pathway()
        starts = []
        for message in messages:
            assert datastreams.current_pathway() == datastreams.pathway_of(message)
            starts.append(datastreams.current_pathway().start_ns)
            await message.ack()
        assert (
            datastreams.current_pathway() == merged == datastreams.Pathway.merge(map(datastreams.pathway_of, messages))
        )
        assert starts == sorted(set(starts))
        done = asyncio.get_running_loop().create_future()

        async def on_pushed(message):
            done.set_result(datastreams.pathway_of(message) == datastreams.current_pathway())

        await streams.subscribe(pushed, queue="group", cb=on_pushed)
        await streams.publish(pushed, b"x")
        assert await done
        # Nothing more: what is produced now does not come from the messages before.
        with pytest.raises(client.errors.TimeoutError):
            await subscription.fetch(1, timeout=0.1)
        assert datastreams.current_pathway() is None
        ephemeral = await streams.pull_subscribe(pushed)
        await ephemeral.fetch(1)
        bucket = await streams.create_key_value(bucket=stream)
        await bucket.put("key", b"value")
        return pulled, pushed

    pulled, pushed = run(main)
    points = reported(started)
    first, second = f"in,group:worker,topic:{pulled},type:nats", f"out,topic:{pushed},type:nats"
    points.chain(f"out,topic:{pulled},type:nats", first, second)
    third, fourth = f"in,group:group,topic:{pushed},type:nats", f"in,topic:{pushed},type:nats"
    assert points.of(third)["ParentHash"] == points.of(fourth)["ParentHash"] == points.of(second)["Hash"]
    assert points.counts() == {f"out,topic:{pulled},type:nats": 4, first: 4, second: 1, third: 1, fourth: 1}


def test_a_root_of_jetstream_begins_when_the_stream_took_the_message(run, started):
    async def main(connection):
        streams, stream = connection.jetstream(), uuid.uuid4().hex[:8]
        await streams.add_stream(name=stream, subjects=[stream])
        datastreams.unpatch("nats")
        await streams.publish(stream, b"x")
        datastreams.patch("nats")
        before = time.time_ns()
        await asyncio.sleep(0.3)
        await streams.add_consumer(stream, ConsumerConfig(durable_name="bound"))
        bound = await streams.pull_subscribe_bind("bound", stream)
        await bound.fetch(1)
        assert datastreams.current_pathway().start_ns <= before
        return stream

    stream = run(main)
    points = reported(started)
    assert points.latency(f"in,group:bound,topic:{stream},type:nats") > 0.29


def test_each_of_many_tasks(run, started):
    async def main(connection):
        async def pipeline():
            first, second = name("first"), name("second")
            one, two = await connection.subscribe(first), await connection.subscribe(second)
            await connection.publish(first, b"x")
            await one.next_msg()
            await asyncio.sleep(0.02)  # The others go on meanwhile.
            await connection.publish(second, b"x")
            await two.next_msg()
            return first, second

        return await asyncio.gather(*(pipeline() for _ in range(5)))

    subjects = run(main)
    points = reported(started)
    for pair in subjects:
        points.chain(*(f"{way},topic:{subject},type:nats" for subject in pair for way in ("out", "in")))


def test_unpatched(run, started):
    async def main(connection):
        subject, seen = name(), asyncio.Queue()
        await connection.subscribe(subject, cb=lambda_of(seen))
        datastreams.unpatch("nats")
        await connection.publish(subject, b"x")
        assert (await seen.get()).headers is None

    run(main)
    assert reported(started).counts() == {}


def lambda_of(queue):
    async def put(message):
        await queue.put(message)

    return put
