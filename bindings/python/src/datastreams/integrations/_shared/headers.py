"""Headers with a pathway in them, as a new mapping: the caller's own stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from datastreams._native import HEADER_KEY
from datastreams.integrations._shared.sizes import OURS


def with_pathway(headers: Mapping[Any, Any] | None, pathway: str) -> dict[Any, Any]:
    """A copy with the header set. One that was there, such as from a consumed message, is replaced."""
    copy = {name: value for name, value in headers.items() if name not in OURS} if headers else {}
    copy[HEADER_KEY] = pathway
    return copy
