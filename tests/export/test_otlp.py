#!/usr/bin/env python3
"""OTLP against a receiver that refuses, forgets and answers late; and /metrics as text, read by Prometheus' own client.

test_otlp.py COLLECTOR LOGS
"""

import gzip
import json
import signal
import sys
import time
import urllib.error
import urllib.request

import paths  # noqa: F401
from checks import Checks, Wrong, equal, near, until
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from programs import Program, clean_environment
from prometheus_client import parser as text_parser
from prometheus_client.openmetrics import parser as open_parser
from receiver import Receiver, added
from traffic import MEASURES, lag, post, traffic

NAMES = {"edge_latency_seconds": "datastreams.edge.latency", "pathway_latency_seconds": "datastreams.pathway.latency",
         "payload_size_bytes": "datastreams.payload.size"}  # fmt: skip
PAYLOADS = 6
QUANTILES = (0.5, 0.95, 0.99)
# A bin of 1 % of JavaScript, one of ours that it was put into, and half a bucket of 2.2 %.
ACCURACY = 0.03


class Collector(Program):
    """`datastreams collect`, with an environment of its own."""

    def __init__(self, logs, command, *arguments, name="collector", **environment):
        kept = {name: value for name, value in clean_environment().items() if not name.startswith("OTEL_")}
        super().__init__(
            name, logs, [command, "collect", "--listen", "127.0.0.1:0", *arguments], {**kept, **environment}
        )
        self.url = self.line().removeprefix("listening on ")

    def get(self, path, accept="", encoding="identity"):
        request = urllib.request.Request(self.url + path, headers={"Accept": accept, "Accept-Encoding": encoding})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read(), answer.headers

    def samples(self):
        """All samples of the text format: name and labels -> value."""
        families = text_parser.text_string_to_metric_families(self.get("/metrics")[0].decode())
        return {(it.name, frozenset(it.labels.items())): it.value for family in families for it in family.samples}

    def counted(self, what):
        return self.samples()["datastreams_otlp_total", frozenset({("what", what)})]

    def edges(self):
        """Quantiles of the page, by service, environment and tags."""
        edges = json.loads(self.get("/api/graph")[0])["edges"]
        return {(it["env"], it["service"], tuple(it["tags"])): it for it in edges if it["kind"] != "route"}

    def end(self):
        """Ends it as a supervisor does; what it noted."""
        self._process.send_signal(signal.SIGTERM)
        equal("the exit status", self._process.wait(20), 0)
        return self.log.read_text()


def sent(collector, made):
    for body in made.bodies:
        post(collector.url, body)


def compare(made, requests, setup=""):
    """Fails unless the deltas add up to what was sent, exactly, and have its quantiles."""
    sums, gauges, spans = added(requests)
    for labels, messages in made.messages.items():
        equal(f"messages of {sorted(labels)}", sums[setup, "datastreams.messages", labels].count, messages)
        for measure in MEASURES:
            one = sums[setup, NAMES[measure], labels]
            equal(f"{measure} of {sorted(labels)}", one.count, messages)
            near("the sum", one.sum, sum(made.values[labels, measure]), 0.02)
            for at in QUANTILES:
                near(f"{measure} {at}", one.quantile(at), made.exact(labels, measure, at), ACCURACY)
    equal("the series", len({key for key in sums if key[0] == setup}), 4 * len(made.messages))
    # Nothing is missing between two deltas, and nothing is in both.
    for key, times in spans.items():
        times.sort()  # the OpenTelemetry Collector passes on by several connections
        for (start, end), following in zip(times, times[1:] + [None]):
            if start >= end or (following and following[0] < end):
                raise Wrong(f"the times of {key} are {times}")
    return gauges


def check_everything_arrives(command, logs, made):
    """Deltas add up to what was sent; names, resources, header and compression are as specified"""
    with Receiver() as receiver, Collector(logs, command, "--otlp", receiver.url, "--otlp-interval", "1",
                                           "--otlp-header", "x-key=a b", name="arrives",
                                           OTEL_RESOURCE_ATTRIBUTES="k8s.cluster.name=west,service.instance.id=one",
                                           OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1") as collector:  # fmt: skip
        equal("what it says", collector.line(), f"sending to {receiver.url}/v1/metrics")
        half = len(made.bodies) // 2
        for body in made.bodies[:half]:
            post(collector.url, body)
        until("a first request", receiver.all)
        for body in made.bodies[half:]:
            post(collector.url, body)
        until("a second", lambda: len(receiver.all()) > 1 and collector.counted("points") > 40)
        collector.end()
        first = receiver.posts[0]
        equal("the path", first.path, "/v1/metrics")
        wanted = {"x-key": "a b", "content-type": "application/x-protobuf", "content-encoding": "gzip"}
        found = {name.lower(): value for name, value in first.headers.items()}
        equal("the headers", {name: found.get(name) for name in wanted}, wanted)
        resources = {
            attribute.key: attribute.value.string_value
            for resource in first.request.resource_metrics
            if any(it.key == "deployment.environment.name" and it.value.string_value == "test"
                   for it in resource.resource.attributes)
            for attribute in resource.resource.attributes
        }  # fmt: skip
        equal("a resource", resources, {
            "service.name": "stock", "deployment.environment.name": "test", "k8s.cluster.name": "west",
            "service.instance.id": "one/test",
        })  # fmt: skip
        for request in receiver.taken:
            for resource in request.resource_metrics:
                del resource.resource.attributes[2:-1]  # k8s.cluster.name
        gauges = compare(made, receiver.all())
        lags = {name: value for (_, name, _), value in gauges.items()}
        equal("the lag", lags["datastreams.consumer_group.lag"], lag(PAYLOADS))
        return f"{made.total()} messages in {len(receiver.taken)} requests, {first.size} bytes the first"


def check_failures(command, logs, made):
    """Nothing is lost while the receiver is away, busy or forgetful; the counters say what happened"""
    answers = [(503, {"Retry-After": "1"}, b""), (429, {}, b""), None]
    with Receiver(*answers) as receiver, Collector(logs, command, "--otlp", receiver.url, "--otlp-interval", "1",
                                                   name="failures") as collector:  # fmt: skip
        sent(collector, made)
        until("the fourth try", lambda: len(receiver.posts) > 3 and collector.counted("requests") > 0, 60)
        equal("retries", collector.counted("retries"), 3)
        equal("uncertain", collector.counted("uncertain"), 1)
        notes = collector.end()
        compare(made, receiver.all())
        equal("what it says", [line.split(": ", 1)[1].split("/v1")[0] for line in notes.splitlines()],
              [f"cannot send statistics to {receiver.url}", f"{receiver.url}"])  # fmt: skip


def check_refusals(command, logs, made):
    """What the receiver rejects or refuses for good is counted and said, and not tried again"""
    partial = ExportMetricsServiceResponse()
    partial.partial_success.rejected_data_points, partial.partial_success.error_message = 3, "no\nroom"
    status = b"\x08\x03\x12\x01x"  # google.rpc.Status: code 3, message "x"
    answers = [(200, {}, partial.SerializeToString()), (400, {}, status), (302, {"Location": "/elsewhere"}, b"")]
    with Receiver(*answers) as receiver, Collector(logs, command, "--otlp", receiver.url, "--otlp-interval", "1",
                                                   name="refusals") as collector:  # fmt: skip
        for number, body in enumerate(made.bodies[:3]):
            post(collector.url, body)
            until("the request", lambda number=number: len(receiver.posts) > number)
        points = [points_of(post.request) for post in receiver.posts[:3]]
        until("the counters", lambda: collector.counted("refused_points") == points[1] + points[2])
        counts = {what: collector.counted(what) for what in ("requests", "points", "rejected_points", "retries")}
        equal("the counters", counts, {"requests": 1, "points": points[0] - 3, "rejected_points": 3, "retries": 0})
        notes = collector.end()
        target = receiver.url + "/v1/metrics"
        for sentence in (f"{target} rejected 3 data points: no room", f"{target} refused {points[1]} data points of",
                         "400 Bad Request: x", "302 Found"):  # fmt: skip
            if sentence not in notes:
                raise Wrong(f"{sentence!r} is not in {notes!r}")


def points_of(request):
    """Data points of a request."""
    metrics = [metric for one in request.resource_metrics for metric in one.scope_metrics[0].metrics]
    return sum(len(getattr(metric, metric.WhichOneof("data")).data_points) for metric in metrics)


def check_flush(command, logs, made):
    """The end sends what is left; and says what it could not"""
    with Receiver() as receiver, Collector(logs, command, "--otlp", receiver.url, "--otlp-interval", "3600",
                                           name="flush") as collector:  # fmt: skip
        sent(collector, made)
        began = time.monotonic()
        notes = collector.end()
        compare(made, receiver.all())
        equal("what it says", notes, "")
        took = time.monotonic() - began
    with Collector(logs, command, "--otlp", receiver.url, "--otlp-interval", "3600", name="lost") as collector:
        sent(collector, made)
        notes = collector.end()
        if f"with the statistics of {made.total()} messages were not sent to {receiver.url}" not in notes:
            raise Wrong(f"it says {notes!r}")
    return f"{took:.1f} s"


def check_environment(command, logs, made):
    """The environment of OpenTelemetry is honoured; what cannot be meant is refused"""
    with Receiver() as receiver:
        variables = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": receiver.url + "/own", "OTEL_METRIC_EXPORT_INTERVAL": "300",
                     "OTEL_EXPORTER_OTLP_COMPRESSION": "none", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%2Cb"}  # fmt: skip
        with Collector(logs, command, name="environment", **variables) as collector:
            sent(collector, made)
            until("everything", lambda: collector.counted("requests") > 0)
            collector.end()
        first = receiver.posts[0]
        equal("the path", first.path, "/own")
        found = {name.lower(): value for name, value in first.headers.items()}
        equal("the headers", (found["api-key"], "content-encoding" in found), ("a,b", False))
        compare(made, receiver.all())
    for arguments, variables, sentence in [
        (["--otlp", "localhost:4318"], {}, "--otlp: localhost:4318: only http and https"),  # its scheme is localhost
        ([], {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://h", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http/protobuf is"),
        (["--otlp", "https://h"], {"OTEL_EXPORTER_OTLP_CERTIFICATE": "/nowhere.pem"}, "/nowhere.pem"),
    ]:
        try:
            Collector(logs, command, *arguments, name="refused", **variables)
        except Wrong as ended:
            if sentence in str(ended):
                continue
            raise
        raise Wrong(f"{arguments} {variables} is taken")


def check_text(command, logs, made):
    """Text and OpenMetrics are read by Prometheus' own client: counts exact, quantiles ready-made, nothing escapes"""
    with Collector(logs, command, name="text") as collector:
        both = {}
        for accept, kind, parse in [
            ("", "text/plain; version=0.0.4; charset=utf-8", text_parser.text_string_to_metric_families),
            ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text; version=1.0.0; charset=utf-8",
             open_parser.text_string_to_metric_families),
        ]:  # fmt: skip
            # Once more: counts go on, quantiles are of what came last.
            sent(collector, made)
            body, headers = collector.get("/metrics", accept, "gzip")
            equal("the type", headers["Content-Type"], kind)
            equal("the coding", headers["Content-Encoding"], "gzip")
            families = list(parse(gzip.decompress(body).decode()))
            both[accept] = {
                (it.name, frozenset(it.labels.items())): it.value for family in families for it in family.samples
            }
        for times, samples in enumerate(both.values(), 1):
            for labels, messages in made.messages.items():
                messages *= times
                equal("messages", samples["datastreams_messages_total", labels], messages)
                for measure in MEASURES:
                    name = "datastreams_" + measure
                    equal(f"{name} of {sorted(labels)}", samples[name + "_count", labels], messages)
                    near("the sum", samples[name + "_sum", labels], times * sum(made.values[labels, measure]), 0.02)
                    for at, text in ((0.5, "0.5"), (0.95, "0.95"), (0.99, "0.99"), (1, "1.0")):
                        labelled = [samples.get((name, labels | {("quantile", it)})) for it in (text, text[:1])]
                        found = next(it for it in labelled if it is not None)
                        near(f"{name} {at}", found, made.exact(labels, measure, at), ACCURACY)
        received = {name: value for (family, labels), value in both[""].items()
                    if family == "datastreams_collector_received_total" for _, name in labels}  # fmt: skip
        equal("payloads", received["payloads"], len(made.bodies))
        equal("messages", received["messages"], made.total())
        try:
            urllib.request.urlopen(urllib.request.Request(collector.url + "/metrics", b"x", method="POST"), timeout=30)
        except urllib.error.HTTPError as refused:
            equal("POST", refused.code, 405)
        return f"{len(both[''])} samples"


def check_overflow(command, logs, _):
    """Beyond 2000 sets of labels the rest is one series, and every message is in it"""
    from reference import Sketch, msgpack

    sketch = Sketch().add(0.1).encode()
    point = {"Hash": 1, "ParentHash": 0, "PathwayLatency": sketch, "EdgeLatency": sketch, "PayloadSize": sketch,
             "TimestampType": "current"}  # fmt: skip
    points = [{**point, "EdgeTags": ["direction:out", f"topic:t{at}", "type:kafka"]} for at in range(2500)]
    payload = {"Env": "", "Service": "s", "Lang": "go",
               "Stats": [{"Start": time.time_ns(), "Duration": 10**10, "Stats": points}]}  # fmt: skip
    with Receiver() as receiver, Collector(logs, command, "--otlp", receiver.url, "--otlp-interval", "3600",
                                           name="overflow") as collector:  # fmt: skip
        post(collector.url, gzip.compress(msgpack(payload)))
        lines = collector.get("/metrics")[0].decode().splitlines()
        counts = dict(line.rsplit(" ", 1) for line in lines if line.startswith("datastreams_messages_total{"))
        counts = {labels: int(count) for labels, count in counts.items()}
        equal("the rest", counts['datastreams_messages_total{otel_metric_overflow="true"}'], 500)
        equal("the series and all of them", (len(counts), sum(counts.values())), (2001, 2500))
        collector.end()
        sums, _, _ = added(receiver.all())
        messages = {labels: one.count for (_, name, labels), one in sums.items() if name == "datastreams.messages"}
        rest = frozenset({("service_name", "datastreams"), ("otel_metric_overflow", "True")})
        equal("the rest by OTLP", (messages[rest], sum(messages.values())), (500, 2500))
        return f"{len(receiver.all())} requests, {max(it.size for it in receiver.posts)} bytes the largest"


def check_graph(command, logs, made):
    """The graph API has what Grafana's data source asks for: health, fields, and data with these fields"""
    with Collector(logs, command, name="graph") as collector:
        sent(collector, made)
        equal("the health", json.loads(collector.get("/api/health")[0])["status"], "ok")
        fields = json.loads(collector.get("/api/graph/fields")[0])
        data = json.loads(collector.get("/api/graph/data")[0])
        required = {"nodes": {"id", "title", "mainStat"}, "edges": {"id", "source", "target", "mainStat"}}
        for kind, least in required.items():
            announced = {it["field_name"]: it["type"] for it in fields[f"{kind}_fields"]}
            if not least <= announced.keys():
                raise Wrong(f"{kind} lack {least - announced.keys()}")
            for one in data[kind]:
                kinds = {name: "number" if isinstance(value, (int, float)) else "string" for name, value in one.items()}
                equal(f"the fields of {one['id']}", kinds, announced)
        ids = [node["id"] for node in data["nodes"]]
        equal("ids that are there twice", [one for one in ids if ids.count(one) > 1], [])
        ends = {edge[end] for edge in data["edges"] for end in ("source", "target")}
        equal("ends of edges that are no nodes", ends - set(ids), set())
        messages = {edge["id"]: edge["detail__messages"] for edge in data["edges"]}
        for edge in collector.edges().values():
            equal("the messages", messages[edge["id"]], edge["messages"])
        try:
            collector.get("/api/graph/data?nonsense=1")
        except urllib.error.HTTPError as refused:
            equal("an unknown parameter", refused.code, 400)
        else:
            raise Wrong("an unknown parameter is taken")
        return f"{len(ids)} nodes, {len(messages)} edges"


def main():
    command, logs = sys.argv[1:]
    checks, made = Checks(), traffic(PAYLOADS, 15)
    for check in (check_everything_arrives, check_failures, check_refusals, check_flush, check_environment, check_text,
                  check_overflow, check_graph):  # fmt: skip
        checks.run(check, command, logs, made)
    return checks.close()


if __name__ == "__main__":
    sys.exit(main())
