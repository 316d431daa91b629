"""Several messages that a client hands out at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from datastreams import _native
from datastreams._native import Pathway
from datastreams.integrations._shared.messages import pathway_of

T = TypeVar("T")


class Batch(list[T]):
    """A list of messages. While it is iterated, the pathway of each message is the current one, so that a program which
    handles one after the other carries on each by itself; before and afterwards it is the merged one."""

    __slots__ = ("pathway",)

    def __init__(self, messages: Iterable[T], pathway: Pathway | None) -> None:
        super().__init__(messages)
        self.pathway = pathway

    def __iter__(self) -> Iterator[T]:
        for message in super().__iter__():
            # One that is not known any more has the merged one, never that of the message before.
            _native.context.set(pathway_of(message) or self.pathway)
            yield message
        _native.context.set(self.pathway)

    def __reduce__(self) -> tuple[type[list[T]], tuple[list[T]]]:
        # Elsewhere the pathways are not known.
        return (list, (list(super().__iter__()),))


def merged(messages: Iterable[T]) -> Pathway | None:
    """The pathway that goes on when messages are handled together; it becomes the current one. None: there is none."""
    pathway = Pathway.merge(pathway_of(message) for message in messages)
    _native.context.set(pathway)
    return pathway
