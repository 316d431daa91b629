"""Threads, the GIL, memory."""

import _thread
import os
import socket
import sys
import threading
import time

import datastreams
import pytest


@pytest.fixture
def silent():
    """The URL of an agent that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("call", [datastreams.flush, datastreams.stop])
def test_others_run_while_one_waits(silent, call):
    datastreams.start(service="test", agent_url=silent)
    datastreams.set_checkpoint(["direction:out"])
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(call(1.0)))
    waiting.start()
    turns = 0
    while waiting.is_alive():
        turns += 1
        waiting.join(0.001)
    # With the GIL held, this thread would get its first turn when all is over.
    assert turns > 20 and answers == [False]


def test_a_checkpoint_keeps_the_gil(started):
    """A thread that waits for the GIL gets none while another one records: to hand it over would cost more than the call."""
    gate, came, interval = _thread.allocate_lock(), [], sys.getswitchinterval()
    edge, headers = datastreams.edge("direction:out"), {}

    def work():
        with gate:
            came.append(True)

    gate.acquire()
    waiting = threading.Thread(target=work)
    waiting.start()
    time.sleep(0.05)  # Until it waits at the gate.
    sys.setswitchinterval(60)  # Nobody is asked to hand it over.
    try:
        gate.release()
        for _ in range(20_000):
            header = edge.produce(1)
            datastreams.set_checkpoint(["direction:in"], carrier={datastreams.HEADER_KEY: header})
            datastreams.set_checkpoint(["direction:out"], carrier=headers)
            datastreams.track_offset(["topic:t", "type:kafka_commit"], 0, 1)
        came_meanwhile = bool(came)
        assert datastreams.flush(20)
    finally:
        sys.setswitchinterval(interval)
    waiting.join(20)
    assert (came_meanwhile, came) == (False, [True])


def test_ctrl_c_ends_a_flush(program, silent):
    out, _ = program("interrupted.py", DD_TRACE_AGENT_URL=silent).finish()
    assert out == "interrupted\n"


def test_threads_count_together(started):
    mixed = []

    def work(name):
        edge = datastreams.edge("direction:out", f"thread:{name}")
        for _ in range(5_000):
            mine = edge.produce(1)
            datastreams.set_checkpoint(["direction:in", "type:x"], carrier=None)
            edge.checkpoint(parent=None)
            if datastreams.current_pathway().direction != "out" or not mine:
                mixed.append(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not mixed and datastreams.flush(20)
    assert [started.total(f"thread:{name}") for name in range(8)] == [10_000] * 8
    assert started.total("type:x") == 40_000 and datastreams.stats()["checkpoints"] == 120_000


def test_clients_are_replaced_while_threads_use_them(agent):
    done = threading.Event()

    def work():
        while not done.is_set():
            datastreams.set_checkpoint(["direction:out"], carrier={})
            datastreams.flush(0)
            datastreams.stats()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(20):
            datastreams.start(service=f"turn{turn}", agent_url=agent.url, exit_timeout=20)
            datastreams.set_checkpoint(["direction:out", "who:main"])
    finally:
        done.set()
        for thread in threads:
            thread.join()
    datastreams.stop(20)
    assert agent.total("who:main") == 20


def test_clients_leave_nothing_behind(agent):
    def threads():
        return len(os.listdir("/proc/self/task"))

    before = threads()
    for _ in range(30):
        datastreams.start(service="test", agent_url=agent.url)
        datastreams.set_checkpoint(["direction:out"])
        assert datastreams.stop()
    # The agent's own threads end when connections do, and nobody waits for them, nor for the reporters.
    deadline = time.monotonic() + 20
    while threads() > before + 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threads() <= before + 2
    assert agent.total("direction:out") == 30


def test_a_million_calls_do_not_grow(program):
    out, _ = program("leaks.py").finish(timeout=120)
    blocks, grown, references = map(int, out.split())
    assert blocks < 500 and grown < 4 * 2**20 and references < 500
