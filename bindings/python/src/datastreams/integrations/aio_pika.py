"""aio-pika: exchanges, queues and their iterators, robust or not. What is published through aiormq itself is recorded too.

A message that a callback receives is the current one in the task that runs the callback; one from get() or an iterator until
the next. pathway_of(message) is that of one.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from importlib import import_module
from typing import Any

from datastreams._native import Pathway
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
    """Instruments aio-pika. To do it again changes nothing."""
    queue, robust = import_module("aio_pika.queue"), import_module("aio_pika.robust_queue")
    iterators: list[Any] = [queue.QueueIterator]
    if "__anext__" in vars(robust.RobustQueueIterator):
        iterators.append(robust.RobustQueueIterator)
    _patches.apply(
        (import_module("aiormq.channel").Channel, "basic_publish", _basic_publish),
        (queue.Queue, "consume", _consume),
        (queue.Queue, "get", _get),
        *((iterator, "__anext__", _anext) for iterator in iterators),
    )


def unpatch() -> None:
    """Makes aio-pika what it was."""
    _patches.undo()


# ---- Produced --------------------------------------------------------------------------------------


def _basic_publish(original: Callable[..., Any]) -> Callable[..., Any]:
    async def basic_publish(
        self: Any, body: Any, *, exchange: str = "", routing_key: str = "", properties: Any = None, **more: Any
    ) -> Any:
        if _patches.on and not self.is_closed:
            try:
                properties = _stamped(self, exchange, routing_key, properties, body)
            except Exception:
                count("aio_pika_failed")
        return await original(self, body, exchange=exchange, routing_key=routing_key, properties=properties, **more)

    return basic_publish


def _stamped(channel: Any, exchange: str, routing_key: str, properties: Any, body: Any) -> Any:
    """Properties with the pathway in their headers: a copy."""
    headers = None if properties is None else properties.headers
    size = headers_size(headers)
    tune = getattr(channel.connection, "connection_tune", None)
    # Headers have one frame. What they take in it is not counted out: half of a frame is far from it.
    if not rabbitmq.fits(2 * size, getattr(tune, "frame_max", 0) or 0):
        count("rabbitmq_too_large")
        return properties
    header = next_header(rabbitmq.produced_to(exchange, routing_key), size_of(body) + size, headers)
    if not header:
        return properties
    if properties is None:
        properties = import_module("aiormq").spec.Basic.Properties(delivery_mode=1)
    stamped = copy.copy(properties)
    stamped.headers = with_pathway(headers, header)
    return stamped


# ---- Consumed --------------------------------------------------------------------------------------


def consumed(queue: str, message: Any) -> Pathway:
    """Records that a message was consumed, for a program that does it by hand. Its pathway becomes the current one."""
    headers = message.headers
    pathway = rabbitmq.consumed_from(queue).checkpoint(
        carrier=headers,
        payload_size=size_of(message.body) + headers_size(headers),
        queued_ns=queued_ns(message.timestamp),
    )
    remember(message, pathway, _tag)
    return pathway


def _tag(message: Any) -> Any:
    return message.delivery_tag


def _consumed(name_of: Callable[[], str], message: Any, source: object = None) -> None:
    """The queue's name is looked up here: another release may keep it elsewhere, and the message has arrived."""
    if not _patches.on:
        return
    try:
        consumed(name_of(), message)
        if source is not None:
            current_of(source)
    except Exception:
        count("aio_pika_failed")


def _consume(original: Callable[..., Any]) -> Callable[..., Any]:
    async def consume(self: Any, callback: Any, *args: Any, **kwargs: Any) -> Any:
        iterator = import_module("aio_pika.queue").QueueIterator
        # An iterator only keeps the message: it is consumed when it is handed out.
        if not isinstance(getattr(callback, "__self__", None), iterator):
            callback = _delivering(self, callback)
        return await original(self, callback, *args, **kwargs)

    return consume


def _delivering(queue: Any, callback: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The callback, which runs in a task for each message: there the message's pathway is the current one."""
    if inspect.iscoroutinefunction(callback):

        async def deliver(message: Any) -> Any:
            _consumed(lambda: queue.name, message)
            return await callback(message)

        return deliver

    def deliver_now(message: Any) -> Any:
        _consumed(lambda: queue.name, message)
        return callback(message)

    return deliver_now


def _get(original: Callable[..., Any]) -> Callable[..., Any]:
    async def get(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            message = await original(self, *args, **kwargs)
        except Exception:  # As when the queue is empty.
            nothing_from(("aio_pika", id(self)))
            raise
        if message is None:
            nothing_from(("aio_pika", id(self)))
        else:
            _consumed(lambda: self.name, message, ("aio_pika", id(self)))
        return message

    return get


def _anext(original: Callable[..., Any]) -> Callable[..., Any]:
    async def __anext__(self: Any) -> Any:
        message = await original(self)
        _consumed(lambda: self._amqp_queue.name, message)
        return message

    return __anext__
