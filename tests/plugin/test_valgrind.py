"""Under valgrind: no error, and nothing of ours is lost.

What arrives at the collector is not looked at: under valgrind the time for the last delivery may not do.
"""

from stand import PROGRAMS, Case, header_of, valgrind


class Clean(Case):
    def under(self, *command, **more):
        said = self.run_program("c", *valgrind(), *command, **more).stderr
        self.assertNotIn("==", said)

    def carried(self, topic, count):
        for message in self.look(topic, count):
            header_of(message)

    def test_relay(self):
        self.send("shop", self.own("orders"), "x", "y", "z")
        self.under(
            PROGRAMS / "relay",
            self.broker,
            self.own("orders"),
            self.own("sent"),
            3,
            f"group.id={self.own('group')}",
            "log_level=3",
        )
        self.carried(self.own("sent"), 3)

    def test_handoff(self):
        self.send("shop", self.own("orders"), "x", "y", "z")
        self.under(
            PROGRAMS / "handoff",
            self.broker,
            self.own("orders"),
            self.own("sent"),
            3,
            f"group.id={self.own('group')}",
            "log_level=3",
            env={"DS_RDKAFKA_PARENT": "process"},
        )
        self.carried(self.own("sent"), 3)

    def test_transactions(self):
        self.send("shop", self.own("orders"), "x", "y")
        self.under(
            PROGRAMS / "transact",
            self.broker,
            self.own("orders"),
            self.own("sent"),
            2,
            f"group.id={self.own('group')}",
            "log_level=3",
        )

    def test_all_ways_to_consume(self):
        self.send("shop", self.own("orders"), "x", "y", options=["-p", "0"])
        self.under(
            PROGRAMS / "ways", self.broker, self.own("orders"), 2, f"group.id={self.own('group')}", "log_level=3"
        )

    def test_batches_and_a_failure(self):
        self.under(PROGRAMS / "batches", self.broker, self.own("orders"), 10)

    def test_kcat(self):
        topic = self.own("orders")
        plugin = self.plugin_of("kcat")
        header = ("-H", "dd-pathway-ctx-base64=x")
        self.under(*self.kcat("-P", topic, *header, *plugin), input="x\n", plugin=False)
        self.under(*self.kcat("-C", topic, "-o", "beginning", "-e", "-q", *plugin), plugin=False)
        self.carried(topic, 1)
