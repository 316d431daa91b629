"""Edges in copies and pickles: there they are their tags, and the same edge again wherever they go."""

import copyreg
from collections.abc import Callable

from datastreams._native import Edge, edge


def _edge(service: str, *tags: str) -> Edge:
    return edge(*tags, service=service)


def _reduced(one: Edge) -> tuple[Callable[..., Edge], tuple[str, ...]]:
    return (_edge, (one.service, *one.tags))


copyreg.pickle(Edge, _reduced)
