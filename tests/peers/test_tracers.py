"""The released tracers for Go, JavaScript, Java and Python, and ours, unchanged, on one collector:
test_tracers.py LIBRARY COLLECTOR PROGRAMS LOGS

With the address of a broker in DATASTREAMS_KAFKA (tests/kafka/with-broker) the Java client is tried as well."""

import contextlib
import os
import pathlib
import secrets
import sys
import time

import datastreams_abi as ds
from checks import Checks, Wrong, equal, until
from programs import Collector, DdtraceService, TracerService, clean_environment
from wire import Tap

ENV, KIND, COUNT = "tracers", "kinesis", 25
# dd-java-agent sends closed buckets only, every ten seconds.
PATIENCE = 120


class Tracers:
    def __init__(self, library, command, commands, logs):
        self.library, self.command, self.commands, self.logs = ds.Library(library), command, commands, logs

    def start(self, enter):
        self.collector = enter(Collector(self.logs, self.command))
        self.tap = enter(contextlib.closing(Tap(self.collector.address)))
        # They start side by side.
        self.services = {
            name: enter(TracerService(self.logs, command, name, ENV, self.tap.url))
            for name, command in self.commands.items()
        }
        self.python = enter(DdtraceService(self.logs, "python", ENV, self.tap.url))

    def chain(self):
        """ours -> dd-trace-go -> dd-trace-js -> dd-java-agent -> ddtrace -> ours is one pathway"""
        with self.client("first") as first, self.client("last") as last:
            edge = ["direction:out", "topic:a", f"type:{KIND}"]
            headers = [first.checkpoint(edge, size=10)[1].decode() for _ in range(COUNT)]
            for name, source, target in (("go", "a", "b"), ("js", "b", "c"), ("java", "c", "d")):
                headers = self.services[name].pass_on(KIND, source, target, headers)
                equal(f"the headers of {name}", len(headers), COUNT)
            sent = []
            for header in headers:
                self.python.consume(KIND, "d", [header], None)
                sent += self.python.produce(KIND, "e", 1, None)
            for header in sent:
                last.checkpoint(["direction:in", "topic:e", f"type:{KIND}"], header.encode())
            first.flush()
            last.flush()
            equal("the headers that ours could not read", last.counters()["header_unreadable"], 0)
        self.python.flush()
        names = ["first", "go", "js", "java", "python", "last"]
        steps = [(names[0], "out", "a")]
        for name, source, target in zip(names[1:], "abcde", "bcdef", strict=True):
            steps += [(name, "in", source), (name, "out", target)]
        pathway = self.one_pathway(steps[:-1])
        edges = {edge["id"]: edge for edge in self.collector.graph()["edges"]}
        for step, (name, direction, topic) in zip(pathway["steps"], steps[:-1], strict=True):
            manual = [] if name in ("first", "go", "last") else ["manual_checkpoint:true"]
            tags = [f"direction:{direction}", *manual, f"topic:{topic}", f"type:{KIND}"]
            equal(f"the tags of {name}", step["tags"], tags)
            edge = edges[step["edge"]]
            counts = [edge["messages"], edge["edge_latency"]["count"], edge["pathway_latency"]["count"]]
            equal(f"the messages and latencies of {name}", counts, [COUNT] * 3)
        return f"{COUNT} messages, {len(pathway['steps'])} steps"

    def origins(self):
        """Each of them begins pathways that ours goes on with"""
        for name, service in self.services.items():
            headers = service.send(KIND, f"of-{name}", COUNT)
            with self.client(f"reader-of-{name}") as reader:
                for header in headers:
                    reader.checkpoint(["direction:in", f"topic:of-{name}", f"type:{KIND}"], header.encode())
                reader.flush()
            self.one_pathway([(name, "out", f"of-{name}"), (f"reader-of-{name}", "in", f"of-{name}")])

    def over_kafka(self):
        """A Kafka client under dd-java-agent: both edges, one queue of its cluster, and no lag"""
        java, topic = self.services["java"], "topic:java-orders"
        java.say(f"broker {os.environ['DATASTREAMS_KAFKA']} java-orders java-group {COUNT}")
        equal("what was received", java.line(120), str(COUNT))
        # The tracer learns the cluster from what the client hears, mostly after the first message: a pathway of its own.
        found = self.pathways([("java", "out", "java-orders"), ("java", "in", "java-orders")])
        equal("the messages", sum(one["messages"] for one in found), COUNT)
        (cluster,) = {tag for one in found for tag in one["steps"][0]["tags"] if tag.startswith("kafka_cluster_id:")}
        expected = ["direction:in", "group:java-group", cluster, topic, "type:kafka"]
        equal("the consumer's tags", {tuple(one["steps"][1]["tags"]) for one in found}, {tuple(expected)})
        edges = [edge for edge in self.collector.graph()["edges"] if topic in edge["tags"]]
        queue = f"queue:{ENV}/kafka/{cluster.removeprefix('kafka_cluster_id:')}/java-orders"
        ends = {edge["to"] if edge["kind"] == "produce" else edge["from"] for edge in edges}
        equal("the queue of all edges", ends, {queue})
        for direction in ("produce", "consume"):
            messages = sum(edge["messages"] for edge in edges if edge["kind"] == direction)
            equal(f"the messages of the {direction} edges", messages, COUNT)

        def lag():
            edges = [edge for edge in self.collector.graph()["edges"] if edge["tags"] == expected]
            return edges and edges[0]["lag"] and edges[0]["lag"]["messages"] == 0

        until("the lag of 0", lag, PATIENCE)
        return cluster

    def by_password(self):
        """dd-trace-go sends the password of its agent's URL, which may be the token that posts need"""
        token, path = secrets.token_urlsafe(), pathlib.Path(self.logs) / "token"
        path.write_text(token)
        options = ["--token-file", path, "--token-for-posts"]
        with Collector(self.logs, self.command, *options, name="guarded") as collector:
            collector.headers["Authorization"] = f"Bearer {token}"
            for url, outcome in ((collector.url, "refused"), (collector.url.replace("//", f"//any:{token}@"), "messages")):
                # It does not post what it was given just before it ends.
                for seconds in 1, 4, 16:
                    with TracerService(self.logs, self.commands["go"], "guarded", ENV, url) as service:
                        service.send(KIND, "guarded", 3)
                        time.sleep(seconds)
                        service.finish()
                    received = collector.graph()["received"]
                    if received[outcome]:
                        break
                equal("taken, refused", [received["messages"], received["refused"] > 0],
                      [0 if outcome == "refused" else 3, True])  # fmt: skip

    def all_taken(self):
        """Every payload was taken, and nothing of them cut or left unread"""
        posts = [one for one in self.tap.exchanges() if one.path == "/v0.1/pipeline_stats"]
        equal("the statuses", {post.status for post in posts}, {202})
        langs = sorted({post.headers["Datadog-Meta-Lang"] for post in posts})
        equal("who posted", langs, ["go", "java", "javascript", "python"])
        graph = self.collector.graph()
        found = [graph["received"][name] for name in ("refused", "repeats", "unread")]
        equal("refused, repeated, unread", found, [0, 0, 0])
        equal("what was cut", {name: n for name, n in graph["cut"].items() if n}, {})
        edges = {edge["service"]: edge for edge in graph["edges"] if edge["kind"] == "consume"}
        equal("the messages of dd-trace-go, without their copies", edges["go"]["messages"], COUNT)
        return f"{len(posts)} payloads"

    def client(self, service):
        return ds.Client(self.library, service=service, env=ENV, agent_url=self.collector.url)

    def pathways(self, steps):
        """The pathways with these steps (service, direction, topic), when all their messages are there."""

        def named(pathway):
            return [
                (step["service"], step["direction"], next(t[6:] for t in step["tags"] if t.startswith("topic:")))
                for step in pathway["steps"]
            ]

        def find():
            found = [one for one in self.collector.pathways(steps[-1][0]) if named(one) == steps]
            return found if sum(one["messages"] for one in found) >= COUNT else None

        try:
            return until("the pathway", find, PATIENCE)
        except Wrong:
            listed = [(named(one), one["messages"]) for one in self.collector.get("/api/pathways")["pathways"]]
            raise Wrong(f"no pathway {steps} with {COUNT} messages among {listed}") from None

    def one_pathway(self, steps):
        found = self.pathways(steps)
        equal(f"how many pathways have the steps {steps}", len(found), 1)
        (pathway,) = found
        equal("its origin and messages", (pathway["origin"], pathway["messages"]), ("known", COUNT))
        equal("its latencies' count", pathway["latency"]["count"], COUNT)
        equal("its environments", {step["env"] for step in pathway["steps"]}, {ENV})
        return pathway


def main(library, collector, programs, logs):
    pathlib.Path(logs).mkdir(parents=True, exist_ok=True)
    # Our clients live in this process.
    clean = clean_environment()
    os.environ.clear()
    os.environ.update(clean)
    programs = pathlib.Path(programs).resolve()
    jars = programs / "java"
    commands = {
        "go": [programs / "dd-trace-go"],
        "js": ["node", programs / "node" / "service.js"],
        "java": ["java", "-Xmx256m", f"-javaagent:{next(jars.glob('lib/dd-java-agent-*.jar'))}",
                 "-cp", f"{jars / 'classes'}:{jars / 'lib'}/*", "Service"],
    }  # fmt: skip
    checks = Checks()
    with contextlib.ExitStack() as stack:
        tracers = Tracers(library, collector, commands, logs)
        tracers.start(stack.enter_context)
        checks.run(tracers.chain)
        checks.run(tracers.origins)
        if "DATASTREAMS_KAFKA" in os.environ:
            checks.run(tracers.over_kafka)
        checks.run(tracers.all_taken)
        checks.run(tracers.by_password)
    return checks.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
