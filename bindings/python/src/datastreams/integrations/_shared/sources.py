"""Where the current pathway comes from: what ends with the message of one poll, and what does not."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from datastreams import _native

# Whose message is current: a consumer, or what tells one queue from another.
_source: ContextVar[object] = ContextVar("datastreams_source", default=None)


def current_of(source: object) -> None:
    """From now on the current pathway is that of messages of this source."""
    _source.set(source)


def nothing_from(source: object) -> None:
    """The source has handed out no message. The one before is done with: what is produced now does not come from it."""
    if _source.get() == source:
        _source.set(None)
        _native.context.set(None)


@contextmanager
def as_it_was() -> Generator[None, None, None]:
    """The current pathway, and where it comes from, are afterwards what they were before."""
    pathway, source = _native.current_pathway(), _source.get()
    try:
        yield
    finally:
        _native.context.set(pathway)
        _source.set(source)
