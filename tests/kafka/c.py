#!/usr/bin/env python3
"""The C programs over Apache Kafka, and the lag that the collector shows: with-broker c.py DATASTREAMS EXAMPLES

The demonstration's pipeline, with the broker in place of its mock cluster; then groups that read all, stop in the middle
and are behind, partition by partition beside what kafka-consumer-groups prints. Only the standard library is needed.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "queues"))

from collector import collector, wait

DATASTREAMS, EXAMPLES = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
BROKER, CLASSPATH = os.environ["DATASTREAMS_KAFKA"], os.environ["DATASTREAMS_KAFKA_CLASSPATH"]
SOURCES = pathlib.Path(__file__).resolve().parents[2] / "bindings/c/examples"
PARTITIONS = 3
# The classes behind kafka-topics.sh and kafka-consumer-groups.sh.
TOPICS = "org.apache.kafka.tools.TopicCommand"
GROUPS = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"


def kafka(tool, *arguments):
    """What one of Kafka's own command line tools prints."""
    command = ["java", "-Xmx256m", "-cp", CLASSPATH, tool, "--bootstrap-server", BROKER, *arguments]
    done = subprocess.run(command, text=True, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def described():
    """(committed, end, lag) by (group, topic, partition), as kafka-consumer-groups prints them."""
    found = {}
    for line in kafka(GROUPS, "--describe", "--all-groups").splitlines():
        words = line.split()
        if words and words[0] != "GROUP":
            group, topic, *numbers = words[:6]
            partition, *offsets = map(int, numbers)
            found[group, topic, partition] = tuple(offsets)
    return found


def the_demonstration():
    """Its own report: the chain joins, each message is counted once, latencies are what was put in."""
    with tempfile.TemporaryDirectory() as place:
        # The services in C alone, whichever other languages have been built.
        for program in EXAMPLES.iterdir():
            if (SOURCES / f"{program.name}.c").exists():
                (pathlib.Path(place) / program.name).symlink_to(program)
        broker = pathlib.Path(place, "mock_kafka")
        broker.unlink()
        command = f"java -Xmx256m -cp '{CLASSPATH}' {TOPICS} --bootstrap-server {BROKER}"
        broker.write_text(
            "#!/bin/sh\n"
            f'for topic; do {command} --create --topic "$topic" --partitions {PARTITIONS} >/dev/null || exit 1; done\n'
            f"echo {BROKER}\n"
            "cat >/dev/null\n"
        )
        broker.chmod(0o755)
        command = [DATASTREAMS, "demo", "--examples", place, "--seconds", "10", "--json", "--tolerance-ms", "60"]
        demo = subprocess.run(command, text=True, stdout=subprocess.PIPE, timeout=120)
    report = json.loads(demo.stdout)
    assert demo.returncode == 0 and report["ok"] is True, (demo.returncode, report["problems"])
    assert report["orders"] == 100, report["orders"]
    for pathway, end in zip(report["pathways"], ("ledger", "mailer", "archive"), strict=True):
        assert pathway["services"] == ["orders", "payments", end] and pathway["found"] is True, pathway
        assert [step["messages"] for step in pathway["steps"]] == [100] * 4, pathway


class Service:
    """One of the examples, reporting to a collector."""

    def __init__(self, got, program, *arguments):
        command = [EXAMPLES / program, "--brokers", BROKER, "--agent", got.url, "--flush-every", "0.5", *arguments]
        self.process = subprocess.Popen(list(map(str, command)), text=True, stdout=subprocess.PIPE)

    def ready(self):
        line = self.process.stdout.readline()
        assert line == "ready\n", line
        return self

    def stop(self):
        """Ends it as an operator would; the number that it prints."""
        self.process.send_signal(signal.SIGTERM)
        return self.end()

    def end(self):
        said = self.process.communicate(timeout=60)[0]
        assert self.process.returncode == 0, said
        return int(said.split()[-1])


def compare(got, numbers):
    """The collector's and Kafka's numbers, of each group and partition; numbers: what the groups say that they read."""
    theirs = described()
    # Each commit is posted within half a second, and with the end of its service.
    wait(lambda: got.lag() == theirs, f"\n  the collector: {got.lag()}\n  Kafka:         {theirs}", 20)
    for group, number in numbers.items():
        mine = {key: offsets for key, offsets in theirs.items() if key[0] == group}
        assert sorted(mine) == [(group, "lag", partition) for partition in range(PARTITIONS)], mine
        assert sum(committed for committed, _, _ in mine.values()) == number, (group, mine)
        lag = sum(lag for _, _, lag in mine.values())
        assert got.edge_lag()[group, group] == lag, (group, got.edge_lag(), lag)
    return theirs


def lag():
    """Groups that read everything, stop in the middle, and are behind."""
    kafka(TOPICS, "--create", "--topic", "lag", "--partitions", str(PARTITIONS))
    services = []
    with collector(DATASTREAMS) as got:

        def sink(group, hold_ms=0):
            arguments = ("--topic", "lag", "--service", group, "--group", group, "--hold-ms", hold_ms)
            services.append(Service(got, "sink", *arguments))
            return services[-1]

        try:
            whole, early, slow = sink("whole").ready(), sink("early").ready(), sink("slow", 1500).ready()
            orders = Service(got, "orders", "--topic", "lag", "--rate", "60", "--seconds", "8")
            services.append(orders)
            time.sleep(3)
            first = early.stop()
            produced = orders.end()
            behind = slow.stop()
            assert produced == 480 and 0 < first < produced and 0 < behind < produced, (produced, first, behind)

            def read():
                return sum(committed for (group, _, _), (committed, _, _) in got.lag().items() if group == "whole")

            wait(lambda: read() == produced, "the group that reads everything")
            numbers = {"whole": produced, "early": first, "slow": behind}
            stopped = compare(got, numbers)
            assert sum(lag for _, _, lag in stopped.values()) == 2 * produced - first - behind > 0
            assert all(lag > 0 for (group, _, _), (_, _, lag) in stopped.items() if group == "early"), stopped

            # Where it goes on.
            again = sink("early").ready()
            wait(lambda: all(lag == 0 for (group, _, _), (_, _, lag) in got.lag().items() if group == "early"), "rest")
            assert again.stop() == produced - first
            compare(got, {**numbers, "early": produced})
            assert whole.stop() == produced
            assert got.edges() == {
                ("orders", "out,topic:lag,type:kafka"): produced,
                ("whole", "in,group:whole,topic:lag,type:kafka"): produced,
                ("early", "in,group:early,topic:lag,type:kafka"): produced,
                ("slow", "in,group:slow,topic:lag,type:kafka"): behind,
            }, got.edges()
        finally:
            for service in services:
                if service.process.poll() is None:
                    service.process.kill()
                    service.process.communicate()


def main():
    # What the host's environment says must not decide a test.
    for variable in [name for name in os.environ if name.startswith("DD_")]:
        del os.environ[variable]
    for test in (lag, the_demonstration):
        began = time.monotonic()
        test()
        print(f"kafka: {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
