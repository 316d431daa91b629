"""pika: BlockingConnection, and channels of all its other connections.

A message that a callback receives is the current one until the callback returns; one from consume() or basic_get() until they
hand out the next, or say that there is none. pathway_of(properties) is the pathway of a message.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from datastreams import _native
from datastreams._native import Pathway
from datastreams.context import use_pathway
from datastreams.integrations._shared import rabbitmq
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.headers import next_header, with_pathway
from datastreams.integrations._shared.messages import remember
from datastreams.integrations._shared.patches import Patches
from datastreams.integrations._shared.sizes import headers_size, size_of
from datastreams.integrations._shared.sources import current_of, nothing_from
from datastreams.integrations._shared.times import queued_ns

_patches = Patches()


def patch() -> None:
    """Instruments pika. To do it again changes nothing."""
    channel = import_module("pika.channel").Channel
    blocking = import_module("pika.adapters.blocking_connection").BlockingChannel
    _patches.apply(
        (channel, "basic_publish", _basic_publish),
        (channel, "basic_consume", _basic_consume),
        (channel, "basic_get", _basic_get),
        (blocking, "basic_consume", _basic_consume),
        (blocking, "basic_get", _blocking_get),
        (blocking, "consume", _blocking_consume),
    )


def unpatch() -> None:
    """Makes pika what it was."""
    _patches.undo()


def consumed(queue: str, properties: Any, body: Any) -> Pathway:
    """Records that a message was consumed, for a program that does it by hand. Its pathway becomes the current one."""
    headers = properties.headers
    pathway = rabbitmq.consumed_from(queue).checkpoint(
        carrier=headers,
        payload_size=size_of(body) + headers_size(headers),
        queued_ns=queued_ns(properties.timestamp),
    )
    remember(properties, pathway)
    return pathway


def produced(exchange: str, routing_key: str, properties: Any, body: Any, frame_max: int = 0) -> Any:
    """Records that a message is produced, and returns properties that carry its pathway: a copy."""
    headers = None if properties is None else properties.headers
    stamped = import_module("pika.spec").BasicProperties() if properties is None else copy.copy(properties)
    size = headers_size(headers)
    if frame_max and size > frame_max // 2:
        # Long headers are encoded once more to know: longer than a frame, and the broker closes the connection.
        stamped.headers = with_pathway(headers, "=" * 36)
        if not rabbitmq.fits(sum(map(len, stamped.encode())), frame_max):
            count("rabbitmq_too_large")
            return properties
    header = next_header(rabbitmq.produced_to(exchange, routing_key), size_of(body) + size, headers)
    if not header:
        return properties
    stamped.headers = with_pathway(headers, header)
    return stamped


def _consumed(queue: str, properties: Any, body: Any) -> None:
    try:
        consumed(queue, properties, body)
    except Exception:
        count("pika_failed")


def _taken(queue: str, message: tuple[Any, Any, Any]) -> None:
    """What the program asked for, which may be that there is nothing."""
    if message[0] is None:
        nothing_from(("pika", queue))
        return
    _consumed(queue, message[1], message[2])
    current_of(("pika", queue))


def _basic_publish(original: Callable[..., None]) -> Callable[..., None]:
    def basic_publish(
        self: Any, exchange: str, routing_key: str, body: Any, properties: Any = None, mandatory: bool = False
    ) -> None:
        if _patches.on and self.is_open:
            try:
                properties = produced(exchange, routing_key, properties, body, self.connection.params.frame_max or 0)
            except Exception:
                count("pika_failed")
        return original(self, exchange, routing_key, body, properties, mandatory)

    return basic_publish


def _delivering(queue: str, callback: Any) -> Any:
    """The callback, with each message's pathway current while it runs."""
    blocking = import_module("pika.adapters.blocking_connection")
    if isinstance(getattr(callback, "__self__", None), (blocking.BlockingChannel, blocking._CallbackResult)):
        return callback  # It only keeps the message, for the program's own callback.

    def deliver(channel: Any, method: Any, properties: Any, body: Any) -> Any:
        if not _patches.on:
            return callback(channel, method, properties, body)
        with use_pathway(_native.current_pathway()):
            _consumed(queue, properties, body)
            return callback(channel, method, properties, body)

    return deliver


def _basic_consume(original: Callable[..., str]) -> Callable[..., str]:
    def basic_consume(self: Any, queue: str, on_message_callback: Any, *args: Any, **kwargs: Any) -> str:
        if callable(on_message_callback):
            on_message_callback = _delivering(queue, on_message_callback)
        return original(self, queue, on_message_callback, *args, **kwargs)

    return basic_consume


def _basic_get(original: Callable[..., None]) -> Callable[..., None]:
    def basic_get(self: Any, queue: str, callback: Any, *args: Any, **kwargs: Any) -> None:
        if callable(callback):
            callback = _delivering(queue, callback)
        return original(self, queue, callback, *args, **kwargs)

    return basic_get


def _blocking_get(original: Callable[..., Any]) -> Callable[..., Any]:
    def basic_get(self: Any, queue: str, *args: Any, **kwargs: Any) -> Any:
        got = original(self, queue, *args, **kwargs)
        if _patches.on:
            _taken(queue, got)
        return got

    return basic_get


def _blocking_consume(original: Callable[..., Any]) -> Callable[..., Any]:
    def consume(self: Any, queue: str, *args: Any, **kwargs: Any) -> Iterator[Any]:
        messages = original(self, queue, *args, **kwargs)
        try:
            for message in messages:
                if _patches.on:
                    _taken(queue, message)
                yield message
        finally:
            messages.close()

    return consume
