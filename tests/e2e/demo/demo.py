#!/usr/bin/env python3
"""The demonstration, from outside: demo.py DATASTREAMS EXAMPLES

Does it print the latencies that were put in? Does it fail when a pathway is missing or a delay is another one? Does it
leave no process behind, however it ends? Only the standard library is needed.
"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

DATASTREAMS, EXAMPLES = (Path(argument).resolve() for argument in sys.argv[1:3])
# The delays, in ms, as the documentation of the demonstration tells them; not taken from the program under test.
WORK, LEDGER, MAILER, SHIPPING, TRACKING = 60, 150, 400, 40, 50
REST = 6000
RATE = 10
# Kafka, and a busy machine. Half of the shortest delay: a delay that is left out or counted twice stays visible.
TOLERANCE = 30
# What the services may take to end when Kafka has gone before them.
FAREWELL = 60


def start(arguments, mark, **more):
    """Starts the demonstration; its processes are known by a mark in their environment."""
    environment = {**os.environ, "DEMO_TEST": mark, "DD_SERVICE": "wrong", "DD_DATA_STREAMS_ENABLED": "false"}
    command = [DATASTREAMS, "demo", *arguments]
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, **more)


def run(*arguments):
    """Runs it to its end: exit code, what it printed, what it complained of. No process may be left."""
    mark = uuid.uuid4().hex
    process = start(arguments, mark, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=120)
    left = processes(mark)
    assert not left, f"left behind: {left}"
    return process.returncode, out, err


def processes(mark):
    """The command lines of the processes with this mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"DEMO_TEST={mark}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            pass  # it ended meanwhile, or is not ours
    return found


def wait(condition, seconds, what):
    """Waits for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.1)


def near(measured, put_in, what, checkpoints=1):
    """A median is what was put in, or a little more for each checkpoint on the way."""
    most = put_in + TOLERANCE * checkpoints
    assert put_in * 0.99 - 2 <= measured <= most, f"{what}: {measured} ms, {put_in} ms were put in"


def latencies_are_what_was_put_in():
    """A quarter of a minute: every number of the report against the delays."""
    seconds = 15
    code, out, err = run("--examples", EXAMPLES, "--seconds", str(seconds), "--json")
    report = json.loads(out)
    assert code == 0 and report["ok"] is True and report["problems"] == [], (code, report["problems"], err)
    assert report["orders"] == seconds * RATE, report["orders"]
    # Behind each step: its service, direction and topic; the delay since the step before.
    paid = [
        ("orders", "direction:out", "topic:orders", 0),
        ("payments", "direction:in", "topic:orders", 0),
        ("payments", "direction:out", "topic:payments", WORK),
    ]
    expected = {
        "ledger": [("ledger", "direction:in", "topic:payments", LEDGER)],
        "mailer": [("mailer", "direction:in", "topic:payments", MAILER)],
        "archive": [("archive", "direction:in", "topic:payments", REST)],
        "tracking": [
            ("shipping", "direction:in", "topic:payments", 0),
            ("shipping", "direction:out", "topic:shipments", SHIPPING),
            ("tracking", "direction:in", "topic:shipments", 0),
            ("tracking", "direction:out", "topic:tracked", TRACKING),
        ],
    }
    assert [pathway["services"][-1] for pathway in report["pathways"]] == list(expected)
    for pathway, (end, more) in zip(report["pathways"], expected.items(), strict=True):
        between = ["shipping"] if end == "tracking" else []
        assert pathway["services"] == ["orders", "payments", *between, end]
        assert pathway["found"] is True and pathway["messages"] == report["orders"], pathway
        origin = 0
        for place, (step, wanted) in enumerate(zip(pathway["steps"], paid + more, strict=True)):
            service, direction, topic, delay = wanted
            origin += delay
            what = f"{end}: {service} {direction} {topic}"
            assert step["service"] == service and {direction, topic, "type:kafka"} <= set(step["tags"]), what
            assert step["messages"] == report["orders"], what
            if service == "archive":
                # It rested once: no message waited longer than that, and one nearly as long.
                assert step["edge"]["at_most"] is True and REST - 400 <= step["edge"]["max_ms"] <= REST + 1100, step
            else:
                near(step["edge"]["p50_ms"], delay, f"{what}: edge latency")
                near(step["origin"]["p50_ms"], origin, f"{what}: latency from origin", max(1, place))
            for latency in step["edge"], step["origin"]:
                assert latency["p50_ms"] <= latency["p95_ms"] <= latency["max_ms"], what
        # Exactly: where pathways begin no time has passed, and on the first edge both latencies are one.
        assert pathway["steps"][0]["origin"]["max_ms"] == 0
        assert pathway["steps"][1]["edge"] == pathway["steps"][1]["origin"]
    # What came in the rest was not consumed, and then it was. Commits and offsets are old by a second or two.
    behind = RATE * REST // 1000
    lag = report["lag"]
    assert lag["last"] == 0 and behind * 0.6 <= lag["peak"] <= behind * 1.8, lag


def copied(place, programs):
    """The examples, or some of them, in another directory."""
    for program in EXAMPLES.iterdir():
        if programs is None or program.name in programs:
            (Path(place) / program.name).symlink_to(program)


@contextlib.contextmanager
def usual_port_taken():
    """The collector then has another port, which nobody else reports to."""
    with socket.socket() as usual:
        try:
            usual.bind(("127.0.0.1", 8126))
            usual.listen()
        except OSError:
            pass  # somebody has it already
        yield


def services_that_are_not_built_are_left_out():
    """Without Go and Python the rest runs, and a sentence for each says so. Another one has the usual port."""
    with tempfile.TemporaryDirectory() as place, usual_port_taken():
        copied(place, ("mock_kafka", "orders", "payments", "sink"))
        code, out, err = run("--examples", place, "--seconds", "2", "--tolerance-ms", "2000")
    assert code == 0 and "as expected: all of 20 orders" in out, (out, err)
    for service, language in (("shipping", "Go"), ("tracking", "Python")):
        assert f"without {service} ({language}), which is not built: {place}/{service} is missing\n" in out, out
        assert f"-> {service}" not in out, out
    assert re.search(r"^the collector: http://127\.0\.0\.1:\d+ \(port 8126 is taken\)$", out, re.MULTILINE), out


def faults_are_found():
    """A mailer that does not take part, and a ledger that is slower than planned: the report names both."""
    with tempfile.TemporaryDirectory() as place:
        copied(place, None)
        sink = Path(place, "sink")
        sink.unlink()
        sink.write_text(
            "#!/bin/sh\n"
            'case "$*" in\n'
            "*mailer*) export DD_DATA_STREAMS_ENABLED=false ;;\n"
            '*ledger*) set -- "$@" --hold-ms 250 ;;\n'
            "esac\n"
            f'exec {EXAMPLES}/sink "$@"\n'
        )
        sink.chmod(0o755)
        code, out, _ = run("--examples", place, "--seconds", "2", "--print", "1")
    assert code == 1, code
    verdict = out[out.index("not as expected:") :]
    assert "the pathway orders -> payments -> mailer is missing" in verdict, verdict
    ledger = [line for line in verdict.splitlines() if line.strip().startswith("ledger at ")]
    assert len(ledger) == 2, verdict  # edge and origin
    assert "where 150 ms were put in" in ledger[0] and "where 210 ms were put in" in ledger[1], ledger
    assert "payments at" not in verdict and "archive" not in verdict, verdict
    # The table was printed while it ran.
    assert out.count("kafka orders -> payments") >= 2, out


def programs_that_are_missing_are_a_sentence():
    """No stack, no half-started pipeline."""
    code, out, err = run("--examples", "/nowhere")
    assert code == 1 and out == "" and err.count("\n") == 1 and "run `make examples`" in err, err


def an_interrupt_ends_in_order():
    """Until Ctrl-C the collector shows the pipeline; then the messages under way arrive, and nothing is left."""
    mark = uuid.uuid4().hex
    # Latencies are not what this is about, and the first few messages may be slow.
    with usual_port_taken():
        process = start(["--examples", EXAMPLES, "--tolerance-ms", "2000"], mark)
        url = process.stdout.readline().split()[2]
    wait(lambda: any("/orders --" in line for line in processes(mark)), 30, "start")

    def services():
        with urllib.request.urlopen(f"{url}/api/graph", timeout=10) as answer:
            return {node["service"] for node in json.load(answer)["nodes"] if node["kind"] == "service"}

    everybody = {"orders", "payments", "ledger", "mailer", "archive", "shipping", "tracking"}
    wait(lambda: services() == everybody, 30, "all services on the map")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "as expected: all of" in out, out
    assert not processes(mark), processes(mark)


def an_interrupt_is_heard_while_a_service_does_not_end():
    """Whoever presses Ctrl-C does not wait for one that hangs."""
    mark = uuid.uuid4().hex
    with tempfile.TemporaryDirectory() as place:
        copied(place, ("mock_kafka", "orders", "payments", "sink"))
        sink = Path(place, "sink")
        sink.rename(Path(place, "real"))
        # Its input never ends.
        sink.write_text(f"#!/bin/sh\nmkfifo {place}/$$\nexec {place}/real \"$@\" 0<>{place}/$$\n")
        sink.chmod(0o755)
        process = start(["--examples", place, "--seconds", "1"], mark, stderr=subprocess.PIPE)
        wait(lambda: any("/payments --" in line for line in processes(mark)), 30, "start")
        wait(lambda: not any("/payments --" in line for line in processes(mark)), 60, "the end of the first")
        process.send_signal(signal.SIGINT)
        # A service that hangs has 20 s, and there are three.
        _, err = process.communicate(timeout=45)
        assert process.returncode == 1 and err.endswith("error: interrupted\n"), err
        assert not processes(mark), processes(mark)


def orphans_end_by_themselves():
    """SIGKILL, which nobody can prepare for: the services see the end of their input."""
    mark = uuid.uuid4().hex
    process = start(["--examples", EXAMPLES], mark, stderr=subprocess.DEVNULL)
    wait(lambda: any("/orders --" in line for line in processes(mark)), 30, "start")
    time.sleep(1)
    process.kill()
    process.communicate()
    wait(lambda: not processes(mark), FAREWELL, "the end of the services")


def main():
    """Runs the tests, in this order."""
    for test in (
        programs_that_are_missing_are_a_sentence,
        services_that_are_not_built_are_left_out,
        latencies_are_what_was_put_in,
        faults_are_found,
        an_interrupt_ends_in_order,
        an_interrupt_is_heard_while_a_service_does_not_end,
        orphans_end_by_themselves,
    ):
        began = time.monotonic()
        test()
        print(f"demo: {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
