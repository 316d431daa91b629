"""What calls cost, beside ddtrace in the same process and run: `make bench-python`.

The rounds of both sides alternate, so that what the machine does meanwhile falls on both; the best of each counts. What
was timed must also have been recorded: the counters are compared with the number of calls.
"""

import os
import sys
import threading
import time

os.environ.update(DD_DATA_STREAMS_ENABLED="true", DD_TRACE_ENABLED="false", DD_SERVICE="bench", DD_ENV="bench",
                  DD_TRACE_AGENT_URL="http://127.0.0.1:9", DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
                  DD_REMOTE_CONFIGURATION_ENABLED="false", _DD_TRACE_STATS_WRITER_INTERVAL="10.0")  # fmt: skip

import datastreams as ours
import ddtrace.data_streams as theirs
from ddtrace.internal.datastreams import data_streams_processor

ROUNDS, CALLS = 7, 20_000
IN = ["type:kafka", "topic:orders", "direction:in", "group:billing"]
OUT = ["type:kafka", "topic:invoices", "direction:out"]


def best(calls, *sides):
    """The least time of one call in ns, for each side."""
    least = [float("inf")] * len(sides)
    for _ in range(ROUNDS):
        for at, side in enumerate(sides):
            count = calls // 10 if at else calls
            begin = time.perf_counter_ns()
            side(count)
            least[at] = min(least[at], (time.perf_counter_ns() - begin) / count)
    return least


def hops(api, headers):
    """A message is consumed and another one produced: header read, two checkpoints, header written."""

    def run(count):
        consume, produce = api.set_consume_checkpoint, api.set_produce_checkpoint
        for _ in range(count):
            received, sent = dict(headers), {}
            consume("kafka", "orders", received.get)
            produce("kafka", "invoices", sent.__setitem__)
            if not sent:
                raise SystemExit("no header was sent")

    return run


def checkpoints(set_checkpoint):
    def run(count):
        for _ in range(count):
            set_checkpoint(IN, payload_size=512)
            set_checkpoint(OUT, payload_size=512)

    return run


def edges(header):
    """The same hop through interned edges."""
    incoming, outgoing = ours.edge(*IN), ours.edge(*OUT)

    def run(count):
        for _ in range(count):
            incoming.consume(header, 512)
            outgoing.produce(512)

    return run


def threads(run, calls, number):
    """Seconds for `number` threads with `calls` each."""
    workers = [threading.Thread(target=run, args=(calls,)) for _ in range(number)]
    begin = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - begin


def line(what, mine, other, least=None):
    print(
        f"{what:<44} {mine:9.0f} ns {other:9.0f} ns {other / mine:7.1f} x" + (f"  (at least {least})" if least else "")
    )
    return least is None or other / mine >= least


def main():
    ours.start(service="bench", env="bench", agent_url="http://127.0.0.1:9")
    processor = data_streams_processor()
    ours.set_produce_checkpoint("kafka", "orders", (first := {}).__setitem__)
    print(
        f"# Python {sys.version.split()[0]}: libdatastreams {ours.__version__}, ddtrace {__import__('ddtrace').__version__}, ratio"
    )
    good = line("checkpoint: set_checkpoint(tags)", *(t / 2 for t in best(
        CALLS, checkpoints(ours.set_checkpoint), checkpoints(processor.set_checkpoint))), 30)  # fmt: skip
    hop, other = best(CALLS, hops(ours, first), hops(theirs, first))
    good &= line("hop: set_consume_ and set_produce_checkpoint", hop, other, 40)
    (fast,) = best(CALLS, edges(first["dd-pathway-ctx-base64"]))
    line("hop: edge.consume and edge.produce", fast, other)
    run = edges(first["dd-pathway-ctx-base64"])
    apart = [
        min(times) for times in zip(*((threads(run, 2 * CALLS, 1), threads(run, CALLS, 2)) for _ in range(ROUNDS)))
    ]
    apart = apart[0] / apart[1]
    print(f"{'two threads, against one with all the calls':<44} {apart:9.2f} x{'':28}(at least 0.7)")
    good &= apart >= 0.7
    recorded = ours.stats()["checkpoints"]
    expected = 1 + ROUNDS * CALLS * 2 * 3 + ROUNDS * 4 * CALLS * 2
    if recorded != expected:
        raise SystemExit(f"{recorded} checkpoints were recorded, not {expected}")
    ours.stop(0)
    if not good:
        raise SystemExit("a ratio is below what was promised")
    os._exit(0 if sys.stdout.flush() is None else 1)  # ddtrace would wait for its agent


if __name__ == "__main__":
    main()
