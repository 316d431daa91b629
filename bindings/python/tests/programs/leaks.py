"""A million calls, those that are refused too, must not make the process grow. Prints by how many blocks of Python's
allocator it grew, by how many bytes, and by how many references to objects that are always there."""

import os
import sys

import datastreams
from datastreams import HEADER_KEY, HEADER_KEY_LEGACY, Pathway, _native

ROUND = 2_500
NOW = 1_786_000_010_000_000_000
IN, OUT = ["direction:in", "type:kafka"], ("direction:out", "type:kafka")


def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def references():
    watched = [HEADER_KEY, Pathway, datastreams.Edge, datastreams.edge(*IN), datastreams.edge(*OUT, service="s")]
    watched += [datastreams.edge(*IN).tags, IN[0], OUT, *OUT, datastreams.set_checkpoint, _native.context]
    return sum(map(sys.getrefcount, watched))


def refused(call, kind):
    try:
        call()
    except kind:
        return
    raise SystemExit("it was not refused")


def fail(*_):
    raise LookupError


def every_call():
    """Forty calls, each of which could forget an object."""
    headers, pairs = {}, [(HEADER_KEY_LEGACY, b"old"), ("a", None)]
    datastreams.set_checkpoint(OUT, payload_size=512, carrier=headers)
    datastreams.set_checkpoint(OUT, carrier=pairs, now_ns=NOW)
    datastreams.set_checkpoint(IN, carrier=headers)
    datastreams.set_checkpoint(IN, carrier=pairs, queued_ns=NOW)
    datastreams.set_checkpoint(IN, carrier={HEADER_KEY: b"junk", HEADER_KEY_LEGACY: bytearray(b"junk")})
    datastreams.set_checkpoint({"direction:out"}, parent=None)
    datastreams.set_checkpoint((tag for tag in OUT), parent=datastreams.current_pathway())
    datastreams.set_checkpoint(["\ud800"])
    datastreams.set_checkpoint([""], carrier=headers)
    datastreams.set_consume_checkpoint("kafka", "t", headers.get, tags=["a:b"])
    datastreams.set_consume_checkpoint("kafka", "t", {HEADER_KEY: None}.__getitem__, False)
    datastreams.set_produce_checkpoint("kafka", "t", headers.__setitem__, ("a:b",))
    incoming, outgoing = datastreams.edge(*IN), datastreams.edge(*OUT, service="s")
    incoming.consume(outgoing.produce(5), 5)
    incoming.consume(memoryview(outgoing.produce(None, parent=None).encode()))
    incoming.checkpoint(carrier=headers)
    repr(incoming), incoming.tags, incoming.service
    incoming.track_offset(1, 2)
    datastreams.track_offset(OUT, 1, 2)
    datastreams.track_transaction("x" * 300, "\ud800")
    one = Pathway(1, NOW, NOW, 2, NOW, "in")
    repr(one), hash(one), one == Pathway.decode(one.encode(), now_ns=None), one.direction
    one.encode(binary=True), one.__reduce__(), Pathway.decode(object()), Pathway.merge([one, None, one])
    with datastreams.use_pathway(one):
        datastreams.current_pathway()
    datastreams.stats()
    refused(lambda: datastreams.set_checkpoint([7]), TypeError)
    refused(lambda: datastreams.set_checkpoint([[]]), TypeError)
    refused(lambda: datastreams.set_checkpoint(OUT, carrier=()), TypeError)
    refused(lambda: datastreams.set_checkpoint(OUT, other=()), TypeError)
    refused(lambda: datastreams.set_consume_checkpoint("kafka", "t", fail), LookupError)
    refused(lambda: datastreams.set_produce_checkpoint("kafka", "t", fail), LookupError)
    refused(lambda: datastreams.edge("a", 7), TypeError)
    refused(lambda: datastreams.edge(""), ValueError)
    refused(lambda: Pathway.merge([one, 7]), TypeError)
    refused(lambda: Pathway(1, "2", 3), TypeError)


datastreams.start(service="test")
for _ in range(4 * ROUND):  # until the library has all the memory that it keeps for the next time
    every_call()
blocks, before, refs = sys.getallocatedblocks(), resident(), references()
for _ in range(10 * ROUND):
    every_call()
print(sys.getallocatedblocks() - blocks, resident() - before, references() - refs)
