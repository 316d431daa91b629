"""When nothing can be measured: the program works as without the plugin, and one line says why."""

import pathlib
import shutil
import tempfile
import time

from stand import PLUGIN, PROGRAMS, Case, header_of, headers_of, interpreter, mock_broker

LIBRARY = pathlib.Path("/usr/lib/x86_64-linux-gnu/librdkafka.so.1")

TWICE = """
import sys, confluent_kafka
producer = confluent_kafka.Producer({"bootstrap.servers": sys.argv[1], "plugin.library.paths": sys.argv[3]})
for _ in range(3):
    producer.produce(sys.argv[2], b"x")
    producer.flush(20)
"""


class Off(Case):
    def off(self, reason, *options, env=None):
        topic = self.own("orders")
        said = self.send("shop", topic, "x", "y", options=options, env=env).stderr
        self.assertEqual(said.count("datastreams"), 1, said)
        self.assertIn(reason, said)
        for message in self.look(topic, 2):
            self.assertEqual(headers_of(message), [])
        self.assertEqual(self.collector.get("graph")["received"]["payloads"], 0)

    def test_switched_off(self):
        for value in ("false", "0", " False"):
            self.off("nothing is measured: DD_DATA_STREAMS_ENABLED", env={"DD_DATA_STREAMS_ENABLED": value})
            self.run_id += "x"

    def test_wrong_configuration(self):
        self.off("nothing is measured: DD_TRACE_AGENT_URL", env={"DD_TRACE_AGENT_URL": "ftp://nowhere"})

    def test_a_librdkafka_without_a_function(self):
        place = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, place)
        name = b"\0rd_kafka_header_remove\0"
        library = LIBRARY.read_bytes()
        self.assertEqual(library.count(name), 1)
        (place / LIBRARY.name).write_bytes(library.replace(name, name.replace(b"remove", b"remov_")))
        self.off("this librdkafka has no rd_kafka_header_remove", env={"LD_LIBRARY_PATH": str(place)})

    def test_no_headers_by_configuration(self):
        topic = self.own("orders")
        said = self.send(
            "shop",
            topic,
            "x",
            options=["-X", "api.version.request=false", "-X", "broker.version.fallback=0.10.2"],
            expect=None,
        ).stderr
        self.assertEqual(said.count("datastreams"), 1, said)
        self.assertIn("no headers before version 0.11", said)

    def test_no_headers_at_the_broker(self):
        # This mock cluster keeps no messages of the old format, but says what librdkafka sends.
        with mock_broker(PROGRAMS / "old_kafka") as broker:
            said = self.run_program("shop", interpreter(), "-c", TWICE, broker, "t", PLUGIN, plugin=False).stderr
        self.assertEqual(said.count("datastreams"), 1, said)
        self.assertIn("Required feature not supported by broker", said)

    def test_no_agent(self):
        topic = self.own("orders")
        began = time.monotonic()
        said = self.send("shop", topic, "x", env={"DD_TRACE_AGENT_URL": "http://127.0.0.1:1"}).stderr
        self.assertEqual(said, "")
        self.assertLess(time.monotonic() - began, 6.5, "it waited both for the client's end and for its own")
        header_of(self.look(topic, 1)[0])


class Settings(Case):
    def test_a_parent_that_is_none(self):
        topic = self.own("orders")
        said = self.send("shop", topic, "x", env={"DS_RDKAFKA_PARENT": "thred"}).stderr
        self.assertEqual(said.count("datastreams"), 1, said)
        self.assertIn('DS_RDKAFKA_PARENT is "thred", not thread, process or none; thread is used', said)
        header_of(self.look(topic, 1)[0])

    def test_named_twice(self):
        topic = self.own("orders")
        options = ["-X", f"plugin.library.paths={PLUGIN}"]
        self.assertEqual(self.send("shop", topic, "x", options=options).stderr, "")
        header_of(self.look(topic, 1)[0])
        self.assertEqual(self.collector.messages(), {"shop out orders": 1})
