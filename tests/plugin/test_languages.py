"""Clients of other languages, each in a chain with kcat. tests/plugin/programs/build makes them."""

from stand import COMMAND, PLUGIN, PROGRAMS, Case

# A goroutine goes on in whatever thread is free, and Node consumes in a pool of threads.
ANY_THREAD = {"DS_RDKAFKA_PARENT": "process"}


class Languages(Case):
    COUNT = 5

    def chain(self, source, relay, how):
        """source TOPIC -> relay -> kcat, where source and relay are made of the arguments that they get."""
        ours = (f"plugin.library.paths={PLUGIN}",) if how == "property" else ()
        before = (COMMAND, "run", "--") if how == "run" else ()
        orders, sent, group = self.own("orders"), self.own("sent"), f"group.id={self.own('group')}"
        if source is None:
            self.send("source", orders, *range(self.COUNT))
        else:
            self.run_program("source", *before, source, self.broker, orders, self.COUNT, *ours, plugin=False)
        self.run_program(
            "relay", *before, *relay, self.broker, orders, sent, self.COUNT, group, *ours, plugin=False, env=ANY_THREAD
        )
        self.look(sent, self.COUNT, service="sink")
        steps = ("source out orders", "relay in orders group", "relay out sent", "sink in sent")
        self.assertEqual(self.collector.pathways(), [(steps, self.COUNT)])

    def program(self, name):
        """A program that was built."""
        path = PROGRAMS / name
        self.assertTrue(path.exists(), f"{path}: run tests/plugin/programs/build")
        return path

    def test_rust_and_go_by_property(self):
        self.chain(self.program("source"), [self.program("go_dynamic")], "property")

    def test_rust_and_go_by_run(self):
        self.chain(self.program("source"), [self.program("go_dynamic")], "run")

    def test_go_with_its_own_librdkafka(self):
        self.chain(None, [self.program("go_static")], "property")

    def test_node_by_property(self):
        self.chain(None, ["node", self.program("node/relay.js")], "property")

    def test_node_by_run(self):
        self.chain(None, ["node", self.program("node/relay.js")], "run")
