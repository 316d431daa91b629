"""Payloads for the page's tests, by the shipped library: `feed.py LIBRARY URL pipeline|more|company|hostile|partitions [NUMBER]`.

Times are put in by hand, so that what must be measured is known exactly; everything else is as in any service.
"""

import pathlib
import random
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tests/peers"))
import datastreams_abi as abi  # noqa: E402

MS, SECOND = 1_000_000, 1_000_000_000
SIZE = 512


def out(topic, kind="kafka"):
    return ["direction:out", f"topic:{topic}", f"type:{kind}"]


def into(topic, group, kind="kafka"):
    return ["direction:in", f"group:{group}", f"topic:{topic}", f"type:{kind}"]


class Services:
    """A client for each service."""

    def __init__(self, path, url):
        self._library, self.url, self._known = abi.Library(path), url, {}

    def of(self, service, env="prod", language="c", **options):
        if service not in self._known:
            self._known[service] = abi.Client(
                self._library, service=service, env=env, agent_url=self.url, language=language, **options
            )
        return self._known[service]

    def stop(self):
        for client in self._known.values():
            client.__exit__(None, None, None)


def shop(services, starts, slow_ms):
    """orders -20-> payments -60-> (ledger 150, mailer `slow_ms`); a retry; what an unknown service began; a second environment."""
    orders, payments = services.of("orders", language="go"), services.of("payments")
    ledger, mailer = services.of("ledger", language="python"), services.of("mailer")
    for at, start in enumerate(starts):
        _, header = orders.checkpoint(out("orders"), size=SIZE, now_ns=start)
        now = start + 20 * MS
        paid, _ = payments.checkpoint(into("orders", "payments"), header, size=SIZE, now_ns=now)
        now += 60 * MS
        _, header = payments.checkpoint(out("payments"), parent=paid, size=2 * SIZE, now_ns=now)
        ledger.checkpoint(into("payments", "ledger"), header, size=2 * SIZE, now_ns=now + 150 * MS)
        mailer.checkpoint(into("payments", "mailer"), header, size=2 * SIZE, now_ns=now + slow_ms * MS)
        if at % 10 == 0:
            _, header = payments.checkpoint(out("retries"), parent=paid, size=SIZE, now_ns=now)
            payments.checkpoint(into("retries", "payments"), header, size=SIZE, now_ns=now + 300 * MS)


def pipeline(services, _number):
    now = time.time_ns()
    starts = [now - 300 * SECOND + at * SECOND // 2 for at in range(560)]
    shop(services, starts, 1400)
    # Never delivered: nobody reports the step that these messages went on from.
    hidden = services.of("hidden", delivery=abi.DELIVERY_HOST)
    audit = services.of("audit", language="java")
    stage = services.of("stage", env="staging", language="python")
    for start in starts[::20]:
        _, header = hidden.checkpoint(out("events"), size=SIZE, now_ns=start)
        audit.checkpoint(into("events", "audit"), header, size=SIZE, now_ns=start + 40 * MS)
        _, header = stage.checkpoint(out("jobs", "rabbitmq"), size=SIZE, now_ns=start)
        stage.checkpoint(into("jobs", "stage", "rabbitmq"), header, size=SIZE, now_ns=start + 5 * MS)
    for partition, behind in enumerate([1200, 800, 0]):
        services.of("payments").track(["topic:payments", "type:kafka_produce"], partition, 4999)
        services.of("mailer").track(
            ["consumer_group:mailer", "topic:payments", "type:kafka_commit"], partition, 5000 - behind
        )
        services.of("ledger").track(["consumer_group:ledger", "topic:payments", "type:kafka_commit"], partition, 5000)


def more(services, number):
    """The mailer takes `number` ms: so many messages that the quantiles follow."""
    now = time.time_ns()
    shop(services, [now - 9 * SECOND + at * MS for at in range(8000)], number)


def company(services, number):
    """Half of `number` services, half queues, six stages deep."""
    draw, count, now = random.Random(7), number // 2, time.time_ns() - 5 * SECOND
    stages = [draw.randrange(6) for _ in range(count)]
    by_stage = [[at for at in range(count) if stages[at] == stage] for stage in range(6)]
    client = services.of("company")
    for queue in range(number - count):
        stage = draw.randrange(5)
        producer = draw.choice(by_stage[stage])
        pathway, header, size = abi.Pathway(), abi.c.create_string_buffer(abi.HEADER_MAX), abi.c.c_size_t()
        takers = draw.sample(by_stage[stage + 1], 1 + draw.randrange(2))
        steps = [(f"service-{producer}", out(f"topic-{queue}"), b"", 0)]
        steps += [
            (f"service-{at}", into(f"topic-{queue}", f"service-{at}"), None, draw.randrange(1, 900)) for at in takers
        ]
        for service, tags, received, ms in steps:
            received = header.raw[: size.value] if received is None else received
            options = abi.Options(abi.c.sizeof(abi.Options), now + ms * MS, 0)
            taken = [header, abi.HEADER_MAX, abi.c.byref(size)] if not ms else [None, 0, None]
            client.call("ds_set_checkpoint_with", client.edge(tags, service), SIZE, abi.c.byref(options), received, len(received),
                        None, abi.c.byref(pathway), *taken)  # fmt: skip


def hostile(services, _number):
    """What no tracer sends: markup for names, and times that no clock measures."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tests/reference"))
    from reference import Sketch, msgpack

    evil = '<img src=x onerror="document.title=1">'
    topic = f'topic:"><script>document.title=2</script>{evil}' + "x" * 3000
    queue = [topic, f"type:{evil}", f"kafka_cluster_id:{evil}"]
    ends = {
        f"{evil} \u202e first": ["direction:out", *queue],
        f"{evil} second": ["direction:in", f"group:{evil}", *queue],
    }
    for at, (service, tags) in enumerate(ends.items()):
        latency = Sketch().add(0.5).add(1e308).add(-1e308).encode()
        point = {"EdgeTags": tags, "Hash": at + 1, "ParentHash": at, "EdgeLatency": latency, "PathwayLatency": latency,
                 "PayloadSize": latency, "TimestampType": "current"}  # fmt: skip
        offsets = [{"Tags": [f"type:{evil}_{kind}", topic, f"consumer_group:{evil}", f"partition:{evil}", queue[2]], "Value": value}
                   for kind, value in (("commit", 1), ("high_watermark", 2**63 - 1))]  # fmt: skip
        bucket = {"Start": time.time_ns(), "Duration": 10 * SECOND, "Stats": [point], "Backlogs": offsets}
        payload = {"Env": "javascript:document.title=3//", "Service": service, "Lang": evil, "Stats": [bucket]}
        post(services, msgpack(payload))


def partitions(services, number):
    """A group without an environment at a queue of `number` partitions, each a message further behind than the one before."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tests/reference"))
    from reference import msgpack

    offsets = [{"Tags": [f"type:kafka_{kind}", "topic:wide", *group, f"partition:{at}"], "Value": value}
               for at in range(number)
               for kind, group, value in (("commit", ["consumer_group:wide"], 1), ("high_watermark", [], 2 + at))]  # fmt: skip
    bucket = {"Start": time.time_ns(), "Duration": 10 * SECOND, "Stats": [], "Backlogs": offsets}
    post(services, msgpack({"Service": "wide", "Stats": [bucket]}))


def post(services, payload):
    request = urllib.request.Request(f"{services.url}/v0.1/pipeline_stats", payload)
    request.add_header("Content-Type", "application/msgpack")
    urllib.request.urlopen(request, timeout=30).close()


def main():
    library, url, what, *number = sys.argv[1:]
    services = Services(library, url)
    {"pipeline": pipeline, "more": more, "company": company, "hostile": hostile, "partitions": partitions}[what](
        services, int(number[0]) if number else 0
    )
    services.stop()


main()
