"""aiokafka: AIOKafkaProducer and AIOKafkaConsumer.

The message that getone(), or async for, returned last is the current one of its task. Of those that getmany() returned, each
is while its list is iterated, and their merged pathway is before and afterwards; pathway_of(message) is the pathway of one.
Where a message is received in a task of its own, as asyncio.wait_for() makes one before Python 3.12, it is current in none but
that. Batches of create_batch() have headers that the program gives them: produced() makes them.
"""

from __future__ import annotations

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

__all__ = ["consumed", "patch", "produced", "unpatch"]

_patches = Patches()
_Async = Callable[..., Coroutine[Any, Any, Any]]

# Attributes that objects of the client get.
_CLUSTER, _LIMIT, _TOLD = "_datastreams_cluster", "_datastreams_limit", "_datastreams_told"


def patch() -> None:
    """Instruments aiokafka. To do it again changes nothing."""
    client = import_module("aiokafka")
    cluster = import_module("aiokafka.cluster").ClusterMetadata
    accumulator = import_module("aiokafka.producer.message_accumulator").MessageAccumulator
    coordinator = import_module("aiokafka.consumer.group_coordinator").GroupCoordinator
    _patches.apply(
        (cluster, "update_metadata", _update_metadata),
        (client.AIOKafkaProducer, "__init__", _producer_init),
        (accumulator, "add_message", _add_message),
        (client.AIOKafkaConsumer, "getone", _getone),
        (client.AIOKafkaConsumer, "getmany", _getmany),
        (coordinator, "_do_commit_offsets", _do_commit_offsets),
    )


def unpatch() -> None:
    """Makes aiokafka what it was."""
    _patches.undo()


# ---- The cluster ------------------------------------------------------------------------------------


def _update_metadata(original: Callable[..., Any]) -> Callable[..., Any]:
    """The client throws the cluster's id away."""

    def update_metadata(self: Any, metadata: Any) -> Any:
        known = getattr(metadata, "cluster_id", None)
        if known:
            setattr(self, _CLUSTER, str(known))
        return original(self, metadata)

    return update_metadata


def _cluster(metadata: Any) -> str:
    return getattr(metadata, _CLUSTER, "")


# ---- The producer -----------------------------------------------------------------------------------


def _producer_init(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        try:
            setattr(self._message_accumulator, _LIMIT, self._max_request_size)
        except Exception:
            count("kafka_failed")

    return __init__


def _add_message(original: _Async) -> _Async:
    """Where the task of send() hands over what is sent: after serializers, and when the topic is known to be there."""

    async def add_message(
        self: Any, tp: Any, key: Any, value: Any, timeout: Any, timestamp_ms: Any = None, headers: Any = ()
    ) -> Any:
        if not _patches.on or not kafka_records.takes_headers(self):
            return await original(self, tp, key, value, timeout, timestamp_ms=timestamp_ms, headers=headers)
        before, sent, cluster = current_pathway(), None, ""
        try:
            cluster = _cluster(self._cluster)
            room = kafka_records.room(getattr(self, _LIMIT, None), key, value)
            sent = kafka.outgoing(tp.topic, size_of(key) + size_of(value), headers, cluster, room)
        except Exception:
            count("kafka_failed")
        try:
            headers = headers if sent is None else sent
            future = await original(self, tp, key, value, timeout, timestamp_ms=timestamp_ms, headers=headers)
        except BaseException:
            if sent is not None:
                kafka.refused(before)
            raise
        try:
            _tell(self, tp, cluster)
        except Exception:
            count("kafka_failed")
        return future

    return add_message


def _tell(accumulator: Any, tp: Any, cluster: str) -> None:
    """Reports the last offset of the batch that a message has gone into, once, when it has been delivered."""
    batch = accumulator._batches[tp][-1]
    if hasattr(batch, _TOLD):
        return
    setattr(batch, _TOLD, True)

    def delivered(future: Any) -> None:
        try:
            error = None if future.cancelled() else future.exception()
            if error:
                kafka_records.failed(accumulator, error)
            first = None if future.cancelled() or error else future.result()
            if first is not None:  # None: the producer waits for no answer.
                kafka.track_produced(tp.topic, tp.partition, first.offset + batch.record_count - 1, cluster)
        except Exception:
            count("kafka_failed")

    batch.future.add_done_callback(delivered)


# ---- The consumer -----------------------------------------------------------------------------------


def _getone(original: _Async) -> _Async:
    async def getone(self: Any, *partitions: Any) -> Any:
        message = await original(self, *partitions)
        if _patches.on:
            try:
                kafka_records.arrived(self, message, self._group_id, _cluster(self._client.cluster))
            except Exception:
                count("kafka_failed")
        return message

    return getone


def _getmany(original: _Async) -> _Async:
    async def getmany(self: Any, *args: Any, **kwargs: Any) -> Any:
        messages = await original(self, *args, **kwargs)
        if not _patches.on:
            return messages
        try:
            return kafka_records.arrived_together(self, messages, self._group_id, _cluster(self._client.cluster))
        except Exception:
            count("kafka_failed")
        return messages

    return getmany


def _do_commit_offsets(original: _Async) -> _Async:
    """One commit, the program's or the client's own; it raises when not all of it was taken."""

    async def _do_commit_offsets(self: Any, assignment: Any, offsets: Any) -> Any:
        answer = await original(self, assignment, offsets)
        if _patches.on:
            try:
                kafka_records.committed(offsets, self.group_id, _cluster(self._client.cluster))
            except Exception:
                count("kafka_failed")
        return answer

    return _do_commit_offsets
