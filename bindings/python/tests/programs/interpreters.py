"""Interpreters that come and go, each with a client: interpreters.py OWN_GIL. Prints by how many threads, and by how many
bytes for the last twenty of thirty, the process grew."""

import os
import sys

import datastreams

try:
    import _interpreters as interpreters  # 3.13 and later
except ImportError:
    import _xxsubinterpreters as interpreters

own_gil = sys.argv[1] == "1"
CODE = f"""
import sys
sys.path[:] = {sys.path!r}
import datastreams
datastreams.start(exit_timeout=20)
edge = datastreams.edge("direction:out", "who:other")
for at in range(100):
    datastreams.set_checkpoint(["direction:in", f"number:{{at}}"], carrier={{}})
    datastreams.set_produce_checkpoint("kafka", f"number:{{at}}", {{}}.__setitem__)
    edge.produce(10)
"""


def run():
    if sys.version_info >= (3, 13):
        one = interpreters.create("isolated" if own_gil else "legacy")
        failed = interpreters.exec(one, CODE)
        assert failed is None, failed
    else:
        one = interpreters.create(isolated=own_gil)
        interpreters.run_string(one, CODE)
    interpreters.destroy(one)


def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


datastreams.start(exit_timeout=20)
for _ in range(10):
    datastreams.set_checkpoint(["direction:out", "who:main"])
assert datastreams.flush(20)
threads = len(os.listdir("/proc/self/task"))
for at in range(30):
    if at == 10:
        before = resident()
    run()
print(len(os.listdir("/proc/self/task")) - threads, resident() - before)
