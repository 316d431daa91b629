"""Payloads of a pipeline of which every value is known, as several tracers would send them."""

import gzip
import itertools
import math
import random
import statistics
import time
import urllib.request
from dataclasses import dataclass, field

import paths  # noqa: F401
from reference import OFFSET, Mapping, Sketch, msgpack

# ours, that of .NET and Python, that of JavaScript
MAPPINGS = [Mapping(offset=OFFSET), Mapping(offset=1338.5), Mapping(gamma=1.01 / 0.99, offset=0.0)]
MEASURES = ("edge_latency_seconds", "pathway_latency_seconds", "payload_size_bytes")
BUCKET_NS = 10_000_000_000


@dataclass(frozen=True)
class Edge:
    """An edge, and the median and spread of its latency in seconds; a median of 0: all are 0."""

    service: str
    tags: tuple
    parent: int
    hash: int
    median: float
    spread: float
    env: str = "prod"

    def labels(self):
        """How other engines name it."""
        tags = dict(tag.split(":", 1) for tag in self.tags)
        named = {
            "service_name": self.service,
            "deployment_environment_name": self.env,
            "messaging_system": tags.get("type"),
            "messaging_destination_name": tags.get("topic") or tags.get("exchange"),
            "messaging_consumer_group_name": tags.get("group"),
            "messaging_operation_type": {"in": "receive", "out": "send"}.get(tags.get("direction")),
        }
        return frozenset((name, value) for name, value in named.items() if value)


EDGES = [
    Edge("shop", ("direction:out", "topic:orders", "type:kafka"), 0, 11, 0.0, 0),
    Edge("billing", ("direction:in", "group:bill", "topic:orders", "type:kafka"), 11, 12, 0.040, 0.4),
    Edge("billing", ("direction:out", "exchange:paid", "type:rabbitmq"), 12, 13, 0.002, 0.6),
    Edge("mail", ("direction:in", "topic:paid", "type:rabbitmq"), 13, 14, 1.7, 0.3),
    Edge("stock", ("direction:in", "group:count \\ \"all\"", "topic:orders", "type:kafka"), 11, 15, 0.9, 0.7),
    # The same but for the environment: to be kept apart everywhere.
    Edge("stock", ("direction:in", "group:count \\ \"all\"", "topic:orders", "type:kafka"), 11, 16, 0.3, 0.2, "test"),
]  # fmt: skip


@dataclass
class Traffic:
    """What was made: bodies to post, and every value by labels and measure."""

    bodies: list = field(default_factory=list)
    values: dict = field(default_factory=dict)
    messages: dict = field(default_factory=dict)

    def total(self):
        return sum(self.messages.values())

    def exact(self, labels, measure, at):
        """The value at a quantile: of n values in order the one at floor(q (n - 1))."""
        values = sorted(self.values[labels, measure])
        return values[int(at * (len(values) - 1))]


def spread_out(chance, number, value):
    """`number` values of a distribution, given by the value at a quantile, in any order. They are as far apart as the
    distribution has them: engines differ in which of two neighbours is the quantile."""
    values = [value((at + 0.5) / number) for at in range(number)]
    chance.shuffle(values)
    return iter(values)


def traffic(payloads, messages, seed=1):
    """`payloads` payloads of every service, with some `messages` messages of every edge."""
    chance, made, drawn = random.Random(seed), Traffic(), {}
    normal = statistics.NormalDist()
    for edge in EDGES:
        counts = [chance.randint(1, 2 * messages) for _ in range(payloads)]
        latency = lambda at, edge=edge: math.exp(edge.spread * normal.inv_cdf(at)) * edge.median
        total = sum(counts)
        drawn[edge] = (
            iter(counts),
            [
                spread_out(chance, total, latency),
                spread_out(chance, total, lambda at, latency=latency: 2 * latency(at)),
                spread_out(chance, total, lambda at: float(round(50 + 5000 * at))),
            ],
        )
    for number in range(payloads):
        mapping = MAPPINGS[number % len(MAPPINGS)]
        by_env = {}
        for edge in EDGES:
            sketches = [Sketch(mapping) for _ in MEASURES]
            counts, values = drawn[edge]
            count = next(counts)
            for measure, sketch, value in zip(MEASURES, sketches, values, strict=True):
                for one in itertools.islice(value, count):
                    sketch.add(one)
                    made.values.setdefault((edge.labels(), measure), []).append(one)
            made.messages[edge.labels()] = made.messages.get(edge.labels(), 0) + count
            edge_latency, pathway_latency, payload_size = (sketch.encode() for sketch in sketches)
            by_env.setdefault((edge.env, edge.service), []).append({
                "EdgeTags": list(edge.tags), "Hash": edge.hash, "ParentHash": edge.parent,
                "PathwayLatency": pathway_latency, "EdgeLatency": edge_latency, "PayloadSize": payload_size,
                "TimestampType": "current",
            })  # fmt: skip
        start = time.time_ns() // BUCKET_NS * BUCKET_NS - BUCKET_NS
        for (env, service), points in by_env.items():
            stats = [{"Start": start, "Duration": BUCKET_NS, "Stats": points, "Backlogs": backlogs(service, number)}]
            payload = {"Env": env, "Service": service, "Lang": "go", "TracerVersion": "1", "Stats": stats}
            made.bodies.append(gzip.compress(msgpack(payload), 1))
    return made


def backlogs(service, number):
    """Two partitions of orders: 100 each are produced, and some committed, more with every payload."""
    if service == "shop":
        return [{"Tags": ["type:kafka_produce", "topic:orders", f"partition:{at}"], "Value": 99} for at in (0, 1)]
    if service != "billing":
        return []
    tags = ["type:kafka_commit", "topic:orders", "consumer_group:bill"]
    return [{"Tags": [*tags, f"partition:{at}"], "Value": value} for at, value in enumerate(committed(number))]


def committed(number):
    """Offsets of both partitions."""
    return 70 + number // 4, 50 + number // 4


def lag(payloads):
    """Of the group, when all have come."""
    return sum(100 - offset for offset in committed(payloads - 1))


def post(url, body):
    """Posts a payload as a tracer does."""
    headers = {"Content-Type": "application/msgpack", "Content-Encoding": "gzip", "Datadog-Meta-Lang": "go"}
    request = urllib.request.Request(url + "/v0.1/pipeline_stats", body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status in (200, 202), answer.status
