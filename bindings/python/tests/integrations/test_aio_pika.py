"""aio-pika over a real RabbitMQ."""

import asyncio
import copy
import time
import uuid

import aio_pika
import datastreams
import pytest
from points import reported

KEY = datastreams.HEADER_KEY


@pytest.fixture(params=["connect", "connect_robust"])
def run(request, started, rabbitmq):
    """Runs a coroutine function with a channel and a maker of queues."""
    datastreams.patch("aio_pika")

    def run(main):
        async def with_channel():
            connection = await getattr(aio_pika, request.param)(f"amqp://guest:guest@127.0.0.1:{rabbitmq}/")
            async with connection:
                channel = await connection.channel()

                async def declare(name):
                    return await channel.declare_queue(f"{name}-{uuid.uuid4().hex[:8]}", exclusive=True)

                return await asyncio.wait_for(main(channel, declare), 30)

        return asyncio.run(with_channel())

    return run


def edges_of(*queues):
    return [f"{way},topic:{queue.name},type:rabbitmq" for queue in queues for way in ("out", "in")]


async def get(queue):
    while True:
        message = await queue.get(fail=False, no_ack=True)
        if message is not None:
            return message
        await asyncio.sleep(0.01)


def test_a_chain_in_each_of_many_tasks(run, started):
    async def main(channel, declare):
        first, second = await declare("first"), await declare("second")
        publish = channel.default_exchange.publish
        seen, message = asyncio.Queue(), aio_pika.Message(b"hello", headers={"tenant": "ä", "n": 3})
        mine = copy.deepcopy(message.headers)

        async def on_first(message):
            async with message.process():
                assert datastreams.pathway_of(message) == datastreams.current_pathway()
                await asyncio.sleep(0.02)  # The others go on meanwhile.
                await publish(aio_pika.Message(message.body * 2), second.name)

        async def on_second(message):
            async with message.process():
                assert datastreams.pathway_of(message) == datastreams.current_pathway()
                await seen.put(message.body)

        await first.consume(on_first)
        await second.consume(on_second)
        for _ in range(10):
            with datastreams.use_pathway(None):
                await publish(message, first.name)
        assert message.headers == mine
        assert [await seen.get() for _ in range(10)] == [b"hellohello"] * 10
        assert datastreams.current_pathway() is None
        return first, second

    edges = edges_of(*run(main))
    points = reported(started)
    points.chain(*edges)
    assert points.counts() == dict.fromkeys(edges, 10)
    for edge, size in zip(edges, (5 + 8 + 9, 5 + 8 + 9, 10, 10)):
        assert points.size(edge) == pytest.approx(size, rel=0.008)


def test_iterators_hand_out_each_message_with_its_own_pathway(run, started):
    async def main(channel, declare):
        queue = await declare("iterated")
        for number in range(8):
            with datastreams.use_pathway(None):
                await channel.default_exchange.publish(aio_pika.Message(b"%d" % number), queue.name)
            await asyncio.sleep(0.002)
        datastreams.unpatch("aio_pika")
        await channel.default_exchange.publish(aio_pika.Message(b"no header"), queue.name)
        datastreams.patch("aio_pika")
        starts = []
        async with queue.iterator() as messages:
            async for message in messages:
                starts.append(datastreams.current_pathway().start_ns)
                await message.ack()
                if len(starts) == 7:
                    break  # Two more have arrived, and go back.
        assert len(set(starts)) == 7 and starts == sorted(starts)
        assert (await get(queue)).body and (await get(queue)).body
        with pytest.raises(aio_pika.exceptions.QueueEmpty):
            await queue.get()
        assert datastreams.current_pathway() is None
        with pytest.raises(asyncio.TimeoutError):
            async for _ in queue.iterator(timeout=0.1):
                raise AssertionError
        return queue

    out_edge, in_edge = edges_of(run(main))
    points = reported(started)
    assert points.counts() == {out_edge: 8, in_edge: 9} and points.roots(in_edge) == 1


def test_headers(run, started, counted):
    async def main(channel, declare):
        first, second = await declare("first"), await declare("second")
        publish = channel.default_exchange.publish
        datastreams.unpatch("aio_pika")
        for header in ("?!", 17, None, ["list"]):
            await publish(aio_pika.Message(b"x", headers={KEY: header}), first.name)
        await publish(aio_pika.Message(b"x", timestamp=int(time.time()) - 100), first.name)
        datastreams.patch("aio_pika")
        for _ in range(5):
            await get(first)
        with datastreams.use_pathway(None):
            await publish(aio_pika.Message(b"x"), first.name)
        received = await get(first)
        old = received.headers[KEY]
        await publish(received, second.name)
        assert received.headers == {KEY: old}
        forwarded = await get(second)
        assert list(forwarded.headers) == [KEY] and forwarded.headers[KEY] != old

        await publish(aio_pika.Message(b"x", headers={"long": "a" * 131_000}), first.name)
        assert list((await get(first)).headers) == ["long"]
        return first, second

    (_, first_in, second_out, second_in) = edges_of(*run(main))
    points = reported(started)
    assert points.roots(first_in) == 6 and 99 < points.latency(first_in) < 130
    assert points.counts()[second_out] == points.counts()[second_in] == 1
    assert datastreams.stats()["header_unreadable"] == 3
    assert counted() == {"rabbitmq_too_large": 1}


def test_exchanges_and_queues_with_names_that_were_made_up(run, started, request):
    robust = request.node.callspec.params["run"] == "connect_robust"

    async def main(channel, declare):
        exchange = await channel.declare_exchange(f"exchange-{uuid.uuid4().hex[:8]}", "fanout", auto_delete=True)
        queue = await channel.declare_queue("", exclusive=True)
        await queue.bind(exchange)
        await exchange.publish(aio_pika.Message(b"x"), "key")
        await exchange.publish(aio_pika.Message(b"x"), "")
        await get(queue)
        await get(queue)
        return exchange

    exchange = run(main)
    # A robust queue has a name that aio-pika makes up, so that it can be declared again.
    named = "in,topic:uuid,type:rabbitmq" if robust else "in,topic:amq.gen,type:rabbitmq"
    assert reported(started).counts() == {
        f"out,exchange:{exchange.name},has_routing_key:true,type:rabbitmq": 1,
        f"out,exchange:{exchange.name},has_routing_key:false,type:rabbitmq": 1,
        named: 2,
    }


def test_unpatched(run, started):
    async def main(channel, declare):
        queue, seen = await declare("off"), asyncio.Queue()
        await queue.consume(seen.put, no_ack=True)
        datastreams.unpatch("aio_pika")
        await channel.default_exchange.publish(aio_pika.Message(b"x"), queue.name)
        assert (await seen.get()).body == b"x"

    run(main)
    assert reported(started).counts() == {}
