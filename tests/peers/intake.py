"""A strict intake: takes what the protocol says and nothing else, and answers what it is told to."""

import collections
import http.server
import threading
import zlib

import msgpack
from checks import Wrong, equal
from sketches import GAMMA, OFFSET, decode_sketch

PATH = "/api/v0.1/pipeline_stats"
TEXTS = [str]
# Every field that our library may send, with its type; the first set is always there.
TOP = ({"Service": str, "Stats": list, "TracerVersion": str, "Lang": str, "Hostname": str, "Env": str},
       {"PrimaryTag": str, "Version": str, "Tags": TEXTS, "ProcessTags": TEXTS, "ProductMask": int})  # fmt: skip
BUCKET = ({"Start": int, "Duration": int, "Stats": list},
          {"Backlogs": list, "Transactions": bytes, "TransactionCheckpointIds": bytes})  # fmt: skip
POINT = ({"EdgeTags": TEXTS, "Hash": int, "ParentHash": int, "PathwayLatency": bytes, "EdgeLatency": bytes,
          "PayloadSize": bytes, "TimestampType": str}, {"Service": str})  # fmt: skip
BACKLOG = ({"Tags": TEXTS, "Value": int}, {})


def shaped(what, value, fields):
    """Fails unless a map has the required fields, no unknown ones, and their types."""
    required, optional = fields
    equal(f"the type of {what}", type(value), dict)
    equal(f"what {what} lacks", sorted(required.keys() - value.keys()), [])
    equal(f"what is unknown in {what}", sorted(value.keys() - required.keys() - optional.keys()), [])
    for name, kind in {**required, **optional}.items():
        if name in value and kind is TEXTS:
            equal(f"the types in {what}'s {name}", {type(text) for text in value[name]} - {str}, set())
        elif name in value:
            equal(f"the type of {what}'s {name}", type(value[name]), kind)


def decoded(body):
    """The payload in a compressed body, every part of which is checked."""
    inflate = zlib.decompressobj(31)
    raw = inflate.decompress(body)
    equal("the end of the gzip member", (inflate.eof, inflate.unused_data), (True, b""))
    try:
        payload = msgpack.unpackb(raw)
    except (ValueError, msgpack.UnpackException) as error:
        raise Wrong(f"the body is no msgpack: {error}") from None
    shaped("the payload", payload, TOP)
    if not payload["Stats"]:
        raise Wrong("the payload has no bucket")
    for bucket in payload["Stats"]:
        shaped("a bucket", bucket, BUCKET)
        equal("the duration", bucket["Duration"], 10_000_000_000)
        equal("the start beyond a multiple of the duration", bucket["Start"] % bucket["Duration"], 0)
        names = set()
        for point in bucket["Stats"]:
            check_point(point)
            names.add((point["TimestampType"], point["Hash"], point["ParentHash"], *point["EdgeTags"]))
        equal("the number of different points", len(names), len(bucket["Stats"]))
        for backlog in bucket.get("Backlogs", []):
            shaped("a backlog", backlog, BACKLOG)
    return payload


def check_point(point):
    shaped("a point", point, POINT)
    equal("the order of the tags", point["EdgeTags"], sorted(point["EdgeTags"], key=str.encode))
    if point["TimestampType"] not in ("current", "origin") or not 0 < point["Hash"] < 2**64:
        raise Wrong(f"a point has {point['TimestampType']!r} and the hash {point['Hash']}")
    counts = []
    for name in ("PathwayLatency", "EdgeLatency", "PayloadSize"):
        sketch = decode_sketch(point[name])
        equal(f"the mapping of {name}", (sketch.mapping.gamma, sketch.mapping.offset), (GAMMA, OFFSET))
        equal(f"the encoding of {name} by the reference", sketch.encode(), point[name])
        counts.append(sketch.count())
    if not 0 < counts[0] == counts[1] >= counts[2]:
        raise Wrong(f"a point counts {counts} latencies and sizes")


def messages(payload):
    """How many checkpoints a payload tells of."""
    points = (point for bucket in payload["Stats"] for point in bucket["Stats"])
    return sum(decode_sketch(one["EdgeLatency"]).count() for one in points if one["TimestampType"] == "current")


class Intake(http.server.ThreadingHTTPServer):
    """Answers 202, or the next of `answers`: (status, headers). What it refuses itself is in `faults`."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers, self.payloads, self.faults = collections.deque(), [], []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self):
        return self.server_address

    def close(self):
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            equal("the path", self.path, PATH)
            equal("the type", self.headers["Content-Type"], "application/msgpack")
            equal("the encoding", self.headers["Content-Encoding"], "gzip")
            equal("the key", self.headers["DD-API-KEY"], "test-key")
            payload = decoded(body)
        except (Wrong, KeyError, ValueError, zlib.error) as fault:
            self.server.faults.append(str(fault))
            return self.answer(400, {}, str(fault))
        status, headers = self.server.answers.popleft() if self.server.answers else (202, {})
        if status == 202:
            self.server.payloads.append(payload)
        self.answer(status, headers, f"said {status}")

    def answer(self, status, headers, text):
        body = text.encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": len(body)}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
