"""Attributes of a client's classes that are replaced, and put back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from datastreams.integrations._shared.locks import fork_safe

_MISSING = object()
# One thread may patch while another takes back.
_lock = fork_safe()


class Patches:
    """The replacements of one integration. `on` says whether they are wanted: what somebody else has wrapped since, or an
    object kept, stays in place when it is undone, and asks."""

    def __init__(self) -> None:
        self.on = False
        self._replaced: list[tuple[Any, str, Any, Any]] = []

    def apply(self, *replacements: tuple[Any, str, Callable[[Any], Any]]) -> None:
        """Replaces, for each (owner, name, make), the owner's attribute by make(attribute). All of them or, when one is
        not there, none."""
        with _lock:
            if self.on:
                return
            kept = {(id(owner), name) for owner, name, _, _ in self._replaced}
            try:
                for owner, name, make in replacements:
                    if (id(owner), name) in kept:
                        continue  # Somebody wrapped ours, so it could not be taken out.
                    original = getattr(owner, name)
                    replacement = functools.wraps(original)(make(original))
                    self._replaced.append((owner, name, _own(owner, name), replacement))
                    setattr(owner, name, replacement)
            except BaseException:
                self.undo()
                raise
            self.on = True

    def undo(self) -> None:
        """Puts back what was there before."""
        with _lock:
            self.on = False
            kept: list[tuple[Any, str, Any, Any]] = []
            for owner, name, original, replacement in reversed(self._replaced):
                if _own(owner, name) is not replacement:
                    kept.append((owner, name, original, replacement))
                elif original is _MISSING:
                    delattr(owner, name)
                else:
                    setattr(owner, name, original)
            self._replaced = kept


def _own(owner: Any, name: str) -> Any:
    """What the owner itself has under the name, not one of its bases."""
    attributes: Any = owner.__dict__
    return attributes.get(name, _MISSING)
