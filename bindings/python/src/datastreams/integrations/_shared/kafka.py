"""Kafka: the edges, headers, sizes and offsets that its clients have in common.

A topic, group or cluster that is not known is "" and has no tag.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, cast

from datastreams import _native
from datastreams._native import HEADER_KEY, HEADER_KEY_LEGACY, Edge, Pathway, edge
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.messages import remember
from datastreams.integrations._shared.sizes import size_of

Pairs = list[tuple[str, Any]]
Headers = Mapping[str, Any] | Iterable[tuple[str, Any]] | None

OURS = frozenset((HEADER_KEY, HEADER_KEY_LEGACY))
# The longest that our header is on the wire: its lengths take a byte each.
HEADER_WIRE = len(HEADER_KEY) + 36 + 2
# Milliseconds; a timestamp beyond (year 2255) is none, and its nanoseconds would not fit.
_LATEST_MS = 9_000_000_000_000
# UNKNOWN_SERVER_ERROR, and what idempotent producers are told.
_HEADERS_REFUSED = frozenset((-1, 43))

_log = logging.getLogger("datastreams")


def _where(topic: str, cluster: str) -> tuple[str, ...]:
    return (f"kafka_cluster_id:{cluster}", f"topic:{topic}") if cluster else (f"topic:{topic}",)


@lru_cache(maxsize=4096)
def edge_out(topic: str, cluster: str) -> Edge:
    return edge("direction:out", *_where(topic, cluster), "type:kafka")


@lru_cache(maxsize=4096)
def edge_in(topic: str, group: str, cluster: str) -> Edge:
    return edge("direction:in", *((f"group:{group}",) if group else ()), *_where(topic, cluster), "type:kafka")


@lru_cache(maxsize=4096)
def _backlog(kind: str, topic: str, cluster: str, group: str = "") -> Edge:
    return edge(*((f"consumer_group:{group}",) if group else ()), *_where(topic, cluster), f"type:{kind}")


def track_produced(topic: str, partition: int, offset: int, cluster: str = "") -> None:
    """The offset that the broker gave to a message. Negative ones are unknown, and pass over."""
    if offset >= 0:
        _backlog("kafka_produce", topic, cluster).track_offset(partition, offset)


def track_committed(topic: str, partition: int, offset: int, group: str, cluster: str = "") -> None:
    """What was committed: the offset of the next message to read, one more than of the last that was."""
    if offset >= 0 and group:
        _backlog("kafka_commit", topic, cluster, group).track_offset(partition, offset)


def track_high_watermark(topic: str, partition: int, offset: int, cluster: str = "") -> None:
    """The end of a partition: the offset of the next message that is written."""
    if offset >= 0:
        _backlog("kafka_high_watermark", topic, cluster).track_offset(partition, offset)


class Ends:
    """When the end of a partition is to be reported again."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next: dict[tuple[str, int], float] = {}

    def due(self, topic: str, partition: int) -> bool:
        """Whether it has not been for a second."""
        now = time.monotonic()
        if now < self._next.get((topic, partition), 0.0):
            return False
        if len(self._next) >= 4096:
            self._next.clear()
        self._next[topic, partition] = now + 1.0
        return True


def _pairs(headers: Headers) -> Pairs:
    if type(headers) is list:
        return cast("Pairs", headers)
    return list(cast("Mapping[str, Any]", headers).items() if isinstance(headers, Mapping) else headers or ())


def others(headers: Headers) -> Pairs:
    """Headers without ours."""
    return [pair for pair in _pairs(headers) if pair[0] not in OURS]


# ---- Produced -------------------------------------------------------------------------------------


def varint(length: int) -> int:
    """Bytes that a length takes on the wire."""
    return max(1, -(-(length << 1).bit_length() // 7))


def _lengths(headers: Pairs) -> int:
    """Bytes that lengths take in headers; and their number, beyond the byte that is reckoned for it, with ours."""
    parts = (varint(size_of(name)) + varint(size_of(value)) for name, value in headers)
    return sum(parts) + varint(len(headers) + 1) - 1


# What a batch adds to its messages: brokers compare it with their limit, which is often that of the client as well.
BATCH = 61


def produced(topic: str, value: Any = None, key: Any = None, headers: Any = None, cluster: str = "") -> Any:
    """Records that a message is produced, for a program that does it by hand, and returns the headers to produce it with:
    a copy. value and key are those that are sent, after serializers."""
    return outgoing(topic, size_of(value) + size_of(key), headers, cluster) or headers


def outgoing(
    topic: str, size: int, headers: Headers = None, cluster: str = "", room: int | None = None, around: int = 0
) -> Pairs | None:
    """Records that a message is produced, and returns the headers to send: a list, the caller's own stays as it is.

    It goes on from the current pathway, else from the one that is in its headers; whichever was in them is replaced.

    size: bytes of key and value. room: bytes that key, value and headers may have on the wire for the client to take them;
    around: bytes that the broker counts as well. None is returned when our header does not fit: nothing is recorded, and the
    message is sent as it is; also when there is nothing to send.
    """
    kept: Pairs = []
    old = None
    for pair in _pairs(headers) if headers else ():
        name, value = pair
        if name in OURS:
            if old is None or name == HEADER_KEY:
                old = value
            continue
        kept.append(pair)
        size += size_of(name) + size_of(value)
    # The lengths of a header's parts take ten bytes at most: they are looked at when it may matter.
    if room is not None and size + 10 * len(kept) + 2 * HEADER_WIRE > room - around:
        wire = size + _lengths(kept)
        if wire + HEADER_WIRE > room - around:
            if wire <= room:  # Otherwise the client refuses it.
                count("kafka_too_large")
            return None
    out = edge_out(topic, cluster)
    if old is not None and _native.current_pathway() is None:
        text = out.produce(size, parent=Pathway.decode(old))
    else:
        text = out.produce(size)
    if not text:
        return None
    kept.append((HEADER_KEY, text.encode()))
    return kept


def refused(before: Pathway | None) -> None:
    """The client did not take a message that has been recorded, which cannot be taken back: what is current is what was."""
    count("kafka_refused")
    _native.context.set(before)


def headers_refused(code: object) -> bool:
    """Whether an error of a broker may be about our header: one whose topics have the format from before Kafka 0.11 says no more
    than that, and drops the message. Then it is counted and told, and the producer is to send no headers more."""
    if code not in _HEADERS_REFUSED:
        return False
    count("kafka_headers_refused")
    _log.warning("the Kafka broker refused a message with error %s: this producer sends no headers more", code)
    return True


# ---- Consumed -------------------------------------------------------------------------------------


def consumed(
    message: object,
    topic: str,
    size: int,
    headers: Headers = None,
    group: str = "",
    cluster: str = "",
    timestamp_ms: int | None = None,
    proof: Callable[[Any], object] | None = None,
) -> Pathway:
    """Records that a message was consumed. Its pathway becomes the current one, and is found by pathway_of(message).

    size: bytes of key and value. timestamp_ms: the message's own, the start of a pathway that begins here.
    """
    carrier = _pairs(headers) if headers else None
    for name, value in carrier or ():
        if name not in OURS:
            size += size_of(name) + size_of(value)
    queued_ns = timestamp_ms * 1_000_000 if timestamp_ms is not None and 0 < timestamp_ms < _LATEST_MS else 0
    pathway = edge_in(topic, group, cluster).checkpoint(payload_size=size, carrier=carrier, queued_ns=queued_ns)
    remember(message, pathway, proof)
    return pathway
