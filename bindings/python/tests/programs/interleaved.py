"""Two messages are worked on at once: consumed, then, after the other was consumed, produced. Prints whether what each
produced goes on from what it consumed: interleaved.py datastreams|ddtrace tasks|threads|generators|to_thread"""

import asyncio
import base64
import contextvars
import os
import struct
import sys
import threading
import time

side, case = sys.argv[1:]
if side == "ddtrace":
    from ddtrace.data_streams import set_consume_checkpoint, set_produce_checkpoint
else:
    import datastreams
    from datastreams import set_consume_checkpoint, set_produce_checkpoint

    datastreams.start(service="test")

KEY = "dd-pathway-ctx-base64"


def header(start_ms):
    """A pathway that began at this time: by that it is known again."""
    zigzag, varint = start_ms << 1, b""
    while zigzag >= 0x80:
        varint += bytes([zigzag & 0x7F | 0x80])
        zigzag >>= 7
    varint += bytes([zigzag])
    return base64.b64encode(struct.pack("<Q", 42) + varint * 2).decode()


def start_of(text):
    value = shift = 0
    for byte in base64.b64decode(text)[8:]:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value >> 1


NOW = int(time.time() * 1000)
STARTS = {"a": NOW - 20_000, "b": NOW - 10_000}


def consume(name):
    set_consume_checkpoint("kafka", "in", {KEY: header(STARTS[name])}.get)


def produce(name):
    """Whether what is produced began where `name` did."""
    sent = {}
    set_produce_checkpoint("kafka", "out", sent.__setitem__)
    return abs(start_of(sent[KEY]) - STARTS[name]) <= 1


async def tasks():
    both = asyncio.Barrier(2)

    async def work(name):
        await both.wait()
        consume(name)
        await both.wait()
        return produce(name)

    return await asyncio.gather(work("a"), work("b"))


async def to_thread():
    """The work of a task in a thread of a pool goes on from what the task consumed."""
    both = asyncio.Barrier(2)

    async def work(name):
        consume(name)
        await both.wait()
        return await asyncio.to_thread(produce, name)

    return await asyncio.gather(work("a"), work("b"))


def threads():
    both, kept = threading.Barrier(2), []

    def work(name):
        consume(name)
        both.wait(10)
        kept.append(produce(name))

    workers = [threading.Thread(target=work, args=(name,)) for name in STARTS]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return kept


def generators():
    """Each driven in a context of its own, as frameworks do."""

    def work(name):
        consume(name)
        yield
        yield produce(name)

    contexts = {name: contextvars.copy_context() for name in STARTS}
    running = {name: work(name) for name in STARTS}
    for name in STARTS:
        contexts[name].run(next, running[name])
    return [contexts[name].run(next, running[name]) for name in STARTS]


kept = {"tasks": lambda: asyncio.run(tasks()), "to_thread": lambda: asyncio.run(to_thread()), "threads": threads,
        "generators": generators}[case]()  # fmt: skip
assert len(kept) == 2
print("kept" if all(kept) else "mixed", flush=True)
os._exit(0)  # without waiting for an agent that is not there
