"""The examples of the documents run: each document's blocks in order, in one namespace."""

import asyncio
import queue
import re

import datastreams
import pytest
from conftest import ROOT


class Message:
    """Of confluent-kafka, as far as the examples ask."""

    def __init__(self, headers):
        self._headers = headers

    def value(self):
        return b"value"

    def headers(self):
        return self._headers


class Record:
    """Of aiokafka."""

    def __init__(self, header):
        self.value, self.headers = b"value", ((datastreams.HEADER_KEY, header.encode()),)


class Producer:
    def __init__(self):
        self.sent = []

    def produce(self, topic, value, headers):
        self.sent.append(dict(headers)[datastreams.HEADER_KEY])

    async def send(self, topic, value, headers):
        self.produce(topic, value, headers)


def blocks(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.findall(r"^```python run\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def namespace():
    jobs, done = queue.Queue(), []
    names = {"datastreams": datastreams, "asyncio": asyncio, "headers": {}, "header": None, "payload_size": 5,
             "jobs": jobs, "job": "job", "process": lambda job: done.append(datastreams.current_pathway())}  # fmt: skip

    async def make_invoice(value):
        await asyncio.sleep(0)
        return value

    return names | {"make_invoice": make_invoice, "done": done}


@pytest.mark.parametrize("name", ["README.md", "bindings/python/README.md"])
def test_every_block_runs(agent, monkeypatch, name):
    monkeypatch.setenv("DD_TRACE_AGENT_URL", agent.url)
    found = blocks(name)
    assert found or name == "README.md"
    names = namespace()
    for block in found:
        exec(compile(block, name, "exec"), names)
        if "jobs" in block:
            assert names["done"] == [datastreams.current_pathway()]
    if name == "README.md":
        return
    origin = datastreams.Pathway.decode(datastreams.edge("direction:out", "topic:orders").produce(parent=None))

    producer = Producer()
    names["handle"](Message([(datastreams.HEADER_KEY, origin.encode().encode())]), producer)
    asyncio.run(consume(names, origin, producer))
    assert len(producer.sent) == 3
    assert {datastreams.Pathway.decode(header).start_ns for header in producer.sent} == {origin.start_ns}
    datastreams.stop()
    assert agent.total("group:billing") == 4 and agent.total("topic:invoices") == 5


async def consume(names, origin, producer):
    async def records():
        for _ in range(2):
            yield Record(origin.encode())

    await names["consume"](records(), producer)
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task is not asyncio.current_task()))
