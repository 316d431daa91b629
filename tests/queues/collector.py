"""A collector for tests, as the command that users run: what arrived, by services, edges and pathways."""

import contextlib
import json
import subprocess
import time
import urllib.request


class Collector:
    """What a collector answers. Edges are named by their tags, sorted, without the key of the direction."""

    def __init__(self, url):
        self.url = url

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return json.load(answer)

    def edges(self):
        """Messages by (service, edge)."""
        graph = self.get("/api/graph")
        return {
            (edge["service"], name(edge["tags"])): edge["messages"]
            for edge in graph["edges"]
            if edge["kind"] != "route"
        }

    def sizes(self):
        """Median payload sizes by (service, edge); at most 0.8 % off."""
        return {
            (edge["service"], name(edge["tags"])): edge["payload_size"]["p50"]
            for edge in self.get("/api/graph")["edges"]
            if edge["payload_size"]
        }

    def pathways(self):
        """Messages by the steps of a pathway: a tuple of (service, edge). Those that others go on from are left out."""
        return {
            tuple((step["service"], name(step["tags"])) for step in pathway["steps"]): pathway["messages"]
            for pathway in self.get("/api/pathways")["pathways"]
        }

    def lag(self):
        """(committed, end, lag) by (group, topic, partition)."""
        groups = self.get("/api/lag")["groups"]
        return {
            (group["group"], group["topic"], int(one["partition"])): (one["committed"], one["end"], one["messages"])
            for group in groups
            for one in group["partitions"]
        }

    def edge_lag(self):
        """The lag of each group's edge: messages by (service, group)."""
        return {
            (edge["service"], edge["lag"]["group"]): edge["lag"]["messages"]
            for edge in self.get("/api/graph")["edges"]
            if edge.get("lag")
        }


def name(tags):
    return ",".join(tag.removeprefix("direction:") for tag in sorted(tags))


@contextlib.contextmanager
def collector(datastreams):
    """Starts one on a free port."""
    process = subprocess.Popen([datastreams, "collect", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    try:
        yield Collector(process.stdout.readline().split()[-1])
    finally:
        process.terminate()
        process.communicate(timeout=20)


def wait(condition, what, seconds=60):
    """Waits until something is so, and returns what it is."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.1)
    return value
