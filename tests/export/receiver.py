"""A receiver of OTLP/HTTP that answers as it is told, and keeps what it took."""

import gzip
import http.server
import json
import threading
from dataclasses import dataclass

from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)


@dataclass
class Post:
    """A request."""

    path: str
    headers: dict
    size: int
    request: ExportMetricsServiceRequest


class Receiver:
    """Takes everything, but for the first requests, for which it has answers: (status, headers, body) or None to close
    the connection without one."""

    def __init__(self, *answers):
        self.answers, self.posts, self.taken, self._lock = list(answers), [], [], threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                receiver.serve(self)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def serve(self, handler):
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        raw = gzip.decompress(body) if handler.headers.get("Content-Encoding") == "gzip" else body
        if handler.headers["Content-Type"] == "application/json":
            request = json_format.Parse(raw, ExportMetricsServiceRequest())
        else:
            request = ExportMetricsServiceRequest.FromString(raw)
        with self._lock:
            self.posts.append(Post(handler.path, dict(handler.headers), len(body), request))
            status, headers, answer = 200, {}, ExportMetricsServiceResponse().SerializeToString()
            told = self.answers.pop(0) if self.answers else (status, headers, answer)
            if told and told[0] == 200:
                self.taken.append(request)
        if told is None:
            handler.close_connection = True
            handler.connection.close()
            return
        status, headers, answer = told
        handler.send_response(status)
        kind = {} if "Content-Type" in headers else {"Content-Type": "application/x-protobuf"}
        for name, value in {**kind, **headers, "Content-Length": str(len(answer))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(answer)

    def all(self):
        with self._lock:
            return list(self.taken)


@dataclass
class Sum:
    """Points of one series, added up."""

    count: int = 0
    zero: int = 0
    sum: float = 0.0
    buckets: dict = None  # (lower, upper) -> count

    def add(self, point):
        if point.zero_count + sum(point.positive.bucket_counts) != point.count:
            raise ValueError(f"the buckets of {point} do not add up")
        self.buckets = self.buckets or {}
        self.count += point.count
        self.zero += point.zero_count
        self.sum += point.sum
        for place, count in enumerate(point.positive.bucket_counts):
            if count:
                index, width = point.positive.offset + place, 2.0**point.scale
                bounds = (2 ** (index / width), 2 ** ((index + 1) / width))
                self.buckets[bounds] = self.buckets.get(bounds, 0) + count

    def quantile(self, at):
        """The middle of the bucket, in the logarithm, that has the value at floor(q (n - 1))."""
        rank, below = int(at * (self.count - 1)), self.zero
        if rank < below:
            return 0.0
        for (low, high), count in sorted(self.buckets.items()):
            below += count
            if rank < below:
                return (low * high) ** 0.5
        raise ValueError("the buckets do not add up")


def texts(attributes):
    return {one.key: json_format.MessageToDict(one.value).popitem()[1] for one in attributes}


def added(requests):
    """All deltas by setup, name and labels; gauges as they were last; and the ends of time that they are of."""
    sums, gauges, spans = {}, {}, {}
    for request in requests:
        for resource in request.resource_metrics:
            about = texts(resource.resource.attributes)
            instance, setup = about.pop("service.instance.id"), about.pop("datastreams.setup", "")
            for scope in resource.scope_metrics:
                if scope.scope.name != "datastreams":
                    raise ValueError(f"the scope is {scope.scope.name}")
                for metric in scope.metrics:
                    kind = metric.WhichOneof("data")
                    data = getattr(metric, kind)
                    if kind != "gauge" and data.aggregation_temporality != 1:
                        raise ValueError(f"{metric.name} is no delta")
                    for point in data.data_points:
                        pairs = {**about, **texts(point.attributes)}
                        labels = frozenset((name.replace(".", "_"), str(value)) for name, value in pairs.items())
                        key = setup, metric.name, labels
                        if kind == "gauge":
                            gauges[key] = point.as_int if point.HasField("as_int") else point.as_double
                            continue
                        one = sums.setdefault(key, Sum())
                        if kind == "sum":
                            one.count += point.as_int
                        else:
                            one.add(point)
                        spans.setdefault((instance, *key), []).append(
                            (point.start_time_unix_nano, point.time_unix_nano)
                        )
    return sums, gauges, spans


def show(requests):
    """For a look at a failure."""
    return json.dumps([json_format.MessageToDict(request) for request in requests], indent=1)
