#!/usr/bin/env python3
"""`datastreams top` on a terminal: top.py DATASTREAMS

The real program on a pseudo terminal, its screen read back through a terminal emulator, over a collector that answers
what the test says. Is the terminal given back at every end?
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyte
from wcwidth import wcswidth

DATASTREAMS = Path(sys.argv[1]).resolve()
# For whatever has to happen; a busy machine.
PATIENCE = 30
ENTER, LEAVE, SHOW = b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25h"


def quantiles(value):
    return {"count": 10, "p50": value, "p95": value, "p99": value, "max": value}


def edge(number, topic, value, lag=None):
    return {
        "id": f"e{number}",
        "kind": "consume",
        "from": f"q{number}",
        "to": "s",
        "env": "",
        "service": "pay",
        "tags": ["direction:in", "group:g", f"topic:{topic}", "type:kafka"],
        "messages": 10,
        "rate": 2.5,
        "edge_latency": quantiles(value),
        "pathway_latency": quantiles(value),
        "payload_size": None,
        "lag": lag,
    }


def queue(number, topic):
    return {
        "id": f"q{number}",
        "kind": "queue",
        "env": "",
        "type": "kafka",
        "cluster": "",
        "name": topic,
        "service": None,
    }


class Collector:
    """Answers as a collector does."""

    def __init__(self):
        self.lag = 5
        self.paths = []
        # A topic that would clear the screen and set the title.
        self.topics = ["orders", "evil\x1b[2J\x1b]0;owned\x07", "注文"]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.paths.append(self.path)
                body = json.dumps(outer.answer(self.path.split("?")[0])).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, path):
        if path == "/api/graph":
            lag = {"group": "g", "messages": self.lag, "seconds": 1.5, "partitions": 1}
            nodes = [{"id": "s", "kind": "service", "env": "", "service": "pay", "langs": []}]
            nodes += [queue(number, topic) for number, topic in enumerate(self.topics)]
            edges = [edge(n, topic, n + 0.25, lag if n == 0 else None) for n, topic in enumerate(self.topics)]
            return {"now_ms": 1786000000000, "nodes": nodes, "edges": edges}
        if path == "/api/pathways":
            step = {"edge": "e0", "env": "", "service": "pay", "tags": ["direction:in", "topic:orders", "type:kafka"]}
            return {
                "pathways": [
                    {"id": "p", "origin": "unknown", "steps": [step], "messages": 1, "rate": 1.0, "latency": None}
                ]
            }
        if path == "/api/series":
            point = {"at_ms": 0, "rate": 1.0, "edge_latency": quantiles(0.75), "pathway_latency": None}
            return {"from_ms": 0, "to_ms": 1, "step_ms": 10000, "points": [point]}
        if path == "/api/lag":
            group = {"id": "a/b", "env": "", "type": "kafka", "cluster": "", "topic": "orders", "group": "g"}
            partition = {"partition": "0", "committed": 1, "end": 6, "messages": 5, "seconds": 1.5}
            return {"groups": [{**group, "messages": 5, "seconds": 1.5, "partitions": [partition]}]}
        assert path == "/api/lag/series", path
        return {"step_ms": 10000, "points": [{"at_ms": 0, "messages": 77, "seconds": 1.0}]}


class Terminal:
    """`datastreams top` on a terminal."""

    def __init__(self, *arguments, columns=160, rows=24, **environment):
        self.master, slave = pty.openpty()
        self.resize(columns, rows, slave)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.bytes = b""
        # Split UTF-8 sequences are put together by the stream.
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        environment = {**os.environ, "TERM": "xterm-256color", **environment}
        environment = {name: value for name, value in environment.items() if value is not None}
        command = [DATASTREAMS, "top", "--every", "1", *arguments]
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
        )

    def resize(self, columns, rows, terminal=None):
        fcntl.ioctl(terminal or self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds):
        if select.select([self.master], [], [], seconds)[0]:
            part = os.read(self.master, 65536)
            self.bytes += part
            self.stream.feed(part)

    def press(self, keys):
        os.write(self.master, keys.encode())

    def wait(self, what, condition=None):
        """Waits until a text is on the screen, or a condition holds of its lines."""
        condition = condition or (lambda lines: any(what in line for line in lines))
        deadline = time.monotonic() + PATIENCE
        while not condition(self.lines()):
            screen = "\n".join(self.lines())
            assert time.monotonic() < deadline, f"{what!r} is not on the screen:\n{screen}"
            assert self.process.poll() is None, f"it ended ({self.process.returncode}):\n{screen}"
            self.read(0.1)

    def lines(self):
        """The screen; a wide character is followed by an empty cell."""
        screen = self.screen
        return ["".join(screen.buffer[y][x].data for x in range(screen.columns)) for y in range(screen.lines)]

    def line(self, word):
        return next(line for line in self.lines() if word in line)

    def ended(self):
        """Waits for its end: the exit code; the terminal is as it was."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "it goes on"
            self.read(0.05)
        while select.select([self.master], [], [], 0)[0]:
            self.read(0)
        assert ENTER in self.bytes and self.bytes.rindex(LEAVE) > self.bytes.rindex(ENTER), "the other screen is left"
        assert self.bytes.rindex(SHOW) > self.bytes.rindex(ENTER), "the cursor is shown"
        assert termios.tcgetattr(self.slave) == self.before, "lines and echo are as they were"
        os.close(self.master)
        os.close(self.slave)
        return self.process.returncode


def what_is_shown_and_keys():
    collector = Collector()
    terminal = Terminal("--url", collector.url)
    terminal.wait("kafka orders -> pay (group g)")
    cells = re.split(r"\s{2,}", terminal.line("kafka orders").strip())
    assert cells == [
        "kafka orders -> pay (group g)", "2.50", *["250 ms"] * 8, "-", "5", "1.50 s"
    ], cells  # fmt: skip
    # Where characters are wide, columns are not shifted.
    ends = {wcswidth(terminal.line(word).rstrip()) for word in ("kafka evil", "kafka 注", "kafka orders")}
    assert len(ends) == 1, "\n".join(terminal.lines())
    # Names are letters, whatever is in them.
    assert "evil\\u{1b}[2J\\u{1b}]0;owned\\u{7}" in terminal.line("evil"), terminal.line("evil")
    assert b"]0;owned\x07" not in terminal.bytes and terminal.screen.title == ""
    # New numbers come by themselves.
    collector.lag = 1234
    terminal.wait("1234")

    terminal.press("ss")
    first = lambda word: lambda lines: word in lines[2]  # noqa: E731
    terminal.wait("the largest edge p50 first", first("注"))
    terminal.press("r")
    terminal.wait("the smallest first", first("orders"))
    # A closer look at the first line.
    terminal.press("\x1b[H\r")
    terminal.wait("edge latency p95, last 5 min, by 10.0 s; at most 750 ms")
    terminal.wait("lag in messages, last 5 min, by 10.0 s; at most 77")
    assert "/api/lag/series?group=a%2Fb&last=300" in collector.paths, collector.paths
    terminal.press("\x1b")
    terminal.wait("Enter look closely")
    terminal.press("/evil\r")
    terminal.wait("1 edges  filter: evil")
    terminal.press("\x1b")
    terminal.wait("3 edges")
    terminal.press("\r")
    terminal.wait("edge latency p95, last 5 min, by 10.0 s; at most 750 ms")
    assert any(path.startswith("/api/series?edge=e") and path.endswith("&last=300") for path in collector.paths)
    terminal.press("]")
    terminal.wait("last 15 min")
    terminal.press("\x1b")
    terminal.wait("Enter look closely")
    terminal.press("\t")
    terminal.wait("(unknown) -> pay [in kafka orders]")
    terminal.press("?")
    terminal.wait("look closely at the line")
    terminal.press("?")

    # Narrow, then wide again.
    for columns in (40, 100):
        terminal.screen.resize(12, columns)
        terminal.screen.reset()
        terminal.resize(columns, 12)
        terminal.press("??")
        terminal.wait("a redrawn screen", lambda lines: "NAME" in lines[1])
    terminal.press(" ")
    terminal.wait("paused")
    terminal.press(" ")
    terminal.wait("it goes on", lambda lines: "http" in lines[0] and "paused" not in lines[0])
    # The collector goes: what was known stays, and it is said.
    collector.server.shutdown()
    collector.server.server_close()
    terminal.wait("what is shown is old: ")
    terminal.press("q")
    assert terminal.ended() == 0


def every_end_gives_the_terminal_back():
    collector = Collector()
    for end in ("q", "\x03", signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        terminal = Terminal("--url", collector.url)
        terminal.wait("kafka orders")
        if isinstance(end, str):
            terminal.press(end)
        else:
            terminal.process.send_signal(end)
        assert terminal.ended() == 0, end
    # Before there is any answer, too.
    silent = Terminal("--url", "http://127.0.0.1:1")
    silent.wait("no collector at http://127.0.0.1:1")
    silent.process.send_signal(signal.SIGTERM)
    assert silent.ended() == 0


def no_colour_when_nobody_wants_it():
    collector = Collector()
    colour = re.compile(rb"\x1b\[[0-9;]*\b(3[0-7]|38|9[0-7]|4[0-7]|48)\b[0-9;]*m")
    for wanted, environment in ((False, {"NO_COLOR": "1"}), (True, {"NO_COLOR": None})):
        terminal = Terminal("--url", collector.url, **environment)
        terminal.wait("1.50 s")
        terminal.press("q")
        assert terminal.ended() == 0
        assert bool(colour.search(terminal.bytes)) is wanted, environment


def main():
    for test in (what_is_shown_and_keys, every_end_gives_the_terminal_back, no_colour_when_nobody_wants_it):
        began = time.monotonic()
        test()
        print(f"top: {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
