"""What arrived at the agent, by edges."""

import collections

import datastreams
from agent import decode_sketch


def reported(agent):
    """What was recorded until now, as the agent has it."""
    assert datastreams.flush(10)
    return Points(agent.points())


class Points:
    def __init__(self, points):
        self.points = points

    def counts(self):
        """Messages by edge: the tags without the direction's key, joined in their order, such as "out,topic:a,type:sqs"."""
        counts = collections.Counter()
        for point in self.points:
            counts[_name(point)] += int(decode_sketch(point["EdgeLatency"]).count())
        return dict(counts)

    def of(self, edge):
        """A point of an edge that is passed from one parent only. There are several when several processes reported it,
        or a bucket ended meanwhile."""
        found = self.all_of(edge)
        assert len({(point["Hash"], point["ParentHash"]) for point in found}) == 1, (edge, self.edges())
        return found[0]

    def all_of(self, edge):
        return [point for point in self.points if _name(point) == edge]

    def edges(self):
        return [(_name(point), point["ParentHash"]) for point in self.points]

    def roots(self, edge):
        """How many messages passed this edge first of all."""
        points = [point for point in self.all_of(edge) if point["ParentHash"] == 0]
        return sum(int(decode_sketch(point["EdgeLatency"]).count()) for point in points)

    def chain(self, *edges):
        """Fails unless each edge is passed from the one before only, and the first from none."""
        parent = 0
        for edge in edges:
            point = self.of(edge)
            assert point["ParentHash"] == parent, (edge, point["ParentHash"], parent)
            parent = point["Hash"]

    def size(self, edge):
        """The payload size of an edge whose messages have one size; at most 0.8 % off."""
        sizes = {value for point in self.all_of(edge) for value, _ in decode_sketch(point["PayloadSize"]).values()}
        assert len(sizes) == 1, sizes
        return sizes.pop()

    def latency(self, edge):
        """The greatest pathway latency of an edge, in seconds."""
        return max(value for point in self.all_of(edge) for value, _ in decode_sketch(point["PathwayLatency"]).values())


def _name(point):
    return ",".join(tag.removeprefix("direction:") for tag in sorted(point["EdgeTags"]))
