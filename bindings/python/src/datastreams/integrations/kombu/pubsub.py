"""kombu over Pub/Sub. What it sends and receives, google-cloud-pubsub's integration records."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.internal import internal
from datastreams.integrations._shared.patches import Patches
from datastreams.integrations._shared.sources import as_it_was
from datastreams.integrations.google_cloud_pubsub import pathway_of_ack
from datastreams.integrations.kombu.made import is_workers, made, one

_patches = Patches()


def patch() -> None:
    """Instruments the transport, which is to be imported only by a program that uses it."""
    channel = import_module("kombu.transport.gcpubsub").Channel
    _patches.apply((channel, "_get", one(_patches)), (channel, "_get_bulk", _get_bulk))


def unpatch() -> None:
    """Makes the transport what it was."""
    _patches.undo()


def _get_bulk(original: Callable[..., Any]) -> Callable[..., Any]:
    """Receives in a thread of a pool, for all threads that consume."""

    def get(self: Any, queue: str, *args: Any, **kwargs: Any) -> Any:
        with as_it_was(), internal(is_workers(queue)):
            queue, messages = original(self, queue, *args, **kwargs)
        if _patches.on:
            try:
                for message in messages:
                    received = message["properties"]["delivery_info"]["gcpubsub_message"]
                    pathway = pathway_of_ack(received["ack_id"])
                    if pathway is not None:
                        made(message, pathway)
            except Exception:
                count("kombu_failed")
        return queue, messages

    return get
