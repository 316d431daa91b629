"""Message clients that record checkpoints by themselves: patch() instruments what is installed.

    import datastreams

    datastreams.start(service="billing")
    datastreams.patch()

The order does not matter: a client that is not imported yet is instrumented when it is. What is produced goes on from the
current pathway; what is consumed becomes it. An instrumented client never fails for a reason of ours: what cannot be
recorded is counted in integrations.stats(), and the message goes its way.
"""

from __future__ import annotations

import importlib
import logging
import sys
import threading
from types import ModuleType

from datastreams.integrations import _imports
from datastreams.integrations._shared.counts import stats
from datastreams.integrations._shared.messages import pathway_of

__all__ = ["CLIENTS", "patch", "patched", "pathway_of", "stats", "unpatch"]

_log = logging.getLogger("datastreams")

# Integrations, which are modules of this package, and the module whose import each waits for. One line each.
CLIENTS: dict[str, str] = {
    "aio_pika": "aio_pika",
    "aiobotocore": "aiobotocore.client",
    "boto3": "botocore.client",
    "celery": "celery.app.amqp",
    "google_cloud_pubsub": "google.cloud.pubsub_v1",
    "kombu": "kombu.messaging",
    "nats": "nats.js.client",
    "pika": "pika",
    "redis": "redis",
}

_lock = threading.RLock()
_patched: set[str] = set()


def patch(*names: str) -> None:
    """Instruments clients by their names in CLIENTS; without names, all. To do it again changes nothing.

    A client that is not installed is no error. One that cannot be instrumented, such as a release with other classes, is
    left as it is, with a warning in the log "datastreams".

    Raises ValueError for a name that is none.
    """
    chosen = _chosen(names)
    with _lock:
        for name in chosen:
            if name in _patched:
                continue
            module = CLIENTS[name]
            # A module that is still being imported, perhaps by another thread, is instrumented when it is complete.
            if module in sys.modules and not _initializing(sys.modules[module]):
                _patch(name)
            else:
                _imports.when_imported(module, name, lambda name=name: _patch(name))  # type: ignore[misc]


def unpatch(*names: str) -> None:
    """Makes clients what they were; without names, all. Objects that exist record nothing any more."""
    chosen = _chosen(names)
    with _lock:
        for name in chosen:
            _imports.forget(CLIENTS[name], name)
            if name in _patched:
                _patched.discard(name)
                _integration(name).unpatch()


def patched() -> list[str]:
    """The names of the clients that are instrumented."""
    with _lock:
        return sorted(_patched)


def _chosen(names: tuple[str, ...]) -> list[str]:
    chosen = [name.replace("-", "_") for name in names] or list(CLIENTS)
    for name in chosen:
        if name not in CLIENTS:
            raise ValueError(f"there is no integration {name!r}; there are {', '.join(sorted(CLIENTS))}")
    return chosen


def _integration(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{name}")


def _initializing(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


def _patch(name: str) -> None:
    with _lock:
        if name in _patched:
            return
        try:
            _integration(name).patch()
        except Exception:
            # The program did not ask this module for anything: its import has to go well.
            _log.warning("%s is not instrumented", name, exc_info=True)
        else:
            _patched.add(name)
