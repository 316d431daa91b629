#!/usr/bin/env python3
"""datastreams_rdkafka.h over a broker that refuses headers: with-broker --old old.py DATASTREAMS PROGRAM (old.c, built)

The program checks that no message is lost; here, that what it recorded before the first refusal arrived, and no more.
"""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "queues"))

from collector import collector

MESSAGES = 300


def main():
    datastreams, program = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DD_")}
    with collector(datastreams) as got:
        command = [program, os.environ["DATASTREAMS_KAFKA_OLD"], got.url]
        done = subprocess.run(command, env=environment, text=True, stdout=subprocess.PIPE, check=True, timeout=300)
        edges = got.edges()
    recorded = int(done.stdout)
    assert edges == {
        ("test", "out,topic:old,type:kafka"): recorded,
        ("test", "in,group:test,topic:old,type:kafka"): MESSAGES,
    }, (recorded, edges)
    print(f"kafka: headers refused, {recorded} messages recorded before, {MESSAGES} arrived")


if __name__ == "__main__":
    main()
