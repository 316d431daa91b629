#!/usr/bin/env python3
"""A fleet, set up as docs/fleet.md shows it: collectors side by side, a real OpenTelemetry Collector, a real Prometheus.

    test_engines.py COLLECTOR DIRECTORY LOGS

DIRECTORY has the programs otelcol and prometheus. The same payloads go to one collector, and spread over three: what
arrives by OTLP, what Prometheus fetches and what it gets through the OpenTelemetry Collector has to be the same.
"""

import json
import pathlib
import re
import shutil
import socket
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

import paths
import yaml
from checks import Checks, Wrong, equal, near, until
from programs import Program, clean_environment
from receiver import Receiver
from test_otlp import QUANTILES, Collector, compare
from traffic import EDGES, MEASURES, lag, post, traffic

TOLERANCE = 0.03
PAYLOADS = 60
PATIENCE = 90


def snippet(name):
    """A configuration of docs/fleet.md."""
    text = (paths.ROOT / "docs/fleet.md").read_text()
    found = re.search(rf"^```yaml \S+ file={re.escape(name)}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    if not found:
        raise Wrong(f"docs/fleet.md shows no {name}")
    return yaml.safe_load(found[1])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ready(what, url, process):
    """Waits until a server answers."""

    def answers():
        if process.ended():
            raise Wrong(f"{what} ended: {process.log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False

    until(what, answers, PATIENCE)


class Server(Program):
    """A program that is told where to listen by its configuration."""

    def __init__(self, name, logs, command):
        super().__init__(name, logs, command, clean_environment())

    def ended(self):
        return self._process.poll() is not None


class Otelcol(Server):
    """The OpenTelemetry Collector of docs/fleet.md; a copy of what it takes goes to `receiver`."""

    def __init__(self, directory, logs, port, prometheus, receiver):
        config = snippet("otelcol.yaml")
        config["receivers"]["otlp"]["protocols"]["http"]["endpoint"] = f"127.0.0.1:{port}"
        config["exporters"]["otlp_http/prometheus"]["metrics_endpoint"] = prometheus + "/api/v1/otlp/v1/metrics"
        config["exporters"]["otlp_http/copy"] = {"metrics_endpoint": receiver + "/v1/metrics", "encoding": "json"}
        pipelines = config["service"]["pipelines"]
        pipelines["metrics/copy"] = {"receivers": ["otlp"], "exporters": ["otlp_http/copy"]}
        config["service"]["telemetry"] = {"metrics": {"level": "none"}}
        file = directory / "otelcol.json"
        file.write_text(json.dumps(config))
        super().__init__("otelcol", logs, [str(directory / "otelcol"), "--config", str(file)])
        ready("the OpenTelemetry Collector", f"http://127.0.0.1:{port}/", self)


class Prometheus(Server):
    """The Prometheus of docs/fleet.md, which fetches from groups of collectors by name."""

    def __init__(self, directory, logs, port, groups):
        config = snippet("prometheus.yml")
        config["global"]["scrape_interval"] = "1s"
        (job,) = config["scrape_configs"]
        config["scrape_configs"] = [
            {**job, "job_name": name, "static_configs": [{"targets": [it.url.removeprefix("http://") for it in group]}]}
            for name, group in groups.items()
        ]
        config["otlp"]["promote_resource_attributes"].append("datastreams.setup")
        file, data = directory / "prometheus.json", directory / "data"
        file.write_text(json.dumps(config))
        shutil.rmtree(data, ignore_errors=True)
        self.url = f"http://127.0.0.1:{port}"
        arguments = [f"--config.file={file}", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}",
                     "--web.enable-otlp-receiver"]  # fmt: skip
        super().__init__("prometheus", logs, [str(directory / "prometheus"), *arguments])
        ready("Prometheus", self.url + "/-/ready", self)

    def query(self, query):
        """Values by labels."""
        data = urllib.parse.urlencode({"query": query}).encode()
        with urllib.request.urlopen(self.url + "/api/v1/query", data, timeout=30) as answer:
            result = json.load(answer)["data"]["result"]
        return {frozenset(it["metric"].items()): float(it["value"][1]) for it in result}

    def one(self, query):
        values = list(self.query(query).values())
        return values[0] if len(values) == 1 else None


LABELS = ("service_name", "deployment_environment_name", "messaging_system", "messaging_destination_name",
          "messaging_consumer_group_name", "messaging_operation_type")  # fmt: skip


class Fleet:
    """Everything, started; and the payloads sent."""

    def __init__(self, command, directory, logs):
        self.made, directory = traffic(PAYLOADS, 40), pathlib.Path(directory).resolve()
        self.copy, otlp, port = Receiver(), free_port(), free_port()

        def collector(name, setup, url=f"http://127.0.0.1:{otlp}", *more):
            environment = {"OTEL_RESOURCE_ATTRIBUTES": f"datastreams.setup={setup}"}
            return Collector(logs, command, "--otlp", url, "--otlp-interval", "1", *more, name=name, **environment)

        self.single = collector("single", "single")
        self.parts = [collector(f"part{number}", "parts") for number in range(3)]
        direct = f"http://127.0.0.1:{port}/api/v1/otlp"
        self.direct = collector("direct", "direct", direct, "--otlp-temporality", "cumulative")
        self.collectors = [self.single, *self.parts]
        self.prometheus = Prometheus(directory, logs, port, {"single": [self.single], "parts": self.parts})
        third = len(self.made.bodies) // 3
        # The first deltas find nobody to take them.
        self.send(self.made.bodies[:third])
        until("a failure", lambda: all(it.counted("retries") for it in self.collectors), PATIENCE)
        self.otelcol = Otelcol(directory, logs, otlp, self.prometheus.url, self.copy.url)
        self.send(self.made.bodies[third : 2 * third])
        time.sleep(2)
        self.send(self.made.bodies[2 * third :])

    def send(self, bodies):
        for number, body in enumerate(bodies):
            post(self.single.url, body)
            post(self.direct.url, body)
            post(self.parts[number % len(self.parts)].url, body)

    def stop(self):
        for program in [*self.collectors, self.direct, self.otelcol, self.prometheus]:
            program.stop()
        self.copy.__exit__()


def by_labels(values):
    """Values by the labels of series; the others say where they came from."""
    return {frozenset(it for it in labels if it[0] in LABELS): value for labels, value in values.items()}


def agree(fleet, selector):
    """Fails unless Prometheus has the counts exactly and the quantiles nearly, of the page and of the values."""
    total, by = fleet.made.total(), ", ".join(LABELS)
    query = fleet.prometheus.one
    until(f"{total} messages of {selector}", lambda: query(f"sum(datastreams_messages_total{selector})") == total,
          PATIENCE)  # fmt: skip
    for measure in MEASURES:
        name = f"datastreams_{measure}{selector}"
        count = f"histogram_count(sum({name}))"
        until(f"{total} values of {name}", lambda count=count: query(count) == total, PATIENCE)
    messages = by_labels(fleet.prometheus.query(f"sum by ({by}) (datastreams_messages_total{selector})"))
    equal("messages", messages, fleet.made.messages)
    ours, worst = fleet.single.edges(), 0.0
    for measure in MEASURES:
        series = f"sum by ({by}) (datastreams_{measure}{selector})"
        counts = by_labels(fleet.prometheus.query(f"histogram_count({series})"))
        equal(f"the counts of {measure}", counts, fleet.made.messages)
        sums = by_labels(fleet.prometheus.query(f"histogram_sum({series})"))
        for at in QUANTILES:
            quantiles = by_labels(fleet.prometheus.query(f"histogram_quantile({at}, {series})"))
            for edge in EDGES:
                labels, key = edge.labels(), (edge.env, edge.service, edge.tags)
                field = measure.rsplit("_", 1)[0]
                shown = ours[key][field][f"p{round(at * 100)}"]
                what = f"{measure} {at} of {sorted(labels)}"
                found = quantiles[labels]
                if shown == 0:
                    # Prometheus looks for it within the zero bucket, which is not wide.
                    equal(f"{what} is 0", abs(found) < 1e-30, True)
                    continue
                near(what, found, shown, TOLERANCE)
                worst = max(worst, abs(found / shown - 1))
                near(what + " as the sum", sums[labels], sum(fleet.made.values[labels, measure]), 0.02)
    return f"{total} messages, quantiles at most {worst:.2%} off the page"


def check_scraped_single(fleet):
    """Prometheus fetches native histograms from one collector"""
    return agree(fleet, '{job="single"}')


def check_scraped_parts(fleet):
    """Three collectors side by side add up to one in Prometheus"""
    # It asks each every second; on a busy machine an answer may come too late for one time.
    up = 'count(up{job="parts"} == 1)'
    until("three collectors", lambda: fleet.prometheus.one(up) == 3, PATIENCE)
    return agree(fleet, '{job="parts"}')


def check_otlp_single(fleet):
    """One collector, by OTLP, through the OpenTelemetry Collector into Prometheus"""
    return agree(fleet, '{datastreams_setup="single"}')


def check_otlp_parts(fleet):
    """Three collectors, by OTLP, through the OpenTelemetry Collector into Prometheus"""
    return agree(fleet, '{datastreams_setup="parts"}')


def check_otlp_direct(fleet):
    """One collector, by OTLP, into Prometheus: since the start, with nothing in between"""
    return agree(fleet, '{datastreams_setup="direct"}')


def check_deltas(fleet):
    """What the OpenTelemetry Collector passed on adds up, exactly, from one and from three"""
    for setup in ("single", "parts"):
        compare(fleet.made, fleet.copy.all(), setup)
    return f"{len(fleet.copy.all())} requests"


def check_lag(fleet):
    """The lag arrives on both ways"""
    query = 'datastreams_consumer_group_lag{messaging_consumer_group_name="bill"%s}'
    for selector in (', job="single"', ', datastreams_setup="single"', ', datastreams_setup="direct"'):
        one = lambda selector=selector: fleet.prometheus.one(query % selector) == lag(PAYLOADS)
        until(f"the lag{selector}", one, PATIENCE)


def check_recent(fleet):
    """Rates and quantiles of the last minutes, as docs/fleet.md shows them"""
    text = (paths.ROOT / "docs/fleet.md").read_text()
    queries = re.search(r"^```promql \S+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[1].strip().split("\n\n")
    for query in queries:
        if not fleet.prometheus.query(query):
            raise Wrong(f"{query} gives nothing")
    return f"{len(queries)} queries"


def main():
    command, directory, logs = sys.argv[1:]
    checks = Checks()
    fleet = Fleet(command, directory, logs)
    try:
        for check in (check_scraped_single, check_scraped_parts, check_deltas, check_otlp_single, check_otlp_parts,
                      check_otlp_direct, check_lag, check_recent):  # fmt: skip
            checks.run(check, fleet)
    finally:
        fleet.stop()
    return checks.close()


if __name__ == "__main__":
    sys.exit(main())
