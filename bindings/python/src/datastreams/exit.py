"""The end of a process: what was recorded is reported, within a deadline."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from types import FrameType

from datastreams import _native
from datastreams.log import hand_out

# Modules whose processes end without atexit, by os._exit, but run finalizers: billiard (celery) is a fork of the other.
_FORKERS = ("multiprocessing.util", "billiard.util")

_timeout = 2.0
_installed = False
_forking_in_main = True


def check(on_sigterm: bool) -> None:
    """Fails when the handler that is asked for cannot be installed."""
    if on_sigterm and threading.current_thread() is not threading.main_thread():
        raise ValueError("flush_on_sigterm needs the main thread: only there Python can install a signal handler")


def install(timeout: float, on_sigterm: bool) -> None:
    """Arranges that this process and its forked children flush at their end, for at most `timeout` seconds."""
    global _timeout, _installed
    _timeout = timeout
    if not _installed:
        _installed = True
        os.register_at_fork(before=_before_fork, after_in_child=_forked)
        # This may be such a process itself, before or after its finalizers of the parent are forgotten.
        _finalize()
        _register()
    # The program may have put a handler of its own over ours: then the new one calls that.
    if on_sigterm and not isinstance(signal.getsignal(signal.SIGTERM), _Terminate):
        _Terminate().install()


def _finish(**_: object) -> None:
    _native.stop(_timeout)
    hand_out()


# When the package is imported, since what was registered later runs earlier, and may send messages.
atexit.register(_finish)


def _finalize(*_: object) -> None:
    for name in _FORKERS:
        util = sys.modules.get(name)
        if util is not None:
            # After all others: they may still send messages.
            util.Finalize(None, _finish, exitpriority=-1000)


def _register() -> None:
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


def _before_fork() -> None:
    global _forking_in_main
    _forking_in_main = threading.current_thread() is threading.main_thread()


def _forked() -> None:
    _register()
    if not _forking_in_main:
        _ends.thread = _Thread()


class _Thread:
    """Of a child that a thread forked. When that thread is done, so is the child: without atexit, and not at all while
    the reporter's thread is there."""

    def __del__(self) -> None:
        _finish()


_ends = threading.local()


class _Terminate:
    """A handler of SIGTERM: does what would have been done without it, after a flush."""

    def install(self) -> None:
        self._previous = signal.signal(signal.SIGTERM, self)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._previous is signal.SIG_IGN:
            return
        if callable(self._previous):
            # The program may go on for a while: it flushes again when it exits.
            _native.flush(_timeout)
            self._previous(number, frame)
            return
        _native.stop(_timeout)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
