"""What type checkers have to accept, and, where it is said so, to refuse. Read by mypy and pyright; never run."""

from collections import ChainMap
from collections.abc import Sequence
from typing import assert_type

import datastreams
from datastreams import Edge, Pathway, current_pathway, edge, set_checkpoint, use_pathway

datastreams.start(service="s", env="e", tags={"a": "b"}, agent_url="unix:///x", enabled=True, request_timeout=0.5)
datastreams.start(tags=["a:b"], flush_on_sigterm=True, delivery="poll")
assert_type(datastreams.flush(), bool)
assert_type(datastreams.flush(timeout=1), bool)
assert_type(datastreams.stop(0.5), bool)
assert_type(datastreams.poll(), float)
assert_type(datastreams.stats(), dict[str, int])
assert_type(datastreams.__version__, str)

headers: dict[str, str] = {}
raw: dict[str, bytes] = {}
kafka: list[tuple[str, bytes]] = []
confluent: list[tuple[str, str | bytes | None]] | None = None
record: tuple[tuple[str, bytes], ...] = ()


def aiokafka_has(headers: Sequence[tuple[str, bytes]]) -> None:
    set_checkpoint(["direction:in"], carrier=headers)


assert_type(set_checkpoint(["direction:in"], carrier=headers), Pathway)
set_checkpoint(("direction:in",), carrier=raw, payload_size=None)
set_checkpoint({"direction:in"}, carrier=kafka, payload_size=1, now_ns=1, queued_ns=2)
set_checkpoint((tag for tag in headers), carrier=confluent, parent=None)
set_checkpoint(["direction:in"], carrier=record, parent=current_pathway())
set_checkpoint(["direction:in"], carrier=ChainMap(headers))
datastreams.set_consume_checkpoint("kafka", "t", headers.get)
datastreams.set_consume_checkpoint("kafka", "t", raw.get, manual_checkpoint=False, tags=["a:b"])
datastreams.set_produce_checkpoint("kafka", "t", headers.__setitem__, tags=("a:b",))

orders = edge("direction:out", "topic:orders", service="s")
assert_type(orders, Edge)
assert_type(orders.produce(5, parent=None), str)
assert_type(orders.consume(b"x", 5), Pathway)
assert_type(orders.tags, tuple[str, ...])
orders.checkpoint(carrier=kafka)
orders.track_offset(1, 2)
datastreams.track_offset(["type:kafka_produce", "topic:t"], -1, 2)
datastreams.track_transaction(b"id", "checkpoint", at_ns=3)

pathway = Pathway.decode("x", now_ns=None)
assert_type(pathway, Pathway | None)
assert_type(Pathway.merge([pathway, None]), Pathway | None)
assert_type(Pathway(1, 2, 3, direction="in").encode(), str)
assert_type(Pathway(1, 2, 3).encode(binary=True), bytes)
with use_pathway(pathway) as used:
    assert_type(used, Pathway | None)

# An unneeded "ignore" is an error itself: these have to be refused.
set_checkpoint([b"direction:in"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
set_checkpoint(["direction:in"], carrier="x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
set_checkpoint(["direction:in"], carrier=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
orders.tags = ()  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
datastreams.start(servic="s")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
