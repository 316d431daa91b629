"""Forked processes: each reports its own, once; nothing hangs, nothing is lost, at exit too."""

import http.client
import json
import os
import signal
import socket
import sys
import time

import pytest
from conftest import Program


def until(what, condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {seconds} s")
        time.sleep(0.05)


@pytest.mark.parametrize(
    "how", ["exit", "flush", "grandchild", "thread", "fork", "forkserver", "spawn", "pool", "executor"]
)
def test_every_message_arrives_once(agent, program, how):
    out, errors = program("forks.py", how).finish()
    expected = json.loads(out)
    assert {tag: agent.total(tag) for tag in expected} == expected, errors


def test_a_daemon_that_closes_all_descriptors(agent, program):
    out, _ = program("forks.py", "daemon").finish()
    expected = json.loads(out)
    until("the daemon's messages", lambda: agent.total("who:child") == expected["who:child"])
    assert agent.total("who:parent") == expected["who:parent"]


def test_greenlets(agent, program):
    program("greenlets.py").finish()
    assert (agent.total("who:all"), agent.total("number:99")) == (71, 1)


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def ask(path):
    connection = Unix(str(path))
    connection.request("GET", "/")
    pid = int(connection.getresponse().read())
    connection.close()
    return pid


@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_gunicorn_with_preload(agent, tmp_path, kind):
    listening = tmp_path / "socket"
    server = Program(
        sys.executable, "-m", "gunicorn", "--preload", "--workers", "4", "--worker-class", kind, "--bind",
        f"unix:{listening}", "--graceful-timeout", "20", "wsgi:application",
        DD_TRACE_AGENT_URL=agent.url, DD_SERVICE="web",
    )  # fmt: skip
    try:
        until("gunicorn's socket", lambda: listening.exists() or server.process.poll() is not None)
        pids = [ask(listening) for _ in range(200)]
        # One dies and is replaced: what it had not reported goes with it, so it is asked to report first.
        os.kill(server.process.pid, signal.SIGHUP)  # new workers; the old ones end gracefully
        pids += [ask(listening) for _ in range(100)]
        server.process.send_signal(signal.SIGTERM)
        server.finish()
    finally:
        if server.process.poll() is None:
            server.process.kill()
    assert len(set(pids)) > 1 and server.process.pid not in pids
    # SIGHUP with --preload does not import the application again.
    assert (agent.total("who:worker"), agent.total("who:master")) == (300, 10)


def test_celery_prefork(agent, tmp_path):
    for name in ("data", "control", "done"):
        (tmp_path / name).mkdir()
    env = {"DD_TRACE_AGENT_URL": agent.url, "DD_SERVICE": "tasks", "BROKER": str(tmp_path)}
    worker = Program(
        sys.executable, "-m", "celery", "-A", "tasks", "worker", "--pool", "prefork", "--concurrency", "3",
        "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING", **env, WHO="worker",
    )  # fmt: skip
    try:
        code = "import tasks\nfor number in range(40): tasks.work.delay(number)"
        Program(sys.executable, "-c", code, **env, WHO="sender").finish()
        done = tmp_path / "done"
        until("the tasks", lambda: len(list(done.iterdir())) == 40 or worker.process.poll() is not None)
        worker.process.send_signal(signal.SIGTERM)
        worker.finish()
    finally:
        if worker.process.poll() is None:
            worker.process.kill()
    pids = {int(path.read_text()) for path in done.iterdir()}
    assert len(pids) > 1 and worker.process.pid not in pids
    assert {tag: agent.total(tag) for tag in ("who:child", "who:worker", "who:sender")} == {
        "who:child": 40, "who:worker": 10, "who:sender": 10,
    }  # fmt: skip
