"""What integrations could not record, by cause. The client's own counters are in datastreams.stats()."""

from __future__ import annotations

from datastreams.integrations._shared.locks import fork_safe

_lock = fork_safe()
_counts: dict[str, int] = {}


def count(cause: str, more: int = 1) -> None:
    """One more of a cause, such as "kafka_too_large". The causes are literals, so there are few."""
    with _lock:
        _counts[cause] = _counts.get(cause, 0) + more


def stats() -> dict[str, int]:
    """How often each thing happened that kept an integration from recording; what never happened is not in it."""
    with _lock:
        return dict(_counts)
