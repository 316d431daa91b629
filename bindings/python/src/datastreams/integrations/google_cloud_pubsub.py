"""google-cloud-pubsub: PublisherClient.publish(), SubscriberClient.subscribe() and pull(), also of the asyncio subscriber.

A message that a callback receives is the current one until the callback returns, and pathway_of(message) is its pathway. After
a pull() the merged pathway of its messages is the current one; that of one is pathway_of_received(received_message).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any

from datastreams import _native
from datastreams._native import Edge, Pathway, edge
from datastreams.context import use_pathway
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.headers import next_header, with_pathway
from datastreams.integrations._shared.internal import is_internal
from datastreams.integrations._shared.locks import fork_safe
from datastreams.integrations._shared.messages import remember
from datastreams.integrations._shared.patches import Patches
from datastreams.integrations._shared.sizes import OURS, headers_size, size_of
from datastreams.integrations._shared.sources import current_of, nothing_from
from datastreams.integrations._shared.times import queued_ns

_patches = Patches()
ATTRIBUTES = 100
BYTES = 10_000_000
# Around an attribute, and around a message in its request, at most.
_AROUND_ATTRIBUTE, _AROUND = 12, 1_000
# Pulled messages that are remembered at a time.
LIMIT = 16_384

_lock = fork_safe()
_pulled: dict[str, Pathway] = {}


def patch() -> None:
    """Instruments google-cloud-pubsub. To do it again changes nothing."""
    services = "google.pubsub_v1.services.subscriber"
    _patches.apply(
        (import_module("google.cloud.pubsub_v1.publisher.client").Client, "publish", _publish),
        (import_module("google.cloud.pubsub_v1.subscriber.client").Client, "subscribe", _subscribe),
        (import_module(f"{services}.client").SubscriberClient, "pull", _pull),
        (import_module(f"{services}.async_client").SubscriberAsyncClient, "pull", _pull_async),
    )


def unpatch() -> None:
    """Makes google-cloud-pubsub what it was."""
    _patches.undo()


# ---- Produced --------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _produced_to(topic: str) -> Edge:
    return edge("direction:out", f"topic:{topic}", "type:google-pubsub")


def _publish(original: Callable[..., Any]) -> Callable[..., Any]:
    def publish(self: Any, topic: str, data: bytes, *args: Any, **kwargs: Any) -> Any:
        if _patches.on and isinstance(data, bytes) and not getattr(self, "_is_stopped", False) and not is_internal():
            try:
                kwargs = _stamped(topic, data, args, kwargs)
            except Exception:
                count("pubsub_failed")
        return original(self, topic, data, *args, **kwargs)

    return publish


def _stamped(topic: str, data: bytes, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The attributes, which are the keyword arguments that publish() has no name for, with the pathway among them."""
    attributes = {name: value for name, value in kwargs.items() if name not in ("ordering_key", "retry", "timeout")}
    others = sum(name not in OURS for name in attributes)
    size = len(data) + size_of(kwargs.get("ordering_key", args[0] if args else "")) + headers_size(attributes)
    if others >= ATTRIBUTES:
        count("pubsub_attributes")
        return kwargs
    if size + size_of(topic) + others * _AROUND_ATTRIBUTE + _AROUND > BYTES:
        count("pubsub_too_large")
        return kwargs
    header = next_header(_produced_to(topic), size, attributes)
    return with_pathway(kwargs, header) if header else kwargs


# ---- Consumed --------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _consumed_from(subscription: str) -> Edge:
    return edge("direction:in", f"topic:{subscription}", "type:google-pubsub")


def consumed(subscription: str, message: Any) -> Pathway:
    """Records that a message was consumed: one that a callback received, or the message of a received one."""
    # Protobuf's own mapping makes an entry when it is asked for one that it has not.
    attributes = dict(message.attributes)
    return _consumed_from(subscription).checkpoint(
        carrier=attributes,
        payload_size=size_of(message.data) + size_of(message.ordering_key) + headers_size(attributes),
        queued_ns=queued_ns(message.publish_time),
    )


def pathway_of_received(received: Any) -> Pathway | None:
    """The pathway of a message of a pull(). None: it has been forgotten among the 16384 that came after it."""
    return pathway_of_ack(received.ack_id)


def pathway_of_ack(ack_id: str) -> Pathway | None:
    """The same, for who has only what the message is acknowledged by."""
    with _lock:
        return _pulled.get(ack_id)


def _subscribe(original: Callable[..., Any]) -> Callable[..., Any]:
    def subscribe(self: Any, subscription: str, callback: Any, *args: Any, **kwargs: Any) -> Any:
        return original(self, subscription, _delivering(subscription, callback), *args, **kwargs)

    return subscribe


def _delivering(subscription: str, callback: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The callback, with each message's pathway current while it runs."""

    def deliver(message: Any) -> Any:
        if not _patches.on:
            return callback(message)
        with use_pathway(_native.current_pathway()):
            try:
                remember(message, consumed(subscription, message))
            except Exception:
                count("pubsub_failed")
            return callback(message)

    return deliver


def _pulled_from(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    request: Any = kwargs.get("request", args[0] if args else None)
    named: Any = request.get("subscription") if isinstance(request, dict) else getattr(request, "subscription", None)
    return str(named or kwargs.get("subscription") or "unknown")


def _received(subscription: str, response: Any) -> None:
    if not _patches.on or is_internal():
        return
    try:
        pathways: list[Pathway] = []
        for received in response.received_messages:
            pathways.append(consumed(subscription, received.message))
            with _lock:
                _pulled[received.ack_id] = pathways[-1]
                if len(_pulled) > LIMIT:
                    del _pulled[next(iter(_pulled))]
        if pathways:
            _native.context.set(Pathway.merge(pathways))
            current_of(("pubsub", subscription))
        else:
            nothing_from(("pubsub", subscription))
    except Exception:
        count("pubsub_failed")


def _pull(original: Callable[..., Any]) -> Callable[..., Any]:
    def pull(self: Any, *args: Any, **kwargs: Any) -> Any:
        response = original(self, *args, **kwargs)
        _received(_pulled_from(args, kwargs), response)
        return response

    return pull


def _pull_async(original: Callable[..., Any]) -> Callable[..., Any]:
    async def pull(self: Any, *args: Any, **kwargs: Any) -> Any:
        response = await original(self, *args, **kwargs)
        _received(_pulled_from(args, kwargs), response)
        return response

    return pull
