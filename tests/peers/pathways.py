"""Payloads: ddtrace's and ours, taken by our collector and joined there in one pathway."""

import gzip
import time

import datastreams_abi as ds
import msgpack
from checks import Wrong, equal, near, until
from headers import exact_ms

ENV = "peers"
# What the collector says of other mappings than its own (collector/API.md).
TOLERANCE = 0.018
# ddtrace adds its header to the size of what it produces: 28 bytes of text under a key of 21.
HEADER_SIZE = 49

OUT = {topic: ["direction:out", f"topic:{topic}", "type:kafka"] for topic in ("orders", "invoices")}
IN = {"orders": ["direction:in", "group:pay", "topic:orders", "type:kafka"],
      "invoices": ["direction:in", "group:ship", "topic:invoices", "type:kafka"]}  # fmt: skip


class Pathways:
    """Two services under ddtrace, ours between them, and the collector that all report to."""

    def __init__(self, library, collector, tap, orders, shipping):
        self.library, self.collector, self.tap = library, collector, tap
        self.orders, self.shipping = orders, shipping

    def client(self, service):
        return ds.Client(self.library, service=service, env=ENV, agent_url=self.collector.url)

    def posts(self):
        """What ddtrace posted: (service's status, headers) of each."""
        return [one for one in self.tap.exchanges() if one.path == "/v0.1/pipeline_stats"]

    def taken(self):
        """The real ddtrace posts to our collector, which takes each payload with 202"""
        self.orders.walk({}, [[OUT["orders"], int(time.time() * 1000)]])
        self.orders.flush()
        before = self.collector.graph()["received"]
        posts = until("a post of ddtrace", self.posts)
        equal("the statuses", {post.status for post in posts}, {202})
        equal("what sent them", {post.headers["Datadog-Meta-Tracer-Version"] for post in posts}, {"4.16.0"})
        equal("the payloads refused", before["refused"], 0)
        equal("the payloads taken", before["payloads"], len(posts))

    def between(self):
        """ddtrace -> ours -> ddtrace is one pathway, with its messages, latencies and sizes"""
        count, start = 40, exact_ms(int(time.time() * 1000) - 3000)
        sent = [walk[-1]["header"] for walk in self.orders.walks([[{}, [[OUT["orders"], start]]]] * count)]
        carried = []
        with self.client("payments") as client:
            for header in sent:
                at = (start + 500) * 1_000_000
                pathway, _ = client.checkpoint(IN["orders"], header.encode(), size=1000, now_ns=at)
                _, header = client.checkpoint(OUT["invoices"], b"", pathway, size=2000, now_ns=at + 250_000_000)
                carried.append(header.decode())
            arrive = [[IN["invoices"], exact_ms(start + 1750)]]
            taken = self.shipping.walks([[{ds.HEADER_KEY: header}, arrive] for header in carried])
            equal("the hashes at the end", len({walk[-1]["hash"] for walk in taken}), 1)
            client.flush()
            equal("the checkpoints delivered", client.counters()["messages_delivered"], 2 * count)
        self.orders.flush()
        self.shipping.flush()
        self.one_pathway(
            ["orders out orders", "payments in orders", "payments out invoices", "shipping in invoices"], count, 1.75
        )
        langs = {"orders": "python", "payments": "c", "shipping": "python"}
        latencies = {
            ("orders", "out"): (0, 0, HEADER_SIZE),
            ("payments", "in"): (0.5, 0.5, 1000),
            ("payments", "out"): (0.25, 0.75, 2000),
            ("shipping", "in"): (1.0, 1.75, 0),
        }
        self.edges(latencies, langs, count)
        return f"{count} messages, 4 checkpoints each"

    def around(self):
        """ours -> ddtrace -> ours is one pathway, too, by the manual checkpoints of ddtrace's public interface"""
        count, kind, manual = 25, "kinesis", "manual_checkpoint:true"
        with self.client("billing") as billing, self.client("ledger") as ledger:
            edge = ["direction:out", "topic:bills", f"type:{kind}"]
            sent = [billing.checkpoint(edge, size=10)[1].decode() for _ in range(count)]
            # consume, then produce, as a worker does for each message
            carried = []
            for header in sent:
                self.shipping.consume(kind, "bills", [header], ["tier:gold"])
                carried += self.shipping.produce(kind, "posted", 1, None)
            for header in carried:
                ledger.checkpoint(["direction:in", "topic:posted", f"type:{kind}"], header.encode())
            billing.flush()
            ledger.flush()
            equal("the headers that ours could not read", ledger.counters()["header_unreadable"], 0)
        self.shipping.flush()
        path = self.one_pathway(
            ["billing out bills", "shipping in bills", "shipping out posted", "ledger in posted"], count, None
        )
        tags = ["direction:in", manual, "tier:gold", "topic:bills", f"type:{kind}"]
        equal("the tags of ddtrace's consumer", path["steps"][1]["tags"], tags)
        return f"{count} messages"

    def fan_out(self):
        """A message that ddtrace sends on twice, and ours thrice, has each pathway once"""
        count = 10
        start = int(time.time() * 1000)
        steps = [["direction:in", "topic:source", "type:kafka"]]
        steps += [["direction:out", f"topic:copy{n}", "type:kafka"] for n in range(2)]
        walks = self.orders.walks([[{}, [[tags, start] for tags in steps]]] * count)
        with self.client("copier") as client:
            for _, _, *sent in walks:
                for n, step in enumerate(sent):
                    arrived = ["direction:in", f"topic:copy{n}", "type:kafka"]
                    pathway, _ = client.checkpoint(arrived, step["header"].encode())
                    for m in range(3):
                        # The pathway after the last copy: back to where it came in is the library's work.
                        out = ["direction:out", f"topic:copy{n}.{m}", "type:kafka"]
                        pathway, _ = client.checkpoint(out, b"", pathway)
            client.flush()
        self.orders.flush()
        for n in range(2):
            for m in range(3):
                steps = ["orders in source", f"orders out copy{n}", f"copier in copy{n}", f"copier out copy{n}.{m}"]
                self.one_pathway(steps, count, None)

    def process_tags(self, tagged):
        """With ddtrace's process tags on, its default, hashes are not ours, and still are parents in one pathway"""
        count, out = 12, ["direction:out", "topic:tagged", "type:kafka"]
        with tagged as peer, self.client("payments") as client:
            now = int(time.time() * 1000)
            sent = [walk[-1] for walk in peer.walks([[{}, [[out, now]]]] * count)]
            with ds.Client(self.library, service="tagged", env=ENV, delivery=ds.DELIVERY_HOST) as twin:
                if twin.checkpoint(out)[0].hash == sent[0]["hash"]:
                    raise Wrong("the hashes are equal: process tags are off")
            for step in sent:
                client.checkpoint(["direction:in", "topic:tagged", "type:kafka"], step["header"].encode())
            client.flush()
            peer.flush()
        bodies = [msgpack.unpackb(gzip.decompress(post.body)) for post in self.posts()]
        (tags,) = {tuple(body["ProcessTags"]) for body in bodies if body["Service"] == "tagged"}
        services = {body["Service"] for body in bodies if "ProcessTags" in body}
        equal("the services that sent process tags", services, {"tagged"})
        self.one_pathway(["tagged out tagged", "payments in tagged"], count, None)
        return f"{len(tags)} process tags"

    def at_exit(self, service):
        """What a ddtrace process has not yet reported arrives when it ends"""
        with service as peer:
            peer.produce("kafka", "last", 7, None)
            equal("its exit status", peer.finish(), 0)
        self.one_pathway(["brief out last"], 7, None)

    def all_taken(self):
        """Of all that was posted in these checks, by ddtrace and by ours, our collector refused nothing"""
        posts = self.posts()
        equal("the statuses that ddtrace got", {post.status for post in posts}, {202})
        received = self.collector.graph()["received"]
        equal("the payloads refused", received["refused"], 0)
        equal("the payloads that came again", received["repeats"], 0)
        equal("what was cut", {name: value for name, value in self.collector.graph()["cut"].items() if value}, {})
        return f"{received['payloads']} payloads, {len(posts)} of ddtrace, {received['messages']} messages"

    # What the collector shows

    def one_pathway(self, steps, messages, seconds):
        """The one pathway with these steps ("service direction topic"), its count, and its latency when given."""

        def named(pathway):
            topics = ([tag for tag in step["tags"] if tag.startswith("topic:")] for step in pathway["steps"])
            return [f"{step['service']} {step['direction']} {topic[0].removeprefix('topic:')}"
                    for step, topic in zip(pathway["steps"], topics, strict=True)]  # fmt: skip

        def find():
            found = [one for one in self.collector.pathways(steps[-1].split()[0]) if named(one) == steps]
            return found if sum(one["messages"] for one in found) >= messages else None

        try:
            found = until("a pathway", find)
        except Wrong:
            listed = [(named(one), one["messages"]) for one in self.collector.get("/api/pathways")["pathways"]]
            raise Wrong(f"no pathway {steps} with {messages} messages among {listed}") from None
        equal("how many pathways have these steps", len(found), 1)
        (pathway,) = found
        equal("its origin", pathway["origin"], "known")
        equal("its environments", {step["env"] for step in pathway["steps"]}, {ENV})
        equal("its messages", pathway["messages"], messages)
        equal("its latencies' count", pathway["latency"]["count"], messages)
        if seconds is not None:
            for quantile in ("p50", "p99"):
                near(f"its {quantile}", pathway["latency"][quantile], seconds, TOLERANCE)
        return pathway

    def edges(self, expected, langs, count):
        """The edges of (service, direction) with edge latency, pathway latency and size, and their queue's node."""
        graph = self.collector.graph()
        crossings = [
            ("orders", OUT["orders"]),
            ("payments", IN["orders"]),
            ("payments", OUT["invoices"]),
            ("shipping", IN["invoices"]),
        ]
        for service, lang in langs.items():
            (node,) = (one for one in graph["nodes"] if one["service"] == service)
            equal(f"the languages of {service}", node["langs"], [lang])
        for (service, direction), (edge_s, pathway_s, size) in expected.items():
            (tags,) = (tags for name, tags in crossings if name == service and tags[0] == f"direction:{direction}")
            (edge,) = (one for one in graph["edges"] if one["service"] == service and one["tags"] == tags)
            topic = next(tag for tag in tags if tag.startswith("topic:")).removeprefix("topic:")
            ends = [f"queue:{ENV}/kafka//{topic}", f"service:{ENV}/{service}"]
            equal(f"the ends of {tags}", [edge["from"], edge["to"]], ends if direction == "in" else ends[::-1])
            # One more came in the first check.
            messages = count + (service == "orders")
            equal(f"the messages of {tags}", edge["messages"], messages)
            for name, value in (("edge_latency", edge_s), ("pathway_latency", pathway_s), ("payload_size", size)):
                equal(f"the count of {name} of {tags}", edge[name]["count"], messages)
                near(f"{name} of {tags}", edge[name]["p50"], value, TOLERANCE)
