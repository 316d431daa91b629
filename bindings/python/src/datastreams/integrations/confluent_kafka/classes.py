"""Classes of the client's C module, which cannot be changed: subclasses stand in for them."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from datastreams.integrations._shared.locks import fork_safe
from datastreams.integrations.confluent_kafka.cluster import Cluster

_lock = fork_safe()
# The classes that are in use, and what stands in for each one's base: it, or a class derived from it. Objects of a class
# that is not in use behave as the client's own.
_used: dict[type, type] = {}


def used(cls: type) -> bool:
    """Whether a class stands in for the client's."""
    return cls in _used


def use(cls: type) -> None:
    """Puts a subclass in the place of its base: for those who derive from it, and under each name it was imported as."""
    (base,) = cls.__bases__
    with _lock:
        if cls not in _used:
            _used[cls] = _stand_in(cls, base)
            _replace(base, _used[cls])


def drop(cls: type) -> None:
    """Puts the base back."""
    (base,) = cls.__bases__
    with _lock:
        if cls in _used:
            _replace(_used.pop(cls), base)


class _WithOlder(type):
    """Of a class for which clients that are older than it are instances, too."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return type.__instancecheck__(vars(cls).get("_base", cls), instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return type.__subclasscheck__(vars(cls).get("_base", cls), subclass)


def _stand_in(cls: type, base: type) -> type:
    """The class itself where there are no clients yet: with a metaclass it could not be derived from along with another."""
    if not any(issubclass(type(one), base) for one in gc.get_objects()):
        return cls
    attributes = {"__slots__": (), "__doc__": cls.__doc__, "__module__": cls.__module__, "_base": base}
    return _WithOlder(cls.__name__, (cls,), attributes)


def _replace(old: type, new: type) -> None:
    subclasses: list[type] = old.__subclasses__()
    for derived in subclasses:
        if not issubclass(new, derived):
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


class Known:
    """What is known of a client."""

    __slots__ = ("cluster", "on")

    def __init__(self, config: dict[str, Any]) -> None:
        # Its callbacks stay with the client, and ask.
        self.on = True
        self.cluster = Cluster(config)


K = TypeVar("K", bound=Known)


class Clients(Generic[K]):
    """What is known of the clients of one kind: by their ids, since they have no room for more."""

    def __init__(self) -> None:
        self._known: dict[int, K] = {}

    def of(self, client: Any) -> K | None:
        """None: the client is not instrumented, or no longer."""
        return self._known.get(id(client))

    def add(self, client: Any, known: K) -> None:
        """In the place of what there was under an id that is used again."""
        self._known[id(client)] = known

    def drop(self, client: Any) -> None:
        self._known.pop(id(client), None)

    def forget(self) -> None:
        """Clients that there are record nothing any more."""
        for known in list(self._known.values()):
            known.on = False
        self._known.clear()


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
