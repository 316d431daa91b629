"""Which pathway belongs to a message, and batches of messages."""

import copy
import importlib
import os
import pickle
import signal
import threading
import time

import datastreams
import pytest
from datastreams.integrations._shared import messages
from datastreams.integrations._shared.batches import Batch, merged
from datastreams.integrations._shared.headers import next_header

KEY = datastreams.HEADER_KEY
PATHWAYS = [datastreams.Pathway(at, at, at) for at in range(1, 5)]


class Message:
    """One that takes weak references."""


def test_a_message_is_found_as_long_as_it_lives():
    message, other = Message(), {"id": 1}
    messages.remember(message, PATHWAYS[0])
    messages.remember(other, PATHWAYS[1], lambda message: message["id"])
    assert datastreams.pathway_of(message) == PATHWAYS[0]
    assert datastreams.pathway_of(other) == PATHWAYS[1]
    # Under the id of a message there may be another one later, even of another kind.
    other["id"] = 2
    assert datastreams.pathway_of(other) is None
    del other["id"]
    assert datastreams.pathway_of(other) is None
    assert datastreams.pathway_of(Message()) is None
    assert datastreams.pathway_of(None) is None


def test_those_that_are_remembered_are_bounded():
    kept = [Message() for _ in range(messages.LIMIT + 10)]
    for message in kept:
        messages.remember(message, PATHWAYS[0])
        messages.remember(message, PATHWAYS[1])
    assert len(messages._pathways) == messages.LIMIT
    found = [datastreams.pathway_of(message) for message in kept]
    assert found == [None] * 10 + [PATHWAYS[1]] * messages.LIMIT


def test_a_batch_is_a_list():
    kept = [Message() for _ in range(3)]
    for message, pathway in zip(kept, PATHWAYS):
        messages.remember(message, pathway)
    unknown = Message()
    batch = Batch([*kept, unknown], merged([*kept, unknown]))
    assert datastreams.current_pathway() == datastreams.Pathway.merge(PATHWAYS[:3])
    assert batch == [*kept, unknown] and len(batch) == 4 and batch[0] is kept[0] and type(batch[1:]) is list
    seen = []
    for _ in batch:
        seen.append(datastreams.current_pathway())
    # One that is not known has not the one of the message before.
    assert seen == [*PATHWAYS[:3], batch.pathway]
    assert datastreams.current_pathway() == batch.pathway
    for _ in batch:
        break
    assert datastreams.current_pathway() == PATHWAYS[0]
    numbers = Batch([1, 2], None)
    for one in (copy.copy(numbers), pickle.loads(pickle.dumps(numbers))):
        assert type(one) is list and one == [1, 2]


def in_a_child(call):
    """A forked child that makes the call within five seconds, or dies."""
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        call()
        os._exit(0)
    return child


@pytest.mark.parametrize(
    "module", ["", "._imports", "._shared.counts", "._shared.messages", "._shared.aws.kinesis", ".google_cloud_pubsub"]
)
def test_a_fork_while_another_thread_holds_a_lock(module):
    """In the child nobody would ever release it."""
    lock = importlib.import_module(f"datastreams.integrations{module}")._lock
    held, asked = threading.Event(), threading.Event()

    def hold():
        with lock:
            held.set()
            asked.wait(0.1)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = in_a_child(lock.__enter__)
    asked.set()
    thread.join()
    assert os.waitpid(child, 0)[1] == 0


def test_a_signal_handler_may_come_while_a_lock_is_held():
    def handle():
        with messages._lock:
            messages.remember(Message(), PATHWAYS[0])

    assert os.waitpid(in_a_child(handle), 0)[1] == 0


def test_a_message_that_is_handed_on_without_a_current_pathway_goes_on_from_its_own():
    """Before start() what goes on is the pathway itself."""
    out = datastreams.edge("direction:out", "type:test")
    own, other = (datastreams.Pathway(hash, time.time_ns(), time.time_ns()) for hash in (7, 8))
    for name in (KEY, KEY.encode(), datastreams.HEADER_KEY_LEGACY):
        carried = {name: own.encode(), "a": 1}
        assert datastreams.Pathway.decode(next_header(out, 1, carried)).hash == 7
        with datastreams.use_pathway(other):
            assert datastreams.Pathway.decode(next_header(out, 1, carried)).hash == 8
        datastreams.edge("direction:in", "type:test").checkpoint(parent=None)
    assert next_header(out, 1, {KEY: "stale"}) == next_header(out, 1, {"a": 1}) == next_header(out, 1, None) == ""
