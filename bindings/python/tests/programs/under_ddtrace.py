"""Runs a program under the released ddtrace: under_ddtrace.py PROGRAM ARGUMENT..."""

import ddtrace.auto  # noqa: F401, I001  (first, as its documentation says)

import runpy
import sys

from ddtrace.internal.datastreams import data_streams_processor

# After its second it would post the same again, without an id: on a busy machine that would count twice.
data_streams_processor()._timeout = 20.0
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
