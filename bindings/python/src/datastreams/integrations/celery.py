"""celery: what a task does goes on from the message that brought it, in every kind of pool.

kombu, which celery sends and receives by, records the messages. This hands a task's pathway to the process or thread that
runs it, with the request that is made of a message. The message stays as it came: it may go back to its queue. patch() instruments kombu too; unpatch() leaves that as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from datastreams import _native, integrations
from datastreams._native import HEADER_KEY, Pathway
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.messages import pathway_of
from datastreams.integrations._shared.patches import Patches

_patches = Patches()
# What only workers have, and only they are to import.
_in_workers = Patches()
# On the request of a task that runs: what was current before it.
_BEFORE = "datastreams_before"


def patch() -> None:
    """Instruments celery, and kombu. To do it again changes nothing."""
    integrations.patch("kombu")
    signals = import_module("celery.signals")
    _patches.apply((import_module("celery.app.amqp").AMQP, "TaskConsumer", _task_consumer))
    signals.task_prerun.connect(_begin, weak=False, dispatch_uid=__name__)
    signals.task_postrun.connect(_end, weak=False, dispatch_uid=__name__)


def unpatch() -> None:
    """Makes celery what it was."""
    signals = import_module("celery.signals")
    signals.task_prerun.disconnect(_begin, dispatch_uid=__name__)
    signals.task_postrun.disconnect(_end, dispatch_uid=__name__)
    _patches.undo()
    _in_workers.undo()


def _task_consumer(original: Callable[..., Any]) -> Callable[..., Any]:
    def TaskConsumer(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _patches.on:
            try:
                _in_workers.apply((import_module("celery.worker.request").Request, "__init__", _request))
            except Exception:
                count("celery_failed")
        return original(self, *args, **kwargs)

    return TaskConsumer


def _request(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Any, message: Any, *args: Any, **kwargs: Any) -> None:
        original(self, message, *args, **kwargs)
        pathway = pathway_of(message) if _in_workers.on else None
        if pathway is not None:
            # A copy of the message's headers, and more.
            self._request_dict[HEADER_KEY] = pathway.encode()

    return __init__


def _begin(task: Any = None, **_: Any) -> None:
    """Before a task runs, where it runs."""
    request: Any = getattr(task, "request", None)
    # A task that is called like a function is a part of what calls it.
    if request is None or request.is_eager or request.called_directly:
        return
    try:
        header = (request.headers or {}).get(HEADER_KEY)
        setattr(request, _BEFORE, (_native.current_pathway(),))
        _native.context.set(Pathway.decode(header) if header else None)
    except Exception:
        count("celery_failed")


def _end(task: Any = None, **_: Any) -> None:
    before: Any = getattr(getattr(task, "request", None), _BEFORE, None)
    if before is not None:
        _native.context.set(before[0])
