"""nats-py: core NATS and JetStream, published and subscribed by callback, iterator, next_msg() or fetch().

No other tracer follows NATS, so this is decided here: edges have `topic:` with the subject of the message, `type:nats`, and
`group:` with the queue group or the durable pull consumer. The pathway is a header of the message. Answers to requests, and
what the client and the server say to each other (subjects that begin with $, such as acknowledgements), are not recorded.
A root of JetStream begins when the stream took the message.

A message that a callback receives is the current one until the callback returns; one from next_msg() or an iterator until the
next; of those of a fetch() the merged one, and each while they are iterated. pathway_of(message) is that of one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache
from importlib import import_module
from typing import Any

from datastreams import _native
from datastreams._native import HEADER_KEY, Edge, Pathway, edge
from datastreams.context import use_pathway
from datastreams.integrations._shared.batches import Batch, merged
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.headers import next_header, with_pathway
from datastreams.integrations._shared.messages import remember
from datastreams.integrations._shared.patches import Patches
from datastreams.integrations._shared.sizes import OURS, headers_size, size_of
from datastreams.integrations._shared.sources import current_of, nothing_from

_patches = Patches()
# Around headers: their first line and the empty one after them; and around each of them.
_LINES, _LINE = len("NATS/1.0\r\n\r\n"), len(": \r\n")
_OURS = len(HEADER_KEY) + 36 + _LINE
_GROUP = "_datastreams_group"
# A fetch() is under way: it takes messages by next_msg() too, and those that are for itself as well.
_fetching: ContextVar[bool] = ContextVar("datastreams_nats_fetching", default=False)


def patch() -> None:
    """Instruments nats-py. To do it again changes nothing."""
    client, subscription = import_module("nats.aio.client").Client, import_module("nats.aio.subscription")
    streams = import_module("nats.js.client").JetStreamContext
    _patches.apply(
        (client, "publish", _publish),
        (client, "subscribe", _subscribe),
        (subscription.Subscription, "next_msg", _next_msg),
        (subscription._SubscriptionMessageIterator, "__anext__", _anext),
        (streams, "pull_subscribe_bind", _pull_subscribe_bind),
        (streams, "pull_subscribe", _pull_subscribe),
        (streams.PullSubscription, "fetch", _fetch),
    )


def unpatch() -> None:
    """Makes nats-py what it was."""
    _patches.undo()


def _followed(client: Any, subject: str) -> bool:
    prefix = getattr(client, "_inbox_prefix", b"_INBOX")
    return bool(subject) and not subject.startswith(("$", bytes(prefix).decode() + "."))


# ---- Produced --------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _produced_to(subject: str) -> Edge:
    return edge("direction:out", f"topic:{subject}", "type:nats")


def _publish(original: Callable[..., Any]) -> Callable[..., Any]:
    async def publish(
        self: Any, subject: str, payload: Any = b"", reply: str = "", headers: Any = None, *args: Any, **kwargs: Any
    ) -> Any:
        if _patches.on:
            try:
                headers = _stamped(self, subject, payload, headers)
            except Exception:
                count("nats_failed")
        return await original(self, subject, payload, reply, headers, *args, **kwargs)

    return publish


def _stamped(client: Any, subject: str, payload: Any, headers: Any) -> Any:
    """The headers with the pathway, in a copy."""
    if not _followed(client, subject) or client.is_closed or client.is_draining_pubs:
        return headers
    size, limit = size_of(payload), client._max_payload
    if size > limit:
        return headers  # It will be refused.
    if not client._server_info.get("headers", False):
        count("nats_no_headers")
        return headers
    others = [name for name in headers or () if name not in OURS]
    own = headers_size(headers)
    # The server counts headers too, and closes the connection of who sends more.
    if size + own + len(others) * _LINE + _LINES + _OURS > limit:
        count("nats_too_large")
        return headers
    header = next_header(_produced_to(subject), size + own, headers)
    return with_pathway(headers, header) if header else headers


# ---- Consumed --------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _consumed_from(subject: str, group: str) -> Edge:
    if group:
        return edge("direction:in", f"group:{group}", f"topic:{subject}", "type:nats")
    return edge("direction:in", f"topic:{subject}", "type:nats")


def consumed(message: Any, group: str = "") -> Pathway:
    """Records that a message was consumed, for a program that does it by hand. Its pathway becomes the current one."""
    headers = message.headers
    pathway = _consumed_from(message.subject, group).checkpoint(
        carrier=headers,
        payload_size=size_of(message.data) + headers_size(headers),
        queued_ns=_queued_ns(message.reply),
    )
    remember(message, pathway)
    return pathway


def _queued_ns(reply: str) -> int:
    """When the stream took the message, of the subject for its acknowledgement. 0: it comes from no stream."""
    if not reply.startswith("$JS.ACK."):
        return 0
    tokens = reply.split(".")
    # With a domain and an account, and without: nine tokens are the older form.
    time = tokens[7 if len(tokens) == 9 else 9] if len(tokens) >= 9 else ""
    return min(int(time), 2**63 - 1) if time.isdecimal() and len(time) < 20 else 0


def _consumed(client_of: Callable[[], Any], message: Any, group_of: Callable[[], str], source: object = None) -> None:
    """Client and group are looked up here: another release may keep them elsewhere, and the message has arrived."""
    if not _patches.on:
        return
    try:
        if _followed(client_of(), message.subject):
            consumed(message, group_of())
            if source is not None:
                current_of(source)
    except Exception:
        count("nats_failed")


def _subscribe(original: Callable[..., Any]) -> Callable[..., Any]:
    async def subscribe(self: Any, subject: str, queue: str = "", cb: Any = None, *args: Any, **kwargs: Any) -> Any:
        # What is no coroutine function is refused.
        if inspect.iscoroutinefunction(cb) or inspect.iscoroutinefunction(getattr(cb, "func", None)):
            cb = _delivering(self, queue, cb)
        return await original(self, subject, queue, cb, *args, **kwargs)

    return subscribe


def _delivering(client: Any, queue: str, callback: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The callback, with each message's pathway current while it runs."""

    async def deliver(message: Any) -> Any:
        with use_pathway(_native.current_pathway()):
            _consumed(lambda: client, message, lambda: queue)
            return await callback(message)

    return deliver


def _next_msg(original: Callable[..., Any]) -> Callable[..., Any]:
    async def next_msg(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _fetching.get():
            return await original(self, *args, **kwargs)
        try:
            message = await original(self, *args, **kwargs)
        except Exception:  # As when none came in time.
            nothing_from(("nats", id(self)))
            raise
        _consumed(lambda: self._conn, message, lambda: self._queue, ("nats", id(self)))
        return message

    return next_msg


def _anext(original: Callable[..., Any]) -> Callable[..., Any]:
    async def __anext__(self: Any) -> Any:
        message = await original(self)
        _consumed(lambda: self._sub._conn, message, lambda: self._sub._queue)
        return message

    return __anext__


def _pull_subscribe(original: Callable[..., Any]) -> Callable[..., Any]:
    async def pull_subscribe(self: Any, subject: str, durable: Any = None, *args: Any, **kwargs: Any) -> Any:
        subscription = await original(self, subject, durable, *args, **kwargs)
        # A consumer that is not durable has a name that was made up.
        setattr(subscription, _GROUP, durable or "")
        return subscription

    return pull_subscribe


def _pull_subscribe_bind(original: Callable[..., Any]) -> Callable[..., Any]:
    async def pull_subscribe_bind(self: Any, *args: Any, **kwargs: Any) -> Any:
        subscription = await original(self, *args, **kwargs)
        setattr(subscription, _GROUP, getattr(subscription, "_consumer", None) or "")
        return subscription

    return pull_subscribe_bind


def _fetch(original: Callable[..., Any]) -> Callable[..., Any]:
    async def fetch(self: Any, *args: Any, **kwargs: Any) -> Any:
        token = _fetching.set(True)
        try:
            messages = await original(self, *args, **kwargs)
        except Exception:
            nothing_from(("nats", id(self)))
            raise
        finally:
            _fetching.reset(token)
        if not _patches.on or not messages:
            return messages
        for message in messages:
            _consumed(lambda: self._nc, message, lambda: getattr(self, _GROUP, ""))
        current_of(("nats", id(self)))
        return Batch(messages, merged(messages))

    return fetch
