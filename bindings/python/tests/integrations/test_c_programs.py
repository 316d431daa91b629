"""Pipelines of Python and C: bindings/c/examples between pika, and between nats-py.

What one writes the other goes on from, and both have the same edges: the service "payments" of rabbitmq.c and nats.c is in the middle, the rest is ours."""

import asyncio
import os
import pathlib
import subprocess

import datastreams
import nats as nats_client
import pika
import pytest
from points import reported

EXAMPLES = pathlib.Path(__file__).resolve().parents[4] / "build/examples"
MESSAGES = 20


@pytest.fixture
def payments(started):
    """Starts the program as the service "payments", and waits until it reads."""
    processes = []

    def begin(name, *arguments):
        program = EXAMPLES / name
        if not program.exists():
            pytest.skip("needs make queue-examples")
        command = [program, "payments", *map(str, arguments), str(MESSAGES)]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DD_")}
        env = {**inherited, "DD_TRACE_AGENT_URL": started.url, "DD_ENV": "ci"}
        processes.append(subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True))
        assert processes[-1].stdout.readline() == "ready\n"
        return processes[-1]

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.communicate()


def ended(process):
    assert process.communicate(timeout=60)[0] == f"read {MESSAGES}\n" and process.returncode == 0


def chained(started, size, *edges):
    """Each message passed each edge once, coming from the edge before; size: of the first, as Python and as C count it."""
    points = reported(started)
    points.chain(*edges)
    assert points.counts() == dict.fromkeys(edges, MESSAGES)
    assert points.size(edges[0]) == points.size(edges[1]) == pytest.approx(size, rel=0.008)


def test_rabbitmq(payments, rabbitmq, started):
    datastreams.patch("pika")
    process = payments("rabbitmq", "127.0.0.1", rabbitmq)
    with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", rabbitmq)) as connection:
        channel = connection.channel()
        ledger = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(ledger, "payments")
        for _ in range(MESSAGES):
            with datastreams.use_pathway(None):
                channel.basic_publish("", "orders", b"xx", pika.BasicProperties(headers={"tenant": "ä", "attempt": 3}))
        ended(process)
        bodies = []
        for _, properties, body in channel.consume(ledger, auto_ack=True):
            bodies.append(len(body))
            assert list(properties.headers) == [datastreams.HEADER_KEY]
            if len(bodies) == MESSAGES:
                break
        channel.cancel()
    chained(
        started,
        len(b"xx" + b"tenant" + "ä".encode() + b"attempt") + 8,
        "out,topic:orders,type:rabbitmq",
        "in,topic:orders,type:rabbitmq",
        "out,exchange:payments,has_routing_key:false,type:rabbitmq",
        "in,topic:amq.gen,type:rabbitmq",
    )


@pytest.mark.parametrize("mode", ["core", "jetstream"])
def test_nats(payments, nats, started, mode):
    datastreams.patch("nats")
    url = f"nats://127.0.0.1:{nats}"
    process = payments("nats", url, mode)

    async def main():
        connection = await nats_client.connect(url)
        streams = connection.jetstream()
        if mode == "core":
            ledger = await connection.subscribe("shop.payments", queue="ledger")
        else:
            ledger = await streams.pull_subscribe("shop.payments", durable="ledger")
        for _ in range(MESSAGES):
            with datastreams.use_pathway(None):
                await (connection if mode == "core" else streams).publish(
                    "shop.orders", b"xx", headers={"tenant": "blue"}
                )
        got = 0
        while got < MESSAGES:
            if mode == "core":
                messages = [await ledger.next_msg(20)]
            else:
                messages = await ledger.fetch(MESSAGES - got, timeout=20)
            for message in messages:
                assert list(message.headers) == [datastreams.HEADER_KEY]
                got += 1
        await connection.close()

    asyncio.run(main())
    ended(process)
    chained(
        started,
        len(b"xx" + b"tenant" + b"blue"),
        "out,topic:shop.orders,type:nats",
        "in,group:payments,topic:shop.orders,type:nats",
        "out,topic:shop.payments,type:nats",
        "in,group:ledger,topic:shop.payments,type:nats",
    )
