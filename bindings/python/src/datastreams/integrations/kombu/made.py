"""Messages that kombu makes of those that another client has received: that client's integration has recorded them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datastreams import _native
from datastreams._native import Pathway
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.messages import pathway_of, remember
from datastreams.integrations._shared.patches import Patches
from datastreams.integrations._shared.sources import as_it_was


def is_workers(name: str) -> bool:
    """Whether an exchange or queue is of those by which workers of celery speak to each other."""
    return name.endswith(".pidbox") or name.startswith("celeryev")


def made(message: Any, pathway: Pathway) -> None:
    """Keeps the pathway of what a transport has made: a dict."""
    remember(message, pathway, _tag)


def _tag(message: dict[str, Any]) -> Any:
    return message["properties"]["delivery_tag"]


def pathway_of_made(message: Any) -> Pathway | None:
    """The pathway of a message of the transport's, which holds such a dict."""
    return pathway_of(getattr(message, "_raw", None))


def one(patches: Patches) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """For a method that receives one message, by a client whose integration makes it the current one."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def get(self: Any, *args: Any, **kwargs: Any) -> Any:
            with as_it_was():
                _native.context.set(None)
                message = original(self, *args, **kwargs)
                pathway = _native.current_pathway()
            if patches.on and pathway is not None:
                try:
                    made(message, pathway)
                except Exception:
                    count("kombu_failed")
            return message

        return get

    return make
