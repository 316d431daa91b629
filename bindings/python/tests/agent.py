"""An agent for tests: takes payloads, decodes every part of them, and adds up what was counted."""

import collections
import gzip
import http.server
import pathlib
import sys
import threading

import msgpack

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tests" / "reference"))
from reference import decode_sketch  # noqa: E402  (the slow implementation that all languages are compared with)


class Agent(http.server.ThreadingHTTPServer):
    """Listens on a free port. `status` is what it answers."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.payloads, self.ids, self.headers, self.faults, self.status = [], set(), [], [], 202
        self._taken = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def take(self, headers, body):
        payload = msgpack.unpackb(gzip.decompress(body))
        with self._taken:
            # A payload that comes again, after an answer was lost, has the same id.
            if headers["datastreams-payload-id"] in self.ids:
                return
            self.ids.add(headers["datastreams-payload-id"])
            self.payloads.append(payload)
            self.headers.append(headers)

    def points(self, kind="current"):
        """All points of a kind."""
        with self._taken:
            payloads = list(self.payloads)
        return [
            {**point, "Service": payload["Service"], "Env": payload.get("Env", "")}
            for payload in payloads
            for bucket in payload["Stats"]
            for point in bucket["Stats"]
            if point["TimestampType"] == kind
        ]

    def counts(self):
        """How many checkpoints arrived, by their tags."""
        counts = collections.Counter()
        for point in self.points():
            counts[tuple(point["EdgeTags"])] += decode_sketch(point["EdgeLatency"]).count()
        return counts

    def total(self, tag):
        """How many checkpoints arrived whose tags include this one."""
        return sum(count for tags, count in self.counts().items() if tag in tags)

    def sizes(self):
        """How many payload sizes were recorded, and their greatest."""
        sketches = [decode_sketch(point["PayloadSize"]) for point in self.points()]
        return sum(sketch.count() for sketch in sketches)

    def backlogs(self):
        """The highest offset of each backlog, by its tags."""
        offsets = {}
        for payload in self.payloads:
            for bucket in payload["Stats"]:
                for backlog in bucket.get("Backlogs", []):
                    tags = tuple(sorted(backlog["Tags"]))
                    offsets[tags] = max(backlog["Value"], offsets.get(tags, 0))
        return offsets

    def close(self):
        self.shutdown()
        self.server_close()
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.status
        if status == 202:
            try:
                assert self.path == "/v0.1/pipeline_stats", self.path
                self.server.take({name.lower(): value for name, value in self.headers.items()}, body)
            except Exception as fault:
                self.server.faults.append(fault)
                status = 400
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass
