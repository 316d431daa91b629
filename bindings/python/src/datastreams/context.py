"""The current pathway, for a part of a program."""

from __future__ import annotations

from contextvars import Token
from types import TracebackType

from datastreams import _native
from datastreams._native import Pathway


class use_pathway:
    """Makes a pathway the current one inside a with statement; None: none is.

    For messages that leave their task or thread, such as through a queue.Queue: keep current_pathway() with the message,
    and use it where the work goes on. What is current afterwards is what was current before.
    """

    __slots__ = ("_pathway", "_tokens")

    def __init__(self, pathway: Pathway | None) -> None:
        if pathway is not None and type(pathway) is not Pathway:
            raise TypeError(f"pathway must be Pathway or None, not {type(pathway).__name__}")
        self._pathway = pathway or None
        self._tokens: list[Token[Pathway | None]] = []

    def __enter__(self) -> Pathway | None:
        self._tokens.append(_native.context.set(self._pathway))
        return self._pathway

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # One object may be entered in several tasks and threads at a time: the token of this context is the one that can
        # be reset.
        for token in reversed(self._tokens.copy()):
            try:
                _native.context.reset(token)
            except (ValueError, RuntimeError):  # Of another context; which may just have reset it, in another thread.
                continue
            self._tokens.remove(token)
            return
        # A generator that is closed in another context than it ran in: that one's current pathway is its own.
        self._tokens.pop()
