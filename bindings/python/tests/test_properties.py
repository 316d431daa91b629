"""Whatever comes in: nothing raises, nothing is lost without being counted."""

import datastreams
from datastreams import HEADER_KEY, Pathway, set_checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st

# Surrogates too, which hypothesis leaves out by itself.
ANY_TEXT = st.text(
    st.characters(categories=None) | st.characters(categories=["Cs"]) | st.sampled_from(",:\0\U0010ffff")
)
TIMES = st.integers(1, 2**63 - 1)
HASHES = st.integers(0, 2**64 - 1)
PATHWAYS = st.builds(Pathway, HASHES, TIMES, TIMES, HASHES, TIMES, st.sampled_from(["", "in", "out"]))


def recorded():
    """What happened to calls: recorded, or refused and counted."""
    counters = datastreams.stats()
    return counters["checkpoints"], counters["invalid_arguments"]


@given(st.binary() | ANY_TEXT | st.binary(min_size=8, max_size=40))
def test_any_header_is_read_or_not(header):
    found = Pathway.decode(header, now_ns=None)
    assert found is None or found.start_ns > 0


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**20), st.sampled_from([b"A", b"\0", b"\xff", b"="]))
def test_headers_of_any_length(length, byte):
    Pathway.decode(byte * length)


@given(PATHWAYS)
def test_what_is_written_is_read(pathway):
    """Times travel in milliseconds; what is less than one has no form."""
    for header in (pathway.encode(), pathway.encode().encode(), pathway.encode(binary=True)):
        read = Pathway.decode(header, now_ns=None)
        start, edge_start = (time // 10**6 * 10**6 for time in (pathway.start_ns, pathway.edge_start_ns))
        if start > 0 and edge_start > 0:
            assert read == Pathway(pathway.hash, start, edge_start)


@given(st.lists(PATHWAYS | st.none(), max_size=6), st.randoms())
def test_merging_does_not_depend_on_the_order(pathways, random):
    merged = Pathway.merge(pathways)
    assert merged in pathways or (merged is None and not any(pathways))
    random.shuffle(pathways)
    assert Pathway.merge(pathways) == merged


def test_any_tags(started):
    @settings(deadline=None)
    @given(st.lists(ANY_TEXT, max_size=5), st.sampled_from([None, "direction:in", "direction:out"]))
    def check(tags, direction):
        tags = tags + [direction] if direction else tags
        before, copy = recorded(), list(tags)
        headers = {}
        pathway = set_checkpoint(tags, parent=None, carrier=headers)
        after = recorded()
        assert tags == copy
        refused = not tags or "" in tags
        assert after == (before[0] + (not refused), before[1] + refused)
        assert bool(pathway) != refused
        assert (HEADER_KEY in headers) == (direction == "direction:out" and not refused)
        if not refused:
            # The same edge again, however it is said.
            now = pathway.start_ns
            again = [set_checkpoint(say(tags), parent=None, now_ns=now) for say in (tuple, list, iter, reversed)]
            assert len(set(again)) == 1 and again[0].hash == pathway.hash

    check()
    assert datastreams.flush()
    assert sum(started.counts().values()) == datastreams.stats()["checkpoints"]
    assert all(isinstance(tag, str) for point in started.points() for tag in point["EdgeTags"])


def test_lone_surrogates_are_replaced(started):
    set_checkpoint(["direction:out", "topic:\ud800x"])
    datastreams.track_transaction("\udfff", "\ud800")
    datastreams.flush()
    assert started.counts() == {("direction:out", "topic:?x"): 1}
    assert datastreams.stats()["transactions"] == 1


def test_a_million_characters(started):
    for tag in ("x" * 2**20, "\U0001f600" * 2**18, "\ud800" * 2**20, "\0" * 2**20):
        assert not set_checkpoint([tag, "direction:out"], parent=None)
        datastreams.set_produce_checkpoint(tag, tag, {}.__setitem__)
    assert recorded() == (0, 8)


def test_tags_that_are_never_the_same_twice(started):
    """The cache of edges is bounded, and so are the library's own; all is counted."""
    for at in range(10_000):
        set_checkpoint(["direction:out", f"id:{at}"], parent=None)
    counters = datastreams.stats()
    assert counters["checkpoints"] == 10_000 and counters["edges"] <= 4096 + 3 and counters["cut_edges"] > 5000
    assert datastreams.flush(20)
    assert sum(started.counts().values()) == 10_000
