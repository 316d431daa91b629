"""tests/vectors, which every language reads, through Python."""

import json
import sys

import datastreams
import pytest
from conftest import ROOT
from datastreams import Pathway

sys.path.insert(0, str(ROOT / "tests" / "reference"))
import reference  # noqa: E402

DIRECTIONS = ["", "in", "out"]


def load(name):
    return json.loads((ROOT / "tests" / "vectors" / f"{name}.json").read_text(encoding="utf-8"))


def pathway(value):
    if value is None or int(value["start_ns"]) == 0:
        return None
    return Pathway(
        *(int(value[name]) for name in ("hash", "start_ns", "edge_start_ns")),
        int(value.get("opposite_hash", 0)),
        int(value.get("opposite_edge_start_ns", 0)),
        DIRECTIONS[value.get("direction", 0)],
    )


def test_hashes():
    compared = 0
    for vector in load("hash")["pathway"]:
        if not vector["service"] or not vector["tags"]:
            continue  # a client always has a service, and an edge tags
        own = {name: vector[name] for name in ("service", "env", "primary_tag") if vector[name]}
        datastreams.start(**own, agent_url="http://127.0.0.1:9")
        # The parent's direction is another one than the edge's: it is the parent, whatever that is.
        other = "in" if "direction:out" in vector["tags"] else "out"
        parent = Pathway(int(vector["parent"]), 1, 1, direction=other)
        for tags in (vector["tags"], vector["tags"][::-1]):
            assert datastreams.set_checkpoint(tags, parent=parent, now_ns=10).hash == int(vector["hash"]), vector
        compared += 1
        datastreams.stop(0)
    assert compared >= 20


def test_headers_are_read():
    vectors = load("header")["decode"]
    refused = 0
    for vector in vectors:
        header, now = bytes.fromhex(vector["bytes"]), int(vector["now_ns"])
        expected = pathway(vector.get("pathway"))
        assert Pathway.decode(header, now_ns=now) == expected, vector["origin"]
        assert Pathway.decode(bytearray(header), now_ns=now) == expected
        if header.isascii():
            assert Pathway.decode(header.decode(), now_ns=now) == expected
        refused += expected is None
    assert 20 < refused < len(vectors) - 20


def test_headers_are_written():
    written = 0
    for vector in load("header")["encode"]:
        if int(vector["start_ns"]) <= 0:
            continue  # no pathway
        value = pathway(vector)
        assert value.encode() == vector["base64"] and value.encode(binary=True) == bytes.fromhex(vector["binary"])
        written += 1
    assert written >= 5


@pytest.mark.parametrize("story", load("rules")["stories"], ids=lambda story: story["name"])
def test_rules(story):
    """The vectors name nodes by their hash, and Python names edges by tags: the reference tells the story over tags."""
    datastreams.start(service="test", env="ci", agent_url="http://127.0.0.1:9")
    step = story["steps"][0]["before"]
    theirs, ours = (None, None) if step is None else (reference_pathway(step), pathway(step))
    for step in story["steps"]:
        tags = [f"node:{step['node']}"] + {0: [], 1: ["direction:in"], 2: ["direction:out"]}[step["direction"]]
        now, queued = int(step["now_ns"]), int(step["queued_ns"])
        if step["before"] is None:
            theirs = ours = None
        node = reference.node_hash("test", "ci", "", tags)
        theirs = reference.checkpoint(theirs, node, step["direction"], now, queued).pathway
        before = datastreams.stats()["restarts"]
        ours = datastreams.set_checkpoint(tags, parent=ours, now_ns=now, queued_ns=queued)
        assert ours == Pathway(theirs.hash, theirs.start_ns, theirs.edge_start_ns, theirs.opposite_hash,
                               theirs.opposite_edge_start_ns, DIRECTIONS[theirs.direction])  # fmt: skip
        assert (datastreams.stats()["restarts"] > before) == step["restarted"]


def reference_pathway(value):
    return reference.Pathway(*(int(value[name]) for name in (
        "hash", "start_ns", "edge_start_ns", "opposite_hash", "opposite_edge_start_ns", "direction")))  # fmt: skip


def test_merging():
    for vector in load("rules")["merge"]:
        given = [pathway(value) for value in vector["pathways"]]
        for order in (given, given[::-1]):
            assert Pathway.merge(order) == Pathway.merge(iter(order)) == pathway(vector["result"]), vector["name"]
