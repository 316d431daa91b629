"""kombu: Producer, Consumer, Queue.get and SimpleQueue, over RabbitMQ and the transports that kombu brings itself.

The type of an edge is rabbitmq, or what the transport calls its broker, such as redis. Over SQS, Kafka and Pub/Sub the
integrations of boto3, confluent-kafka and google-cloud-pubsub, which have to be there too, record the messages, as their own
type and with their own topics. Celery's messages to its own workers, such as events and
remote control, are none of a program's, and are not recorded.

A message that a consumer's callback receives is the current one until the callback returns; one from get() until
the next, or until there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from importlib import import_module
from typing import Any

from datastreams import _native
from datastreams._native import Pathway
from datastreams.context import use_pathway
from datastreams.integrations._shared import rabbitmq
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.headers import next_header, with_pathway
from datastreams.integrations._shared.internal import internal
from datastreams.integrations._shared.messages import pathway_of, remember
from datastreams.integrations._shared.patches import Patches
from datastreams.integrations._shared.sizes import headers_size, size_of
from datastreams.integrations._shared.sources import current_of, nothing_from
from datastreams.integrations._shared.times import queued_ns
from datastreams.integrations.kombu.made import is_workers, pathway_of_made

_patches = Patches()
# Modules of transports, as kombu names them, whose messages the integrations of other clients record.
_ELSEWHERE = {"gcpubsub": "pubsub", "kafka": "kafka", "sqs": "sqs"}
# A publish() that is under way: the headers with its pathway, once there are some. It may send more than once.
_publishing: ContextVar[list[Any] | None] = ContextVar("datastreams_kombu_publishing", default=None)
# The pathway of a message that is being made into a Message of kombu's.
_arriving: ContextVar[Pathway | None] = ContextVar("datastreams_kombu_arriving", default=None)


def patch() -> None:
    """Instruments kombu. To do it again changes nothing."""
    messaging, queue = import_module("kombu.messaging"), import_module("kombu.entity").Queue
    _patches.apply(
        (messaging.Producer, "publish", _publish),
        (messaging.Producer, "_publish", _send),
        (queue, "consume", _consume),
        (queue, "get", _get),
        (import_module("kombu.simple").SimpleBase, "get", _simple_get),
        (import_module("kombu.message").Message, "__init__", _message),
    )


def unpatch() -> None:
    """Makes kombu what it was."""
    _patches.undo()
    for name in _ELSEWHERE.values():
        _elsewhere(name).unpatch()


def _elsewhere(name: str) -> Any:
    return import_module(f"{__name__}.{name}")


def _driver(channel: Any) -> str:
    connection: Any = getattr(channel, "connection", None)
    driver: str | None = getattr(connection, "driver_type", None)
    if driver is None:
        client: Any = getattr(connection, "client", None)
        driver = getattr(getattr(client, "transport", None), "driver_type", "amqp")
    return str(driver)


def _kind(channel: Any) -> str:
    """The type of the channel's broker; empty when another integration records its messages."""
    driver = _driver(channel)
    if driver in _ELSEWHERE:
        return ""
    return "rabbitmq" if driver == "amqp" else driver


def _receives(channel: Any) -> None:
    """Before anything is received by a channel."""
    try:
        name = _ELSEWHERE.get(_driver(channel))
        if _patches.on and name is not None:
            _elsewhere(name).patch()
    except Exception:
        count("kombu_failed")


# ---- Produced --------------------------------------------------------------------------------------


def _publish(original: Callable[..., Any]) -> Callable[..., Any]:
    def publish(self: Any, *args: Any, **kwargs: Any) -> Any:
        token = _publishing.set([])
        try:
            return original(self, *args, **kwargs)
        finally:
            _publishing.reset(token)

    return publish


def _send(original: Callable[..., Any]) -> Callable[..., Any]:
    def _publish(
        self: Any,
        body: Any,
        priority: Any,
        content_type: Any,
        content_encoding: Any,
        headers: Any,
        properties: Any,
        routing_key: Any,
        mandatory: Any,
        immediate: Any,
        exchange: Any,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        if _patches.on:
            # Connects when it has to, as it would do next; where that fails, nothing was recorded.
            channel = self.channel
            try:
                headers = _stamped(channel, exchange or "", routing_key or "", headers, body)
            except Exception:
                count("kombu_failed")
        parts = (body, priority, content_type, content_encoding, headers, properties, routing_key, mandatory, immediate)
        with internal(is_workers(exchange or "")):
            return original(self, *parts, exchange, *args, **kwargs)

    return _publish


def _stamped(channel: Any, exchange: str, routing_key: str, headers: Any, body: Any) -> Any:
    """The headers with the pathway, in a copy."""
    once = _publishing.get()
    if once:
        return once[0]
    kind = _kind(channel)
    if not kind or is_workers(exchange):
        return headers
    size = headers_size(headers)
    frame_max = getattr(channel.connection, "frame_max", 0) if kind == "rabbitmq" else 0
    if not rabbitmq.fits(2 * size, frame_max or 0):
        # Headers have one frame. What they take in it is not counted out: half of a frame is far from it.
        count("rabbitmq_too_large")
        return headers
    header = next_header(rabbitmq.produced_to(exchange, routing_key, kind), size_of(body) + size, headers)
    stamped = with_pathway(headers, header) if header else headers
    if once is not None:
        once.append(stamped)
    return stamped


# ---- Consumed --------------------------------------------------------------------------------------


def _arrived(queue: str, channel: Any, message: Any) -> Pathway | None:
    """Records that a message of the transport's or of kombu's was consumed: its pathway, which becomes the current one.
    None: it is not recorded."""
    kind = _kind(channel)
    if not kind:
        pathway = pathway_of_made(message)
        if pathway is not None:
            _native.context.set(pathway)
        return pathway
    if is_workers(queue):
        return None
    properties = message.properties or {}
    headers = properties.get("application_headers") if "application_headers" in properties else None
    if headers is None:
        headers = getattr(message, "headers", None) or {}
    return rabbitmq.consumed_from(queue, kind).checkpoint(
        carrier=headers,
        payload_size=size_of(message.body) + headers_size(headers),
        queued_ns=queued_ns(properties.get("timestamp")),
    )


def _delivering(queue: str, channel: Any, callback: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The callback of a consumer, with each message's pathway current while it runs."""

    def deliver(message: Any) -> Any:
        if not _patches.on:
            return callback(message)
        with use_pathway(_native.current_pathway()):
            token = _arriving.set(None)
            try:
                arrived = _arrived(queue, channel, message)
                if arrived is not None:
                    remember(message, arrived)
                    _arriving.set(arrived)
            except Exception:
                count("kombu_failed")
            try:
                return callback(message)
            finally:
                _arriving.reset(token)

    return deliver


def _consume(original: Callable[..., Any]) -> Callable[..., Any]:
    def consume(self: Any, consumer_tag: str = "", callback: Any = None, *args: Any, **kwargs: Any) -> Any:
        _receives(self.channel)
        if callback is not None:
            callback = _delivering(self.name, self.channel, callback)
        return original(self, consumer_tag, callback, *args, **kwargs)

    return consume


def _message(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        pathway = _arriving.get()
        if pathway is not None:
            # The first one is made of the message that arrived; others are the callback's own.
            _arriving.set(None)
            remember(self, pathway)

    return __init__


def _get(original: Callable[..., Any]) -> Callable[..., Any]:
    def get(self: Any, *args: Any, **kwargs: Any) -> Any:
        _receives(self.channel)
        message = original(self, *args, **kwargs)
        if not _patches.on:
            return message
        try:
            source = ("kombu", self.name)
            if message is None:
                nothing_from(source)
                return None
            arrived = _arrived(self.name, self.channel, message)
            if arrived is not None:
                remember(message, arrived)
                current_of(source)
        except Exception:
            count("kombu_failed")
        return message

    return get


def _simple_get(original: Callable[..., Any]) -> Callable[..., Any]:
    def get(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            message = original(self, *args, **kwargs)
        except Exception:  # As when the queue is empty.
            nothing_from(("kombu", id(self)))
            raise
        # Its checkpoint was when it came in; what the program does with it begins here.
        pathway = pathway_of(message) if _patches.on else None
        if pathway is not None:
            _native.context.set(pathway)
            current_of(("kombu", id(self)))
        return message

    return get
