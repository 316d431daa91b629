"""redis-py streams over a real Redis: synchronous and asyncio, RESP2 and RESP3."""

import asyncio
import time
import uuid

import datastreams
import pytest
import redis as client
from points import reported
from redis.asyncio import Redis as AsyncRedis

KEY = datastreams.HEADER_KEY


@pytest.fixture(params=[2, 3])
def store(request, started, redis):
    datastreams.patch("redis")
    with client.Redis(port=redis, protocol=request.param) as store:
        yield store


def name(prefix="stream"):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def entries_of(answer):
    """Of the one stream of an answer, in the forms that redis-py has."""
    [entries] = answer.values() if isinstance(answer, dict) else [entries for _, entries in answer]
    return entries[0] if isinstance(entries[0], list) else entries


def test_a_chain(store, started):
    first, second = name("first"), name("second")
    fields = {"tenant": "ä", "n": 12, b"raw": b"\xff"}
    store.xadd(first, fields)
    assert fields == {"tenant": "ä", "n": 12, b"raw": b"\xff"}
    [entry] = entries_of(store.xread({first: 0}))
    assert entry[1] == {b"tenant": "ä".encode(), b"n": b"12", b"raw": b"\xff"}
    assert datastreams.pathway_of(entry) == datastreams.current_pathway()
    store.xadd(second, {"a": "b"}, maxlen=10)
    store.xgroup_create(second, "workers", 0)
    [entry] = entries_of(store.xreadgroup("workers", "me", {second: ">"}))
    assert entry[1] == {b"a": b"b"}

    points = reported(started)
    edges = (
        f"out,topic:{first},type:redis",
        f"in,topic:{first},type:redis",
        f"out,topic:{second},type:redis",
        f"in,group:workers,topic:{second},type:redis",
    )
    points.chain(*edges)
    assert points.counts() == dict.fromkeys(edges, 1)
    for edge, size in zip(edges, (15, 15, 2, 2)):
        assert points.size(edge) == pytest.approx(size, rel=0.008)


def test_a_batch(store, started):
    stream = name()
    for number in range(9):
        with datastreams.use_pathway(None):
            store.xadd(stream, {"n": number})
        time.sleep(0.002)
    datastreams.unpatch("redis")
    store.xadd(stream, {"n": 9})
    datastreams.patch("redis")
    entries = entries_of(store.xread({stream: 0}))
    merged = datastreams.current_pathway()
    starts = []
    for entry in entries:
        assert datastreams.current_pathway() == datastreams.pathway_of(entry)
        starts.append(datastreams.current_pathway().start_ns)
    assert datastreams.current_pathway() == merged == datastreams.Pathway.merge(map(datastreams.pathway_of, entries))
    assert starts == sorted(starts) and len(set(starts)) == 10
    points = reported(started)
    edge = f"in,topic:{stream},type:redis"
    assert points.counts() == {f"out,topic:{stream},type:redis": 9, edge: 10} and points.roots(edge) == 1


def test_an_empty_answer_counts_nothing_and_changes_nothing(store, started):
    before = datastreams.edge("direction:in", "topic:x", "type:test").consume()
    assert not store.xread({name(): 0}) and not store.xread({name(): 0}, block=10)
    assert datastreams.current_pathway() == before
    assert reported(started).counts() == {"in,topic:x,type:test": 1}


def test_after_an_empty_answer_nothing_goes_on_from_the_entry_before(store):
    """Only from another stream's, or from what another group read."""
    stream = name()
    store.xadd(stream, {"a": 1})
    store.xgroup_create(stream, "workers", 0)
    store.xreadgroup("workers", "me", {stream: ">"})
    current = datastreams.current_pathway()
    assert not store.xread({stream: "$"}) and not store.xread({name(): 0})
    assert datastreams.current_pathway() is current is not None
    assert not store.xreadgroup("workers", "me", streams={stream: ">"})
    assert datastreams.current_pathway() is None


def test_headers(store, started):
    stream, other = name(), name()
    datastreams.unpatch("redis")
    for header in ("?!", b"\xff\xfe", ""):
        store.xadd(stream, {KEY: header, "a": 1})
    store.xadd(stream, {"a": 1}, id=f"{int(time.time() * 1000) + 1000}-0")
    datastreams.patch("redis")
    assert [entry[1] for entry in entries_of(store.xread({stream: 0}))] == [{b"a": b"1"}] * 4
    with datastreams.use_pathway(None):
        store.xadd(other, {KEY: "stale", datastreams.HEADER_KEY_LEGACY: "stale", "a": 1})
    datastreams.unpatch("redis")
    [entry] = entries_of(store.xread({other: 0}))
    assert set(entry[1]) == {KEY.encode(), b"a"} and entry[1][KEY.encode()] != b"stale"
    assert reported(started).roots(f"in,topic:{stream},type:redis") == 4


def test_a_root_begins_when_the_entry_was_added(store, started):
    stream = name()
    datastreams.unpatch("redis")
    store.xadd(stream, {"a": 1}, id="7-1")
    store.xadd(stream, {"a": 1}, id=f"{int(time.time() * 1000) - 100_000}-0")
    datastreams.patch("redis")
    store.xread({stream: 0})
    points = reported(started)
    assert 99 < points.latency(f"in,topic:{stream},type:redis") < 130
    assert datastreams.stats()["queued_ignored"] == 1


def test_claimed_entries_are_delivered_again(store, started):
    stream = name()
    store.xgroup_create(stream, "workers", 0, mkstream=True)
    for _ in range(3):
        store.xadd(stream, {"a": 1})
    store.xreadgroup("workers", "lost", {stream: ">"})
    claimed = store.xclaim(
        stream,
        "workers",
        "me",
        0,
        [entry["message_id"] for entry in store.xpending_range(stream, "workers", "-", "+", 1)],
    )
    assert [entry[1] for entry in claimed] == [{b"a": b"1"}]
    before = datastreams.current_pathway()
    assert store.xclaim(stream, "workers", "me", 0, [claimed[0][0]], justid=True) == [claimed[0][0]]
    assert datastreams.current_pathway() == before
    claimed = store.xautoclaim(stream, "workers", "me", 0)
    assert [entry[1] for entry in claimed[1]] == [{b"a": b"1"}] * 3
    assert datastreams.pathway_of(claimed[1][0]) is not None
    edge = f"in,group:workers,topic:{stream},type:redis"
    assert reported(started).counts() == {f"out,topic:{stream},type:redis": 3, edge: 7}


def test_pipelines_and_idempotent_entries(store, started, counted):
    stream = name()
    with store.pipeline() as pipeline:
        pipeline.xadd(stream, {"a": 1})
        pipeline.xread({stream: 0})
        added, answer = pipeline.execute()
    assert added and KEY.encode() in entries_of(answer)[0][1]
    with pytest.raises(client.ResponseError):
        store.xadd(stream, {"a": 1}, idmpauto="producer")  # Not before Redis 8.6.
    with pytest.raises(client.DataError):
        store.xadd(stream, {})
    assert counted() == {"redis_idempotent": 1}
    assert reported(started).counts() == {f"out,topic:{stream},type:redis": 1}


@pytest.mark.parametrize("protocol", [2, 3])
def test_asyncio(started, redis, protocol):
    datastreams.patch("redis")

    async def pipeline(store):
        first, second = name("first"), name("second")
        await store.xadd(first, {"a": 1})
        [entry] = entries_of(await store.xread({first: "0"}, block=1000))
        assert entry[1] == {"a": "1"}
        await asyncio.sleep(0.02)  # The others go on meanwhile.
        async with store.pipeline() as commands:
            await commands.xadd(second, {"a": 1}).execute()
        await store.xgroup_create(second, "workers", 0)
        [entry] = entries_of(await store.xreadgroup("workers", "me", {second: ">"}, block=1000))
        assert datastreams.pathway_of(entry) == datastreams.current_pathway()
        return first, second

    async def main():
        async with AsyncRedis(port=redis, protocol=protocol, decode_responses=True) as store:
            return await asyncio.gather(*(pipeline(store) for _ in range(5)))

    streams = asyncio.run(main())
    points = reported(started)
    for first, second in streams:
        points.chain(
            f"out,topic:{first},type:redis",
            f"in,topic:{first},type:redis",
            f"out,topic:{second},type:redis",
            f"in,group:workers,topic:{second},type:redis",
        )
    assert sum(points.counts().values()) == 20


def test_unpatched(store, started):
    stream = name()
    datastreams.unpatch("redis")
    store.xadd(stream, {"a": 1})
    assert entries_of(store.xread({stream: 0}))[0][1] == {b"a": b"1"}
    assert reported(started).counts() == {}
