"""The calls: what they take, what they answer, what they refuse."""

import copy
import inspect
import json
import logging
import pathlib
import pickle
import re
import subprocess
import sys
import time
from collections import ChainMap, UserDict, UserList, defaultdict
from email.message import Message
from importlib import metadata
from types import MappingProxyType
from wsgiref.headers import Headers

import datastreams
import pytest
from conftest import ROOT, environment
from datastreams import HEADER_KEY, HEADER_KEY_LEGACY, Pathway, _native, edge, set_checkpoint

IN = ["type:kafka", "topic:orders", "direction:in", "group:billing"]
OUT = ["type:kafka", "topic:invoices", "direction:out"]
NOW = 1_786_000_010_000_000_000


def test_versions_are_one():
    workspace = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
    assert datastreams.__version__ == metadata.version("libdatastreams") == workspace


def test_everything_public_is_documented():
    for name in datastreams.__all__:
        if not name.startswith("_") and name.islower():
            assert getattr(datastreams, name).__doc__, name
    for kind in (datastreams.Edge, Pathway):
        assert kind.__doc__
        for name, member in vars(kind).items():
            if not name.startswith("_"):
                assert member.__doc__, name


def test_signatures_are_ddtraces():
    """Read in a process of its own: importing ddtrace changes a process."""
    theirs = json.loads(
        subprocess.run(
            [sys.executable, "-c", "import inspect, json, ddtrace.data_streams as d; print(json.dumps([str("
             "inspect.signature(f)) for f in (d.set_consume_checkpoint, d.set_produce_checkpoint)]))"],
            env=environment(DD_TRACE_ENABLED="false", DD_INSTRUMENTATION_TELEMETRY_ENABLED="false"),
            check=True, stdout=subprocess.PIPE, timeout=60,
        ).stdout
    )  # fmt: skip
    ours = [datastreams.set_consume_checkpoint, datastreams.set_produce_checkpoint]
    assert [str(inspect.signature(function)) for function in ours] == theirs


# ---- Checkpoints -------------------------------------------------------------------------------------


def test_a_hop_is_reported(started):
    headers = {}
    first = set_checkpoint(OUT, payload_size=100, carrier=headers)
    assert headers == {HEADER_KEY: first.encode()}
    second = set_checkpoint(IN, payload_size=0, carrier=headers)
    assert second.opposite_hash == first.hash and second.direction == "in"
    assert datastreams.current_pathway() == second
    set_checkpoint(OUT)  # its size is not known
    assert datastreams.flush()
    assert started.counts() == {tuple(sorted(IN)): 1, tuple(sorted(OUT)): 2}
    assert started.sizes() == 2
    hashes = {(point["ParentHash"], point["Hash"]) for point in started.points()}
    assert (0, first.hash) in hashes and (first.hash, second.hash) in hashes
    assert {(point["Service"], point["Env"]) for point in started.points()} == {("test", "ci")}
    assert started.payloads[0]["Lang"] == "python"


def test_callers_tags_are_not_touched(started):
    tags = ["type:kafka", "direction:out", "a:b"]
    set_checkpoint(tags)
    assert tags == ["type:kafka", "direction:out", "a:b"]
    assert set_checkpoint(tuple(tags), parent=None, now_ns=NOW) == set_checkpoint(set(tags), parent=None, now_ns=NOW)
    assert set_checkpoint((tag for tag in tags), parent=None, now_ns=NOW).start_ns == NOW


def test_a_message_without_a_header_inherits_nothing(started):
    for headers in ({}, None, [], {HEADER_KEY: None}, {HEADER_KEY: "junk"}, [(HEADER_KEY, 7)], {HEADER_KEY: object()}):
        before = Pathway(1, time.time_ns(), time.time_ns())
        assert set_checkpoint(IN, carrier={HEADER_KEY: before.encode()}).opposite_hash == 1
        after = set_checkpoint(IN, carrier=headers)
        assert after.opposite_hash == 0 and after.start_ns == after.edge_start_ns, headers


def test_without_a_carrier_the_current_pathway_goes_on(started):
    first = set_checkpoint(OUT, parent=None)
    assert set_checkpoint(IN).opposite_hash == first.hash
    parent = Pathway(5, NOW, NOW, direction="in")
    assert set_checkpoint(OUT, parent=parent).opposite_hash == 5


@pytest.mark.parametrize("value", [str, str.encode, lambda text: bytearray(text.encode()),
                                   lambda text: memoryview(text.encode())])  # fmt: skip
@pytest.mark.parametrize("shape", [dict, list, tuple, "names as bytes", "a mapping"])
def test_carriers_are_read(started, value, shape):
    origin = Pathway(77, NOW, NOW)
    now = NOW + 10**9
    pairs = [("other", b"x"), (HEADER_KEY, value("junk")), (HEADER_KEY, value(origin.encode())), ("last", None)]
    if shape == "names as bytes":
        carrier = [(name.encode(), text) for name, text in pairs]
    elif shape == "a mapping":
        carrier = ChainMap({}, dict(pairs))
    else:
        carrier = shape(pairs)
    # Headers are judged by the real time where they are two; this one is alone, and judged by the checkpoint's.
    assert set_checkpoint(IN, carrier=carrier, now_ns=now).opposite_hash == 77


def test_reading_changes_nothing(started):
    carrier = defaultdict(str)
    assert set_checkpoint(IN, carrier=carrier).opposite_hash == 0 and not carrier
    carrier[HEADER_KEY] = Pathway(77, time.time_ns(), time.time_ns()).encode()
    assert set_checkpoint(IN, carrier=carrier).opposite_hash == 77


def test_the_legacy_key(started):
    now = set_checkpoint(OUT, parent=None)
    other = edge(*OUT, "x:y").checkpoint(parent=None)
    for good in (now.encode(), now.encode(binary=True)):
        for carrier in ({HEADER_KEY_LEGACY: good}, {HEADER_KEY: "junk", HEADER_KEY_LEGACY: good},
                        [(HEADER_KEY_LEGACY, good), (HEADER_KEY, b"")]):  # fmt: skip
            assert set_checkpoint(IN, carrier=carrier).opposite_hash == now.hash
            get = dict(carrier).get
            assert datastreams.set_consume_checkpoint("kafka", "t", get).opposite_hash == now.hash
    both = {HEADER_KEY: now.encode(), HEADER_KEY_LEGACY: other.encode()}
    assert set_checkpoint(IN, carrier=both).opposite_hash == now.hash
    assert datastreams.set_consume_checkpoint("kafka", "t", both.get).opposite_hash == now.hash
    before = datastreams.stats()["header_unreadable"]
    set_checkpoint(IN, carrier={HEADER_KEY: "junk", HEADER_KEY_LEGACY: "more junk"})
    assert datastreams.stats()["header_unreadable"] == before + 1


def test_carriers_are_written(started):
    set_checkpoint(OUT, carrier=(pairs := [("a", b"b"), (HEADER_KEY, b"old"), (HEADER_KEY_LEGACY, b"old")]))
    current = datastreams.current_pathway().encode()
    assert pairs == [("a", b"b"), (HEADER_KEY, current.encode())]
    for _ in range(3):
        set_checkpoint(OUT, carrier=pairs)
    assert len(pairs) == 2
    set_checkpoint(OUT, carrier=(headers := {HEADER_KEY_LEGACY: b"old", "a": "b"}))
    assert headers == {"a": "b", HEADER_KEY: datastreams.current_pathway().encode()}
    set_checkpoint(OUT, carrier=None)


class Smallest:
    """What a mapping has at the least, to be written: it can lose nothing."""

    def __init__(self):
        self._items = {}
        self.keys, self.items = self._items.keys, self._items.items

    def __getitem__(self, name):
        return self._items[name]

    def __setitem__(self, name, value):
        self._items[name] = value


def test_other_mappings_are_written(started):
    for carrier in (UserDict(), Message(), Headers([]), Smallest()):
        carrier[HEADER_KEY] = "old"
        if hasattr(carrier, "__delitem__"):
            carrier[HEADER_KEY_LEGACY] = "old"
        carrier["a"] = "b"
        set_checkpoint(OUT, carrier=carrier)
        assert sorted(carrier.items()) == [("a", "b"), (HEADER_KEY, datastreams.current_pathway().encode())]


def test_edges_are_copied_and_pickled(started):
    for one in (edge(*OUT), edge(*OUT, service="other")):
        assert copy.copy(one) is one and copy.deepcopy([one]) == [one] and pickle.loads(pickle.dumps(one)) is one
    # One that is too long to be kept.
    long = edge("direction:out", "topic:" + "x" * 2000)
    other = pickle.loads(pickle.dumps(long))
    assert (other.tags, other.service) == (long.tags, "")


def test_edges(started):
    incoming, outgoing = edge(*IN), edge(*OUT)
    assert incoming is edge(*IN) and incoming.tags == tuple(IN) and incoming.service == ""
    header = outgoing.produce(5)
    assert header == datastreams.current_pathway().encode()
    assert incoming.consume(header.encode(), 5).opposite_hash == set_checkpoint(OUT, parent=None).hash
    assert incoming.consume().opposite_hash == 0
    assert incoming.consume(None, queued_ns=NOW, now_ns=NOW + 1).start_ns == NOW
    edge(*OUT, service="other").produce()
    assert datastreams.flush()
    assert {point["Service"] for point in started.points()} == {"test", "other"}
    assert started.total("topic:invoices") == 3


def test_an_edge_outlives_clients(agent):
    """Made before start(), it is each client's in its turn."""
    one = edge("direction:out", "made:early")
    assert one.produce() == "" and datastreams.current_pathway() is None
    for turn in range(3):
        datastreams.start(service=f"turn{turn}", agent_url=agent.url)
        assert one.produce() != ""
        assert datastreams.stop() and datastreams.stats()["invalid_arguments"] == 0
    assert sorted(point["Service"] for point in agent.points()) == ["turn0", "turn1", "turn2"]


def test_ddtraces_calls(started):
    headers = {}
    produced = datastreams.set_produce_checkpoint("kinesis", "s", headers.__setitem__, tags=["exchange:x"])
    assert headers == {HEADER_KEY: produced.encode()} and type(headers[HEADER_KEY]) is str
    consumed = datastreams.set_consume_checkpoint("kinesis", "s", headers.get, tags=("exchange:x",))
    assert consumed.opposite_hash == produced.hash
    datastreams.set_consume_checkpoint("kinesis", "s", headers.get, False)
    datastreams.flush()
    assert started.counts() == {
        ("direction:out", "exchange:x", "manual_checkpoint:true", "topic:s", "type:kinesis"): 1,
        ("direction:in", "exchange:x", "manual_checkpoint:true", "topic:s", "type:kinesis"): 1,
        ("direction:in", "topic:s", "type:kinesis"): 1,
    }


def test_exceptions_of_the_callers_own_functions(started):
    class Mine(Exception):
        pass

    def fail(*_):
        raise Mine

    with pytest.raises(Mine):
        datastreams.set_consume_checkpoint("kafka", "t", fail)
    with pytest.raises(Mine):
        datastreams.set_produce_checkpoint("kafka", "t", fail)
    # ddtrace never asks for the other key: what comes of that is ours.
    only = {HEADER_KEY: None}
    assert datastreams.set_consume_checkpoint("kafka", "t", only.__getitem__).opposite_hash == 0


# ---- Refusals ------------------------------------------------------------------------------------------

PASS = {"typ": "kafka", "source": "t", "carrier_get": {}.get}


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("tags", lambda: set_checkpoint("direction:in")),
        ("tags", lambda: set_checkpoint(7)),
        ("tags", lambda: set_checkpoint(["a", 7])),
        ("tags", lambda: set_checkpoint([["a"]])),
        ("tags", lambda: set_checkpoint((b"a",))),
        ("payload_size", lambda: set_checkpoint(IN, payload_size="7")),
        ("payload_size", lambda: set_checkpoint(IN, payload_size=7.5)),
        ("carrier", lambda: set_checkpoint(IN, carrier=7)),
        ("carrier", lambda: set_checkpoint(IN, carrier="text")),
        ("carrier", lambda: set_checkpoint(OUT, carrier=())),
        ("carrier", lambda: set_checkpoint(IN, carrier=memoryview(b"x"))),
        ("carrier", lambda: set_checkpoint(IN, carrier=UserList([(HEADER_KEY, b"x")]))),
        ("carrier", lambda: set_checkpoint(OUT, carrier=MappingProxyType({}))),
        ("parent", lambda: set_checkpoint(IN, parent=7)),
        ("now_ns", lambda: set_checkpoint(IN, now_ns=1.5)),
        ("queued_ns", lambda: set_checkpoint(IN, queued_ns="x")),
        ("typ", lambda: datastreams.set_consume_checkpoint(**PASS | {"typ": b"kafka"})),
        ("source", lambda: datastreams.set_consume_checkpoint(**PASS | {"source": 1})),
        ("carrier_get", lambda: datastreams.set_consume_checkpoint(**PASS | {"carrier_get": {}})),
        ("tags", lambda: datastreams.set_consume_checkpoint(**PASS, tags="a:b")),
        ("target", lambda: datastreams.set_produce_checkpoint("kafka", None, {}.__setitem__)),
        ("carrier_set", lambda: datastreams.set_produce_checkpoint("kafka", "t", None)),
        ("tags", lambda: edge("a", 7)),
        ("service", lambda: edge("a", service=7)),
        ("partition", lambda: datastreams.track_offset(["a"], "1", 2)),
        ("offset", lambda: datastreams.track_offset(["a"], 1, 2.5)),
        ("id", lambda: datastreams.track_transaction(7, "x")),
        ("checkpoint", lambda: datastreams.track_transaction("x", 7)),
        ("pathway", lambda: datastreams.use_pathway(7)),
        ("pathways", lambda: Pathway.merge([7])),
        ("pathways", lambda: Pathway.merge(7)),
        ("hash", lambda: Pathway("1", 2, 3)),
        ("start_ns", lambda: Pathway(1, "2", 3)),
        ("direction", lambda: Pathway(1, 2, 3, direction=4)),
        ("timeout", lambda: datastreams.flush("1")),
        ("timeout", lambda: datastreams.stop(None)),
        ("service", lambda: datastreams.start(service=7)),
        ("tags", lambda: datastreams.start(tags=7)),
        ("enabled", lambda: datastreams.start(enabled="yes")),
        ("request_timeout", lambda: datastreams.start(request_timeout="1")),
        ("memory_limit", lambda: datastreams.start(memory_limit=1.5)),
        ("exit_timeout", lambda: datastreams.start(exit_timeout="1")),
        ("delivery", lambda: datastreams.start(delivery=[])),
        ("delivery", lambda: datastreams.start(delivery=0)),
        ("flush_on_sigterm", lambda: datastreams.start(flush_on_sigterm="no")),
        ("unheard_of", lambda: datastreams.start(unheard_of=1)),
        ("unheard_of", lambda: set_checkpoint(IN, unheard_of=1)),
        ("tags", lambda: set_checkpoint()),
    ],
)
def test_wrong_types_name_the_argument(started, name, call):
    with pytest.raises(TypeError, match=rf"\b{name}\b"):
        call()
    assert datastreams.stats()["checkpoints"] == 0
    assert set_checkpoint(OUT), "what was started goes on"


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("tags", lambda: edge()),
        ("tags", lambda: edge("")),
        ("tags", lambda: edge(*["a:b"] * 129)),
        ("tags", lambda: edge("x" * 16385)),
        ("service", lambda: edge("a", service="x" * 16385)),
        ("agent_url", lambda: datastreams.start(agent_url="gopher://x")),
        ("service", lambda: datastreams.start(service="\ud800")),
        ("max_edges", lambda: datastreams.start(max_edges=0)),
        ("max_edges", lambda: datastreams.start(max_edges=2**32)),
        ("retry_age", lambda: datastreams.start(retry_age=-1)),
        ("delivery", lambda: datastreams.start(delivery="pigeon")),
        ("exit_timeout", lambda: datastreams.start(exit_timeout=float("nan"))),
        ("timeout", lambda: datastreams.flush(-1)),
        ("timeout", lambda: datastreams.flush(10**400)),
        ("hash", lambda: Pathway(-1, 2, 3)),
        ("start_ns", lambda: Pathway(1, -2, 3)),
        ("edge_start_ns", lambda: Pathway(1, 2, 2**63)),
        ("direction", lambda: Pathway(1, 2, 3, direction="up")),
        ("partition", lambda: datastreams.track_offset(["a"], -2, 2)),
        ("now_ns", lambda: set_checkpoint(IN, now_ns=2**63)),
    ],
)
def test_values_that_cannot_be_meant(started, name, call):
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        call()
    assert set_checkpoint(OUT), "what was started goes on"


@pytest.mark.parametrize("tags", [[], [""], ["x" * 2**20], ["a:b"] * 1000])
def test_tags_that_no_edge_can_have_never_fail_a_message(started, tags):
    before = set_checkpoint(OUT)
    counted = datastreams.stats()["invalid_arguments"]
    assert set_checkpoint(tags) == before == datastreams.current_pathway()
    received = Pathway(3, before.start_ns, before.start_ns)
    decoded = Pathway.decode(received.encode())
    assert set_checkpoint(tags, carrier={HEADER_KEY: received.encode()}) == decoded == datastreams.current_pathway()
    assert datastreams.stats()["invalid_arguments"] == counted + 2
    with pytest.raises(ValueError, match="tags"):
        edge(*tags)
    assert datastreams.stats()["checkpoints"] == 1


def test_no_tags_are_another_calls_key(started):
    """What other calls name an edge by is no tag set, whatever was called before."""
    datastreams.set_produce_checkpoint("kafka", "t", {}.__setitem__)
    datastreams.set_consume_checkpoint("kafka", "t", {}.get, tags=["a:b"])
    edge("direction:in", service="other")
    for tags in (("kafka", "t", None), ["kafka", "t", True, ("a:b",)], ("other", ("direction:in",))):
        with pytest.raises(TypeError, match="tags"):
            set_checkpoint(tags)
    assert datastreams.stats()["checkpoints"] == 2


def test_pairs_of_classes_of_their_own(started):
    """A length that is a program's code is not asked for: it could fail, have no end, or take the pair away."""

    class Headers(list):
        def __len__(self):
            raise LookupError

    class Pair(tuple):
        def __len__(self):
            return 10**12

    origin = Pathway(77, time.time_ns(), time.time_ns())
    carrier = Headers([Pair((HEADER_KEY, origin.encode()))])
    assert set_checkpoint(IN, carrier=carrier).opposite_hash == 77


def test_the_cache_keeps_nothing_large(started):
    """Neither what has many empty tags, nor what has a long service."""

    def grown(call):
        before = sys.getallocatedblocks()
        for at in range(300):
            call(at)
        return sys.getallocatedblocks() - before

    assert grown(lambda at: set_checkpoint([""] * (200 + at))) < 100
    assert grown(lambda at: edge("a", service=f"{at}" + "x" * 5000)) < 100


def test_a_timeout_beyond_all_numbers(agent):
    datastreams.start(service="test", agent_url=agent.url, exit_timeout=10**400)
    assert set_checkpoint(OUT)
    datastreams.start(service="test", agent_url=agent.url)
    assert agent.total("direction:out") == 1


def test_sizes(started):
    class Size:
        def __index__(self):
            return 7

    for size in (None, -1, 2**64, Size(), True, 0):
        set_checkpoint(OUT, payload_size=size)
    datastreams.flush()
    assert (started.total("direction:out"), started.sizes()) == (6, 3)


# ---- Before start() and after stop() ---------------------------------------------------------------------


def test_nothing_is_recorded_before_start_or_after_stop(agent):
    """In this order in a process of its own: here something was started already."""
    code = """
import datastreams as d
header = d.Pathway(9, 1_786_000_010_000_000_000, 1_786_000_010_000_000_000).encode()
def passes():
    h = {}
    after = d.set_checkpoint(["direction:in"], carrier={d.HEADER_KEY: header}, now_ns=1_786_000_020_000_000_000)
    assert after.hash == 9, after
    d.set_checkpoint(["direction:out"], carrier=h, now_ns=1_786_000_020_000_000_000)
    assert h == {d.HEADER_KEY: header}, h
    assert not d.set_checkpoint(["direction:in"], carrier=None) and d.current_pathway() is None
    d.set_produce_checkpoint("kafka", "t", h.pop)
assert d.stats()["passed_through"] == 0
passes()
assert d.stats()["passed_through"] == 4 and d.stats()["checkpoints"] == 0, d.stats()
assert d.flush() and d.stop() and d.stop()
d.start()
d.set_checkpoint(["direction:out"])
assert d.stop()
passes()
assert d.stats()["passed_through"] == 4 and d.stats()["checkpoints"] == 1, d.stats()
d.start(enabled=False)
d.set_checkpoint(["direction:out"])
assert d.stats()["passed_through"] == 1, d.stats()
"""
    subprocess.run([sys.executable, "-c", code], env=environment(DD_TRACE_AGENT_URL=agent.url), check=True, timeout=60)
    assert agent.total("direction:out") == 1 and agent.total("direction:in") == 0


def test_a_broken_environment_is_told_by_start_alone():
    code = """
import datastreams as d
assert d.set_checkpoint(["direction:out"]) is not None and d.stats()["passed_through"] == 1
try:
    d.start()
except ValueError as error:
    assert "DD_TRACE_AGENT_URL" in str(error) or "agent_url" in str(error), error
else:
    raise SystemExit("no error")
"""
    subprocess.run(
        [sys.executable, "-c", code], env=environment(DD_TRACE_AGENT_URL="gopher://x"), check=True, timeout=60
    )


def test_every_option_arrives(agent):
    everything = {
        "service": "s", "env": "e", "version": "1.2", "primary_tag": "p:q", "tags": {"team": "a", "zone": "b"},
        "agent_url": agent.url, "api_key": "k", "site": "datadoghq.com", "hostname": "h", "dogstatsd_url": "udp://127.0.0.1:9",
        "enabled": True, "delivery": "thread", "process_tags": False, "request_timeout": 5, "retry_age": 60,
        "header_max_age": 3600, "header_max_future": 30.0, "memory_limit": 2**24, "retry_limit": 2**20,
        "max_payload_bytes": 2**20, "transaction_limit": 2**20, "max_edges": 100, "max_parents": 10,
        "max_origin_buckets": 10, "exit_timeout": 1.5, "flush_on_sigterm": False,
    }  # fmt: skip
    assert everything.keys() == inspect.signature(datastreams.start).parameters.keys()
    fields = re.findall(r"^  (?:ds_str|uint\d+_t) (\w+);", (ROOT / "include/datastreams.h").read_text().split(
        "typedef struct ds_config {")[1].split("}")[0], re.M)  # fmt: skip
    unit = re.compile("_(s|ms)$")
    assert {unit.sub("", field) for field in fields} - {"language", "language_version"} <= everything.keys()
    datastreams.start(**everything)
    set_checkpoint(OUT, payload_size=1)
    old = Pathway(9, 1, 1)
    assert set_checkpoint(IN, carrier=[(HEADER_KEY, old.encode())]).opposite_hash == 0
    assert datastreams.stats()["header_too_old"] == 1
    datastreams.stop()
    payload = agent.payloads[0]
    assert {name: payload[name] for name in ("Service", "Env", "Version", "PrimaryTag", "Hostname", "Tags")} == {
        "Service": "s", "Env": "e", "Version": "1.2", "PrimaryTag": "p:q", "Hostname": "h", "Tags": ["team:a", "zone:b"],
    }  # fmt: skip
    assert "ProcessTags" not in payload


# ---- Offsets, transactions, delivery ------------------------------------------------------------------------


def test_offsets_and_transactions(started):
    tags = ["type:kafka_commit", "consumer_group:g", "topic:t"]
    datastreams.track_offset(tags, 3, 100)
    edge(*tags).track_offset(3, 90)
    edge(*tags).track_offset(offset=5, partition=-1)
    datastreams.track_transaction("id", "checkpoint")
    datastreams.track_transaction(b"\xff\0", "checkpoint", at_ns=NOW)
    datastreams.track_transaction("x" * 256, "checkpoint")
    datastreams.flush()
    assert started.backlogs() == {
        ("consumer_group:g", "partition:3", "topic:t", "type:kafka_commit"): 100,
        ("consumer_group:g", "topic:t", "type:kafka_commit"): 5,
    }
    counters = datastreams.stats()
    assert (counters["transactions"], counters["invalid_arguments"], counters["offsets"]) == (2, 1, 3)
    records = b"".join(bucket.get("Transactions", b"") for one in started.payloads for bucket in one["Stats"])
    assert b"id" in records and b"\xff\0" in records


def test_what_is_not_delivered_is_kept(agent, caplog):
    agent.status = 503
    datastreams.start(service="test", agent_url=agent.url)
    set_checkpoint(OUT)
    assert datastreams.flush(0.3) is False
    assert caplog.records and {record.name for record in caplog.records} == {"datastreams"}
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    agent.status = 202
    assert datastreams.flush(20) is True
    assert agent.total("direction:out") == 1
    agent.status = 503
    set_checkpoint(OUT)
    assert datastreams.stop(0.2) is False
    assert datastreams.stats()["messages_dropped_stop"] == 1


def test_nothing_is_printed_where_logging_is_not_configured():
    code = "import datastreams as d; d.start(agent_url='http://127.0.0.1:9'); d.set_checkpoint(['a']); d.stop(0)"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), check=True, capture_output=True, timeout=60)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_lines_that_nobody_reads_are_counted(agent):
    """The ring is bounded: it keeps the oldest, and says how many it left out. The log is called as the library does."""
    agent.status = 400
    datastreams.start(service="test", agent_url=agent.url)
    for _ in range(80):
        set_checkpoint(OUT)
        _native.flush(5)
    lines = _native.logs()
    assert 2 <= len(lines) <= 65 and _native.logs() == []
    if len(lines) == 65:
        assert re.fullmatch(r"\d+ more lines were dropped: nobody read them", lines[-1][1])


def test_polling(agent):
    datastreams.start(service="test", agent_url=agent.url, delivery="poll")
    set_checkpoint(OUT)
    assert 0 <= datastreams.poll() <= 10
    assert datastreams.poll(now_ns=pathlib.Path(__file__).stat().st_ctime_ns + 10**12 * 10**6) >= 0
    assert agent.total("direction:out") == 1
    datastreams.start(service="test", agent_url=agent.url)
    with pytest.raises(RuntimeError, match="delivery='poll'"):
        datastreams.poll()


# ---- Values ---------------------------------------------------------------------------------------------------


def test_pathways_are_values():
    one = Pathway(2**64 - 1, NOW, NOW + 1, 7, NOW - 1, "out")
    assert pickle.loads(pickle.dumps(one)) == one == eval(repr(one))
    assert len({one, Pathway(2**64 - 1, NOW, NOW + 1, 7, NOW - 1, "out"), Pathway(1, NOW, NOW)}) == 2
    assert one != Pathway(2**64 - 1, NOW, NOW + 1, 7, NOW - 1, "in") and one != 7
    assert one and not Pathway(5, 0, 0)
    assert Pathway(5, 0, 0).encode() == "" and Pathway(5, 0, 0).encode(binary=True) == b""
    with pytest.raises(AttributeError):
        one.hash = 1
    with pytest.raises(AttributeError):
        one.other = 1
    with pytest.raises(TypeError):
        datastreams.Edge()


def test_using_a_pathway(started):
    outer, inner = set_checkpoint(OUT), Pathway(5, NOW, NOW)
    with datastreams.use_pathway(inner) as used:
        assert used == inner == datastreams.current_pathway()
        with datastreams.use_pathway(None):
            assert datastreams.current_pathway() is None
        set_checkpoint(OUT)
        assert datastreams.current_pathway() != inner
    assert datastreams.current_pathway() == outer
    with pytest.raises(ZeroDivisionError), datastreams.use_pathway(inner):
        raise ZeroDivisionError
    assert datastreams.current_pathway() == outer
    again = datastreams.use_pathway(inner)
    with again, again:
        assert datastreams.current_pathway() == inner
    assert datastreams.current_pathway() == outer
