"""The asyncio clients, which call the others in threads of a pool: the pathway has to be that of the task."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any

from datastreams import _native
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.messages import pathway_of
from datastreams.integrations._shared.patches import Patches
from datastreams.integrations._shared.sources import current_of, nothing_from
from datastreams.integrations.confluent_kafka import consumer, producer
from datastreams.integrations.confluent_kafka.batch import Decided

_patches = Patches()
_Async = Callable[..., Coroutine[Any, Any, Any]]


def patch() -> None:
    """Instruments the asyncio clients, where the release has them."""
    try:
        aio = import_module("confluent_kafka.aio")
        batches = import_module("confluent_kafka.aio.producer._producer_batch_processor")
    except ImportError:
        return
    receiver = aio.AIOConsumer
    deserializing = getattr(aio, "AsyncDeserializingConsumer", None)
    _patches.apply(
        (receiver, "__init__", _quiet),
        (receiver, "poll", _poll),
        (receiver, "consume", _consume),
        (batches.ProducerBatchManager, "add_message", _add_message),
        *([(deserializing, "consume", _consume)] if deserializing else []),
    )


def unpatch() -> None:
    """Makes them what they were."""
    _patches.undo()


def _quiet(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        try:
            state = consumer.clients.of(self._consumer)
            if state is not None:
                state.quiet = True
        except Exception:
            count("kafka_failed")

    return __init__


def _poll(original: _Async) -> _Async:
    async def poll(self: Any, *args: Any, **kwargs: Any) -> Any:
        message = await original(self, *args, **kwargs)
        try:
            state = consumer.clients.of(self._consumer)
            if state is None:
                pass
            elif message is None or message.error() is not None:
                nothing_from(state)
            else:
                _native.context.set(pathway_of(message))
                current_of(state)
        except Exception:
            count("kafka_failed")
        return message

    return poll


def _consume(original: _Async) -> _Async:
    async def consume(self: Any, *args: Any, **kwargs: Any) -> Any:
        messages = await original(self, *args, **kwargs)
        try:
            state = consumer.clients.of(self._consumer)
            return messages if state is None else state.current(messages)
        except Exception:
            count("kafka_failed")
        return messages

    return consume


def _add_message(original: Callable[..., None]) -> Callable[..., None]:
    """Where the program's task hands over a message; a thread sends it later, with others."""

    def add_message(self: Any, msg_data: dict[str, Any], future: Any) -> None:
        try:
            client = self._kafka_executor._producer
            state = producer.clients.of(client)
            if state is not None and "headers" not in msg_data:
                topic, value, key = (msg_data.get(name) for name in ("topic", "value", "key"))
                msg_data = {**msg_data, "headers": Decided(state.outgoing(client, topic, value, key, None) or ())}
        except Exception:
            count("kafka_failed")
        original(self, msg_data, future)

    return add_message
