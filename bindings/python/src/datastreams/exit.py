"""The end of a process: what was recorded is reported, within a deadline."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from types import FrameType

from datastreams import _native

# Modules whose processes end without atexit, by os._exit, but run finalizers: billiard (celery) is a fork of the other.
_FORKERS = ("multiprocessing.util", "billiard.util")

_timeout = 2.0
_registered = False
_previous: signal._HANDLER | None = None
_handling = False


def check(on_sigterm: bool) -> None:
    """Fails when the handler that is asked for cannot be installed."""
    if on_sigterm and threading.current_thread() is not threading.main_thread():
        raise ValueError("flush_on_sigterm needs the main thread: only there Python can install a signal handler")


def install(timeout: float, on_sigterm: bool) -> None:
    """Arranges that this process and its forked children flush at their end, for at most `timeout` seconds."""
    global _timeout, _registered, _previous, _handling
    _timeout = timeout
    if not _registered:
        _registered = True
        atexit.register(_finish)
        os.register_at_fork(after_in_child=_forked)
        # This may be such a process itself, before or after its finalizers of the parent are forgotten.
        _finalize()
        _forked()
    if on_sigterm and not _handling:
        _previous = signal.signal(signal.SIGTERM, _terminate)
        _handling = True


def _finish(**_: object) -> None:
    _native.stop(_timeout)


def _finalize(*_: object) -> None:
    for name in _FORKERS:
        util = sys.modules.get(name)
        if util is not None:
            # After all others: they may still send messages.
            util.Finalize(None, _finish, exitpriority=-1000)


def _forked() -> None:
    """Such a process first forgets its parent's finalizers, and then calls those who asked to be called."""
    for name in _FORKERS:
        util = sys.modules.get(name)
        if util is not None:
            util.register_after_fork(_anchor, _finalize)
    # Processes of celery's pool run no finalizers either, but say that they end.
    signals = sys.modules.get("celery.signals")
    if signals is not None:
        signals.worker_process_shutdown.connect(_finish, weak=False, dispatch_uid="datastreams")


class _Anchor:
    """register_after_fork holds what it is given weakly."""


_anchor = _Anchor()


def _terminate(number: int, frame: FrameType | None) -> None:
    """Does what SIGTERM would have done, after a flush."""
    if _previous is signal.SIG_IGN:
        return
    if callable(_previous):
        # The program may go on for a while: it flushes again when it exits.
        _native.flush(_timeout)
        _previous(number, frame)
        return
    _native.stop(_timeout)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
