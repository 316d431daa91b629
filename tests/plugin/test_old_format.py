"""Over a real broker whose topics take no headers: with-broker --old."""

import os

from stand import PLUGIN, Case, headers_of, interpreter

PRODUCE = """
import sys, confluent_kafka
brokers, topic, plugin = sys.argv[1:]
failed = []
producer = confluent_kafka.Producer({"bootstrap.servers": brokers, "plugin.library.paths": plugin})
for at in range(6):
    producer.produce(topic, str(at), on_delivery=lambda error, _: error and failed.append(error.name()))
    producer.flush(60)
print(len(failed))
"""


class OldFormat(Case):
    def setUp(self):
        super().setUp()
        self.broker = os.environ["DATASTREAMS_KAFKA_OLD"]

    def test_no_more_is_refused_than_the_first(self):
        topic = self.own("orders")
        done = self.run_program("shop", interpreter(), "-c", PRODUCE, self.broker, topic, PLUGIN, plugin=False)
        self.assertEqual(done.stdout.strip(), "1")
        self.assertEqual(done.stderr.count("datastreams"), 1, done.stderr)
        self.assertIn("Required feature not supported by broker", done.stderr)
        found = self.look(topic, 5)
        self.assertEqual([message["payload"] for message in found], ["1", "2", "3", "4", "5"])
        for message in found:
            self.assertEqual(headers_of(message), [])
