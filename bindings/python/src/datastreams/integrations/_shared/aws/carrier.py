"""The object `_datadog`, in which AWS messages carry their pathway beside the headers of tracers."""

from __future__ import annotations

import base64
import json
from typing import Any

from datastreams._native import HEADER_KEY, HEADER_KEY_LEGACY

NAME = "_datadog"
# As long as the longest header.
PLACEHOLDER = "=" * 36


def fields(value: Any) -> dict[str, Any]:
    """The object of a JSON text, or of what was one before; empty when it is none."""
    if isinstance(value, (bytes, bytearray)):
        value = bytes(value)
    if isinstance(value, (str, bytes)):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def headers(value: Any) -> dict[str, Any]:
    """The headers of a pathway in an object `_datadog`. Where one is a list, as dd-trace-dotnet writes it, the last."""
    found: dict[str, Any] = {}
    for key in (HEADER_KEY, HEADER_KEY_LEGACY):
        header: Any = fields(value).get(key)
        while isinstance(header, list):
            header = header[-1] if header else None
        if header is not None:
            found[key] = header
    return found


def filled(held: dict[str, Any], header: str) -> str:
    """The text of the object: what it held, with the header in it."""
    others = {key: value for key, value in held.items() if key not in (HEADER_KEY, HEADER_KEY_LEGACY)}
    return json.dumps({**others, HEADER_KEY: header}, separators=(",", ":"))


def attribute(value: Any) -> Any:
    """What the attribute `_datadog` of a message holds: of SQS (also as Lambda hands it over) or of SNS in its envelope."""
    if not isinstance(value, dict):
        return None
    parts: dict[str, Any] = {str(name).lower(): part for name, part in value.items()}
    if parts.get("stringvalue"):
        return parts["stringvalue"]
    encoded = parts.get("binaryvalue")
    if isinstance(encoded, (bytes, bytearray)):
        return encoded
    if encoded is None:
        encoded = parts.get("value")
        if parts.get("type") != "Binary":
            return encoded
    try:
        return base64.b64decode(encoded or b"")
    except (ValueError, TypeError):
        return None
