"""What the tests of the plugin stand on: a broker, a collector, and programs that know nothing about us.

The broker is librdkafka's mock cluster, or the one at DATASTREAMS_KAFKA (tests/kafka/with-broker).
"""

import atexit
import collections
import contextlib
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import unittest
import urllib.request
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/plugin"
PLUGIN = BUILD / "libdatastreams_rdkafka.so"
COMMAND = ROOT / "build/bin/datastreams"
PROGRAMS = BUILD / "programs"
RELAY_PY = ROOT / "tests/plugin/programs/relay.py"
REAL = os.environ.get("DATASTREAMS_KAFKA", "")
# Only against programs that hang; nothing is slow because of it.
PATIENCE = 120


def start(*command, ready, **options):
    """Starts a server that runs until its standard input ends, and returns it with the match of `ready` in its output."""
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)
    line = server.stdout.readline()
    found = re.search(ready, line)
    if not found:
        server.kill()
        raise AssertionError(f"{command[0]} said {line!r}")
    return server, found


def end(server):
    server.stdin.close()
    server.terminate()
    server.wait(PATIENCE)
    server.stdout.close()


class Collector:
    def __init__(self):
        # Its error output is ours: a payload that it refuses is told there.
        self.server, found = start(COMMAND, "collect", "--listen", "127.0.0.1:0", ready=r"http://\S+")
        self.url = found[0]

    def get(self, what):
        with urllib.request.urlopen(f"{self.url}/api/{what}", timeout=PATIENCE) as answer:
            return json.load(answer)

    def pathways(self):
        """[(steps, messages)]: a step is "service direction topic", with the group of a consumer.

        A producer does not know the cluster's id at first: with it and without it are one here.
        """
        counts = collections.Counter()
        for pathway in self.get("pathways")["pathways"]:
            counts[tuple(step_of(step) for step in pathway["steps"])] += pathway["messages"]
        return sorted(counts.items())

    def edges(self, step):
        return [edge for edge in self.get("graph")["edges"] if step_of(edge) == step]

    def messages(self):
        """{step: messages}"""
        counts = collections.Counter()
        for edge in self.get("graph")["edges"]:
            counts[step_of(edge)] += edge["messages"]
        return dict(counts)

    def lags(self, topic):
        """{(partition, group): what is known of it}"""
        groups = [group for group in self.get("lag")["groups"] if group["topic"] == topic]
        return {(one["partition"], group["group"]): one for group in groups for one in group["partitions"]}


def tags_of(edge):
    return dict(tag.split(":", 1) for tag in edge["tags"])


def step_of(edge):
    tags = tags_of(edge)
    names = [tags[key].split("-")[0] for key in ("topic", "group") if key in tags]
    return " ".join([edge["service"], tags["direction"], *names])


@functools.cache
def broker():
    """The address of the broker, which all tests share."""
    if REAL:
        return REAL
    mock, found = start(ROOT / "build/examples/mock_kafka", ready=r"\S+:\d+")
    atexit.register(end, mock)
    return found[0]


class Case(unittest.TestCase):
    """A collector for each test, and topics and groups of its own: tests run beside each other."""

    def setUp(self):
        self.broker = broker()
        self.collector = Collector()
        self.addCleanup(end, self.collector.server)
        self.run_id = uuid.uuid4().hex[:8]

    def own(self, name):
        """The name of a topic or group of this test's own."""
        return f"{name}-{self.run_id}"

    def environment(self, service, **more):
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("DD_", "DS_", "KCAT_", "LD_"))
        }
        return {**kept, "DD_SERVICE": service, "DD_TRACE_AGENT_URL": self.collector.url, **more}

    @staticmethod
    def property(program, text):
        return ("-X", text) if program == "kcat" else (text,)

    def plugin_of(self, program):
        return self.property(program, f"plugin.library.paths={PLUGIN}")

    def run_program(self, service, *command, input="", env=None, expect=0, plugin=True):
        """Runs a program to its end, with the plugin named by a property at the end of its arguments."""
        if plugin:
            command += self.plugin_of(command[0])
        done = subprocess.run(
            [str(one) for one in command],
            input=input,
            env=self.environment(service, **(env or {})),
            text=True,
            capture_output=True,
            timeout=PATIENCE,
        )
        if expect is not None:
            self.assertEqual(done.returncode, expect, f"{command}\n{done.stdout}\n{done.stderr}")
        return done

    def run_group(self, service, *command, **more):
        """Runs a program that consumes in a group."""
        return self.run_program(service, *command, *self.property(command[0], f"group.id={self.own('group')}"), **more)

    def kcat(self, mode, topic, *options):
        """The command that produces to a topic (mode -P) or consumes from it (-C)."""
        return ("kcat", mode, "-b", self.broker, "-t", topic, *options)

    def send(self, service, topic, *messages, options=(), **more):
        """Produces messages with kcat, one from each line."""
        lines = "".join(f"{one}\n" for one in messages)
        return self.run_program(service, *self.kcat("-P", topic, *options), input=lines, **more)

    def look(self, topic, count, service="", **more):
        """Consumes with kcat, as a service or unseen, and returns what it printed of each message."""
        options = ("-o", "beginning", "-c", count, "-J", "-q", "-X", "topic.metadata.refresh.interval.ms=200")
        done = self.run_program(service, *self.kcat("-C", topic, *options), plugin=bool(service), **more)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def eventually(self, check):
        """Checks again until it holds: what is on its way arrives."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return check()
            except (AssertionError, KeyError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


def headers_of(message):
    """[(name, value)] of what kcat printed."""
    flat = message.get("headers", [])
    return list(zip(flat[::2], flat[1::2], strict=True))


def header_of(message):
    """The value of the one header of ours."""
    found = [value for name, value in headers_of(message) if name == "dd-pathway-ctx-base64"]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} headers of ours in {message}")
    return found[0]


def interpreter():
    return sys.executable


def valgrind(*options):
    return (
        shutil.which("valgrind"),
        "--quiet",
        "--error-exitcode=99",
        "--leak-check=full",
        "--show-leak-kinds=definite",
        "--errors-for-leak-kinds=definite",
        *options,
    )


@contextlib.contextmanager
def mock_broker(*arguments):
    """A mock cluster of one's own."""
    server, found = start(*arguments, ready=r"\S+:\d+")
    try:
        yield found[0]
    finally:
        end(server)
