"""Records a hundred checkpoints, then ends in the way it is told."""

import atexit
import logging
import os
import signal
import sys
import threading
import time

import datastreams

how = sys.argv[1]


def record(tag, count=100):
    for _ in range(count):
        datastreams.set_checkpoint(["direction:out", tag])


def earlier(number, frame):
    """The program's own handler of SIGTERM: it goes on a little, then exits."""
    record("who:handler", 10)
    print("handled", flush=True)
    sys.exit(3)


if how == "logging":
    logging.basicConfig()
if how == "at_exit":
    atexit.register(record, "who:late")  # the package is there, but not started
if how == "handler":
    signal.signal(signal.SIGTERM, earlier)
if how == "ignored":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if how in ("sigterm", "handler", "ignored", "sigterm_again", "handlers"):
    datastreams.start(flush_on_sigterm=True)
    if how == "sigterm_again":
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # somebody took it out; who asks again gets it again
        datastreams.start(flush_on_sigterm=True)
    if how == "handlers":
        ours = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, lambda *given: (record("who:handler", 10), ours(*given)))
        datastreams.start(flush_on_sigterm=True)
elif how == "exit_handler":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    datastreams.start()
elif how == "thread":
    failed = []

    def start():
        try:
            datastreams.start(flush_on_sigterm=True)
        except ValueError as error:
            failed.append(str(error))

    worker = threading.Thread(target=start)
    worker.start()
    worker.join()
    assert "main thread" in failed[0], failed
    datastreams.start()
else:
    datastreams.start(exit_timeout=float(os.environ.get("EXIT_TIMEOUT", "10")))
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL, "no handler unless it is asked for"
record("who:main")
if how in ("sigterm", "sigterm_again", "handler", "handlers", "exit_handler"):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(30)
elif how == "ignored":
    os.kill(os.getpid(), signal.SIGTERM)
    record("who:later")
elif how == "exception":
    raise RuntimeError("on purpose")
elif how == "sys_exit":
    sys.exit(5)
elif how == "daemon_threads":
    # Threads that are inside calls while the interpreter ends.
    def hammer():
        while True:
            record("who:thread", 1)
            datastreams.flush(0)

    for _ in range(4):
        threading.Thread(target=hammer, daemon=True).start()
    time.sleep(0.2)
elif how == "at_exit":
    atexit.register(record, "who:late")  # runs before ours, since it came later
