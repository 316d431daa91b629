"""Attributes of messages of SQS and SNS, with a pathway among them."""

from __future__ import annotations

from typing import Any

from datastreams._native import Edge
from datastreams.integrations._shared.aws.carrier import NAME, PLACEHOLDER, attribute, fields, filled, headers
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.headers import next_header
from datastreams.integrations._shared.sizes import size_of

# SQS takes 10 attributes, and loses a message from SNS that has more.
ATTRIBUTES = 10


def attributes_size(attributes: Any) -> int:
    """Bytes of names, types and values, without ours."""
    return sum(
        size_of(name) + sum(map(size_of, value.values()))
        for name, value in (attributes or {}).items()
        if name != NAME and isinstance(value, dict)
    )


def stamped(service: str, edge: Edge, size: int, attributes: Any, room: int) -> dict[str, Any] | None:
    """A copy of the attributes of a message of `size` bytes that passes the edge, with its pathway: `room` bytes more.

    None: it has no place within the limits, and so nothing is recorded; or there is nothing to send.
    """
    others = {name: value for name, value in (attributes or {}).items() if name != NAME}
    held = fields(attribute((attributes or {}).get(NAME)))
    kind = "Binary" if service == "sns" else "String"
    if len(others) >= ATTRIBUTES:
        count(f"{service}_attributes")
        return None
    if ours(held, kind) > room:
        count(f"{service}_too_large")
        return None
    header = next_header(edge, size, headers(held))
    if not header:
        return None
    text = filled(held, header)
    others[NAME] = {"DataType": kind, f"{kind}Value": text.encode() if kind == "Binary" else text}
    return others


def ours(held: dict[str, Any], kind: str) -> int:
    """Bytes that the attribute takes at most."""
    return size_of(NAME) + size_of(kind) + size_of(filled(held, PLACEHOLDER))
