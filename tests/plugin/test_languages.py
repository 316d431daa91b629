"""Clients of other languages, each in a chain with kcat. tests/plugin/programs/build makes them."""

from stand import COMMAND, PLUGIN, PROGRAMS, RELAY_PY, Case, interpreter

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

    def all_in_one(self, how):
        """Rust at the one end; C, C++, Python, Go and Node between; kcat at the other end."""
        ours = (f"plugin.library.paths={PLUGIN}",) if how == "property" else ()
        before = (COMMAND, "run", "--") if how == "run" else ()
        relays = {
            "c": [PROGRAMS / "relay"],
            "cpp": [PROGRAMS / "relay++"],
            "python": [interpreter(), RELAY_PY],
            "go": [self.program("go_dynamic")],
            "node": ["node", self.program("node/relay.js")],
        }
        topic, steps = "rust", ["rust out rust"]
        first = [self.program("source"), self.broker, self.own(topic), self.COUNT, *ours]
        self.run_program("rust", *before, *first, plugin=False)
        for service, relay in relays.items():
            arguments = [self.broker, self.own(topic), self.own(service), self.COUNT, f"group.id={self.own(service)}"]
            env = ANY_THREAD if service in ("go", "node") else {}
            self.run_program(service, *before, *relay, *arguments, *ours, plugin=False, env=env)
            steps += [f"{service} in {topic} {service}", f"{service} out {service}"]
            topic = service
        self.look(self.own(topic), self.COUNT, service="sink")
        self.assertEqual(self.collector.pathways(), [((*steps, f"sink in {topic}"), self.COUNT)])

    def test_all_in_one_chain_by_property(self):
        self.all_in_one("property")

    def test_all_in_one_chain_by_run(self):
        self.all_in_one("run")

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
