"""kombu over Kafka. What it sends and receives, confluent-kafka's integration records."""

from __future__ import annotations

from importlib import import_module

from datastreams.integrations._shared.patches import Patches
from datastreams.integrations.kombu.made import one

_patches = Patches()


def patch() -> None:
    """Instruments the transport, which is to be imported only by a program that uses it."""
    _patches.apply((import_module("kombu.transport.confluentkafka").Channel, "_get", one(_patches)))


def unpatch() -> None:
    """Makes the transport what it was."""
    _patches.undo()
