"""SQS: messages sent and received, one or ten at a time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from datastreams._native import Edge, Pathway, edge
from datastreams.integrations._shared.aws.attributes import attributes_size, stamped
from datastreams.integrations._shared.aws.carrier import NAME, attribute, fields, headers
from datastreams.integrations._shared.aws.limits import MESSAGE_BYTES
from datastreams.integrations._shared.batches import Batch, merged
from datastreams.integrations._shared.messages import remember
from datastreams.integrations._shared.sizes import size_of
from datastreams.integrations._shared.sources import current_of, nothing_from

# As JSON has them, around the object in the body.
_AROUND = len(f',"{NAME}":')


@lru_cache(maxsize=4096)
def _edge(direction: str, queue: str) -> Edge:
    return edge(f"direction:{direction}", f"topic:{queue.rsplit('/', 1)[-1]}", "type:sqs")


# ---- Produced --------------------------------------------------------------------------------------


def _size(message: dict[str, Any]) -> int:
    return size_of(message.get("MessageBody")) + attributes_size(message.get("MessageAttributes"))


def send(params: dict[str, Any]) -> dict[str, Any]:
    size, passed = _size(params), _edge("out", params["QueueUrl"])
    attributes = stamped("sqs", passed, size, params.get("MessageAttributes"), MESSAGE_BYTES.room(size))
    return params if attributes is None else {**params, "MessageAttributes": attributes}


def send_batch(params: dict[str, Any]) -> dict[str, Any]:
    """The limit of bytes is that of each message, and that of the whole request."""
    entries, passed = list(params["Entries"]), _edge("out", params["QueueUrl"])
    room = MESSAGE_BYTES.room(sum(map(_size, entries)))
    for at, entry in enumerate(entries):
        size = _size(entry)
        own = min(room, MESSAGE_BYTES.room(size))
        attributes = stamped("sqs", passed, size, entry.get("MessageAttributes"), own)
        if attributes is not None:
            entries[at] = {**entry, "MessageAttributes": attributes}
            room -= sum(map(size_of, attributes[NAME].values())) + len(NAME)
    return {**params, "Entries": entries}


# ---- Consumed --------------------------------------------------------------------------------------


def _asked(params: dict[str, Any]) -> bool:
    """Whether the caller asks for the attribute itself."""
    names = params.get("MessageAttributeNames") or ()
    return any(name in ("All", NAME) or (name.endswith(".*") and NAME.startswith(name[:-2])) for name in names)


def ask(params: dict[str, Any]) -> dict[str, Any]:
    """Has the service send the attribute along."""
    if _asked(params):
        return params
    return {**params, "MessageAttributeNames": [*(params.get("MessageAttributeNames") or ()), NAME]}


def received(params: dict[str, Any], response: dict[str, Any]) -> None:
    messages, source = response.get("Messages"), ("sqs", params["QueueUrl"])
    if not messages:
        nothing_from(source)
        return
    for message in messages:
        taken(params, message)
    current_of(source)
    response["Messages"] = Batch(messages, merged(messages))


def taken(params: dict[str, Any], message: dict[str, Any]) -> Pathway:
    """Records that a message was consumed by a call with these parameters."""
    pathway = consumed(params["QueueUrl"], message)
    if not _asked(params):
        _hide(message, bool(params.get("MessageAttributeNames")))
    return pathway


def _hide(message: dict[str, Any], others: bool) -> None:
    """The caller gets what it asked for."""
    attributes = message.get("MessageAttributes")
    if attributes and attributes.pop(NAME, None) is not None and not attributes:
        del message["MessageAttributes"]
        if not others:
            message.pop("MD5OfMessageAttributes", None)


def consumed(queue: str, message: dict[str, Any]) -> Pathway:
    """Records that a message was consumed: one of ReceiveMessage, or a record of an event of Lambda's."""
    attributes = message.get("MessageAttributes") or message.get("messageAttributes") or {}
    body = message.get("Body", message.get("body"))
    size = size_of(body) + attributes_size(attributes)
    carried = headers(attribute(attributes.get(NAME)))
    if not carried and isinstance(body, str) and NAME in body:
        envelope = fields(body)
        carried, ours = _within(envelope)
        size = max(0, size - ours)
    pathway = _edge("in", queue).checkpoint(carrier=carried, payload_size=size)
    remember(message, pathway, _receipt)
    return pathway


def _receipt(message: dict[str, Any]) -> Any:
    return message.get("ReceiptHandle", message.get("receiptHandle"))


def _within(envelope: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """What the body of a message carries that SNS or EventBridge put into it, and the bytes that it takes there."""
    if envelope.get("Type") == "Notification":
        attributes = envelope.get("MessageAttributes")
        own = attributes.get(NAME) if isinstance(attributes, dict) else None
        return headers(attribute(own)), size_of(NAME) + size_of(own)
    detail = envelope.get("detail")
    own = detail.get(NAME) if isinstance(detail, dict) else None
    return headers(own), _AROUND + size_of(own)
