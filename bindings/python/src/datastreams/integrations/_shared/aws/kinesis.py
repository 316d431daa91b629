"""Kinesis: records put to a stream, and read from a shard.

The topic is the stream's name, also where a call names it by its ARN. A call that reads says only which iterator it reads
from: the streams of iterators are remembered from the calls that made them. A record that is read again, by the same iterator
or another, is consumed again, and counts again.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from datastreams._native import Edge, Pathway, edge
from datastreams.integrations._shared.aws.carrier import NAME, PLACEHOLDER, headers
from datastreams.integrations._shared.aws.document import Document, document
from datastreams.integrations._shared.aws.limits import RECORD_BYTES, REQUEST_BYTES
from datastreams.integrations._shared.batches import Batch, merged
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.headers import next_header
from datastreams.integrations._shared.locks import fork_safe
from datastreams.integrations._shared.messages import remember
from datastreams.integrations._shared.sizes import size_of
from datastreams.integrations._shared.sources import current_of, nothing_from
from datastreams.integrations._shared.times import queued_ns

ITERATORS = 4096

_lock = fork_safe()
# The streams of iterators that are still to be read from, and of those that have been, which may be again.
_next: dict[str, str] = {}
_read: dict[str, str] = {}


@lru_cache(maxsize=4096)
def _edge(direction: str, stream: str) -> Edge:
    return edge(f"direction:{direction}", f"topic:{stream}", "type:kinesis")


def _stream(params: dict[str, Any]) -> str | None:
    name = params.get("StreamName") or params.get("StreamARN")
    return name.rsplit("/", 1)[-1] if isinstance(name, str) else None


# ---- Produced --------------------------------------------------------------------------------------


def put(params: dict[str, Any]) -> dict[str, Any]:
    return _stamped(params, _edge("out", _stream(params) or "unknown"), REQUEST_BYTES.most)


def put_all(params: dict[str, Any]) -> dict[str, Any]:
    """The limit of bytes is that of each record, and that of the whole request."""
    records, passed = list(params["Records"]), _edge("out", _stream(params) or "unknown")
    room = REQUEST_BYTES.room(sum(size_of(one.get("Data")) + size_of(one.get("PartitionKey")) for one in records))
    for at, record in enumerate(records):
        records[at] = _stamped(record, passed, room)
        room -= size_of(records[at].get("Data")) - size_of(record.get("Data"))
    return {**params, "Records": records}


def _stamped(record: dict[str, Any], passed: Edge, room: int) -> dict[str, Any]:
    """A copy of the record with its pathway; the record itself where that has no place."""
    data, text = record.get("Data"), _text(record.get("Data"))
    found = None if text is None else document(text)
    if found is None:
        count("kinesis_not_json")
        return record
    key, length = size_of(record.get("PartitionKey")), size_of(data)
    if size_of(found.filled(PLACEHOLDER)) - length > min(room, RECORD_BYTES.room(length + key)):
        count("kinesis_too_large")
        return record
    header = next_header(passed, found.size + key, headers(found.held))
    if not header:
        return record
    filled = found.filled(header)
    return {**record, "Data": filled if isinstance(data, str) else filled.encode()}


def _text(data: Any) -> str | None:
    """Data that may be JSON, as text."""
    if isinstance(data, str):
        return data
    if not isinstance(data, (bytes, bytearray)):
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


# ---- Consumed --------------------------------------------------------------------------------------


def iterator(params: dict[str, Any], response: dict[str, Any]) -> None:
    with _lock:
        _keep(_next, response.get("ShardIterator"), _stream(params))


def _keep(streams: dict[str, str], name: str | None, stream: str | None) -> None:
    if name is not None and stream is not None:
        streams[name] = stream
        if len(streams) > ITERATORS:
            del streams[next(iter(streams))]


def received(params: dict[str, Any], response: dict[str, Any]) -> None:
    name = params["ShardIterator"]
    with _lock:
        stream = _stream(params) or _next.pop(name, None) or _read.get(name)
        _keep(_read, name, stream)
        _keep(_next, response.get("NextShardIterator"), stream)
    records, source = response.get("Records"), ("kinesis", stream)
    if not records:
        nothing_from(source)
        return
    for record in records:
        consumed(stream or "unknown", record)
    current_of(source)
    response["Records"] = Batch(records, merged(records))


def consumed(stream: str, record: dict[str, Any]) -> Pathway:
    """Records that a record of GetRecords was consumed."""
    data = record.get("Data")
    found: Document | None = None
    if isinstance(data, bytes) and NAME.encode() in data:
        text = _text(data)
        found = None if text is None else document(text)
    size = (size_of(data) if found is None else found.size) + size_of(record.get("PartitionKey"))
    pathway = _edge("in", stream).checkpoint(
        carrier=headers(found.held) if found is not None else None,
        payload_size=size,
        queued_ns=queued_ns(record.get("ApproximateArrivalTimestamp")),
    )
    remember(record, pathway, _number)
    return pathway


def _number(record: dict[str, Any]) -> Any:
    return record.get("SequenceNumber")
