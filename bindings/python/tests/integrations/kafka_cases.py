"""What the tests of several Kafka clients have in common: messages to send, and what has to come of them."""

import time

import datastreams
import pytest
from points import reported

KEY = datastreams.HEADER_KEY
OLD = datastreams.Pathway(7, time.time_ns() - 10**9, time.time_ns() - 10**9)
# Headers with ours in them already, more than once.
STALE = ("a", b"1"), (KEY, OLD.encode().encode()), ("dd-pathway-ctx", b"x"), (KEY, b"y")
# The limit of a producer, and the longest value that ours fits beside: it takes 59 bytes at most, the lengths of the value and
# of a missing key 3, what the client adds 83. One byte more, and what the client itself takes, are sent without it.
MAX_REQUEST_SIZE = 5000
FITS = MAX_REQUEST_SIZE - 83 - 3 - 59
SIZES, TOO_LARGE = (FITS, FITS + 1, MAX_REQUEST_SIZE - 82 - 4), MAX_REQUEST_SIZE - 82 - 3


def is_a_chain(agent, kafka, first, second, sizes):
    """A message of each topic, the second produced from the first."""
    edges = [
        kafka.edge("out", first),
        kafka.edge("in", first, "g"),
        kafka.edge("out", second),
        kafka.edge("in", second, "h"),
    ]
    points = reported(agent)
    assert points.counts() == dict.fromkeys(edges, 1)
    points.chain(*edges)
    assert [points.size(edge) for edge in edges] == pytest.approx([at for at in sizes for _ in range(2)], rel=0.008)


def have_ours_once(kafka, topic):
    """Messages that were sent with no headers, with an empty list, and with STALE."""
    seen = [headers for _, _, headers in kafka.read(topic, 3)]
    assert [[name for name, _ in headers] for headers in seen] == [[KEY], [KEY], ["a", KEY]]
    assert all(datastreams.Pathway.decode(headers[-1][1]) for headers in seen)


def send_roots(kafka, topic):
    """Four messages, of which the first alone has a pathway. The second is a minute old."""
    young = datastreams.Pathway(7, time.time_ns(), time.time_ns())
    kafka.send(topic, headers=[(KEY, young.encode())])
    kafka.send(topic, timestamp=int(time.time() * 1000) - 60_000)
    kafka.send(topic, headers=[(KEY, b"?" * 30)])
    kafka.send(topic, headers=[(KEY, None)])


def are_roots(agent, kafka, topic, hashes):
    """What was current after each of those."""
    assert len(hashes) == 4 and hashes[0] != hashes[1] == hashes[2] == hashes[3]
    points, edge = reported(agent), kafka.edge("in", topic, "g")
    assert points.counts() == {edge: 4} and points.roots(edge) == 3
    is_a_minute(points.latency(edge))


def is_a_minute(latency):
    """That of a message that was a minute old when it was sent, with what a busy machine adds."""
    assert 59 <= latency < 180


def is_a_batch(batch):
    """Three messages of one answer: the pathways of each, while the merged one is current."""
    assert isinstance(batch, list) and len(batch) == 3
    pathways = [datastreams.pathway_of(message) for message in list.__iter__(batch)]
    assert datastreams.current_pathway() == datastreams.Pathway.merge(pathways)
    return pathways


def went_on_from(agent, kafka, source, target, pathways):
    """Each message of a batch was consumed, and one was produced from each."""
    points = reported(agent)
    assert points.counts() == {kafka.edge("in", source, "g"): 3, kafka.edge("out", target): 3}
    parents = {point["ParentHash"] for point in points.points if f"topic:{target}" in point["EdgeTags"]}
    assert parents == {pathway.hash for pathway in pathways}


def one_has_ours(agent, kafka, topic, counted):
    """Messages with values of SIZES."""
    headers = [[name for name, _ in headers or ()] for _, _, headers in kafka.read(topic, 3)]
    assert headers == [[KEY], [], []]
    assert counted() == {"kafka_too_large": 2}
    assert reported(agent).counts() == {kafka.edge("out", topic): 1}


def are_the_offsets(agent, kafka, topic, auto):
    """Five messages, three of them committed by the group "lag"; one that a client has committed by itself, for "auto"."""
    reported(agent)
    assert agent.backlogs() == {
        kafka.backlog("produce", topic): 4,
        kafka.backlog("high_watermark", topic): 5,
        kafka.backlog("commit", topic, "lag"): 3,
        kafka.backlog("produce", auto): 0,
        kafka.backlog("high_watermark", auto): 1,
        kafka.backlog("commit", auto, "auto"): 1,
    }
