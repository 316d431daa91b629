"""SNS: messages published to topics. Where they are consumed is SQS."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from datastreams._native import Edge, edge
from datastreams.integrations._shared.aws.attributes import attributes_size, stamped
from datastreams.integrations._shared.aws.carrier import NAME
from datastreams.integrations._shared.sizes import size_of

# Of a message and of a request, attributes included. A topic can be set to take 1 MiB (docs.aws.amazon.com/sns/latest/dg/
# large-message-payloads.html), but what is longer than 256 KiB stays as it is: a queue behind it may take less, and SNS would
# lose the message.
BYTES = 262_144


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
    attributes = stamped("sns", _edge(topic), _size(params), params.get("MessageAttributes"), BYTES)
    return params if attributes is None else {**params, "MessageAttributes": attributes}


def publish_batch(params: dict[str, Any]) -> dict[str, Any]:
    """The limit of bytes is that of the whole request."""
    topic = _topic(params)
    if topic is None:
        return params
    entries = list(params["PublishBatchRequestEntries"])
    room = BYTES - sum(map(_size, entries))
    for at, entry in enumerate(entries):
        size = _size(entry)
        attributes = stamped("sns", _edge(topic), size, entry.get("MessageAttributes"), size + room)
        if attributes is not None:
            entries[at] = {**entry, "MessageAttributes": attributes}
            room -= sum(map(size_of, attributes[NAME].values())) + len(NAME)
    return {**params, "PublishBatchRequestEntries": entries}
