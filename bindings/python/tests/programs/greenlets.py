"""Greenlets of gevent, in a program that is monkey-patched: each has its own pathway, also in a forked child."""

from gevent import monkey

monkey.patch_all()

# isort: split
import os
import threading

import datastreams
import gevent

datastreams.start(exit_timeout=20)


def work(number):
    consumed = datastreams.set_checkpoint(["direction:in", f"number:{number}"], carrier=None)
    gevent.sleep(0.01)
    assert datastreams.current_pathway() == consumed
    assert datastreams.set_checkpoint(["direction:out", "who:all"]).opposite_hash == consumed.hash


gevent.joinall([gevent.spawn(work, number) for number in range(50)], raise_error=True)
threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert gevent.get_hub().threadpool.apply(datastreams.flush, (20,))
if os.fork() == 0:
    work(99)
else:
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 0
