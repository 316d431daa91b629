"""When a message entered its queue, in nanoseconds."""

from __future__ import annotations

from typing import Any


def queued_ns(timestamp: Any) -> int:
    """A datetime, or seconds since the epoch, in nanoseconds. 0: there is none, or it cannot be one.

    What cannot be meant, such as a time in ms, is refused by the library, and counted.
    """
    try:
        seconds = float(timestamp.timestamp() if hasattr(timestamp, "timestamp") else timestamp)
    except (TypeError, ValueError, OverflowError):
        return 0
    return int(seconds * 1e9) if 0 < seconds < 9e9 else 0  # More does not fit 64 bits.
