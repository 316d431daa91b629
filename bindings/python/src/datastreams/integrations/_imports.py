"""Calls that wait for a module to be imported."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from datastreams.integrations._shared.locks import fork_safe

# module -> key -> call
_waiting: dict[str, dict[str, Callable[[], None]]] = {}
_lock = fork_safe()
_searching = threading.local()


def when_imported(module: str, key: str, call: Callable[[], None]) -> None:
    """Calls once, after the module has been executed by an import from now on. Another call under the key replaces it."""
    with _lock:
        _waiting.setdefault(module, {})[key] = call
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)


def forget(module: str, key: str) -> None:
    with _lock:
        calls = _waiting.get(module, {})
        calls.pop(key, None)
        if not calls:
            _waiting.pop(module, None)
        if not _waiting and _finder in sys.meta_path:
            sys.meta_path.remove(_finder)


def _imported(module: str) -> None:
    with _lock:
        calls = _waiting.pop(module, {})
        if not _waiting and _finder in sys.meta_path:
            sys.meta_path.remove(_finder)
    for call in calls.values():
        call()


class _Finder(MetaPathFinder):
    """Finds nothing itself: it asks the others, and has the loader tell when the module is there."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _waiting or getattr(_searching, "on", False):
            return None
        _searching.on = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            _searching.on = False
        if spec is not None and spec.loader is not None:
            _tell(spec)
        return spec


def _tell(spec: ModuleSpec) -> None:
    """The loader stays the loader, so that whoever looks at it finds what it expects; only this one call is its own."""
    loader: Any = spec.loader
    execute = getattr(loader, "exec_module", None)
    if execute is None or isinstance(loader, type):
        return

    def exec_module(module: ModuleType) -> None:
        execute(module)
        if module.__name__ == spec.name:
            # Before the call: it may import more by the same loader.
            vars(loader).pop("exec_module", None)
            _imported(spec.name)

    try:
        loader.exec_module = exec_module
    except AttributeError:
        pass


_finder = _Finder()
