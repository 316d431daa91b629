#!/usr/bin/env python3
"""A slow reference for everything that crosses a wire: hash, header, rules, sketch, payload.

Written to be read, standard library only. The fast code in core/ is compared with it through tests/vectors/*.json,
which every language reads, and the threshold table of core's sketch is made by it.

    reference.py --write    write the vectors and the threshold table
    reference.py --check    make them again in memory, exit 1 when a file differs
"""

import argparse
import json
import math
import random
import struct
import sys
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors"
TABLE = ROOT / "core" / "src" / "sketch" / "thresholds.rs"

M64 = 2**64 - 1

# ---------------------------------------------------------------------------------------------------------------
# Hash

FNV_OFFSET = 0xCBF29CE484222325
FNV_PRIME = 0x100000001B3


def fnv1(data, state=FNV_OFFSET):
    """FNV-1, 64 bits: multiply, then xor (FNV-1a does it the other way round)."""
    for byte in data:
        state = state * FNV_PRIME & M64 ^ byte
    return state


def le64(value):
    """8 bytes, lowest first."""
    return struct.pack("<Q", value & M64)


def node_hash(service, env, primary_tag, tags):
    """An edge in a service. Nothing stands between the texts; the key `partition` is never hashed."""
    hashed = sorted(tag.encode() for tag in tags if tag.split(":")[0] != "partition")
    return fnv1(b"".join([service.encode(), env.encode(), primary_tag.encode(), *hashed]))


def pathway_hash(node, parent):
    """The pathway that goes on from `parent` (0: none) over an edge."""
    return fnv1(le64(node) + le64(parent))


def mix(z):
    """Spreads a hash over all bits: the finalizer of splitmix64 (Steele, Lea, Flood 2014)."""
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & M64
    z = (z ^ z >> 27) * 0x94D049BB133111EB & M64
    return z ^ z >> 31


# ---------------------------------------------------------------------------------------------------------------
# Header

MS = 1_000_000
SECOND = 1000 * MS
DAY = 86_400 * SECOND
FUTURE_NS = 60 * SECOND
PAST_NS = 31 * DAY
STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
URL_SAFE = STANDARD[:62] + "-_"


@dataclass(frozen=True, order=True)
class Pathway:
    """A pathway as a program holds it. Only the first three travel."""

    hash: int
    start_ns: int
    edge_start_ns: int
    opposite_hash: int = 0
    opposite_edge_start_ns: int = 0
    direction: int = 0  # 0 none, 1 in, 2 out


def put_varint(value):
    """Zig-zag, then 7 bits a byte, lowest first. A ninth byte has all its 8 bits and is the last."""
    value = (value << 1 ^ value >> 63) & M64
    out = bytearray()
    while value > 0x7F and len(out) < 8:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Refusal(Exception):
    """A reading that failed, and why."""

    def __init__(self, cause):
        super().__init__(cause)
        self.cause = cause


def take_varint(data):
    """The value and the bytes after it."""
    value = 0
    for at, byte in enumerate(data[:9]):
        if at == 8:
            value |= byte << 56
        else:
            value |= (byte & 0x7F) << 7 * at
        if at == 8 or byte < 0x80:
            return value >> 1 ^ -(value & 1), data[at + 1 :]
    raise Refusal("truncated")


def base64_encode(data):
    """Standard alphabet, padded."""
    out = ""
    for at in range(0, len(data), 3):
        three = data[at : at + 3]
        bits = int.from_bytes(three.ljust(3, b"\0"), "big")
        four = "".join(STANDARD[bits >> shift & 63] for shift in (18, 12, 6, 0))
        out += four[: len(three) + 1].ljust(4, "=")
    return out


def base64_decode(text):
    """The longest prefix of base64 characters, whitespace before it skipped; of at most 64 characters.

    Bits left over are dropped. Empty when there are fewer than 14 characters: 10 bytes need as many.
    """
    text = text.lstrip(b" \t\n\f\r")[:64].decode("latin-1")
    bits, count = 0, 0
    for char in text:
        value = STANDARD.find(char) if char in STANDARD else URL_SAFE.find(char)
        if value < 0:
            break
        bits, count = bits << 6 | value, count + 1
    if count < 14:
        return b""
    size = count * 6 // 8
    return (bits >> count * 6 - size * 8).to_bytes(size, "big")


def encode_binary(pathway):
    """Times are milliseconds, truncated."""
    start, edge_start = (abs(ns) // MS * (1 if ns >= 0 else -1) for ns in (pathway.start_ns, pathway.edge_start_ns))
    return le64(pathway.hash) + put_varint(start) + put_varint(edge_start)


def decode_binary(data, now_ns):
    """Bytes after the two times are ignored (dd-trace-js pads with zeros)."""
    if len(data) < 10:
        raise Refusal("unreadable")
    start, rest = take_varint(data[8:])
    edge_start, _ = take_varint(rest)
    start, edge_start = start * MS, edge_start * MS
    for time in (start, edge_start):
        if not -(2**63) <= time < 2**63:
            raise Refusal("overflow")
    for time in (start, edge_start):
        if time > now_ns + FUTURE_NS:
            raise Refusal("future")
        if time <= 0 or time < now_ns - PAST_NS:
            raise Refusal("too_old")
    return Pathway(struct.unpack("<Q", data[:8])[0], start, edge_start)


def decode_header(data, now_ns):
    """Any form that is on the wire: base64, base64 of base64 (dd-trace-dotnet), binary (data-streams-go).

    The innermost base64 that is long enough gives the cause: almost any text, read as binary, is a time in 1970. The
    binary reading gives it when no base64 was long enough.
    """
    once = base64_decode(data)
    twice = base64_decode(once)
    refusals = []
    for reading in (once, twice, data):
        try:
            return decode_binary(reading, now_ns)
        except Refusal as refusal:
            refusals.append(refusal)
    of_once, of_twice, of_binary = refusals
    for refusal in (of_twice, of_once):
        if refusal.cause != "unreadable":
            raise refusal
    raise of_binary


# ---------------------------------------------------------------------------------------------------------------
# Rules


@dataclass(frozen=True)
class Step:
    """What a checkpoint measures."""

    pathway: Pathway
    parent: int
    edge_latency_ns: int
    pathway_latency_ns: int
    skewed: bool
    restarted: bool


def checkpoint(before, node, direction, now, queued=0):
    """Extends a pathway (None: one begins). Consecutive checkpoints of one direction branch off from the closest
    checkpoint of the opposite direction; where there is none, each begins a pathway."""
    root = min(queued, now) if queued else now
    p = before or Pathway(0, root, root)
    parent, restarted = p.hash, False
    if direction:
        if direction == p.direction:
            parent = p.opposite_hash
            restarted = parent == 0
            if restarted:
                p = replace(p, start_ns=root, edge_start_ns=root)
            else:
                p = replace(p, edge_start_ns=p.opposite_edge_start_ns)
        else:
            p = replace(p, opposite_hash=p.hash, opposite_edge_start_ns=p.edge_start_ns, direction=direction)
    edge_latency, pathway_latency = now - p.edge_start_ns, now - p.start_ns
    return Step(
        pathway=replace(p, hash=pathway_hash(node, parent), edge_start_ns=now),
        parent=parent,
        edge_latency_ns=max(0, edge_latency),
        pathway_latency_ns=max(0, pathway_latency),
        skewed=edge_latency < 0 or pathway_latency < 0,
        restarted=restarted,
    )


def merge(pathways):
    """Which pathway goes on where messages are joined: uniform, the same every time, independent of order."""

    def key(p):
        return mix(fnv1(le64(p.hash) + le64(p.start_ns) + le64(p.edge_start_ns))), p

    return min((p for p in pathways if p.start_ns != 0), key=key, default=None)


# ---------------------------------------------------------------------------------------------------------------
# Sketch: DDSketch (Masson, Rim, Lee, VLDB 2019)

GAMMA = 1.015625  # 65/64, exact in binary
OFFSET = 1.8761281912861705
TABLE_MIN = 2.0**-30
TABLE_MAX = 2.0**64
MAX_BINS = 2048
MIN_INDEXABLE = sys.float_info.min * GAMMA
INTERPOLATIONS = ("none", "linear", "quadratic", "cubic")


def exact(body):
    """Calls body() with 60 digits, three times what a comparison of f64 needs."""
    with localcontext() as context:
        context.prec = 60
        return body()


def lower_bound(index):
    """The exact least value of a canonical bin: gamma ** (index - offset)."""
    return exact(lambda: ((Decimal(index) - Decimal(OFFSET)) * Decimal(GAMMA).ln()).exp())


def threshold(index):
    """The smallest f64 in a canonical bin. No bound is an f64 itself: (65/64) ** (p / 2**52) is irrational."""
    bound = lower_bound(index)
    nearest = float(bound)
    return nearest if Decimal(nearest) > bound else math.nextafter(nearest, math.inf)


def polynomial(interpolation, s):
    """What stands for log2(1 + s), 0 <= s < 1."""
    return {
        "linear": s,
        "quadratic": s * (4 - s) / 3,
        "cubic": s**3 * 6 / 35 - s**2 * 3 / 5 + s * 10 / 7,
    }[interpolation]


@dataclass(frozen=True)
class Mapping:
    """Which bin a value is in: floor(L(value) / log2(gamma) + offset), L(1) = 0, computed with 60 digits."""

    gamma: float = GAMMA
    offset: float = OFFSET
    interpolation: str = "none"

    def index(self, value):
        return exact(lambda: math.floor(self._log2(Decimal(value)) / self._log2_gamma() + Decimal(self.offset)))

    def value(self, index):
        """The value that stands for a bin: as far, relatively, from its least as from its greatest."""
        return exact(lambda: float(self._exp2((index - Decimal(self.offset)) * self._log2_gamma()))) * (
            1 + self.accuracy()
        )

    def accuracy(self):
        widest = {"none": 1, "linear": 1 / math.log(2), "quadratic": 3 / 4 / math.log(2), "cubic": 7 / 10 / math.log(2)}
        return 1 - 2 / (1 + self.gamma ** widest[self.interpolation])

    def _log2_gamma(self):
        return Decimal(self.gamma).ln() / Decimal(2).ln()

    def _log2(self, value):
        if self.interpolation == "none":
            return value.ln() / Decimal(2).ln()
        significand, exponent = math.frexp(value)
        return exponent - 1 + polynomial(self.interpolation, Decimal(significand) * 2 - 1)

    def _exp2(self, log):
        if self.interpolation == "none":
            return (log * Decimal(2).ln()).exp()
        exponent = math.floor(log)
        low, high = Decimal(0), Decimal(1)
        for _ in range(80):  # bisection: the polynomials rise
            middle = (low + high) / 2
            if polynomial(self.interpolation, middle) < log - exponent:
                low = middle
            else:
                high = middle
        return (1 + low) * Decimal(2) ** exponent


def collapsed(bins):
    """At most 2048 bins are kept; what is below them goes into the lowest."""
    floor = max(bins, default=0) - MAX_BINS + 1
    out = {}
    for index, count in bins.items():
        out[max(index, floor)] = out.get(max(index, floor), 0) + count
    return out


class Sketch:
    """Counts by bin. In both stores the least magnitudes are collapsed."""

    def __init__(self, mapping=None):
        self.mapping = mapping or Mapping()
        self.positive, self.negative, self.zero = {}, {}, 0.0

    def add(self, value, count=1.0):
        if abs(value) < MIN_INDEXABLE:
            self.zero += count
        else:
            bins = self.positive if value > 0 else self.negative
            index = self.mapping.index(abs(value))
            bins[index] = bins.get(index, 0.0) + count
            self._collapse()
        return self

    def merge(self, other):
        """Across mappings, each bin goes where the value that stands for it belongs: the errors add up."""
        for into, bins in ((self.positive, other.positive), (self.negative, other.negative)):
            for index, count in bins.items():
                if self.mapping != other.mapping:
                    index = self.mapping.index(other.mapping.value(index))
                into[index] = into.get(index, 0.0) + count
        self.zero += other.zero
        self._collapse()
        return self

    def _collapse(self):
        self.positive, self.negative = collapsed(self.positive), collapsed(self.negative)

    def values(self):
        """(value, count), ascending."""
        yield from ((-self.mapping.value(i), c) for i, c in sorted(self.negative.items(), reverse=True))
        if self.zero:
            yield 0.0, self.zero
        yield from ((self.mapping.value(i), c) for i, c in sorted(self.positive.items()))

    def count(self):
        return sum(self.positive.values()) + sum(self.negative.values()) + self.zero

    def quantile(self, q):
        """Of n values in order the one at floor(q (n - 1)), counted from 0."""
        rank, below = q * (self.count() - 1), 0.0
        for value, count in self.values():
            below += count
            if below > rank:
                return value
        return None

    def encode(self):
        """Protobuf: fields in order, defaults left out, both stores present, contiguous counts trimmed."""
        mapping = pb_double(1, self.mapping.gamma) + pb_double(2, self.mapping.offset)
        mapping += pb_varint(3, INTERPOLATIONS.index(self.mapping.interpolation))
        out = pb_bytes(1, mapping)
        for field, bins in ((2, self.positive), (3, self.negative)):
            store = b""
            if bins:
                counts = [bins.get(index, 0.0) for index in range(min(bins), max(bins) + 1)]
                store = pb_bytes(2, struct.pack(f"<{len(counts)}d", *counts)) + pb_varint(3, zigzag32(min(bins)))
            out += pb_bytes(field, store)
        return out + pb_double(4, self.zero)


def zigzag32(value):
    return (value << 1 ^ value >> 31) & 0xFFFFFFFF


def leb128(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def pb_varint(field, value, always=False):
    return leb128(field << 3) + leb128(value) if value or always else b""


def pb_double(field, value, always=False):
    return leb128(field << 3 | 1) + struct.pack("<d", value) if value or always else b""


def pb_bytes(field, value):
    return leb128(field << 3 | 2) + leb128(len(value)) + value


def pb_fields(data):
    """(number, value) of each field; values of 4 bytes are skipped."""
    while data:
        key, data = pb_take_varint(data)
        if key & 7 == 0:
            value, data = pb_take_varint(data)
        elif key & 7 == 1:
            value, data = struct.unpack("<d", data[:8])[0], data[8:]
        elif key & 7 == 2:
            size, data = pb_take_varint(data)
            value, data = data[:size], data[size:]
        elif key & 7 == 5:
            data = data[4:]
            continue
        else:
            raise ValueError("wire type")
        yield key >> 3, value


def pb_take_varint(data):
    value = 0
    for at, byte in enumerate(data[:10]):
        value |= (byte & 0x7F) << 7 * at
        if byte < 0x80:
            return value, data[at + 1 :]
    raise ValueError("varint")


def decode_sketch(data):
    """Any sketch on the wire, if it is sound: hostile ones are for the fast code."""

    def sint32(value):
        return value >> 1 ^ -(value & 1)

    def store(data):
        sparse, dense, first = {}, [], 0
        for field, value in pb_fields(data):
            if field == 1:
                entry = dict(pb_fields(value))
                sparse[sint32(entry.get(1, 0))] = entry.get(2, 0.0)
            elif field == 2 and isinstance(value, bytes):
                dense += struct.unpack(f"<{len(value) // 8}d", value)
            elif field == 2:
                dense.append(value)
            elif field == 3:
                first = sint32(value)
        for at, count in enumerate(dense):
            sparse[first + at] = sparse.get(first + at, 0.0) + count
        return collapsed({index: count for index, count in sparse.items() if count})

    fields = dict(pb_fields(data))
    mapping = dict(pb_fields(fields[1]))
    sketch = Sketch(Mapping(mapping[1], mapping.get(2, 0.0), INTERPOLATIONS[mapping.get(3, 0)]))
    sketch.positive, sketch.negative = store(fields.get(2, b"")), store(fields.get(3, b""))
    sketch.zero = fields.get(4, 0.0)
    return sketch


def bits(value):
    """The bit pattern of an f64."""
    return struct.unpack("<Q", struct.pack("<d", value))[0]


def threshold_table():
    """core/src/sketch/thresholds.rs"""
    first = Mapping().index(TABLE_MIN)
    last = Mapping().index(math.nextafter(TABLE_MAX, 0))
    words = [f"0x{bits(threshold(index)):016x}" for index in range(first + 1, last + 2)]
    rows = [", ".join(words[at : at + 5]) + "," for at in range(0, len(words), 5)]
    return "\n".join(
        [
            "//! The least f64 of every bin of the canonical mapping, as bit patterns.",
            "//!",
            "//! Made by `tests/reference/reference.py --write` in exact arithmetic: do not edit.",
            "",
            "/// The bin of 2^-30, the least value of the table.",
            f"pub(super) const FIRST: i32 = {first};",
            "",
            "/// `THRESHOLDS[k]` is the smallest f64 that is in bin `FIRST + 1 + k`; the last one is past 2^64.",
            "#[rustfmt::skip]",
            f"pub(super) static THRESHOLDS: [u64; {len(words)}] = [",
            *rows,
            "];",
            "",
        ]
    )


# ---------------------------------------------------------------------------------------------------------------
# Payload

BINARY = ("PathwayLatency", "EdgeLatency", "PayloadSize", "Transactions", "TransactionCheckpointIds")


def msgpack(value):
    """The shortest form of each value; maps keep their order."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        if 0 <= value < 0x80 or -32 <= value < 0:
            return struct.pack(">B" if value >= 0 else ">b", value)
        forms = "BHIQ" if value > 0 else "bhiq"
        for at, form in enumerate(forms):
            size = 8 << at
            if (value < 1 << size) if value > 0 else (value >= -1 << size - 1):
                return bytes([(0xCC if value > 0 else 0xD0) + at]) + struct.pack(">" + form, value)
    if isinstance(value, str):
        data = value.encode()
        return msgpack_length(len(data), (0xA0, 32), (0xD9, 0xDA, 0xDB)) + data
    if isinstance(value, bytes):
        return msgpack_length(len(value), None, (0xC4, 0xC5, 0xC6)) + value
    if isinstance(value, (list, tuple)):
        return msgpack_length(len(value), (0x90, 16), (None, 0xDC, 0xDD)) + b"".join(map(msgpack, value))
    if isinstance(value, dict):
        items = b"".join(msgpack(key) + msgpack(item) for key, item in value.items())
        return msgpack_length(len(value), (0x80, 16), (None, 0xDE, 0xDF)) + items
    raise TypeError(value)


def msgpack_length(length, short, marks):
    if short and length < short[1]:
        return bytes([short[0] + length])
    for mark, form, limit in zip(marks, "BHI", (1 << 8, 1 << 16, 1 << 32), strict=True):
        if mark and length < limit:
            return struct.pack(">B" + form, mark, length)
    raise ValueError("too long")


def msgpack_wide(value):
    """The widest form of each value, as dd-trace-js writes maps, arrays and numbers, and dd-trace-dotnet binaries."""
    if isinstance(value, int) and not isinstance(value, bool):
        return b"\xcf" + struct.pack(">Q", value) if value >= 0 else b"\xd3" + struct.pack(">q", value)
    if isinstance(value, str):
        return b"\xdb" + struct.pack(">I", len(value.encode())) + value.encode()
    if isinstance(value, bytes):
        return b"\xc6" + struct.pack(">I", len(value)) + value
    if isinstance(value, (list, tuple)):
        return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(msgpack_wide, value))
    if isinstance(value, dict):
        items = b"".join(msgpack_wide(key) + msgpack_wide(item) for key, item in value.items())
        return b"\xdf" + struct.pack(">I", len(value)) + items
    return msgpack(value)


def transaction(checkpoint_id, timestamp_ns, transaction_id):
    """One record: number of the checkpoint, time (big endian), length, id."""
    return struct.pack(">BqB", checkpoint_id, timestamp_ns, len(transaction_id)) + transaction_id.encode()


def transaction_names(names):
    """The table of checkpoint names, numbered from 1."""
    return b"".join(struct.pack(">BB", at + 1, len(name)) + name.encode() for at, name in enumerate(names))


# ---------------------------------------------------------------------------------------------------------------
# Vectors. Integers of 64 bits are decimal strings, floats that must agree to the last bit are the strings of their
# bits, bytes are hex.


def to_json(value):
    """As little text as stays readable: a line for each case."""

    def lines(value, indent):
        if isinstance(value, dict) and indent < 2:
            inner = [f"{json.dumps(key)}: {lines(item, indent + 1)}" for key, item in value.items()]
        elif isinstance(value, list) and indent < 2:
            inner = [lines(item, indent + 1) for item in value]
        else:
            return json.dumps(value, ensure_ascii=True)
        if not inner:
            return "{}" if isinstance(value, dict) else "[]"
        open_, close = "{}" if isinstance(value, dict) else "[]"
        pad = " " * (indent + 1)
        return f"{open_}\n{pad}" + f",\n{pad}".join(inner) + f"\n{' ' * indent}{close}"

    return lines(value, 0) + "\n"


def pathway_json(p):
    return p and {
        "hash": str(p.hash),
        "start_ns": str(p.start_ns),
        "edge_start_ns": str(p.edge_start_ns),
        "opposite_hash": str(p.opposite_hash),
        "opposite_edge_start_ns": str(p.opposite_edge_start_ns),
        "direction": p.direction,
    }


CLUSTER = "kafka_cluster_id:5L6g3nShT-eMCtK--X86sw"
QUEUE = "topic:dsm-system-tests-queue"
SYSTEM_TESTS = "system-tests tests/integrations/test_dsm.py"
# Origin, tags, hash of the parent, hash. Service weblog, environment system-tests.
PUBLISHED = [
    ("kafka producer with cluster id", ["direction:out", CLUSTER, QUEUE, "type:kafka"], 0, 14216899112169674443),
    (
        "kafka consumer with cluster id",
        ["direction:in", "group:testgroup1", CLUSTER, QUEUE, "type:kafka"],
        14216899112169674443,
        4247242616665718048,
    ),
    ("kafka producer", ["direction:out", QUEUE, "type:kafka"], 0, 4463699290244539355),
    ("kafka consumer, golang", ["direction:in", QUEUE, "type:kafka"], 4463699290244539355, 13758451224913876939),
    (
        "kafka consumer, dotnet",
        ["direction:in", "group:testgroup1", QUEUE, "type:kafka"],
        4463699290244539355,
        3735318893869752335,
    ),
    ("http in", ["direction:in", "type:http"], 0, 3883033147046472598),
    (
        "rabbitmq producer",
        ["direction:out", "exchange:dsm-system-tests-exchange", "has_routing_key:true", "type:rabbitmq"],
        0,
        8945717757344503539,
    ),
    ("rabbitmq consumer", ["direction:in", QUEUE, "type:rabbitmq"], 8945717757344503539, 247866491670975357),
    (
        "rabbitmq producer, dotnet legacy, with the tags of 2023",
        ["direction:out", "exchange:systemTestDirectExchange", "has_routing_key:True", "type:rabbitmq"],
        0,
        12547013883960139159,
    ),
    (
        "rabbitmq consumer, dotnet legacy, with the tags of 2023",
        ["direction:in", "topic:testRoutingKey", "type:rabbitmq"],
        12547013883960139159,
        12449081340987959886,
    ),
    ("inject base64", ["direction:out", "topic:dsm-injection-topic", "type:kafka"], 0, 6031446427375485596),
    (
        "manual checkpoint, producer",
        ["direction:out", "manual_checkpoint:true", "topic:system-tests-queue", "type:dd-streams"],
        0,
        2925617884093644655,
    ),
    (
        "manual checkpoint, consumer",
        ["direction:in", "manual_checkpoint:true", "topic:system-tests-queue", "type:dd-streams"],
        2925617884093644655,
        9012955179260244489,
    ),
]


def hash_vectors():
    cases = []

    def case(origin, service, env, primary_tag, tags, parent):
        node = node_hash(service, env, primary_tag, tags)
        cases.append(
            {
                "origin": origin,
                "service": service,
                "env": env,
                "primary_tag": primary_tag,
                "tags": tags,
                "parent": str(parent),
                "node": str(node),
                "hash": str(pathway_hash(node, parent)),
            }
        )
        return pathway_hash(node, parent)

    for origin, tags, parent, published in PUBLISHED:
        assert case(f"{SYSTEM_TESTS}: {origin}", "weblog", "system-tests", "", tags, parent) == published, origin
    assert int(cases[5]["node"]) == 5179352108816558794, "http in"
    ours = "this project"
    tags = ["type:kafka", "topic:orders", "group:billing", "direction:in"]
    parent = case(f"{ours}: tags in any order", "checkout", "prod", "", tags, 0)
    case(f"{ours}: the same", "checkout", "prod", "", sorted(tags), 0)
    case(f"{ours}: the key partition is not hashed", "checkout", "prod", "", [*tags, "partition:7"], 0)
    case(f"{ours}: nor as a bare word", "checkout", "prod", "", [*tags, "partition"], 0)
    case(f"{ours}: other keys that start so are", "checkout", "prod", "", [*tags, "partitions:7"], 0)
    case(f"{ours}: with a parent", "checkout", "prod", "", ["direction:out", "topic:paid", "type:kafka"], parent)
    case(f"{ours}: with a primary tag", "checkout", "prod", "region:eu", tags, 0)
    case(f"{ours}: nothing stands between the texts", "check", "outprod", "", tags, 0)
    case(f"{ours}: no environment", "checkout", "", "", tags, 0)
    case(f"{ours}: no tags", "checkout", "prod", "", [], 0)
    case(f"{ours}: nothing at all", "", "", "", [], 0)
    case(f"{ours}: order is that of bytes", "s", "e", "", ["Z:1", "a:1", "\u00e9:1", "\uffff:1", "\U0001f600:1"], M64)
    case(f"{ours}: more than one colon", "s", "e", "", ["topic:arn:aws:sns:us-east-1:1:t", "direction:out"], 1)
    case(f"{ours}: a comma is a character", "s", "e", "", ["topic:a,b", "direction:out"], 1)
    case(f"{ours}: repeated tags are all hashed", "s", "e", "", ["a:1", "a:1"], 0)

    java = fnv1(b"direction:in" + b"type:internal", 12)
    fnv = [
        ("offset basis of FNV", FNV_OFFSET, b""),
        ("one byte, by the definition", FNV_OFFSET, b"a"),
        ('dd-trace-go unit test BaseHash("svc", "env", nil, "ch")', FNV_OFFSET, b"svcenvch"),
        ("dd-trace-java unit test: tags after a base hash of 12", 12, b"direction:intype:internal"),
    ]
    assert fnv1(b"svcenvch") == -9046347542012827189 & M64
    assert base64_encode(encode_binary(Pathway(pathway_hash(java, 0), 50 * MS, 50 * MS))) == "L+lDG/Pa9hRkZA=="
    return {
        "_comment": (
            "fnv1: FNV-1 64 of the bytes `text`, continued from `state`. pathway: `node` is FNV-1 over service, env, "
            "primary_tag and the tags in bytewise order (the key `partition` left out), UTF-8, nothing between; `hash` "
            "is FNV-1 over LE64(node), LE64(parent)."
        ),
        "fnv1": [
            {"origin": origin, "state": str(state), "text": text.decode(), "hash": str(fnv1(text, state))}
            for origin, state, text in fnv
        ],
        "pathway": cases,
        "mix": [{"in": str(z), "out": str(mix(z))} for z in (0, 1, 2, 3883033147046472598, 1 << 63, M64)],
    }


NOW_MS = 1_786_000_010_000
NOW = NOW_MS * MS


def header_vectors():
    cases = []

    def decode(origin, data, now=NOW, expected=None):
        data = data.encode() if isinstance(data, str) else data
        case = {"origin": origin, "bytes": data.hex(), "now_ns": str(now)}
        try:
            pathway = decode_header(data, now)
            got = (pathway.hash, pathway.start_ns // MS, pathway.edge_start_ns // MS)
            case["pathway"] = pathway_json(pathway)
        except Refusal as refusal:
            got = refusal.cause
            case["refusal"] = refusal.cause
        assert expected is None or got == expected, (origin, got)
        cases.append(case)

    py = "10nVzXmeKoDApcX0zV/ApcX0zV8="
    decode("dd-trace-py unit test", py, 1642544540000 * MS, (9235368231858162135, 1642544540000, 1642544540000))
    js_hash = int.from_bytes(bytes.fromhex("67b0b35e65c0acfa"), "little")
    js_ms = decode_header(b"Z7CzXmXArPrE58Cfj2LI2cOfj2I=", 1_685_673_490_000 * MS)
    js = (js_hash, js_ms.start_ns // MS, js_ms.edge_start_ns // MS)
    decode("dd-trace-js unit test", "Z7CzXmXArPrE58Cfj2LI2cOfj2I=", 1_685_673_490_000 * MS, js)
    java = pathway_hash(fnv1(b"direction:intype:internal", 12), 0)
    decode("dd-trace-java unit test", "L+lDG/Pa9hRkZA==", 100 * MS, (java, 50, 50))
    decode("dd-trace-java unit test, today", "L+lDG/Pa9hRkZA==", NOW, "too_old")
    known = (424242, 1786000000123, 1786000005456)
    rb = "MnkGAAAAAAD2kare+meg5are+mc="
    decode("dd-trace-rb and dd-trace-go unit tests", rb, NOW, known)
    net = "bk1LRDJaRUF0Rk95L2YvSzVtT3kvZi9LNW1NPQ=="
    net_inner = decode_header(b"nMKD2ZEAtFOy/f/K5mOy/f/K5mM=", 1_715_788_950_000 * MS)
    net_known = (net_inner.hash, net_inner.start_ns // MS, net_inner.edge_start_ns // MS)
    decode("dd-trace-dotnet on SQS: base64 of base64", net, 1_715_788_950_000 * MS, net_known)

    good = Pathway(*[known[0], known[1] * MS, known[2] * MS])
    raw = encode_binary(good)
    assert base64_encode(raw) == rb
    decode("data-streams-go: the binary form", raw, NOW, known)
    decode("binary, bytes after the end", raw + b"\0\0\xff", NOW, known)
    decode("dd-trace-js pads with zeros", base64_encode(raw + b"\0\0\0\0"), NOW, known)
    decode("no padding", rb.rstrip("="), NOW, known)
    decode("whitespace before", " \t\r\n" + rb, NOW, known)
    decode("a newline after", rb + "\n", NOW, known)
    decode("other text after", rb + ", again", NOW, known)
    decode("text after the padding", rb + "AAAA", NOW, known)
    decode("quoted", f'"{rb}"', NOW)
    url = Pathway(0xFFFEFDFCFBFAF9F8, good.start_ns, good.edge_start_ns)
    text = base64_encode(encode_binary(url))
    decode("standard alphabet", text, NOW, (url.hash, *known[1:]))
    url_safe = text.replace("+", "-").replace("/", "_")
    assert url_safe != text
    decode("URL-safe alphabet", url_safe, NOW, (url.hash, *known[1:]))
    decode("base64 of base64", base64_encode(rb.encode()), NOW, known)
    decode("base64 of base64, no padding anywhere", base64_encode(rb.rstrip("=").encode()).rstrip("="), NOW, known)
    decode("base64 of base64 of base64 is too much", base64_encode(base64_encode(rb.encode()).encode()), NOW)
    spaced = base64_encode(b" " + rb.encode())
    decode("base64 of whitespace and base64", spaced, NOW, known)
    decode("a space within is the end", rb[:9] + " " + rb[9:], NOW)
    decode("64 characters of text are looked at", rb.rstrip("=") + "A" * 100, NOW, known)

    decode("one byte", b"\x01", NOW, "unreadable")
    decode("nine bytes", bytes(9), NOW, "unreadable")
    decode("a word", "null", NOW, "unreadable")
    decode("13 characters", "AAAAAAAAAAAAA", NOW)
    decode("ten zeros: 1970", bytes(10), NOW, "too_old")
    decode("14 characters: 1970", "AAAAAAAAAAAAAA", NOW, "too_old")
    decode("the text ends in the second time", base64_encode(raw[:-1]), NOW, "truncated")
    decode("the text ends in the first time", base64_encode(raw[:12]), NOW, "truncated")
    decode("base64 of base64 ends in a time", base64_encode(base64_encode(raw[:-1]).encode()), NOW, "truncated")
    decode("binary ends in the second time", raw[:-1], NOW, "truncated")
    decode("binary ends in the first time", raw[:11], NOW, "truncated")
    decode("binary ends after the first time", raw[:14], NOW, "truncated")
    decode("text that ends in a time, though as binary it is one of 1970", "/" * 20, NOW, "truncated")

    def at(start_ms, edge_ms, now=NOW):
        return encode_binary(Pathway(7, start_ms * MS, edge_ms * MS)), now

    day_ms, future_ms = DAY // MS, FUTURE_NS // MS
    for origin, start, edge, expected in [
        ("60 s ahead", NOW_MS + future_ms, NOW_MS + future_ms, None),
        ("start more than 60 s ahead", NOW_MS + future_ms + 1, NOW_MS, "future"),
        ("edge start more than 60 s ahead", NOW_MS, NOW_MS + future_ms + 1, "future"),
        ("31 days old", NOW_MS - 31 * day_ms, NOW_MS - 31 * day_ms, None),
        ("start more than 31 days old", NOW_MS - 31 * day_ms - 1, NOW_MS, "too_old"),
        ("edge start more than 31 days old", NOW_MS, NOW_MS - 31 * day_ms - 1, "too_old"),
        ("start too old, edge start ahead: start decides", 1, NOW_MS + future_ms + 1, "too_old"),
        ("start ahead, edge start too old: start decides", NOW_MS + future_ms + 1, 1, "future"),
        ("start negative", -1, NOW_MS, "too_old"),
        ("edge start negative", NOW_MS, -1, "too_old"),
        ("start half (dd-trace-rb before 2026-08 had no zig-zag)", NOW_MS // 2, NOW_MS // 2, "too_old"),
        ("largest time that fits", (2**63 - 1) // MS, NOW_MS, "future"),
        ("smallest time that fits", -(2**63 // MS), NOW_MS, "too_old"),
        ("time one too large", (2**63 - 1) // MS + 1, NOW_MS, "overflow"),
        ("time one too small", -(2**63 // MS) - 1, NOW_MS, "overflow"),
        ("edge start overflows, start too old: overflow decides", 1, 2**62, "overflow"),
        ("nine-byte times", 2**63 - 1, -(2**63), "overflow"),
    ]:
        data, now = at(start, edge)
        decode(origin + ", binary", data, now, expected)
        decode(origin, base64_encode(data), now, expected)
    late = NOW + 999_999
    decode("the window is compared in nanoseconds", encode_binary(Pathway(7, NOW - PAST_NS, NOW)), late, "too_old")
    decode("and ahead", encode_binary(Pathway(7, NOW + FUTURE_NS + MS, NOW)), late, "future")
    decode("zero is no time, whenever now is", encode_binary(Pathway(7, 0, 50 * MS)), 100 * MS, "too_old")
    decode("near the epoch", encode_binary(Pathway(7, 1 * MS, 50 * MS)), 100 * MS, (7, 1, 50))

    rng = random.Random(1)
    for case in range(160):
        data = bytearray(raw if case % 2 else rb.encode())
        for _ in range(rng.randrange(1, 4)):
            place = rng.randrange(len(data))
            change = rng.randrange(4)
            if change == 0:
                data[place] = rng.randrange(256)
            elif change == 1:
                data[place] ^= 1 << rng.randrange(8)
            elif change == 2 and len(data) > 9:
                del data[place]
            else:
                data.insert(place, rng.choice(b"A=+_ z\x00\xff"))
        decode(f"damaged {case}", bytes(data))

    encode = [
        Pathway(*known[:1], known[1] * MS, known[2] * MS),
        Pathway(9235368231858162135, 1642544540000 * MS, 1642544540000 * MS),
        Pathway(424242, known[1] * MS + 999_999, known[2] * MS + 1),
        Pathway(0, 0, 0),
        Pathway(M64, 2**63 - 1, 2**63 - 1),
        Pathway(1, 63 * MS, 64 * MS),
        Pathway(1, (2**41 - 1) * MS, 2**41 * MS),
        Pathway(java, 50 * MS, 50 * MS),
        Pathway(2**63, -MS, -(2**63 // MS) * MS),
    ]
    varints = sorted({sign * (2**k + d) for k in range(63) for d in (-1, 0, 1) for sign in (1, -1)})
    varints = [-(2**63), -(2**63) + 1, *varints, 2**63 - 1]
    assert put_varint(-(2**63)) == b"\xff" * 9
    return {
        "_comment": (
            "decode: `bytes` read at `now_ns` with the default window (60 s ahead, 31 days back) give `pathway` or "
            "`refusal`. encode: the pathway gives `binary` and `base64`. varint: zig-zag, at most nine bytes."
        ),
        "window": {"future_ns": str(FUTURE_NS), "past_ns": str(PAST_NS)},
        "encode": [
            {
                "hash": str(p.hash),
                "start_ns": str(p.start_ns),
                "edge_start_ns": str(p.edge_start_ns),
                "binary": encode_binary(p).hex(),
                "base64": base64_encode(encode_binary(p)),
            }
            for p in encode
        ],
        "decode": cases,
        "varint": [{"value": str(value), "bytes": put_varint(value).hex()} for value in varints],
    }


IN, OUT, NONE = 1, 2, 0


def rules_vectors():
    stories = []

    def story(name, *steps, start=None):
        """Steps are (edge name, direction, seconds after NOW, queued seconds after NOW or None)."""
        p, out = start, []
        for edge, direction, seconds, *queued in steps:
            node = node_hash("checkout", "prod", "", [f"edge:{edge}"])
            now = NOW + round(seconds * SECOND)
            queued_ns = NOW + round(queued[0] * SECOND) if queued else 0
            step = checkpoint(p, node, direction, now, queued_ns)
            out.append(
                {
                    "before": pathway_json(p),
                    "node": str(node),
                    "direction": direction,
                    "now_ns": str(now),
                    "queued_ns": str(queued_ns),
                    "after": pathway_json(step.pathway),
                    "parent": str(step.parent),
                    "edge_latency_ns": str(step.edge_latency_ns),
                    "pathway_latency_ns": str(step.pathway_latency_ns),
                    "skewed": step.skewed,
                    "restarted": step.restarted,
                }
            )
            p = step.pathway
        stories.append({"name": name, "steps": out})
        return p

    received = Pathway(424242, NOW - 10 * SECOND, NOW - 4 * SECOND)
    story("a producer begins", ("a", OUT, 0))
    story("a consumer of an old message whose queue time is known", ("a", IN, 0, -7))
    story("a queue time after now is now", ("a", IN, 0, 3))
    story("a queue time is for roots alone", ("a", IN, 0, -7), start=received)
    story("received, consumed, produced", ("a", IN, 0), ("b", OUT, 1), start=received)
    story(
        "fan-out: all branches go on from the consumption",
        ("a", IN, 0),
        *[("b", OUT, n) for n in (1, 2, 3)],
        start=received,
    )
    story("fan-in: consumed twice, then produced", ("a", IN, 0), ("c", IN, 1), ("b", OUT, 2), start=received)
    story("a loop: produced and consumed in turn", *[("a", n % 2 + 1, n) for n in range(6)])
    story("a program that only produces begins anew each time", *[("a", OUT, n) for n in range(3)])
    story("and with queue times", *[("a", OUT, n, n - 0.5) for n in range(3)])
    story("received, produced twice without consuming", ("b", OUT, 0), ("b", OUT, 1), start=received)
    story("checkpoints without direction only extend", ("a", NONE, 0), ("a", NONE, 1), ("a", NONE, 2))
    story(
        "between others they leave the direction alone",
        ("a", IN, 0), ("x", NONE, 1), ("b", OUT, 2), ("x", NONE, 3), ("b", OUT, 4), ("a", IN, 5), ("b", OUT, 6),
        start=received,
    )  # fmt: skip
    story("without direction first, then produced twice", ("x", NONE, 0), ("b", OUT, 1), ("b", OUT, 2))
    story("the clock is behind the sender's", ("a", IN, -5), ("b", OUT, -4), start=received)
    story("behind the origin's as well", ("a", IN, -15), start=received)
    story("the clock steps back", ("a", IN, 0), ("b", OUT, -1), ("a", IN, -0.5))
    story("fractions of a millisecond count", ("a", IN, 0.000_000_5), ("b", OUT, 0.000_001_5))
    story(
        "an opposite hash of 0 begins anew",
        ("b", OUT, 1),
        start=replace(received, direction=OUT, opposite_edge_start_ns=5),
    )
    rng = random.Random(2)
    for n in range(12):
        steps = [(rng.choice("abc"), rng.randrange(3), rng.uniform(-1, 20)) for _ in range(8)]
        story(f"any order {n}", *steps, start=rng.choice([None, received]))

    merges = []

    def merging(name, *pathways):
        merges.append(
            {
                "name": name,
                "pathways": [pathway_json(p) for p in pathways],
                "result": pathway_json(merge(pathways)),
            }
        )

    some = [Pathway(rng.getrandbits(64), NOW - rng.randrange(SECOND), NOW - rng.randrange(MS)) for _ in range(9)]
    merging("none")
    merging("one", received)
    merging("values that are no pathway", Pathway(0, 0, 0), Pathway(5, 0, NOW))
    merging("are passed over", Pathway(0, 0, 0), received, Pathway(5, 0, NOW))
    merging("two", *some[:2])
    merging("two, the other way round", *reversed(some[:2]))
    for n in range(6):
        merging(f"nine, in order {n}", *rng.sample(some, 9))
    twins = [replace(received, opposite_hash=h, direction=d) for h, d in ((9, 1), (3, 2), (3, 1))]
    merging("equal where it travels: the least of the rest", *twins)
    return {
        "_comment": (
            "stories: each step sets a checkpoint on `before` (null: a pathway begins) over the edge with the hash "
            "`node`; the next step goes on from `after`. Directions: 0 none, 1 in, 2 out. queued_ns 0: unknown. merge: "
            "`result` is the pathway of `pathways` that goes on, null when there is none (start_ns 0 is no pathway): "
            "the least by mix(FNV-1 over LE64 of hash, start_ns, edge_start_ns), then by all its fields in order. "
            "The rules are those of dd-trace-js and dd-trace-rb; checkpoints without direction and merging are ours."
        ),
        "stories": stories,
        "merge": merges,
    }


def sketch_vectors():
    rng = random.Random(3)

    def values(least, greatest, n):
        return [math.exp(rng.uniform(math.log(least), math.log(greatest))) for _ in range(n)]

    def hexed(sketch):
        return sketch.encode().hex()

    published = [1e-9, 0.001, 0.5, 1.0, 2.0, 5.0, 49.0, 100.0, 1024.0, 1e6]
    canonical = Mapping()
    index = []
    for value in published + [TABLE_MIN, math.nextafter(TABLE_MAX, 0)] + values(TABLE_MIN, TABLE_MAX, 150):
        index.append({"bits": str(bits(value)), "value": value, "index": canonical.index(value)})
    first, last = canonical.index(TABLE_MIN), canonical.index(math.nextafter(TABLE_MAX, 0))
    for bin_ in [*range(first + 1, last, 31), last]:
        value = threshold(bin_)
        below = math.nextafter(value, 0)
        index.append({"bits": str(bits(value)), "value": value, "index": bin_})
        index.append({"bits": str(bits(below)), "value": below, "index": bin_ - 1})

    libdatadog = Mapping(GAMMA, 1338.5)
    js_gamma = struct.unpack("<d", bytes.fromhex("fd4a815abf52f03f"))[0]
    js = Mapping(js_gamma, 0.0)
    interpolated = [Mapping(1.02, offset, kind) for kind in INTERPOLATIONS[1:] for offset in (0.0, 12.25)]
    expected = {
        canonical: [-1335, -444, -43, 1, 46, 105, 252, 298, 448, 892],
        libdatadog: [1, 892, 1293, 1338, 1383, 1442, 1589, 1635, 1785, 2229],
        js: [-1037, -346, -35, 0, 34, 80, 194, 230, 346, 690],
    }
    mappings = []
    for mapping in [canonical, libdatadog, js, *interpolated]:
        bins = []
        for value in published + values(1e-12, 1e12, 20):
            bin_ = mapping.index(value)
            inside = mapping.index(value * (1 + 1e-9)) == bin_ == mapping.index(value * (1 - 1e-9))
            # 1 is a bound where the offset is whole; every kind must have it right.
            if inside or value == 1.0:
                entry = {"bits": str(bits(value)), "value": value, "index": bin_, "stands": mapping.value(bin_)}
                assert abs(entry["stands"] / value - 1) <= mapping.accuracy() * (1 + 1e-9), (mapping, value)
                bins.append(entry)
        if mapping in expected:
            assert [mapping.index(value) for value in published] == expected[mapping]
        mappings.append(
            {
                "gamma_bits": str(bits(mapping.gamma)),
                "offset_bits": str(bits(mapping.offset)),
                "interpolation": INTERPOLATIONS.index(mapping.interpolation),
                "accuracy": mapping.accuracy(),
                "bins": bins,
            }
        )

    encode = []

    def encoded(origin, mapping, *added, golden=None):
        sketch = Sketch(mapping)
        for value in added:
            sketch.add(value)
        assert golden is None or hexed(sketch) == golden, origin
        encode.append(
            {
                "origin": origin,
                "gamma_bits": str(bits(mapping.gamma)),
                "offset_bits": str(bits(mapping.offset)),
                "interpolation": INTERPOLATIONS.index(mapping.interpolation),
                "values": [str(bits(value)) for value in added],
                "hex": hexed(sketch),
            }
        )
        return sketch

    golden_a = "0a1209000000000040f03f110000000000ea944012001a0021000000000000f03f"
    golden_b = "0a1209000000000040f03f110000000000ea9440120d1208000000000000f03f18ea181a00"
    golden_c = "0a1409fd4a815abf52f03f1100000000000000001800120218001a02180021000000000000f03f"
    encoded("ddtrace 4.16.0 (libdatadog): one 0", libdatadog, 0.0, golden=golden_a)
    encoded("ddtrace 4.16.0 (libdatadog): one 49.0", libdatadog, 49.0, golden=golden_b)
    ours = "this project: "
    encoded(ours + "empty", canonical)
    encoded(ours + "one 0", canonical, 0.0)
    encoded(ours + "one 1", canonical, 1.0)
    assert encoded(ours + "bin 0, whose index is left out", canonical, 0.98).positive == {0: 1.0}
    small = [0.001, 0.0012, 0.0011, 0.0, 0.001]
    latencies = encoded(ours + "latencies", canonical, *small)
    encoded(ours + "sizes", canonical, 0.0, 1.0, 117.0, 118.0, 4096.0)
    encoded(ours + "1 to 100 ms", canonical, 0.001, 0.01, 0.1)
    both_signs = encoded(ours + "both signs", js, -2.0, -1.0, -1.5, 0.0, 1.0, 3.0)
    encoded(ours + "a value too small to have a bin", canonical, 5e-324, 1e-308, 2.3e-308)
    encoded(
        ours + "more than 2048 bins: the least magnitudes are folded, here negative ones",
        canonical,
        -1e-9,
        -1.0,
        -1e9,
        -2e9,
        -1e-9,
    )
    for mapping in interpolated[::2]:
        encoded(f"{ours}{mapping.interpolation}", mapping, 0.1, 1.7, 1.8, 5.0)

    decode = []

    def decoded(origin, data):
        sketch = decode_sketch(data)
        quantiles = [[q, sketch.quantile(q)] for q in (0.0, 0.25, 0.5, 0.9, 1.0)]
        decode.append(
            {
                "origin": origin,
                "hex": data.hex(),
                "canonical": hexed(sketch),
                "count": sketch.count(),
                "zero": sketch.zero,
                "quantiles": quantiles if sketch.count() else [],
            }
        )

    decoded("ddtrace 4.16.0 (libdatadog): one 0", bytes.fromhex(golden_a))
    decoded("ddtrace 4.16.0 (libdatadog): one 49.0", bytes.fromhex(golden_b))
    decoded("dd-trace 6.21.0 (js): one 0, every default written", bytes.fromhex(golden_c))
    decoded(ours + "latencies", latencies.encode())
    decoded(ours + "both signs", both_signs.encode())
    head = pb_bytes(1, pb_double(1, GAMMA) + pb_double(2, OFFSET))
    doubles = struct.pack("<3d", 1.0, 0.0, 2.5)
    packed = pb_bytes(2, doubles)
    unpacked = b"".join(pb_double(2, count, always=True) for count in (1.0, 0.0, 2.5))
    at = pb_varint(3, zigzag32(-7))
    entry = pb_bytes(1, pb_varint(1, zigzag32(-7)) + pb_double(2, 4.0))
    decoded("contiguous counts, packed", head + pb_bytes(2, packed + at))
    decoded("contiguous counts, the index first", head + pb_bytes(2, at + packed))
    decoded("contiguous counts, not packed", head + pb_bytes(2, unpacked + at))
    decoded(
        "contiguous counts, packed in two pieces",
        head + pb_bytes(2, pb_bytes(2, doubles[:8]) + pb_bytes(2, doubles[8:]) + at),
    )
    decoded("a map", head + pb_bytes(2, entry + pb_bytes(1, pb_varint(1, zigzag32(300)) + pb_double(2, 1.0))))
    decoded(
        "a map entry with defaults left out: bin 0, and no count",
        head + pb_bytes(2, pb_bytes(1, pb_double(2, 2.0)) + pb_bytes(1, pb_varint(1, 4))),
    )
    decoded(
        "a map whose key comes twice: the last counts",
        head + pb_bytes(2, entry + pb_bytes(1, pb_varint(1, zigzag32(-7)) + pb_double(2, 9.0))),
    )
    decoded("a map and contiguous counts add up", head + pb_bytes(2, entry + packed + at))
    decoded("negative values", head + pb_bytes(3, packed + at) + pb_double(4, 3.0))
    decoded("no stores", head)
    decoded(
        "fields in the other order (java, net: 4 before the stores)",
        pb_double(4, 3.0) + pb_bytes(3, b"") + pb_bytes(2, packed + at) + head,
    )
    unknown = pb_varint(9, 5) + pb_bytes(10, b"later") + pb_double(11, 1.5) + leb128(12 << 3 | 5) + b"abcd"
    decoded("fields of the future", unknown + head + pb_bytes(2, unknown + packed + unknown + at) + unknown)
    padded = struct.pack("<128d", *[0.0] * 100, 7.0, *[0.0] * 27)
    decoded(
        "padded with empty bins (js)",
        pb_bytes(1, pb_double(1, js_gamma)) + pb_bytes(2, pb_bytes(2, padded) + pb_varint(3, zigzag32(-90))),
    )
    wide = [(-1300, 1.0), (-1299, 2.0), (0, 3.0), (900, 4.0)]
    wide = b"".join(pb_bytes(1, pb_varint(1, zigzag32(index)) + pb_double(2, count)) for index, count in wide)
    decoded("more than 2048 bins (go's stores have no bound)", head + pb_bytes(2, wide))
    decoded("counts that are not whole", head + pb_bytes(2, pb_bytes(2, struct.pack("<2d", 0.25, 0.5)) + at))
    for mapping in interpolated[::2]:
        decoded(mapping.interpolation, Sketch(mapping).add(0.1).add(1.7).add(-5.0, 3.0).encode())

    merges = []

    def merged(name, *sketches):
        for other in sketches[1:]:
            if other.mapping == sketches[0].mapping:
                continue
            for bin_ in [*other.positive, *other.negative]:
                value = other.mapping.value(bin_)
                near = {sketches[0].mapping.index(value * (1 + d)) for d in (-1e-9, 0, 1e-9)}
                assert len(near) == 1, f"{name}: {value} lies on a bound"
        of = [hexed(sketch) for sketch in sketches]
        into = decode_sketch(sketches[0].encode())
        for other in sketches[1:]:
            into.merge(other)
        merges.append({"name": name, "of": of, "hex": hexed(into)})

    def of(mapping, *added):
        sketch = Sketch(mapping)
        for value in added:
            sketch.add(value)
        return sketch

    merged("the same mapping", of(canonical, *values(0.1, 1, 20), 0.0), of(canonical, *values(0.5, 5, 20)))
    merged("into an empty one", Sketch(), latencies)
    merged("an empty one", latencies, Sketch())
    merged("far apart: the lowest are folded", of(canonical, 1e-9, 2e-9), of(canonical, 1e8, 1e9), of(canonical, 1e-9))
    merged("libdatadog's", of(canonical, *values(0.1, 1, 20)), of(libdatadog, *values(0.3, 3, 20), 0.0))
    merged("js's", of(canonical, *values(0.1, 1, 20)), of(js, *values(0.3, 3, 20), -0.5, -0.7))
    merged("ours into js's", of(js, 1.5), of(canonical, *values(0.1, 1, 20)))
    merged("interpolated", of(canonical, 1.0), *[of(m, *values(0.3, 3, 10)) for m in interpolated[::2]])
    merged("the reporter's own, many", *[of(canonical, *values(0.01, 0.1, 8), 0.0) for _ in range(6)])

    def store(data):
        return head + pb_bytes(2, data)

    def mapping(gamma, offset=0.0, kind=0):
        return pb_bytes(1, pb_double(1, gamma) + pb_double(2, offset) + pb_varint(3, kind))

    one = pb_bytes(2, struct.pack("<d", 1.0))
    refused = [
        ("nothing", b"", "mapping"),
        ("no mapping", pb_bytes(2, packed), "mapping"),
        ("gamma left out", pb_bytes(1, b""), "mapping"),
        ("gamma 1", mapping(1.0), "mapping"),
        ("gamma below 1", mapping(0.5), "mapping"),
        ("gamma negative", mapping(-1.5), "mapping"),
        ("gamma infinite", mapping(math.inf), "mapping"),
        ("gamma NaN", mapping(math.nan), "mapping"),
        ("gamma too near 1", mapping(1.0 + 2.0**-40), "mapping"),
        ("gamma too large", mapping(1e100), "mapping"),
        ("offset NaN", mapping(GAMMA, math.nan), "mapping"),
        ("offset infinite", mapping(GAMMA, -math.inf), "mapping"),
        ("offset far off", mapping(GAMMA, 1e18), "mapping"),
        ("interpolation unknown", mapping(GAMMA, 0.0, 4), "mapping"),
        ("a negative count", store(pb_bytes(2, struct.pack("<d", -1.0))), "count"),
        ("a count NaN", store(pb_bytes(2, struct.pack("<d", math.nan))), "count"),
        ("a count infinite", store(pb_bytes(2, struct.pack("<d", math.inf))), "count"),
        ("a count too large", store(pb_bytes(2, struct.pack("<d", 1e300))), "count"),
        ("a negative zero count", head + pb_double(4, -3.0), "count"),
        ("a negative count in a map", store(pb_bytes(1, pb_double(2, -1.0))), "count"),
        ("a huge first index", store(one + pb_varint(3, zigzag32(2**31 - 1))), "index"),
        ("a huge negative first index", store(one + pb_varint(3, zigzag32(-(2**31)))), "index"),
        ("indexes past 2^31", store(pb_bytes(2, doubles) + pb_varint(3, zigzag32(2**31 - 2))), "index"),
        ("a huge index in a map", store(pb_bytes(1, pb_varint(1, zigzag32(10**9)) + pb_double(2, 1.0))), "index"),
        ("a length past the end", head + b"\x12\x7f\x12", "truncated"),
        ("a huge length", head + b"\x12" + leb128(2**63), "truncated"),
        ("packed doubles cut", store(pb_bytes(2, doubles[:20])), "truncated"),
        ("a double cut", head + b"\x21\x00\x00", "truncated"),
        ("a varint cut", head + b"\x80", "truncated"),
        ("a varint too long", head + b"\x80" * 10 + b"\x01", "malformed"),
        ("a group", head + b"\x0b", "malformed"),
        ("a mapping that is a number", pb_varint(1, 5), "malformed"),
        ("a store that is a number", head + pb_varint(2, 5), "malformed"),
        ("a zero count that is a number", head + pb_varint(4, 5), "malformed"),
    ]
    return {
        "_comment": (
            "Floats that must agree to the last bit are the decimal strings of their bits (`value` beside it is for "
            "reading). index: canonical mapping (gamma 65/64), every 31st bound and its lower neighbour. mappings: "
            "bins of values, and the value that `stands` for the bin, within 1e-12. encode: `values` added in order "
            "give `hex`. decode: `hex` is read, written again as `canonical`; quantiles (floor(q (n - 1))-th value "
            "from 0) within 1e-12. merge: all of `of` merged into the first. refused: `hex` is no sketch, and why."
        ),
        "index": index,
        "mappings": mappings,
        "encode": encode,
        "decode": decode,
        "merge": merges,
        "refused": [{"name": name, "hex": data.hex(), "error": error} for name, data, error in refused],
    }


def payload_vectors():
    latency = Sketch().add(0.25).encode()
    sizes = Sketch().add(117.0).add(0.0).encode()
    cases = []

    def case(name, payload):
        def readable(value, key=None):
            if isinstance(value, bytes):
                assert key in BINARY
                return value.hex()
            if isinstance(value, dict):
                return {name: readable(item, name) for name, item in value.items()}
            if isinstance(value, list):
                return [readable(item) for item in value]
            wide = isinstance(value, int) and not isinstance(value, bool)
            return str(value) if wide else value

        wide = msgpack_wide(payload).hex()
        cases.append({"name": name, "payload": readable(payload), "hex": msgpack(payload).hex(), "wide": wide})

    def point(tags, parent, **more):
        node = node_hash("checkout", "prod", "", tags)
        out = {"EdgeTags": tags} if tags else {}
        out |= {"Hash": pathway_hash(node, parent), "ParentHash": parent}
        return out | {"PathwayLatency": latency, "EdgeLatency": latency, **more}

    start = NOW - NOW % (10 * SECOND)
    tags = ["direction:in", "group:billing", "topic:orders", "type:kafka"]
    case("the least", {"Service": "checkout", "Stats": []})
    bucket = {"Start": start, "Duration": 10 * SECOND}
    plain = {**bucket, "Stats": [point(tags, 0, PayloadSize=sizes, TimestampType="current")]}
    case("one point", {"Env": "prod", "Service": "checkout", "TracerVersion": "0.1.0", "Lang": "c", "Stats": [plain]})
    full = {
        "Env": "prod",
        "Service": "checkout",
        "PrimaryTag": "region:eu",
        "Version": "1.2.3",
        "TracerVersion": "0.1.0",
        "Lang": "c",
        "Hostname": "host-1",
        "Stats": [
            {
                "Start": start - 20 * SECOND,
                "Duration": 10 * SECOND,
                "Stats": [point(tags, 424242, PayloadSize=sizes, TimestampType="origin")],
            },
            {
                **bucket,
                "Stats": [
                    point(tags, 424242, PayloadSize=sizes, TimestampType="current"),
                    point(["direction:out", "topic:paid", "type:kafka"], M64, TimestampType="current"),
                    point([], 1, TimestampType="current"),
                ],
                "Backlogs": [
                    {"Tags": ["partition:0", "topic:orders", "type:kafka_produce"], "Value": 127},
                    {
                        "Tags": ["consumer_group:billing", "partition:1", "topic:orders", "type:kafka_commit"],
                        "Value": 2**40,
                    },
                    {"Tags": ["partition:2", "topic:orders", "type:kafka_high_watermark"], "Value": -1},
                ],
                "Transactions": transaction(1, 0x18EA7CC65E2DE980, "txn-1") + transaction(2, NOW, "txn-2"),
                "TransactionCheckpointIds": transaction_names(["ingested", "processed"]),
            },
        ],
        "Tags": ["runtime-id:1f2e", "team:payments"],
        "ProcessTags": ["entrypoint.name:checkout", "entrypoint.type:executable"],
        "ProductMask": 2,
    }
    case("every field of ours", full)
    return {
        "_comment": (
            "payload: names as on the wire, numbers as decimal strings, binaries as hex. hex: canonical msgpack, "
            "fields in the order given, the shortest form of each value, nothing that is unset. wide: the same value "
            "in the widest forms (map32, array32, uint64, bin32: dd-trace-js, dd-trace-dotnet), to be read as well. "
            "The records of transactions begin as the one captured from dd-trace 6.21.0: 01 18ea... 05 txn-1, table "
            "01 08 ingested 02 09 processed."
        ),
        "cases": cases,
    }


def files():
    """Every file this program owns, with its text."""
    vectors = {
        "hash": hash_vectors,
        "header": header_vectors,
        "rules": rules_vectors,
        "sketch": sketch_vectors,
        "payload": payload_vectors,
    }
    out = {VECTORS / f"{name}.json": to_json(make()) for name, make in vectors.items()}
    out[TABLE] = threshold_table()
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="write the vectors and the threshold table")
    mode.add_argument("--check", action="store_true", help="exit 1 when a file differs")
    mode = parser.parse_args()
    stale = 0
    for path, text in files().items():
        if mode.write:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path.relative_to(ROOT)} is stale: run {Path(__file__).name} --write", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
