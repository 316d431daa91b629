"""kafka-python: KafkaProducer and KafkaConsumer.

The message that the iterator returned last is the current one. Of those that poll() returned, each is while its list is
iterated, and their merged pathway is before and afterwards; pathway_of(message) is the pathway of one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any

from datastreams._native import current_pathway
from datastreams.integrations._shared import kafka, kafka_records
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.kafka import produced
from datastreams.integrations._shared.kafka_records import consumed
from datastreams.integrations._shared.patches import Patches
from datastreams.integrations._shared.sizes import size_of
from datastreams.integrations._shared.sources import nothing_from

__all__ = ["consumed", "patch", "produced", "unpatch"]

_patches = Patches()


def patch() -> None:
    """Instruments kafka-python. To do it again changes nothing."""
    client = import_module("kafka")
    coordinator = import_module("kafka.coordinator.consumer").ConsumerCoordinator
    _patches.apply(
        (client.KafkaProducer, "send", _send),
        (client.KafkaProducer, "_estimate_size_in_bytes", _estimate_size_in_bytes),
        (client.KafkaConsumer, "poll", _poll),
        (client.KafkaConsumer, "__next__", _next),
        (coordinator, "_send_offset_commit_request", _send_offset_commit_request),
    )


def unpatch() -> None:
    """Makes kafka-python what it was."""
    _patches.undo()


def _cluster(metadata: Any) -> str:
    """Releases before 2.1 do not keep the id."""
    return getattr(metadata, "cluster_id", None) or ""


# ---- The producer -----------------------------------------------------------------------------------


class _Outgoing(list[tuple[str, Any]]):
    """The headers of a message that is being sent: a copy of the program's, to which ours is added when its size is known,
    after serializers."""

    def __init__(self, topic: str, headers: list[tuple[str, Any]]) -> None:
        super().__init__(headers)
        self.topic = topic
        self.before = current_pathway()
        self.recorded = False


def _send(original: Callable[..., Any]) -> Callable[..., Any]:
    def send(
        self: Any,
        topic: str,
        value: Any = None,
        key: Any = None,
        headers: Any = None,
        partition: Any = None,
        timestamp_ms: Any = None,
    ) -> Any:
        if not _patches.on or not isinstance(headers, (list, type(None))):
            return original(self, topic, value, key, headers, partition, timestamp_ms)
        outgoing = _Outgoing(topic, headers or [])
        try:
            future = original(self, topic, value, key, outgoing, partition, timestamp_ms)
        except BaseException:
            if outgoing.recorded:
                kafka.refused(outgoing.before)
            raise
        if outgoing.recorded:
            try:
                future.add_callback(_delivered, _cluster(self._metadata))
                future.add_errback(kafka_records.failed, self)
            except Exception:
                count("kafka_failed")
        return future

    return send


def _estimate_size_in_bytes(original: Callable[..., int]) -> Callable[..., int]:
    """What send() asks about the message as it is sent, before it refuses those that are too large."""

    def estimate(self: Any, key: Any, value: Any, headers: Any = None) -> int:
        if isinstance(headers, _Outgoing) and not headers.recorded:
            try:
                _record(self, key, value, headers)
            except Exception:
                count("kafka_failed")
        return original(self, key, value, [] if headers is None else headers)

    return estimate


def _record(producer: Any, key: Any, value: Any, headers: _Outgoing) -> None:
    config = producer.config
    if not kafka_records.takes_headers(producer):
        return
    if producer.max_usable_produce_magic(config["api_version"]) < 2:
        count("kafka_headers_off")
        return
    room = kafka_records.room(config["max_request_size"], key, value)
    sent = kafka.outgoing(headers.topic, size_of(key) + size_of(value), headers, _cluster(producer._metadata), room)
    if sent is not None:
        headers[:] = sent
        headers.recorded = True


def _delivered(cluster: str, metadata: Any) -> None:
    try:
        kafka.track_produced(metadata.topic, metadata.partition, metadata.offset, cluster)
    except Exception:
        count("kafka_failed")


# ---- The consumer -----------------------------------------------------------------------------------


def _poll(original: Callable[..., Any]) -> Callable[..., Any]:
    def poll(self: Any, timeout_ms: Any = 0, max_records: Any = None, update_offsets: bool = True) -> Any:
        messages = original(self, timeout_ms, max_records, update_offsets)
        # The iterator asks like this, and may hand out less than it got.
        if not _patches.on or not update_offsets:
            return messages
        try:
            group, cluster = self.config["group_id"], _cluster(self._client.cluster)
            return kafka_records.arrived_together(self, messages, group, cluster)
        except Exception:
            count("kafka_failed")
        return messages

    return poll


def _next(original: Callable[..., Any]) -> Callable[..., Any]:
    def __next__(self: Any) -> Any:
        try:
            message = original(self)
        except StopIteration:
            nothing_from(self)
            raise
        if _patches.on:
            try:
                kafka_records.arrived(self, message, self.config["group_id"], _cluster(self._client.cluster))
            except Exception:
                count("kafka_failed")
        return message

    return __next__


def _send_offset_commit_request(original: Callable[..., Any]) -> Callable[..., Any]:
    """One commit, the program's or the client's own; a coroutine, in releases before 3 a future."""

    def send(self: Any, offsets: Any) -> Any:
        answer = original(self, offsets)
        if not _patches.on:
            return answer
        if inspect.iscoroutine(answer):
            return _committed_after(answer, self, offsets)
        answer.add_callback(lambda _: _committed(self, offsets))
        return answer

    return send


async def _committed_after(answer: Coroutine[Any, Any, Any], coordinator: Any, offsets: Any) -> Any:
    result = await answer
    _committed(coordinator, offsets)
    return result


def _committed(coordinator: Any, offsets: Any) -> None:
    try:
        metadata = getattr(coordinator, "_cluster", None) or coordinator._client.cluster
        kafka_records.committed(offsets, coordinator.group_id, _cluster(metadata))
    except Exception:
        count("kafka_failed")
