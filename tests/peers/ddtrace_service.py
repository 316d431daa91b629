"""A service traced by the released ddtrace, driven by its standard input: a JSON object a line, answered by one.

Nothing of ddtrace is replaced. What it hands to its own aggregation is noted on the way, to report a checkpoint's
parent and latencies, and it waits longer for answers.
"""

import ddtrace.auto  # noqa: F401, I001  (first, as its documentation says)

import base64
import concurrent.futures
import json
import sys

import confluent_kafka
import ddtrace
from ddtrace import data_streams
from ddtrace.internal.datastreams import data_streams_processor
from ddtrace.internal.datastreams.processor import PROPAGATION_KEY_BASE_64, DsmPathwayCodec


class Service:
    def __init__(self):
        self.processor = data_streams_processor()
        self.noted = []
        record = self.processor.on_checkpoint_creation

        def note(hash_value, parent_hash, tags, now_sec, edge_sec, pathway_sec, **rest):
            self.noted.append({"hash": hash_value, "parent": parent_hash, "edge": edge_sec, "pathway": pathway_sec})
            record(hash_value, parent_hash, tags, now_sec, edge_sec, pathway_sec, **rest)

        self.processor.on_checkpoint_creation = note
        # After its second it would post the same again, without an id: on a busy machine that would count twice.
        self.processor._timeout = 20.0

    def hello(self):
        pathway = self.processor.new_pathway()
        return {"ddtrace": ddtrace.__version__, "service": pathway.service, "env": pathway.env}

    def walk(self, carrier, steps):
        """Passes checkpoints, each with its tags and time in ms, from the header in `carrier` on, or from nowhere."""
        # Bytes have no place in JSON: the legacy header comes as hexadecimal.
        carrier = {key: bytes.fromhex(value["hex"]) if isinstance(value, dict) else value
                   for key, value in carrier.items()}  # fmt: skip
        if carrier:
            pathway = DsmPathwayCodec.decode(carrier, self.processor)
        else:
            pathway = self.processor.new_pathway(now_sec=steps[0][1] / 1000)
        answer = [{"hash": pathway.hash, "start": pathway.pathway_start_sec, "at": pathway.current_edge_start_sec}]
        for tags, now_ms in steps:
            self.noted.clear()
            self.processor.set_checkpoint(tags, now_sec=now_ms / 1000)
            carrier = {}
            DsmPathwayCodec.encode(pathway, carrier)
            answer.append({**self.noted[-1], "header": carrier[PROPAGATION_KEY_BASE_64],
                           "start": pathway.pathway_start_sec, "at": pathway.current_edge_start_sec})  # fmt: skip
        return answer

    def walks(self, walks):
        return [self.walk(*walk) for walk in walks]

    def produce(self, kind, target, count, tags):
        """Manual checkpoints, as the documentation of ddtrace shows them. The headers."""
        carrier, headers = {}, []
        for _ in range(count):
            data_streams.set_produce_checkpoint(kind, target, carrier.__setitem__, tags=tags)
            headers.append(carrier[PROPAGATION_KEY_BASE_64])
        return headers

    def consume(self, kind, source, headers, tags):
        """The same for consumers. The hashes."""
        return [
            data_streams.set_consume_checkpoint(kind, source, {PROPAGATION_KEY_BASE_64: header}.get, tags=tags).hash
            for header in headers
        ]

    def kafka_produce(self, brokers, topic, values):
        """Sends with ddtrace's own instrumentation of the client; nothing here names a header. How many were not sent.

        In a thread of its own: ddtrace goes on from what the thread has passed last.
        """

        def send():
            producer = confluent_kafka.Producer({"bootstrap.servers": brokers})
            for value in values:
                producer.produce(topic, value.encode(), partition=0)
                producer.poll(0)
            return producer.flush(20)

        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            return thread.submit(send).result()

    def kafka_consume(self, brokers, group, topic, count):
        """Receives; the headers as they came."""
        consumer = confluent_kafka.Consumer(
            {"bootstrap.servers": brokers, "group.id": group, "auto.offset.reset": "earliest"}
        )
        consumer.assign([confluent_kafka.TopicPartition(topic, 0, confluent_kafka.OFFSET_BEGINNING)])
        headers = []
        while len(headers) < count:
            message = consumer.poll(20)
            if message is None or message.error():
                return f"no message came: {message and message.error()}"
            headers.append({key: base64.b64encode(value).decode() for key, value in message.headers() or []})
        consumer.close()
        return headers

    def flush(self):
        """What its thread does every 10 s."""
        self.processor.periodic()


def main():
    service = Service()
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        print(json.dumps(getattr(service, command)(*arguments)), flush=True)


main()
