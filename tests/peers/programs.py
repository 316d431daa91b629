"""The programs that the checks run: each is started on a free port, and stopped by its own process id."""

import json
import os
import pathlib
import subprocess
import sys
import threading
import urllib.request

from checks import Wrong

HERE = pathlib.Path(__file__).resolve().parent
START_SECONDS, STOP_SECONDS = 60, 10


def clean_environment(**more):
    """Without settings of tracers, which would decide for services under test."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "_DD_", "DATADOG_"))}
    return {**kept, **more}


class Program:
    """A child process; what it says on its standard error is kept in a file."""

    def __init__(self, name, logs, command, environment):
        self.name, self.log = name, pathlib.Path(logs) / f"{name}.log"
        with open(self.log, "wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, text=True
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def line(self, seconds=START_SECONDS):
        """The next line of its output. A program that says nothing for so long is killed, so that nothing hangs."""
        watch = threading.Timer(seconds, self._process.kill)
        watch.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watch.cancel()
        if not line:
            raise Wrong(f"{self.name} ended: {self.log.read_text(errors='replace')[-2000:].strip() or 'in silence'}")
        return line.rstrip("\n")

    def say(self, text):
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def finish(self):
        """Ends its input and waits: the way it ends by itself."""
        self._process.stdin.close()
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise Wrong(f"{self.name} did not end within {STOP_SECONDS} s") from None

    def stop(self):
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            stream.close()


class DdtraceService(Program):
    """A service under the released ddtrace; every method of ddtrace_service.py can be called."""

    def __init__(self, logs, service, env, agent_url, process_tags=False):
        environment = {
            "DD_SERVICE": service,
            "DD_TRACE_AGENT_URL": agent_url,
            "DD_DATA_STREAMS_ENABLED": "true",
            # When on, ddtrace's default, they enter the hash, which then is nobody else's.
            "DD_EXPERIMENTAL_PROPAGATE_PROCESS_TAGS_ENABLED": str(process_tags).lower(),
            # Nothing but its data streams is wanted.
            "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
            "DD_REMOTE_CONFIGURATION_ENABLED": "false",
            "DD_CRASHTRACKING_ENABLED": "false",
            **({"DD_ENV": env} if env else {}),
        }
        command = [sys.executable, str(HERE / "ddtrace_service.py")]
        super().__init__(f"ddtrace-{service}", logs, command, clean_environment(**environment))

    def __getattr__(self, command):
        def call(*arguments):
            self.say(json.dumps([command, *arguments]))
            return json.loads(self.line())

        return call


class TracerService(Program):
    """A service under the released dd-trace-go, dd-trace or dd-java-agent: see tracers/."""

    def __init__(self, logs, command, service, env, agent_url):
        environment = {
            "DD_SERVICE": service,
            "DD_ENV": env,
            "DD_TRACE_AGENT_URL": agent_url,
            "DD_DATA_STREAMS_ENABLED": "true",
            # Nothing but its data streams is wanted.
            "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
            "DD_REMOTE_CONFIGURATION_ENABLED": "false",
            "DD_CRASHTRACKING_ENABLED": "false",
            "DD_JMXFETCH_ENABLED": "false",
            "DD_TRACE_STARTUP_LOGS": "false",
        }
        super().__init__(f"tracer-{service}", logs, command, clean_environment(**environment))

    def send(self, kind, target, count):
        """Produces so many messages; their headers."""
        return self._ask(kind, "-", target, str(count))

    def pass_on(self, kind, source, target, headers):
        """Consumes a message for each header, and produces another; the headers of those."""
        return self._ask(kind, source, target, *headers)

    def receive(self, kind, source, headers):
        self._ask(kind, source, "-", *headers)

    def _ask(self, *words):
        self.say(" ".join(words))
        return self.line().split()


class Collector(Program):
    """`datastreams collect`."""

    def __init__(self, logs, command, *options, name="collector"):
        super().__init__(name, logs, [command, "collect", "--listen", "127.0.0.1:0", *options], clean_environment())
        self.url = self.line().removeprefix("listening on ")
        self.address = ("127.0.0.1", int(self.url.rpartition(":")[2]))
        self.headers = {}

    def get(self, path):
        request = urllib.request.Request(self.url + path, headers=self.headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def graph(self):
        return self.get("/api/graph")

    def pathways(self, service):
        """The pathways that have a step in a service."""
        pathways = self.get("/api/pathways")["pathways"]
        return [one for one in pathways if any(step["service"] == service for step in one["steps"])]


class Agent(Program):
    """The receiver of the real trace-agent, with an intake behind it."""

    def __init__(self, logs, command, intake, name="agent", key="test-key", socket=None):
        arguments = ["-intake", intake, "-key", key, *(["-socket", str(socket)] if socket else [])]
        super().__init__(name, logs, [command, *arguments], clean_environment())
        self.url = self.line().removeprefix("listening on ")
        self.address = ("127.0.0.1", int(self.url.rpartition(":")[2]))
