"""A flush to an agent that never answers is interrupted by Ctrl-C."""

import os
import signal
import threading

import datastreams

signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell ignore it
datastreams.start(exit_timeout=0)
datastreams.set_checkpoint(["direction:out"])
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    datastreams.flush(300)
except KeyboardInterrupt:
    print("interrupted")
