"""Payload sizes: bytes of what a message carries, without what is ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datastreams._native import HEADER_KEY, HEADER_KEY_LEGACY

OURS = frozenset((HEADER_KEY, HEADER_KEY_LEGACY, HEADER_KEY.encode(), HEADER_KEY_LEGACY.encode()))


def size_of(value: Any) -> int:
    """Bytes of a value: text in UTF-8; numbers as 8, as most protocols have them; lists and mappings by their parts."""
    if value is None:
        return 0
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, (bytes, bytearray)):
        return len(value)
    if isinstance(value, memoryview):
        return value.nbytes
    if isinstance(value, bool):
        return 1
    if isinstance(value, (int, float)):
        return 8
    if isinstance(value, Mapping):
        return _parts(value.items())
    if isinstance(value, (list, tuple)):
        return _parts(value)
    return size_of(str(value))


def _parts(values: Any) -> int:
    return sum(map(size_of, values))


def headers_size(headers: Any) -> int:
    """Bytes of names and values, of a mapping, a list of pairs or None, without the header that carries the pathway."""
    if not headers:
        return 0
    pairs: Any = headers.items() if hasattr(headers, "items") else headers
    return sum(size_of(name) + size_of(value) for name, value in pairs if name not in OURS)
