"""`datastreams run`."""

import pathlib
import signal
import subprocess
import tempfile

from stand import COMMAND, PLUGIN, PROGRAMS, Case, header_of


class Run(Case):
    def run_it(self, *command, **more):
        return self.run_program("shop", COMMAND, "run", *command, plugin=False, **more)

    def test_measures(self):
        topic = self.own("orders")
        done = self.run_it("--", *self.kcat("-P", topic), input="x\n")
        self.assertEqual(done.stderr, "")
        header_of(self.look(topic, 1)[0])
        self.assertEqual(self.collector.messages(), {"shop out orders": 1})

    def test_what_the_program_starts_is_measured(self):
        topic = self.own("orders")
        self.run_it("sh", "-c", f"echo x | kcat -P -b {self.broker} -t {topic}")
        self.assertEqual(self.collector.messages(), {"shop out orders": 1})

    def test_with_the_property_as_well(self):
        topic = self.own("orders")
        self.run_it(*self.kcat("-P", topic, *self.plugin_of("kcat")), input="x\n")
        header_of(self.look(topic, 1)[0])
        self.assertEqual(self.collector.messages(), {"shop out orders": 1})

    def test_when_no_client_can_be_made(self):
        topic = self.own("orders")
        self.assertEqual(self.run_it(PROGRAMS / "failing", self.broker, topic).stderr, "")
        header_of(self.look(topic, 1)[0])
        self.assertEqual(self.collector.messages(), {"shop out orders": 1})

    def test_the_exit_is_the_programs(self):
        self.assertEqual(self.run_it("sh", "-c", "exit 7", expect=7).stderr, "")
        self.run_it("--check", "sh", "-c", "exit 7", expect=7)
        self.assertIn("no such program", self.run_it("--", "no-such-program", expect=127).stderr)
        self.assertIn("make plugin", self.run_it("--plugin", "/nowhere", "true", expect=126).stderr)

    def test_signals_are_the_programs(self):
        command = (COMMAND, "run", "sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.1; done")
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
            self.assertEqual(program.stdout.readline(), "ready\n")
            program.send_signal(signal.SIGTERM)
            self.assertEqual(program.wait(60), 5)

    def test_check(self):
        topic = self.own("orders")
        done = self.run_it("--check", *self.kcat("-P", topic), input="x\n")
        self.assertIn("a client of librdkafka was seen", done.stderr)
        self.assertIn("no client of librdkafka was seen", self.run_it("--check", "kcat", "-V").stderr)

    def test_says_what_it_cannot_reach(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        source = pathlib.Path(place.name, "alone.c")
        source.write_text("int main(void) { return 3; }\n")
        alone = source.with_suffix("")
        subprocess.run(["gcc", "-static", source, "-o", alone], check=True)
        self.assertIn("linked statically", self.run_it(alone, expect=3).stderr)
        self.send("shop", self.own("orders"), "x")
        said = self.run_it(
            PROGRAMS / "built_in", self.broker, self.own("orders"), self.own("sent"), 1, f"group.id={self.own('group')}"
        ).stderr
        self.assertEqual(self.collector.messages(), {"shop out orders": 1})
        self.assertIn("librdkafka is linked into it", said)
        self.assertIn(f"plugin.library.paths={PLUGIN}", said)
