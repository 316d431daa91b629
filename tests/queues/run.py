#!/usr/bin/env python3
"""The C headers for message queues over real brokers: run.py DATASTREAMS EXAMPLES [amqp] [nats]

Builds the headers in every language that they promise and the test programs beside this file, runs those over brokers that
it starts on free ports, then the examples as services of one pipeline, and compares what the collector got. TOOL=valgrind
and TOOL=asan check memory on the way, as in tests/c/run.sh. Reads CC and CXX. Only the standard library is needed.
"""

import os
import pathlib
import shlex
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/queues"
sys.path.insert(0, str(ROOT / "bindings/python/tests/integrations"))

import servers

from collector import collector

CC, CXX = (shlex.split(os.environ.get(name) or default) for name, default in (("CC", "cc"), ("CXX", "c++")))
TOOL = os.environ.get("TOOL", "")
WARNINGS = "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror".split()
INCLUDE = [f"-I{ROOT / folder}" for folder in ("include", "bindings/c/include", "tests/c", "tests/queues")]
LIBRARY = ROOT / "build/lib"
# What brokers and other libraries leave behind is not ours: definite losses alone are errors.
VALGRIND = (
    "valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --show-leak-kinds=definite"
)
MESSAGES = 200


def alone(header):
    """The header by itself, in every language that it promises."""
    for standard in ("c99", "c11", "c2x", "c++11", "c++20"):
        compiler = [*CXX, "-x", "c++"] if "++" in standard else [*CC, "-x", "c"]
        subprocess.run(
            [*compiler, f"-std={standard}", *WARNINGS, *INCLUDE, "-fsyntax-only", "-"],
            input=f"#include <{header}>\n",
            text=True,
            check=True,
        )


def build(source, library, out):
    """A test program."""
    program = pathlib.Path(out, source.stem)
    flags = ["-g", *WARNINGS, "-Wno-conversion", *INCLUDE]
    if TOOL == "asan":
        flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
    libraries = [f"-L{LIBRARY}", "-ldatastreams", f"-Wl,-rpath,{LIBRARY}", library, "-pthread"]
    subprocess.run([*CC, "-std=c99", *flags, source, "-o", program, *libraries], check=True)
    return program


def run(program, *arguments, **environment):
    command = [program, *map(str, arguments)]
    if TOOL == "valgrind":
        command = [*VALGRIND.split(), *command]
        environment["CHECK_PAUSE_MS"] = "500"
    subprocess.run(command, env={**os.environ, **environment}, check=True, timeout=300)


def pipeline(got, program, *arguments):
    """Three services of one program, each started when the next one has what it reads from. All of MESSAGES arrive."""
    environment = {**os.environ, "DD_TRACE_AGENT_URL": got.url, "DD_ENV": "ci"}
    readers = []
    try:
        for role in ("ledger", "payments"):
            command = [program, role, *map(str, arguments), str(MESSAGES)]
            readers.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
            said = readers[-1].stdout.readline()
            assert said == "ready\n", f"{role}: {said!r}"
        subprocess.run(
            [program, "orders", *map(str, arguments), str(MESSAGES)],
            env=environment,
            check=True,
            timeout=120,
            stdout=subprocess.DEVNULL,
        )
        for reader in readers:
            assert reader.communicate(timeout=120)[0] == f"read {MESSAGES}\n" and reader.returncode == 0
    finally:
        for reader in readers:
            if reader.poll() is None:
                reader.kill()
                reader.communicate()


def expect(got, wanted, what):
    assert got == wanted, f"{what}:\n  got    {got}\n  wanted {wanted}"


def chained(got, steps):
    """One pathway of these steps, passed by every message; and nothing else."""
    expect(got.edges(), dict.fromkeys(steps, MESSAGES), "edges")
    expect(got.pathways(), {tuple(steps): MESSAGES}, "pathways")


def amqp(datastreams, examples, out):
    alone("datastreams_amqp.h")
    program = build(HERE / "amqp.c", "-lrabbitmq", out)
    with servers.rabbitmq() as port:
        with collector(datastreams) as got:
            run(program, servers.HOST, port, got.url)
            keyed = {f"by-{name}": 1 for name in ("direct", "topic", "fanout-keyed")}
            expect(
                got.edges(),
                {
                    **{
                        ("test", f"out,exchange:{name},has_routing_key:true,type:rabbitmq"): count
                        for name, count in keyed.items()
                    },
                    ("test", "out,exchange:by-fanout,has_routing_key:false,type:rabbitmq"): 1,
                    ("test", "out,topic:landing,type:rabbitmq"): 1,
                    ("test", "in,topic:landing,type:rabbitmq"): 5,
                    ("test", "out,topic:longest,type:rabbitmq"): 1,
                    ("test", "in,topic:longest,type:rabbitmq"): 2,
                },
                "edges",
            )
        if not TOOL:
            with collector(datastreams) as got:
                pipeline(got, examples / "rabbitmq", servers.HOST, port)
                chained(
                    got,
                    [
                        ("orders", "out,topic:orders,type:rabbitmq"),
                        ("payments", "in,topic:orders,type:rabbitmq"),
                        ("payments", "out,exchange:payments,has_routing_key:false,type:rabbitmq"),
                        ("ledger", "in,topic:ledger,type:rabbitmq"),
                    ],
                )


def nats(datastreams, examples, out):
    alone("datastreams_nats.h")
    program = build(HERE / "nats.c", "-lnats", out)
    with servers.nats() as port:
        url = f"nats://{servers.HOST}:{port}"
        with collector(datastreams) as got:
            run(program, url, got.url)
            expect(
                got.edges(),
                {
                    ("test", "out,topic:longest,type:nats"): 1,
                    ("test", "in,topic:longest,type:nats"): 2,
                    ("test", "out,topic:work.told,type:nats"): 1,
                    ("test", "in,group:workers,topic:work.told,type:nats"): 1,
                    ("test", "out,topic:work.asked,type:nats"): 1,
                    ("test", "in,group:workers,topic:work.asked,type:nats"): 1,
                    ("test", "out,topic:done,type:nats"): 2,
                    ("test", "in,topic:done,type:nats"): 2,
                    ("test", "out,topic:s.pulled,type:nats"): 2,
                    ("test", "in,group:worker,topic:s.pulled,type:nats"): 3,
                    ("test", "in,group:queue,topic:s.pulled,type:nats"): 3,
                },
                "edges",
            )
        for mode in ("core", "jetstream") if not TOOL else ():
            with collector(datastreams) as got:
                pipeline(got, examples / "nats", url, mode)
                chained(
                    got,
                    [
                        ("orders", "out,topic:shop.orders,type:nats"),
                        ("payments", "in,group:payments,topic:shop.orders,type:nats"),
                        ("payments", "out,topic:shop.payments,type:nats"),
                        ("ledger", "in,group:ledger,topic:shop.payments,type:nats"),
                    ],
                )


def main():
    datastreams, examples = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    # What the host's environment says must not decide a test.
    for variable in [name for name in os.environ if name.startswith("DD_")]:
        del os.environ[variable]
    tests = {"amqp": amqp, "nats": nats}
    for name in sys.argv[3:] or tests:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as out:
            tests[name](datastreams, examples, out)
        print(f"queues: {name} ok ({time.monotonic() - began:.1f} s){TOOL and ', ' + TOOL}", flush=True)


if __name__ == "__main__":
    main()
