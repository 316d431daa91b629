"""What messages can be like, and what is recorded of them."""

import pathlib
import subprocess
import tempfile
import unittest

import confluent_kafka.admin
from stand import PATIENCE, PLUGIN, PROGRAMS, REAL, Case, header_of, headers_of, interpreter, tags_of

OLD = "dd-pathway-ctx-base64"
LEGACY = "dd-pathway-ctx"


SLOW = """
import sys, time, confluent_kafka
brokers, topic, group, plugin = sys.argv[1:]
consumer = confluent_kafka.Consumer({"bootstrap.servers": brokers, "group.id": group, "auto.offset.reset": "earliest",
    "enable.auto.commit": False, "plugin.library.paths": plugin})
consumer.subscribe([topic])
while (message := consumer.poll(1)) is None or message.error():
    pass
time.sleep(10.5 - time.time() % 10)
consumer.commit(message, asynchronous=False)
consumer.close()
"""


class Headers(Case):
    def test_one_header_in_place_of_others(self):
        topic = self.own("orders")
        options = ["-H", "a=1", "-H", f"{OLD}=first", "-H", f"{LEGACY}=old", "-H", f"{OLD}=second", "-H", "b=2"]
        self.send("shop", topic, "x", options=options)
        (message,) = self.look(topic, 1)
        self.assertEqual([name for name, _ in headers_of(message)], ["a", "b", OLD])
        self.assertNotIn(header_of(message), ("first", "second"))

    def test_a_header_that_is_forwarded_is_continued(self):
        self.send("shop", self.own("orders"), "x")
        (message,) = self.look(self.own("orders"), 1)
        self.send("courier", self.own("sent"), "x", options=["-H", f"{OLD}={header_of(message)}"])
        self.assertIn((("shop out orders", "courier out sent"), 1), self.collector.pathways())

    def test_size_is_key_value_and_headers(self):
        topic = self.own("orders")
        self.send("shop", topic, "key:value", options=["-K", ":", "-H", "name=12345"])
        self.look(topic, 1, service="ledger")
        for edge in self.collector.edges("shop out orders") + self.collector.edges("ledger in orders"):
            self.assertAlmostEqual(edge["payload_size"]["max"], 3 + 5 + 4 + 5, delta=0.2)

    def test_no_value_and_no_key(self):
        topic = self.own("orders")
        self.send("shop", topic, "key:", options=["-K", ":", "-Z"])
        self.send("shop", topic, "value")
        found = self.look(topic, 2, service="ledger")
        self.assertEqual(
            sorted((one["key"] or "", one["payload"] or "") for one in found), [("", "value"), ("key", "")]
        )
        for message in found:
            header_of(message)
        self.assertEqual(self.collector.pathways(), [(("shop out orders", "ledger in orders"), 2)])

    def test_where_nothing_is_known_of_the_origin(self):
        topic = self.own("orders")
        self.send("shop", topic, "x", plugin=False)
        self.look(topic, 1, service="ledger")
        self.assertEqual(self.collector.pathways(), [(("ledger in orders",), 1)])
        # It begins when the message was produced.
        (edge,) = self.collector.edges("ledger in orders")
        self.assertGreater(edge["edge_latency"]["max"], 0)


class Limits(Case):
    MAX = 2000
    # What stands around a message in a batch of its own, and a header of ours at most.
    OVERHEAD, OURS = 61 + 36, 21 + 36 + 2

    def largest(self, topic, size):
        with tempfile.NamedTemporaryFile() as file:
            pathlib.Path(file.name).write_text("v" * size)
            options = ("-X", f"message.max.bytes={self.MAX}", file.name, file.name)
            done = self.run_program("shop", *self.kcat("-P", topic, *options))
        return self.look(topic, 2), done.stderr

    def test_a_header_that_just_fits(self):
        messages, said = self.largest(self.own("orders"), self.MAX - self.OVERHEAD - self.OURS)
        for message in messages:
            header_of(message)
        self.assertEqual(said, "")
        self.assertEqual(self.collector.messages(), {"shop out orders": 2})

    def test_no_header_that_does_not_fit(self):
        for more in (1, self.OURS):
            topic = self.own(f"orders{more}")
            messages, said = self.largest(topic, self.MAX - self.OVERHEAD - self.OURS + more)
            for message in messages:
                self.assertEqual(headers_of(message), [])
            self.assertEqual(said.count("datastreams"), 1, said)
            self.assertIn("Message size too large", said)
        self.assertEqual(self.collector.messages(), {}, "nothing is recorded of a message that cannot carry it on")

    @unittest.skipUnless(REAL, "librdkafka's mock cluster takes messages of any size")
    def test_what_the_broker_takes_without_us(self):
        # Many set the same limit for the clients and the broker, which compares whole batches with it.
        topic = self.own("orders")
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.broker})
        new = confluent_kafka.admin.NewTopic(topic, 1, config={"max.message.bytes": str(self.MAX)})
        admin.create_topics([new])[topic].result(PATIENCE)
        with tempfile.TemporaryDirectory() as place:
            files = [pathlib.Path(place, str(size)) for size in range(self.MAX - 200, self.MAX - 68, 4)]
            for file in files:
                file.write_text("v" * int(file.name))
            settings = (f"message.max.bytes={self.MAX}", "linger.ms=0", "batch.num.messages=1")
            produce = self.kcat("-P", topic, *(f"-X{setting}" for setting in settings), *files)
            for plugin in (False, True):
                said = self.run_program("shop", *produce, plugin=plugin).stderr
                self.assertNotIn("Delivery failed", said)
        found = self.look(topic, 2 * len(files))
        carrying = sum(bool(headers_of(message)) for message in found)
        self.assertTrue(0 < carrying < len(files), carrying)


class Offsets(Case):
    def five_of_seven_are_read(self, topic):
        """A group reads five of the seven messages of a topic: it is two behind."""
        options = ["-c", "5", "-q", "-X", "auto.offset.reset=earliest"]
        self.run_program("ledger", "kcat", "-b", self.broker, "-G", self.own("books"), *options, topic)
        one = self.collector.lags(topic)["0", self.own("books")]
        self.assertEqual((one["committed"], one["end"], one["messages"]), (5, 7, 2), one)

    def test_produced_committed_and_ends(self):
        topic = self.own("orders")
        self.send("shop", topic, *range(7), options=["-p", "0"])
        self.eventually(lambda: self.assertEqual(self.collector.lags(topic), {}))  # nobody consumes yet
        self.five_of_seven_are_read(topic)

    def test_the_end_is_known_without_the_producer(self):
        topic = self.own("orders")
        self.send("shop", topic, *range(7), options=["-p", "0"], plugin=False)
        self.five_of_seven_are_read(topic)

    def test_the_end_is_not_where_a_slow_consumer_is(self):
        # It commits in a later bucket of ten seconds than that in which the end was seen.
        topic, group = self.own("orders"), self.own("slow")
        self.send("shop", topic, *range(7), options=["-p", "0"])
        self.run_program("slow", interpreter(), "-c", SLOW, self.broker, topic, group, PLUGIN, plugin=False)
        one = self.collector.lags(topic)["0", group]
        self.assertEqual((one["committed"], one["end"], one["messages"]), (1, 7, 6), one)

    def test_cluster(self):
        topic, other = self.own("orders"), self.own("sent")
        self.send("shop", topic, "x")
        self.run_group("c", PROGRAMS / "relay", self.broker, topic, other, 1)
        (consumed,), (produced,) = self.collector.edges("c in orders group"), self.collector.edges("c out sent")
        known = tags_of(consumed)["kafka_cluster_id"]
        self.assertTrue(known)
        # The producer of the same process took it over from the consumer.
        self.assertEqual(tags_of(produced)["kafka_cluster_id"], known)


class Ways(Case):
    def test_each_message_once_in_whichever_way(self):
        topic, count = self.own("orders"), 10
        self.send("shop", topic, *range(count), options=["-p", "0"])
        ways = int(self.run_group("c", PROGRAMS / "ways", self.broker, topic, count).stdout)
        self.assertEqual(self.collector.messages(), {"shop out orders": count, "c in orders group": ways * count})


class Batches(Case):
    def test_produced_at_once(self):
        topic = self.own("orders")
        self.run_program("shop", PROGRAMS / "batches", self.broker, topic, 30)
        for message in self.look(topic, 60, service="ledger"):
            header_of(message)
        self.assertIn((("shop out orders", "ledger in orders"), 60), self.collector.pathways())

    def consumed_at_once(self, each):
        # Two topics, so two pathways. Merged, now one goes on and now the other; else always the last.
        rounds = 40
        one, two, sent = self.own("one"), self.own("two"), self.own("sent")
        self.send("shop", one, *range(rounds * each), options=["-p", "0"])
        self.send("shop", two, *range(rounds * each), options=["-p", "0"])
        self.run_group("c", PROGRAMS / "batch", self.broker, one, two, sent, rounds, each)
        counts = {steps[0]: count for steps, count in self.collector.pathways() if steps[-1] == "c out sent"}
        self.assertEqual(sum(counts.values()), rounds)
        self.assertEqual(set(counts), {"shop out one", "shop out two"})

    def test_consumed_at_once(self):
        self.consumed_at_once(1)

    def test_more_consumed_at_once_than_are_kept(self):
        self.consumed_at_once(50)


class Parents(Case):
    COUNT = 5
    JOINED = ("shop out orders", "c in orders group", "c out sent")

    def relayed(self, program, parent):
        self.send("shop", self.own("orders"), *range(self.COUNT))
        self.run_group(
            "c",
            PROGRAMS / program,
            self.broker,
            self.own("orders"),
            self.own("sent"),
            self.COUNT,
            env={"DS_RDKAFKA_PARENT": parent},
        )
        return self.collector.pathways()

    def test_thread(self):
        self.assertEqual(self.relayed("relay", "thread"), [(self.JOINED, self.COUNT)])

    def test_another_thread_has_none(self):
        self.assertEqual(
            self.relayed("handoff", "thread"),
            [(("c out sent",), self.COUNT), (("shop out orders", "c in orders group"), self.COUNT)],
        )

    def test_process(self):
        self.assertEqual(self.relayed("handoff", "process"), [(self.JOINED, self.COUNT)])

    def test_none(self):
        self.assertEqual(
            self.relayed("relay", "none"),
            [(("c out sent",), self.COUNT), (("shop out orders", "c in orders group"), self.COUNT)],
        )


class BuiltIn(Case):
    """A librdkafka that is linked into the program, which the dynamic linker does not know."""

    def relayed(self, program):
        self.send("shop", self.own("orders"), "x")
        done = self.run_group("c", program, self.broker, self.own("orders"), self.own("sent"), 1)
        self.assertNotIn("datastreams", done.stderr)
        self.assertEqual(len(self.look(self.own("sent"), 1)), 1)
        return self.collector.pathways()

    def test_is_found_by_its_symbols(self):
        joined = ("shop out orders", "c in orders group", "c out sent")
        self.assertEqual(self.relayed(PROGRAMS / "built_in"), [(joined, 1)])

    def test_without_symbols_it_runs_unmeasured(self):
        with tempfile.TemporaryDirectory() as place:
            stripped = pathlib.Path(place, "stripped")
            subprocess.run(["strip", PROGRAMS / "built_in", "-o", stripped], check=True)
            self.assertEqual(self.relayed(stripped), [(("shop out orders",), 1)])


class Transactions(Case):
    def test_committed(self):
        topic = self.own("orders")
        self.send("shop", topic, "x", "y", options=["-X", f"transactional.id={self.run_id}"])
        found = self.look(topic, 2, service="ledger")
        for message in found:
            header_of(message)
        self.assertEqual(self.collector.pathways(), [(("shop out orders", "ledger in orders"), 2)])

    def test_consumed_and_produced(self):
        orders, sent, group = self.own("orders"), self.own("sent"), self.own("group")
        self.send("shop", orders, *range(4), options=["-p", "0"])
        self.run_group("c", PROGRAMS / "transact", self.broker, orders, sent, 3)
        # Each twice, as the first was aborted after it had been sent.
        self.assertIn((("shop out orders", "c in orders group", "c out sent"), 6), self.collector.pathways())
        if not REAL:
            return  # the mock cluster does not keep offsets of transactions
        one = self.collector.lags(orders)["0", group]
        self.assertEqual((one["committed"], one["end"], one["messages"]), (3, 4, 1), one)


class Forks(Case):
    def test_parent_and_child_report_their_own(self):
        topic = self.own("orders")
        self.run_program("shop", PROGRAMS / "forks", self.broker, topic, 10)
        self.assertEqual(len(self.look(topic, 20)), 20)
        self.assertEqual(self.collector.messages(), {"shop out orders": 20})
