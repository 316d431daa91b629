"""redis-py streams: XADD, XREAD, XREADGROUP, XCLAIM and XAUTOCLAIM, of the synchronous, asyncio and cluster clients.

No other tracer follows Redis streams, so this is decided here: edges have `topic:` with the stream, `type:redis`, and `group:`
where a group reads; an entry carries its pathway as one more field. An instrumented reader takes the field out again; a reader
that is not instrumented sees it. The time in the queue comes from the entry's id.

The entries of a stream in one answer are a list: while it is iterated, the pathway of each entry is the current one; otherwise
the merged pathway of the answer is, until the same streams are read in vain. pathway_of(entry) is that of one (id, fields). In a pipeline only XADD is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib import import_module
from inspect import isawaitable
from typing import Any

from datastreams._native import HEADER_KEY, HEADER_KEY_LEGACY, Edge, Pathway, edge
from datastreams.integrations._shared.batches import Batch, merged
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.headers import next_header, with_pathway
from datastreams.integrations._shared.messages import remember
from datastreams.integrations._shared.patches import Patches
from datastreams.integrations._shared.sizes import OURS, size_of
from datastreams.integrations._shared.sources import current_of, nothing_from

_patches = Patches()
# Of xadd()'s arguments after the fields: id, maxlen, approximate, nomkstream, minid, limit, ref_policy, idmpauto.
_IDMPAUTO = 7


def patch() -> None:
    """Instruments redis-py. To do it again changes nothing."""
    commands = import_module("redis.commands.core").StreamCommands
    _patches.apply(
        (commands, "xadd", _xadd),
        (commands, "xread", _xread),
        (commands, "xreadgroup", _xreadgroup),
        (commands, "xclaim", _claim(_of_claim)),
        (commands, "xautoclaim", _claim(_of_autoclaim)),
    )


def unpatch() -> None:
    """Makes redis-py what it was."""
    _patches.undo()


def _text(name: Any) -> str:
    return bytes(name).decode("utf-8", "replace") if isinstance(name, (bytes, bytearray, memoryview)) else str(name)


def _size(fields: Iterable[tuple[Any, Any]]) -> int:
    """Bytes of names and values, with numbers as Redis has them: text."""
    return sum(_length(name) + _length(value) for name, value in fields if name not in OURS)


def _length(value: Any) -> int:
    return size_of(value) if isinstance(value, (str, bytes, bytearray, memoryview)) else len(repr(value))


# ---- Produced --------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _produced_to(stream: str) -> Edge:
    return edge("direction:out", f"topic:{stream}", "type:redis")


def _xadd(original: Callable[..., Any]) -> Callable[..., Any]:
    def xadd(self: Any, name: Any, fields: Any, *args: Any, **kwargs: Any) -> Any:
        if _patches.on and isinstance(fields, dict) and fields:
            try:
                fields = _stamped(_text(name), fields, args, kwargs)
            except Exception:
                count("redis_failed")
        return original(self, name, fields, *args, **kwargs)

    return xadd


def _stamped(stream: str, fields: dict[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[Any, Any]:
    """A copy of the fields with the pathway."""
    if kwargs.get("idmpauto", args[_IDMPAUTO] if len(args) > _IDMPAUTO else None) is not None:
        # Redis would take the same entry, sent again, for another one.
        count("redis_idempotent")
        return fields
    header = next_header(_produced_to(stream), _size(fields.items()), fields)
    return with_pathway(fields, header) if header else fields


# ---- Consumed --------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _consumed_from(stream: str, group: str) -> Edge:
    if group:
        return edge("direction:in", f"group:{group}", f"topic:{stream}", "type:redis")
    return edge("direction:in", f"topic:{stream}", "type:redis")


def consumed(stream: str, entry: tuple[Any, ...], group: str = "") -> Pathway:
    """Records that an entry, (id, fields), was consumed, and takes the pathway out of its fields."""
    fields: dict[Any, Any] = entry[1]
    size = _size(fields.items())
    carried: dict[str, Any] = {}
    for key in (HEADER_KEY, HEADER_KEY_LEGACY):
        for form in (key, key.encode()):
            if form in fields:
                carried[key] = fields.pop(form)
    pathway = _consumed_from(stream, group).checkpoint(
        carrier=carried, payload_size=size, queued_ns=_queued_ns(entry[0])
    )
    remember(entry, pathway, _id)
    return pathway


def _id(entry: Any) -> Any:
    return entry[0]


def _queued_ns(name: Any) -> int:
    """The time in an entry's id, which is in ms. An id that the program made up is refused by the library, and counted."""
    milliseconds = int(_text(name).partition("-")[0])
    return milliseconds * 1_000_000 if milliseconds < 9_000_000_000_000 else 0


def _received(stream: Any, group: Any, entries: Any) -> Any:
    """The entries of a stream as a list that knows their pathways; they themselves when there are none."""
    if not isinstance(entries, list):
        return entries
    # An entry that was deleted meanwhile has no fields, and ids without their entries (JUSTID) are no messages.
    found = [entry for entry in entries if isinstance(entry, tuple) and entry[0] is not None and entry[1]]
    for entry in found:
        consumed(_text(stream), entry, _text(group))
    return Batch(entries, None) if found else entries


def _of_streams(group: Any, asked: Any, answer: Any) -> Any:
    """Of XREAD and XREADGROUP: by stream, a dict or a list of [stream, entries]; with RESP3 the entries may be in a list."""
    source = ("redis", _text(group), *map(_text, asked or ()))
    if not answer:
        nothing_from(source)
        return answer
    current_of(source)
    streams: list[Any] = list(answer.items()) if isinstance(answer, dict) else answer
    received: list[Any] = []
    batches: list[Batch[Any]] = []
    for stream, entries in streams:
        nested = isinstance(entries, list) and len(entries) == 1 and isinstance(entries[0], list)
        batch = _received(stream, group, entries[0] if nested else entries)
        if isinstance(batch, Batch):
            batches.append(batch)
        received.append([stream, [batch] if nested else batch])
    _merge(batches)
    return dict(received) if isinstance(answer, dict) else received


def _of_claim(stream: Any, group: Any, answer: Any) -> Any:
    batch = _received(stream, group, answer)
    _merge([batch])
    return batch


def _of_autoclaim(stream: Any, group: Any, answer: Any) -> Any:
    """The next id, the entries, the ids of deleted ones."""
    if not isinstance(answer, (list, tuple)) or len(answer) < 2:
        return answer
    return [answer[0], _of_claim(stream, group, answer[1]), *answer[2:]]


def _merge(batches: list[Any]) -> None:
    """What is current after an answer: the merged pathway of all its entries."""
    known = [batch for batch in batches if isinstance(batch, Batch)]
    entries = [entry for batch in known for entry in list.__iter__(batch)]
    if entries:
        pathway = merged(entries)
        for batch in known:
            batch.pathway = pathway


def _finished(response: Any, read: Callable[[Any], Any]) -> Any:
    """The response, or an awaitable of it, as read."""

    def recorded(answer: Any) -> Any:
        try:
            return read(answer)
        except Exception:
            count("redis_failed")
            return answer

    if not isawaitable(response):
        return recorded(response)

    async def wait() -> Any:
        return recorded(await response)

    return wait()


def _xread(original: Callable[..., Any]) -> Callable[..., Any]:
    def xread(self: Any, *args: Any, **kwargs: Any) -> Any:
        response = original(self, *args, **kwargs)
        streams = kwargs.get("streams", args[0] if args else None)
        # A pipeline returns itself: its answers come later.
        if not _patches.on or response is self:
            return response
        return _finished(response, lambda answer: _of_streams("", streams, answer))

    return xread


def _xreadgroup(original: Callable[..., Any]) -> Callable[..., Any]:
    def xreadgroup(self: Any, groupname: Any, *args: Any, **kwargs: Any) -> Any:
        response = original(self, groupname, *args, **kwargs)
        streams = kwargs.get("streams", args[1] if len(args) > 1 else None)
        if not _patches.on or response is self:
            return response
        return _finished(response, lambda answer: _of_streams(groupname, streams, answer))

    return xreadgroup


def _claim(read: Callable[[Any, Any, Any], Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def claim(self: Any, name: Any, groupname: Any, *args: Any, **kwargs: Any) -> Any:
            response = original(self, name, groupname, *args, **kwargs)
            if not _patches.on or response is self:
                return response
            return _finished(response, lambda answer: read(name, groupname, answer))

        return claim

    return make
