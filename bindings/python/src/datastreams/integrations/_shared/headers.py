"""Headers with a pathway in them, as a new mapping: the caller's own stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datastreams._native import HEADER_KEY, HEADER_KEY_LEGACY, Edge, Pathway, current_pathway
from datastreams.integrations._shared.sizes import OURS

# A field of Redis may be named in bytes.
_FORMS = (HEADER_KEY, HEADER_KEY.encode(), HEADER_KEY_LEGACY, HEADER_KEY_LEGACY.encode())


def next_header(passed: Edge, size: int, headers: Mapping[Any, Any] | None) -> str:
    """Records that a message is produced: its header, "" when there is nothing to send.

    It goes on from the current pathway, else from the one that is in its headers, as when a consumed message is handed on
    by another thread.
    """
    if headers and current_pathway() is None:
        for name in _FORMS:
            if name in headers:
                return passed.produce(size, parent=Pathway.decode(headers[name]))
    return passed.produce(size)


def with_pathway(headers: Mapping[Any, Any] | None, pathway: str) -> dict[Any, Any]:
    """A copy with the header set. One that was there, such as from a consumed message, is replaced."""
    copy = {name: value for name, value in headers.items() if name not in OURS} if headers else {}
    copy[HEADER_KEY] = pathway
    return copy
