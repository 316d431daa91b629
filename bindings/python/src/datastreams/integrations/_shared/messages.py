"""The pathways of consumed messages: which belongs to a message that a client handed out."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from datastreams._native import Pathway
from datastreams.integrations._shared.locks import fork_safe

# Messages that are remembered at a time. The oldest are forgotten first.
LIMIT = 16_384

_lock = fork_safe()
# id of a message -> (its pathway, what tells that the id is still this message's)
_pathways: dict[int, tuple[Pathway, Callable[[Any], bool]]] = {}


def remember(message: object, pathway: Pathway, proof: Callable[[Any], object] | None = None) -> None:
    """Keeps the pathway of a message. The message itself is not kept.

    proof: for objects that take no weak reference (dict, C types), something small that tells one message from another,
    such as its offset: when a message is gone, its id may become another's.
    """
    if proof is not None:
        found, ask = proof(message), proof
        same: Callable[[Any], bool] = lambda other: ask(other) == found
    else:
        try:
            reference = weakref.ref(message)
        except TypeError:
            return
        same = lambda other: reference() is other
    with _lock:
        _pathways.pop(id(message), None)
        _pathways[id(message)] = (pathway, same)
        if len(_pathways) > LIMIT:
            del _pathways[next(iter(_pathways))]


def pathway_of(message: object) -> Pathway | None:
    """The pathway of a message that an instrumented client has handed out, after the checkpoint of its arrival.

    For messages of a batch, whose merged pathway is the current one, or that go on in another thread:

        with datastreams.use_pathway(pathway_of(message)):
            ...

    None: the message is not known, or has been forgotten among the 16384 that came after it.
    """
    with _lock:
        entry = _pathways.get(id(message))
    if entry is None:
        return None
    pathway, same = entry
    try:
        return pathway if same(message) else None
    except Exception:
        return None  # An object of another kind, under an id that was a message's.
