"""Message clients that record checkpoints by themselves: patch() instruments what is installed.

    import datastreams

    datastreams.start(service="billing")
    datastreams.patch()

The order does not matter: a client that is not imported yet is instrumented when it is. What is produced goes on from the
current pathway; what is consumed becomes it, and a poll of the same queue that brings nothing ends it. An instrumented client never fails for a reason of ours: what cannot be
recorded is counted in integrations.stats(), and the message goes its way.
"""

from __future__ import annotations

import functools
import importlib
import logging
import sys
from types import ModuleType

from datastreams.integrations import _imports
from datastreams.integrations._shared.counts import stats
from datastreams.integrations._shared.locks import fork_safe
from datastreams.integrations._shared.messages import pathway_of

__all__ = ["CLIENTS", "patch", "patched", "pathway_of", "stats", "unpatch"]

_log = logging.getLogger("datastreams")

# Integrations, which are modules of this package, and the module whose import each waits for. One line each.
CLIENTS: dict[str, str] = {
    "aio_pika": "aio_pika",
    "aiobotocore": "aiobotocore.client",
    "aiokafka": "aiokafka",
    "boto3": "botocore.client",
    "celery": "celery.app.amqp",
    "confluent_kafka": "confluent_kafka",
    "google_cloud_pubsub": "google.cloud.pubsub_v1",
    "kafka_python": "kafka",
    "kombu": "kombu.messaging",
    "nats": "nats",
    "pika": "pika",
    "redis": "redis",
}

_lock = fork_safe()
_patched: set[str] = set()


def patch(*names: str) -> None:
    """Instruments clients by their names in CLIENTS; without names, all. To do it again changes nothing.

    A client that is not installed is no error. One that cannot be instrumented, such as a release with other classes, is
    left as it is, with a warning in the log "datastreams".

    Raises ValueError for a name that is none.
    """
    for name in _chosen(names):
        if name in _patched:
            continue
        module = CLIENTS[name]
        # First: another thread may begin to import it at any moment.
        _imports.when_imported(module, name, functools.partial(_patch, name))
        if module in sys.modules:
            importlib.import_module(module)  # Waits while another thread is importing it.
            _imports.forget(module, name)
            _patch(name)


def unpatch(*names: str) -> None:
    """Makes clients what they were; without names, all. Objects that exist record nothing any more."""
    for name in _chosen(names):
        _imports.forget(CLIENTS[name], name)
        with _lock:
            undo = name in _patched
            _patched.discard(name)
        if undo:
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


def _patch(name: str) -> None:
    with _lock:
        if name in _patched:
            return
        _patched.add(name)
    # Not under the lock: it imports, and an import of another thread may be waiting for the lock.
    try:
        _integration(name).patch()
    except Exception:
        # The program did not ask this module for anything: its import has to go well.
        with _lock:
            _patched.discard(name)
        _log.warning("%s is not instrumented", name, exc_info=True)
        return
    with _lock:
        undo = name not in _patched
    if undo:  # Taken back meanwhile, before there was anything to take back.
        _integration(name).unpatch()
