"""One chain of programs, each in its own process: the pathway goes from the first to the last without a break."""

from stand import COMMAND, PROGRAMS, RELAY_PY, Case, headers_of, interpreter


class Chain(Case):
    COUNT = 5

    def relay(self, service, program, source, target, how):
        arguments = (self.broker, self.own(source), self.own(target), self.COUNT, f"group.id={self.own(service)}")
        if how == "run":
            self.run_program(service, COMMAND, "run", "--", *program, *arguments, plugin=False)
        else:
            self.run_program(service, *program, *arguments)

    def chain(self, how):
        self.send("shop", self.own("orders"), *range(self.COUNT))
        self.relay("c", [PROGRAMS / "relay"], "orders", "packed", how)
        self.relay("c++", [PROGRAMS / "relay++"], "packed", "sent", how)
        self.relay("python", [interpreter(), RELAY_PY], "sent", "billed", how)
        last = self.look(self.own("billed"), self.COUNT, service="ledger")
        steps = (
            "shop out orders",
            "c in orders c",
            "c out packed",
            "c++ in packed c++",
            "c++ out sent",
            "python in sent python",
            "python out billed",
            "ledger in billed",
        )
        self.assertEqual(self.collector.pathways(), [(steps, self.COUNT)])
        for message in last:
            self.assertEqual([name for name, _ in headers_of(message)], ["dd-pathway-ctx-base64"])
        self.assertEqual(sorted(message["payload"] for message in last), [str(one) for one in range(self.COUNT)])

    def test_by_property(self):
        self.chain("property")

    def test_by_run(self):
        self.chain("run")
