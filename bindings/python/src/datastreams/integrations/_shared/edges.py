"""Edges by what makes them: looked up for every message, made once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from datastreams._native import Edge, edge

# As many as a client interns. Names that are never the same twice fill it again and again; the others are soon back.
LIMIT = 4096

K = TypeVar("K")


class Edges(dict[K, Edge]):
    """edges[key], whose tags are tags(key)."""

    def __init__(self, tags: Callable[[K], tuple[str, ...]]) -> None:
        super().__init__()
        self._tags = tags

    def __missing__(self, key: K) -> Edge:
        made = edge(*self._tags(key))
        if len(self) >= LIMIT:
            self.clear()
        self[key] = made
        return made
