"""kafka-python: KafkaProducer and KafkaConsumer.

The message that the iterator returned last is the current one. Of those that poll() returned, each is while its list is
iterated, and their merged pathway is before and afterwards; pathway_of(message) is the pathway of one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import Any

from datastreams._native import Pathway, current_pathway
from datastreams.integrations._shared import kafka
from datastreams.integrations._shared.batches import Batch, merged
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.patches import Patches
from datastreams.integrations._shared.sizes import size_of
from datastreams.integrations._shared.sources import current_of, nothing_from

_patches = Patches()

# Attributes that consumers and producers get.
_ENDS, _REFUSED = "_datastreams_ends", "_datastreams_headers_refused"


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


def produced(topic: str, value: Any = None, key: Any = None, headers: Any = None, cluster: str = "") -> Any:
    """Records that a message is produced, for a program that does it by hand, and returns the headers to produce it with:
    a copy. value and key are those that are sent, after serializers."""
    return kafka.produced(topic, size_of(value) + size_of(key), headers, cluster) or headers


def consumed(message: Any, group: str = "", cluster: str = "") -> Pathway:
    """Records that a message was consumed, for a program that does it by hand. Its pathway becomes the current one."""
    size = max(message.serialized_key_size, 0) + max(message.serialized_value_size, 0)
    return kafka.consumed(message, message.topic, size, message.headers, group, cluster, message.timestamp, _proof)


def _proof(message: Any) -> object:
    return message.topic, message.partition, message.offset


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
                future.add_errback(_failed, self)
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
    if hasattr(producer, _REFUSED) or producer.max_usable_produce_magic(config["api_version"]) < 2:
        count("kafka_headers_off")
        return
    room = kafka.room(config["max_request_size"], key, value)
    sent = kafka.produced(headers.topic, size_of(key) + size_of(value), headers, _cluster(producer._metadata), room)
    if sent is not None:
        headers[:] = sent
        headers.recorded = True


def _delivered(cluster: str, metadata: Any) -> None:
    try:
        kafka.track_produced(metadata.topic, metadata.partition, metadata.offset, cluster)
    except Exception:
        count("kafka_failed")


def _failed(producer: Any, error: Any) -> None:
    if not hasattr(producer, _REFUSED) and kafka.headers_refused(getattr(error, "errno", None)):
        setattr(producer, _REFUSED, True)


# ---- The consumer -----------------------------------------------------------------------------------


def _arrived(consumer: Any, message: Any) -> None:
    cluster = _cluster(consumer._client.cluster)
    consumed(message, consumer.config["group_id"] or "", cluster)
    ends = vars(consumer).get(_ENDS)
    if ends is None:
        setattr(consumer, _ENDS, ends := kafka.Ends())
    if ends.due(message.topic, message.partition):
        # As the last answer of its broker had it.
        tp = import_module("kafka").TopicPartition(message.topic, message.partition)
        end = consumer.highwater(tp) if tp in consumer.assignment() else None
        if end is not None:
            kafka.track_high_watermark(message.topic, message.partition, end, cluster)


def _poll(original: Callable[..., Any]) -> Callable[..., Any]:
    def poll(self: Any, timeout_ms: Any = 0, max_records: Any = None, update_offsets: bool = True) -> Any:
        messages = original(self, timeout_ms, max_records, update_offsets)
        # The iterator asks like this, and may hand out less than it got.
        if not _patches.on or not update_offsets:
            return messages
        try:
            return _arrived_together(self, messages)
        except Exception:
            count("kafka_failed")
        return messages

    return poll


def _arrived_together(consumer: Any, messages: dict[Any, list[Any]]) -> dict[Any, list[Any]]:
    if not any(messages.values()):
        nothing_from(consumer)
        return messages
    for batch in messages.values():
        for message in batch:
            _arrived(consumer, message)
    current_of(consumer)
    pathway = merged(message for batch in messages.values() for message in batch)
    return {tp: Batch(batch, pathway) for tp, batch in messages.items()}


def _next(original: Callable[..., Any]) -> Callable[..., Any]:
    def __next__(self: Any) -> Any:
        try:
            message = original(self)
        except StopIteration:
            nothing_from(self)
            raise
        if _patches.on:
            try:
                _arrived(self, message)
                current_of(self)
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
        for tp, offset in (offsets or {}).items():
            kafka.track_committed(tp.topic, tp.partition, offset.offset, coordinator.group_id or "", _cluster(metadata))
    except Exception:
        count("kafka_failed")
