"""What a library sends to itself by a client that is instrumented: it is none of a program's, and is not recorded."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_internal: ContextVar[bool] = ContextVar("datastreams_internal", default=False)


def is_internal() -> bool:
    """Whether what is sent and received now is such."""
    return _internal.get()


@contextmanager
def internal(is_it: bool) -> Generator[None, None, None]:
    """Inside a with statement."""
    token = _internal.set(is_it)
    try:
        yield
    finally:
        _internal.reset(token)
