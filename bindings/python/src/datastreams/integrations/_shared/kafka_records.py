"""aiokafka and kafka-python, which have records, offsets and limits in common."""

from __future__ import annotations

from typing import Any

from datastreams._native import Pathway
from datastreams.integrations._shared import kafka
from datastreams.integrations._shared.batches import Batch, merged
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.sizes import size_of
from datastreams.integrations._shared.sources import current_of, nothing_from

# Attributes that objects of the clients get.
_ENDS, _REFUSED = "_datastreams_ends", "_datastreams_headers_refused"
# What both add to key, value and headers when they compare a message with max_request_size: for the batch, the record, and
# the number of headers.
_OVERHEAD = kafka.BATCH + 21 + 1


# ---- Produced -------------------------------------------------------------------------------------


def room(max_request_size: int | None, key: Any, value: Any) -> int | None:
    """Bytes that key, value and headers may have on the wire; None: not known."""
    if max_request_size is None:
        return None
    return max_request_size - _OVERHEAD - kafka.varint(size_of(key)) - kafka.varint(size_of(value))


def takes_headers(producer: Any) -> bool:
    """Whether a producer, or what stands for it, sends headers."""
    if hasattr(producer, _REFUSED):
        count("kafka_headers_off")
        return False
    return True


def failed(producer: Any, error: Any) -> None:
    """A message was not delivered."""
    if not hasattr(producer, _REFUSED) and kafka.headers_refused(getattr(error, "errno", None)):
        setattr(producer, _REFUSED, True)


# ---- Consumed -------------------------------------------------------------------------------------


def consumed(message: Any, group: str = "", cluster: str = "") -> Pathway:
    """Records that a message was consumed, for a program that does it by hand. Its pathway becomes the current one."""
    size = max(message.serialized_key_size, 0) + max(message.serialized_value_size, 0)
    return kafka.consumed(message, message.topic, size, message.headers, group, cluster, message.timestamp, _proof)


def _proof(message: Any) -> object:
    return message.topic, message.partition, message.offset


def arrived(consumer: Any, message: Any, group: str | None, cluster: str) -> None:
    """Records the one message that a consumer handed out."""
    consumed(message, group or "", cluster)
    current_of(consumer)
    _look(consumer, message.topic, message.partition, cluster)


def arrived_together(
    consumer: Any, messages: dict[Any, list[Any]], group: str | None, cluster: str
) -> dict[Any, list[Any]]:
    """Records the messages that a consumer handed out by partition: the same ones, to return."""
    if not any(messages.values()):
        nothing_from(consumer)
        return messages
    for tp, batch in messages.items():
        for message in batch:
            consumed(message, group or "", cluster)
        _look(consumer, tp.topic, tp.partition, cluster)
    current_of(consumer)
    pathway = merged(message for batch in messages.values() for message in batch)
    return {tp: Batch(batch, pathway) for tp, batch in messages.items()}


def _look(consumer: Any, topic: str, partition: int, cluster: str) -> None:
    """Reports the end of a partition, as the last answer of its broker had it."""
    ends = vars(consumer).get(_ENDS)
    if ends is None:
        setattr(consumer, _ENDS, ends := kafka.Ends())
    if not ends.due(topic, partition):
        return
    for tp in consumer.assignment():
        if tp == (topic, partition):
            end = consumer.highwater(tp)
            if end is not None:
                kafka.track_high_watermark(topic, partition, end, cluster)


def committed(offsets: Any, group: str | None, cluster: str) -> None:
    """Reports what a consumer committed."""
    for tp, offset in (offsets or {}).items():
        kafka.track_committed(tp.topic, tp.partition, offset.offset, group or "", cluster)
