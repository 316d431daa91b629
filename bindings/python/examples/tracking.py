"""A service in the middle of a pipeline: consumes shipments, works on each for --work-ms, and produces where it is.

    python tracking.py --brokers 127.0.0.1:9092 --agent http://127.0.0.1:8126 --work-ms 50

At its edge "direction:in,group:tracking,topic:shipments,type:kafka" the edge latency is the time in the queue; at
"direction:out,topic:tracked,type:kafka" it is --work-ms. The edges also name Kafka's cluster.
"""

import argparse
import os
import signal
import sys
import threading
import time

import datastreams

datastreams.patch()  # All that measuring adds: from here on Kafka's clients are instrumented.

from confluent_kafka import Consumer, Producer  # noqa: E402

stopping = threading.Event()


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brokers", default="127.0.0.1:9092", help="Kafka, host:port,...")
    parser.add_argument("--service", default="tracking", help="name on the map")
    parser.add_argument("--agent", help="where statistics go; not given: the library looks for an agent")
    parser.add_argument("--group", default="tracking", help="consumer group")
    parser.add_argument("--topic", default="shipments", help="topic to consume")
    parser.add_argument("--to", default="tracked", help="where it produces")
    parser.add_argument("--work-ms", type=float, default=0, help="how long it works on a shipment")
    parser.add_argument(
        "--flush-every", type=float, default=0, help="seconds between statistics; 0: as the library does"
    )
    parser.add_argument("--stdin", choices=("ignore", "watch"), default="ignore", help="watch: also stop when it ends")
    return parser.parse_args()


def watch_stdin():
    """A parent that died closed it. Not by sys.stdin: a thread that waits there has its lock when the program ends."""
    while os.read(0, 4096):
        pass
    stopping.set()


def flush_every(seconds):
    """Only for demonstrations: every 10 seconds is what agents expect."""
    while not stopping.wait(seconds):
        datastreams.flush(2)


def track(given):
    """Consumes and produces until it is to stop; how many there were."""
    servers = {"bootstrap.servers": given.brokers}
    producer = Producer({**servers, "linger.ms": 0})
    consumer = Consumer(
        {
            **servers,
            "group.id": given.group,
            "auto.offset.reset": "earliest",
            "auto.commit.interval.ms": 1000,
            "enable.auto.offset.store": False,
            # A real broker answers a waiting fetch when a message comes; the mock cluster only when this time is over.
            "fetch.wait.max.ms": 10,
        }
    )
    # Whoever started it may begin to produce.
    consumer.subscribe([given.topic], on_assign=lambda *_: print("ready", flush=True))
    # So that both know the cluster's id from their first message on.
    for client in (consumer, producer):
        client.list_topics(given.topic, timeout=5)
    tracked = 0
    while not stopping.is_set():
        shipment = consumer.poll(0.1)
        producer.poll(0)
        if shipment is None:
            continue
        if shipment.error():
            print(shipment.error(), file=sys.stderr)
            continue
        time.sleep(given.work_ms / 1000)
        producer.produce(given.to, key=shipment.key(), value=b"on its way")
        consumer.store_offsets(shipment)
        tracked += 1
    producer.flush(5)
    consumer.close()
    return tracked


def main():
    given = options()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    datastreams.start(service=given.service, agent_url=given.agent)
    if given.stdin == "watch":
        threading.Thread(target=watch_stdin, daemon=True).start()
    if given.flush_every > 0:
        threading.Thread(target=flush_every, args=(given.flush_every,), daemon=True).start()
    tracked = track(given)
    datastreams.stop(5)
    print("tracked", tracked)


if __name__ == "__main__":
    main()
