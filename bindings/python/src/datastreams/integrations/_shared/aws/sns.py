"""SNS: messages published to topics. Where they are consumed is SQS."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from datastreams._native import Edge, edge
from datastreams.integrations._shared.aws.attributes import attributes_size, stamped
from datastreams.integrations._shared.aws.carrier import NAME
from datastreams.integrations._shared.aws.limits import MESSAGE_BYTES
from datastreams.integrations._shared.sizes import size_of


@lru_cache(maxsize=4096)
def _edge(topic: str) -> Edge:
    return edge("direction:out", f"topic:{topic}", "type:sns")


def _topic(params: dict[str, Any]) -> str | None:
    """The ARN of the topic. None: it goes to a phone or a device, which is no queue."""
    arn = params.get("TopicArn") or params.get("TargetArn")
    return arn if isinstance(arn, str) and "/" not in arn else None


def _size(message: dict[str, Any]) -> int:
    return (
        size_of(message.get("Message"))
        + size_of(message.get("Subject"))
        + attributes_size(message.get("MessageAttributes"))
    )


def publish(params: dict[str, Any]) -> dict[str, Any]:
    topic = _topic(params)
    if topic is None:
        return params
    size = _size(params)
    attributes = stamped("sns", _edge(topic), size, params.get("MessageAttributes"), MESSAGE_BYTES.room(size))
    return params if attributes is None else {**params, "MessageAttributes": attributes}


def publish_batch(params: dict[str, Any]) -> dict[str, Any]:
    """The limit of bytes is that of each message, and that of the whole request."""
    topic = _topic(params)
    if topic is None:
        return params
    entries = list(params["PublishBatchRequestEntries"])
    room = MESSAGE_BYTES.room(sum(map(_size, entries)))
    for at, entry in enumerate(entries):
        size = _size(entry)
        own = min(room, MESSAGE_BYTES.room(size))
        attributes = stamped("sns", _edge(topic), size, entry.get("MessageAttributes"), own)
        if attributes is not None:
            entries[at] = {**entry, "MessageAttributes": attributes}
            room -= sum(map(size_of, attributes[NAME].values())) + len(NAME)
    return {**params, "PublishBatchRequestEntries": entries}
