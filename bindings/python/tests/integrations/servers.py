"""Brokers that tests start for themselves, on free ports, and stop."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
HOST = "127.0.0.1"
START = 180  # seconds


def free_port():
    with socket.socket() as free:
        free.bind((HOST, 0))
        return free.getsockname()[1]


def wait_for(port, process, log):
    """Until something listens on the port. Fails when the process ends before, with what it said."""
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"{process.args[0]} does not listen:\n{log.read_text(errors='replace')[-2000:]}")


@contextlib.contextmanager
def server(*command, port, **env):
    """A server in a directory of its own, until the end of the with statement."""
    with tempfile.TemporaryDirectory(prefix="datastreams-") as directory:
        log = pathlib.Path(directory, "log")
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=directory,
                env={**os.environ, "HOME": directory, **env},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_for(port, process, log)
            yield pathlib.Path(directory)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def rabbitmq():
    """The port of a RabbitMQ, with an Erlang port mapper of its own."""
    mapper, port = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="datastreams-") as data, contextlib.ExitStack() as stack:
        names = {"ERL_EPMD_PORT": str(mapper), "ERL_EPMD_ADDRESS": HOST}
        stack.enter_context(server("epmd", "-port", str(mapper), "-address", HOST, port=mapper, **names))
        pathlib.Path(data, "rabbitmq.conf").touch()
        pathlib.Path(data, "plugins").write_text("[].")
        program = next(iter(pathlib.Path("/usr/lib/rabbitmq").glob("bin/rabbitmq-server")), "rabbitmq-server")
        stack.enter_context(
            server(
                str(program),
                port=port,
                **names,
                RABBITMQ_CONF_ENV_FILE="/dev/null",
                RABBITMQ_NODENAME=f"datastreams-{port}@localhost",
                RABBITMQ_NODE_IP_ADDRESS=HOST,
                RABBITMQ_NODE_PORT=str(port),
                RABBITMQ_DIST_PORT=str(free_port()),
                RABBITMQ_MNESIA_BASE=data,
                RABBITMQ_LOG_BASE=data,
                RABBITMQ_LOGS="-",
                RABBITMQ_CONFIG_FILE=f"{data}/rabbitmq.conf",
                RABBITMQ_ADVANCED_CONFIG_FILE=f"{data}/none.config",
                RABBITMQ_ENABLED_PLUGINS_FILE=f"{data}/plugins",
                RABBITMQ_PID_FILE=f"{data}/pid",
            )
        )
        yield port


@contextlib.contextmanager
def redis():
    """The port of a Redis that keeps nothing on disk."""
    port = free_port()
    with server("redis-server", "--bind", HOST, "--port", str(port), "--save", "", "--appendonly", "no", port=port):
        yield port


@contextlib.contextmanager
def nats():
    """The port of a NATS server with JetStream."""
    port = free_port()
    program = shutil.which("nats-server", path=f"{os.environ['PATH']}:/usr/sbin") or "nats-server"
    with tempfile.TemporaryDirectory(prefix="datastreams-") as data:
        with server(program, "-a", HOST, "-p", str(port), "-js", "-sd", data, port=port):
            yield port


@contextlib.contextmanager
def aws():
    """The URL of a moto server: SQS, SNS, Kinesis and EventBridge."""
    port = free_port()
    with server(sys.executable, str(HERE / "moto_server.py"), "-H", HOST, "-p", str(port), port=port):
        yield f"http://{HOST}:{port}"


@contextlib.contextmanager
def pubsub():
    """The port of a Pub/Sub in memory, which is built first: some minutes on a machine that never did."""
    root = HERE.parents[3]
    # The repository's own finder of Go, where there is one.
    go = next((str(path) for path in [root / "tools/go"] if path.exists()), "go")
    program = root / "build" / "pstest"
    subprocess.run([go, "build", "-o", program, "."], cwd=HERE / "pstest", check=True)
    port = free_port()
    with server(str(program), str(port), port=port):
        yield port
