"""Locks that a forked child finds free."""

from __future__ import annotations

import os
import threading
from contextlib import AbstractContextManager


def fork_safe() -> AbstractContextManager[bool]:
    """A lock that a fork waits for, so that no child inherits it from a thread that the child does not have. It is to be
    held for a moment only. Reentrant: a signal handler may come here while its thread holds it."""
    lock = threading.RLock()
    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock
