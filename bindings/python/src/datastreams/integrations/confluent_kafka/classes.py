"""Classes of the client's C module, which cannot be changed: subclasses stand in for them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from datastreams.integrations._shared.locks import fork_safe

_lock = fork_safe()
# The classes that are in use. Objects of one that is not behave as the client's own.
_used: set[type] = set()


def used(cls: type) -> bool:
    """Whether a class stands in for the client's."""
    return cls in _used


def use(cls: type) -> None:
    """Puts a subclass in the place of its base: for those who derive from it, and under each name it was imported as."""
    (base,) = cls.__bases__
    with _lock:
        if cls not in _used:
            _used.add(cls)
            _replace(base, cls)


def drop(cls: type) -> None:
    """Puts the base back."""
    (base,) = cls.__bases__
    with _lock:
        if cls in _used:
            _used.discard(cls)
            _replace(cls, base)


def _replace(old: type, new: type) -> None:
    subclasses: list[type] = old.__subclasses__()
    for derived in subclasses:
        if derived is not new:
            derived.__bases__ = tuple(new if base is old else base for base in derived.__bases__)
    for name, module in list(sys.modules.items()):
        if name.startswith("datastreams.integrations."):
            continue
        try:
            # Not by getattr: it would load modules that are lazy.
            namespace = object.__getattribute__(module, "__dict__")
        except AttributeError:
            continue
        for variable, value in list(namespace.items()):
            if value is old:
                namespace[variable] = new


def configuration(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The configuration in a constructor's arguments."""
    given: dict[str, Any] = args[0] if args and isinstance(args[0], dict) else {}
    return {**given, **kwargs}


def with_callback(
    args: tuple[Any, ...], kwargs: dict[str, Any], name: str, wrap: Callable[[Any], Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A constructor's arguments where a callback of the configuration is wrapped. It may be None: there is none."""
    theirs = configuration(args, kwargs).get(name)
    if theirs is not None and not callable(theirs):
        return args, kwargs  # For the client to refuse.
    if args and isinstance(args[0], dict) and name not in kwargs:
        return ({**args[0], name: wrap(theirs)}, *args[1:]), kwargs
    return args, {**kwargs, name: wrap(theirs)}
