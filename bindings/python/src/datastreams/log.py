"""The logger "datastreams": what the library has to say about delivery."""

import logging

from datastreams import _native

_log = logging.getLogger("datastreams")
_log.addHandler(logging.NullHandler())  # Where logging is not configured, nothing is printed.
_LEVELS = {1: logging.ERROR, 2: logging.WARNING}


def hand_out() -> None:
    """Lines of the reporter's thread go to the logger here, in a thread of Python's. It must not log itself: while the
    interpreter ends, a foreign thread that asks for the GIL hangs."""
    for level, text in _native.logs():
        _log.log(_LEVELS.get(level, logging.INFO), "%s", text)
