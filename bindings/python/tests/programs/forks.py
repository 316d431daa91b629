"""Forks in each way that Python has; what each process records has a tag. Prints how many of each must arrive."""

import json
import os
import sys
import threading
import time

import datastreams

how = sys.argv[1]
CHILDREN, EACH = 6, 100


def record(tag, count=EACH):
    edge = datastreams.edge("direction:out", tag)
    for _ in range(count):
        edge.produce(10)
    return count


def child():
    """What a child of multiprocessing does: it ends without a word to us."""
    assert datastreams.stats()["checkpoints"] == 0, datastreams.stats()
    record("who:child")


def job(number):
    record("who:child", 10)
    time.sleep(0.01)
    return os.getpid()


def wait(pids):
    for pid in pids:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert code == 0, f"a child ended with {code}"


def bare(end):
    """os.fork while threads record and flush; `end` is how the children end."""
    stop, counts = threading.Event(), []

    def hammer():
        count = 0
        while not stop.is_set():
            count += record("who:parent", 50)
            datastreams.flush(0)
        counts.append(count)

    workers = [threading.Thread(target=hammer) for _ in range(2)]
    for worker in workers:
        worker.start()
    pids = []
    for _ in range(CHILDREN):
        time.sleep(0.05)
        pid = os.fork()
        if pid == 0:
            assert datastreams.stats()["checkpoints"] == 0, datastreams.stats()
            record("who:child")
            if end == "grandchild":
                below = os.fork()
                if below == 0:
                    record("who:grandchild")
                    sys.exit(0)
                wait([below])
            if end == "flush":
                done = datastreams.flush(10)
                os._exit(0 if done else 1)
            sys.exit(0)
        pids.append(pid)
    stop.set()
    for worker in workers:
        worker.join()
    wait(pids)
    expected = {"who:parent": sum(counts), "who:child": CHILDREN * EACH}
    return expected | ({"who:grandchild": CHILDREN * EACH} if end == "grandchild" else {})


def thread():
    """Forked by a thread, whose end is then the child's: Python runs no atexit there, and waits for nobody."""
    record("who:parent")

    def fork():
        pid = os.fork()
        if pid == 0:
            record("who:child")
            if os.fork() == 0:
                record("who:grandchild")
            return
        wait([pid])

    worker = threading.Thread(target=fork)
    worker.start()
    worker.join()
    return {"who:parent": EACH, "who:child": EACH, "who:grandchild": EACH}


def processes(method):
    import multiprocessing

    context = multiprocessing.get_context(method)
    record("who:parent")
    workers = [context.Process(target=child) for _ in range(CHILDREN)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(50)
        assert worker.exitcode == 0, worker.exitcode
    return {"who:parent": EACH, "who:child": CHILDREN * EACH}


def pool():
    import multiprocessing

    record("who:parent")
    workers = multiprocessing.get_context("fork").Pool(4)
    assert len(set(workers.map(job, range(40), chunksize=1))) > 1
    workers.close()
    workers.join()
    return {"who:parent": EACH, "who:child": 400}


def executor():
    import concurrent.futures
    import multiprocessing

    record("who:parent")
    with concurrent.futures.ProcessPoolExecutor(3, multiprocessing.get_context("fork")) as workers:
        list(workers.map(job, range(30)))
    return {"who:parent": EACH, "who:child": 300}


def daemon():
    """Twice forked, in a session of its own, every descriptor closed: as daemons do. Nobody waits for it."""
    record("who:parent")
    wrote, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        if os.fork() == 0:
            # Not even the pipe stays: its end is how the parent knows.
            os.closerange(0, 65536)
            for _ in range(3):
                os.open(os.devnull, os.O_RDWR)
            record("who:child")
            sys.exit(0)
        os._exit(0)
    wait([pid])
    os.close(write)
    os.read(wrote, 1)
    return {"who:parent": EACH, "who:child": EACH}


if __name__ == "__main__" or how in ("forkserver", "spawn"):
    datastreams.start(exit_timeout=20)
if __name__ == "__main__":
    runs = {
        "exit": lambda: bare("exit"), "flush": lambda: bare("flush"), "grandchild": lambda: bare("grandchild"), "thread": thread,
        "fork": lambda: processes("fork"), "forkserver": lambda: processes("forkserver"),
        "spawn": lambda: processes("spawn"), "pool": pool, "executor": executor, "daemon": daemon,
    }  # fmt: skip
    expected = runs[how]()
    print(json.dumps(expected), flush=True)
