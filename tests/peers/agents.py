"""Payloads of our library through the receiver of the real trace-agent."""

import contextlib
import http.client
import json
import pathlib
import random
import string
import tempfile
import time
import urllib.request

import datastreams_abi as ds
import intake as strict
from checks import Wrong, equal, until
from intake import Intake
from pathways import ENV, IN, OUT, Pathways
from programs import Agent, Collector, DdtraceService
from wire import Tap

# Between two hops HTTP says these anew; the agent's own are looked at by name.
HOP = {"host", "connection", "user-agent", "accept-encoding", "content-length", "transfer-encoding"}
AGENTS = {"dd-api-key", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-datadog-additional-tags"}


def headers_of(exchange):
    return {name.lower(): value for name, value in exchange.headers.items() if name.lower() not in HOP}


def posts_of(tap):
    return [one for one in tap.exchanges() if one.path.endswith("/pipeline_stats")]


class Through:
    """client -> tap -> agent -> tap -> strict intake, made anew for each check; with our collector before the agent,
    when its command is given."""

    def __init__(self, library, programs, socket=False, collector=None):
        self._library, self._socket, self._command_before = library, socket, collector
        self.collector = None
        self._logs, self._command = programs

    def __enter__(self):
        self.intake = Intake()
        self.behind = Tap(self.intake.address)
        if self._socket:
            self._directory = tempfile.TemporaryDirectory(prefix="ds-")
            inner, outer = (pathlib.Path(self._directory.name) / name for name in ("agent", "tap"))
            self.agent = Agent(self._logs, self._command, self.behind.url, socket=inner)
            until("the agent's socket", inner.exists)
            self.front = Tap(inner, outer)
        else:
            self.agent = Agent(self._logs, self._command, self.behind.url)
            self.front = Tap(self.agent.address)
        if self._command_before:
            upstream = f"unix://{inner}" if self._socket else self.agent.url
            self.collector = Collector(self._logs, self._command_before, "--upstream", upstream)
            self.front.close()
            self.front = Tap(self.collector.address)
        return self

    def __exit__(self, *_):
        if self.collector:
            self.collector.stop()
        self.agent.stop()
        for end in (self.front, self.behind, self.intake):
            end.close()
        if self._socket:
            self._directory.cleanup()

    def client(self, **options):
        options = {"service": "through", "env": ENV, "agent_url": self.front.url, "tags": "team:a,zone:b", **options}
        return ds.Client(self._library, **options)

    def compare(self, posts):
        """Fails unless `posts` requests went in, and each came out as it was and was answered as the intake answered.
        What came out."""
        sent, arrived = posts_of(self.front), posts_of(self.behind)
        equal("the requests sent", len(sent), posts)
        equal("the requests that arrived", len(arrived), posts)
        equal("what the intake refused", self.intake.faults, [])
        for one, other in zip(sent, arrived, strict=True):
            equal("the methods and paths", (one.method, one.path, other.method, other.path),
                  ("POST", "/v0.1/pipeline_stats", "POST", "/api/v0.1/pipeline_stats"))  # fmt: skip
            if one.body != other.body:
                raise Wrong(f"{len(one.body)} bytes were sent and {len(other.body)} other bytes arrived")
            before, after = headers_of(one), headers_of(other)
            for name in ("content-type", "content-encoding", "datastreams-payload-id", "datadog-meta-lang"):
                if not before.get(name):
                    raise Wrong(f"{name} was not sent")
            equal("the headers that arrived", {k: v for k, v in after.items() if k not in AGENTS}, before)
            equal("the agent's key", after["dd-api-key"], "test-key")
            equal("the answer", (one.status, one.answer_body), (other.status, other.answer_body))
            equal("its Retry-After", one.answer_headers["Retry-After"], other.answer_headers["Retry-After"])
        return arrived


class Agents:
    def __init__(self, library, logs, agent, collector):
        self.library, self.programs, self.logs, self.collector = library, (logs, agent), logs, collector

    def through(self, **options):
        return Through(self.library, self.programs, **options)

    def announced(self):
        """The agent is the real one: its /info lists the endpoint and much more"""
        with self.through() as way, urllib.request.urlopen(way.agent.url + "/info", timeout=10) as answer:
            info = json.load(answer)
        if "/v0.1/pipeline_stats" not in info["endpoints"]:
            raise Wrong(f"the agent lists {info['endpoints']}")
        return f"agent {info['version']}, {len(info['endpoints'])} endpoints"

    def over_tcp(self):
        """A payload of our reporter arrives byte for byte, with its headers, and the answer comes back"""
        with self.through() as way, way.client() as client:
            return self.unchanged(way, client)

    def over_socket(self):
        """The same over a unix socket"""
        with self.through(socket=True) as way, way.client() as client:
            return self.unchanged(way, client)

    def unchanged(self, way, client):
        record_some(client, 500)
        client.flush()
        (post,) = way.compare(1)
        equal("the status", post.status, 202)
        (payload,) = way.intake.payloads
        equal("the checkpoints that arrived", strict.messages(payload), 500)
        equal("the service", (payload["Service"], payload["Env"]), ("through", ENV))
        equal("the tags", payload["Tags"], ["team:a", "zone:b"])
        account(client, payloads=1, payloads_delivered=1, messages_delivered=500)
        return f"{len(post.body)} bytes"

    def behind_collector(self):
        """With our collector before it all passes unchanged, and the collector shows what was delivered"""
        with self.through(collector=self.collector) as way, way.client() as client:
            found = self.unchanged(way, client)
            shown(way.collector, payloads=1, messages=500, refused=0)
        return found

    def behind_collector_by_socket(self):
        """The same with the agent behind a unix socket"""
        with self.through(collector=self.collector, socket=True) as way, way.client() as client:
            found = self.unchanged(way, client)
            shown(way.collector, payloads=1, messages=500, refused=0)
        return found

    def refused_behind_collector(self):
        """What the intake refuses at first is sent again, and shown once: not before it was taken"""
        with self.through(collector=self.collector) as way, way.client() as client:
            way.intake.answers += [(429, {"Retry-After": "1"}), (503, {})]
            record_some(client, 20)
            client.flush()
            way.compare(3)
            equal("the statuses", [post.status for post in posts_of(way.front)], [429, 503, 202])
            shown(way.collector, payloads=1, messages=20, refused=2, repeats=0)
            way.intake.answers.append((400, {}))
            record_some(client, 20)
            client.flush()
            shown(way.collector, payloads=1, messages=20, refused=3)
            account(client, payloads=2, payloads_delivered=1, payloads_dropped_rejected=1)

    def info_behind_collector(self):
        """Its /info is the agent's, to the last byte and header"""
        with self.through(collector=self.collector) as way:
            answers = []
            for address in (way.agent.address, way.collector.address):
                connection = http.client.HTTPConnection(*address, timeout=10)
                connection.request("GET", "/info")
                answer = connection.getresponse()
                headers = {name.lower(): value for name, value in answer.getheaders()}
                del headers["date"]
                answers.append((answer.status, answer.read(), headers))
                connection.close()
            equal("the answer through the collector", answers[1], answers[0])

    def by_key(self):
        """An agent whose intake is our collector posts with its key, which may be the token that posts need"""
        logs, command = self.programs
        path = pathlib.Path(logs) / "key"
        path.write_text("the-right-key")
        options = ["--token-file", path, "--token-for-posts"]
        with Collector(logs, self.collector, *options, name="guarded") as collector:
            collector.headers["Authorization"] = "Bearer the-right-key"
            for key, status in (("another-key", 401), ("the-right-key", 202)):
                with Agent(logs, command, collector.url, key=key) as agent, contextlib.closing(Tap(agent.address)) as tap:
                    with ds.Client(self.library, service="keyed", env=ENV, agent_url=tap.url) as client:
                        record_some(client, 5)
                        client.flush()
                    equal(f"the status with {key}", posts_of(tap)[0].status, status)
            shown(collector, payloads=1, messages=5, refused=1)

    def large(self):
        """So do payloads as large as ours get"""
        with self.through() as way, way.client() as client:
            chance = random.Random(7)
            alphabet = string.ascii_letters + string.digits
            for at in range(400):
                topic = "".join(chance.choices(alphabet, k=4000))
                client.checkpoint(["direction:out", f"topic:{at}-{topic}", "type:kafka"], size=at)
            client.flush()
            posts = way.compare(client.counters()["payloads"])
            sizes = sorted(len(post.body) for post in posts)
            if not 500_000 < sizes[-1] <= 1 << 20:
                raise Wrong(f"the payloads have {sizes} bytes")
            equal("the checkpoints that arrived", sum(map(strict.messages, way.intake.payloads)), 400)
            account(client, payloads_delivered=len(posts), messages_delivered=400)
        return f"{' + '.join(map(str, sizes))} bytes"

    def by_host(self):
        """So does what a host takes and posts itself"""
        with self.through() as way, way.client(delivery=ds.DELIVERY_HOST) as client:
            record_some(client, 50)
            client.flush()
            payload = client.take()
            connection = http.client.HTTPConnection(way.front.url.removeprefix("http://"))
            connection.request("POST", payload.path, payload.body, payload.headers)
            status = connection.getresponse().status
            connection.close()
            client.settle(payload, status)
            (post,) = way.compare(1)
            equal("the body", post.body, payload.body)
            for name, value in payload.headers.items():
                equal(f"the header {name}", post.headers[name], value)
            account(client, payloads_delivered=1, messages_delivered=50)

    def answers(self):
        """503, and 429 with Retry-After, pass back: the same bytes come again under the same payload id"""
        for first in ((503, {}), (429, {"Retry-After": "2"})):
            with self.through() as way, way.client() as client:
                way.intake.answers.append(first)
                record_some(client, 20)
                began = time.monotonic()
                client.flush()
                waited = time.monotonic() - began
                again, taken = way.compare(2)
                equal("the statuses", (again.status, taken.status), (first[0], 202))
                equal("the second body", taken.body, again.body)
                equal("the second id", taken.headers["Datastreams-Payload-Id"], again.headers["Datastreams-Payload-Id"])
                if waited < 2 and first[1]:
                    raise Wrong(f"it was tried again after {waited:.1f} s")
                account(client, payloads=1, payloads_delivered=1, messages_delivered=20, retries=1, uncertain=0)

    def too_large(self):
        """413 passes back: the halves arrive as payloads of their own, with every checkpoint"""
        with self.through() as way, way.client() as client:
            way.intake.answers.append((413, {}))
            record_some(client, 64, edges=16)
            client.flush()
            whole, *halves = way.compare(3)
            equal("the statuses", [whole.status, *(half.status for half in halves)], [413, 202, 202])
            ids = {post.headers["Datastreams-Payload-Id"] for post in (whole, *halves)}
            equal("the number of ids", len(ids), 3)
            equal("the checkpoints that arrived", sum(map(strict.messages, way.intake.payloads)), 64)
            account(client, payloads_delivered=2, messages_delivered=64, splits=1)

    def refused(self):
        """400 passes back: the payload is dropped, and counted"""
        with self.through() as way, way.client() as client:
            way.intake.answers.append((400, {}))
            record_some(client, 5)
            client.flush()
            (post,) = way.compare(1)
            equal("the status", post.status, 400)
            account(client, payloads=1, payloads_delivered=0, payloads_dropped_rejected=1, messages_dropped_rejected=5)

    def unreachable(self):
        """While the agent cannot reach its intake (502) payloads are kept, and delivered when it is back"""
        with self.through() as way, way.client() as client:
            way.intake.close()
            record_some(client, 30)
            expect_timeout(client, 300)
            until("the agent's answer", lambda: posts_of(way.front))
            equal("the agent's answer", posts_of(way.front)[0].status, 502)
            way.intake = Intake()
            way.behind.upstream = way.intake.address
            client.flush()
            (post,) = [post for post in posts_of(way.behind) if post.status == 202]
            equal("the first body and the one that arrived", post.body, posts_of(way.front)[0].body)
            equal("the checkpoints that arrived", sum(map(strict.messages, way.intake.payloads)), 30)
            account(client, payloads=1, payloads_delivered=1, messages_delivered=30, uncertain=0)

    def without_key(self):
        """An agent without a key, whose forwarder is off (500), loses us nothing: the payload waits"""
        logs, command = self.programs
        with Agent(logs, command, "http://127.0.0.1:9", key="") as agent:
            tap = Tap(agent.address)
            client = ds.Client(self.library, service="keyless", env=ENV, agent_url=tap.url)
            with client:
                record_some(client, 3)
                expect_timeout(client, 300)
                (post,) = until("the agent's answer", lambda: posts_of(tap))[:1]
                equal("the status", post.status, 500)
                if b"forwarder is OFF" not in post.answer_body:
                    raise Wrong(f"the agent says {post.answer_body!r}")
                account(client, waiting=1, payloads=1, payloads_delivered=0)
                expect_timeout(client, 0, "ds_client_stop")
                account(client, payloads_dropped_stop=1, messages_dropped_stop=3)
            tap.close()

    def missing(self):
        """404 passes back: the payload waits, is not tried again at once, and is counted as dropped by a stop"""
        with self.through() as way, way.client() as client:
            way.intake.answers.append((404, {}))
            record_some(client, 4)
            expect_timeout(client, 1500)
            (post,) = way.compare(1)
            equal("the status", post.status, 404)
            account(client, waiting=1, payloads_delivered=0)
            expect_timeout(client, 0, "ds_client_stop")
            account(client, payloads_dropped_stop=1, messages_dropped_stop=4)

    def collected(self):
        """ddtrace and ours, through the agent to our collector, are one pathway there"""
        logs, command = self.programs
        with Collector(logs, self.collector) as collector, Agent(logs, command, collector.url) as agent:
            tap = Tap(agent.address)
            with (
                DdtraceService(logs, "orders", ENV, tap.url) as orders,
                DdtraceService(logs, "shipping", ENV, tap.url) as shipping,
                ds.Client(self.library, service="payments", env=ENV, agent_url=tap.url) as client,
            ):
                start = int(time.time() * 1000) - 2000
                walks = orders.walks([[{}, [[OUT["orders"], start]]]] * 20)
                carried = []
                for _, step in walks:
                    at = (start + 500) * 1_000_000
                    pathway, _ = client.checkpoint(IN["orders"], step["header"].encode(), now_ns=at)
                    _, header = client.checkpoint(OUT["invoices"], b"", pathway, now_ns=at)
                    carried.append([{ds.HEADER_KEY: header.decode()}, [[IN["invoices"], start + 1500]]])
                shipping.walks(carried)
                for service in (orders, shipping, client):
                    service.flush()
                seen = Pathways(self.library, collector, tap, orders, shipping)
                steps = ["orders out orders", "payments in orders", "payments out invoices", "shipping in invoices"]
                seen.one_pathway(steps, 20, 1.5)
                equal("the statuses", {post.status for post in posts_of(tap)}, {202})
                equal("the payloads", collector.graph()["received"]["payloads"], len(posts_of(tap)))
            tap.close()

    def checks(self):
        return [self.announced, self.over_tcp, self.over_socket, self.behind_collector, self.behind_collector_by_socket,
                self.refused_behind_collector, self.info_behind_collector, self.by_key, self.large, self.by_host, self.answers,
                self.too_large, self.refused, self.missing, self.unreachable, self.without_key,
                self.collected]  # fmt: skip


def record_some(client, count, edges=4):
    """`count` checkpoints, all in one bucket: else there may be two payloads."""
    now = time.time_ns()
    for at in range(count):
        tags = ["direction:out", f"topic:{at % edges}", "type:kafka"]
        client.checkpoint(tags, size=at * 37, now_ns=now)


def shown(collector, **expected):
    """Fails unless the collector has received just this."""
    received = collector.graph()["received"]
    equal("what the collector shows", {name: received[name] for name in expected}, expected)


def expect_timeout(client, milliseconds, call="ds_client_flush"):
    """Fails unless something is left when the time is over."""
    try:
        client.call(call, milliseconds)
    except ds.Failed as failed:
        equal(f"what {call} answers", failed.status, ds.ERR_TIMEOUT)
        return
    raise Wrong(f"{call} says that all was delivered")


def account(client, waiting=0, **expected):
    """Fails unless the counters have these values, and nothing is lost but the payloads that are `waiting`."""
    counters = client.counters()
    equal("the counters", {name: counters[name] for name in expected}, expected)
    for what, made in (("payloads", counters["payloads"]), ("messages", counters["checkpoints"])):
        # Those of `uncertain` are in another of these counters as well.
        dropped = sum(counters[name] for name in counters
                      if name.startswith(f"{what}_dropped_") and not name.endswith("_uncertain"))  # fmt: skip
        lost = made - counters[f"{what}_delivered"] - dropped
        if what == "payloads" or not waiting:
            equal(f"the {what} neither delivered nor counted as dropped", lost, waiting)
