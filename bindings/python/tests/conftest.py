"""What all tests use: an agent, a started client, programs in processes of their own."""

import os
import pathlib
import subprocess
import sys

import datastreams
import pytest
from agent import Agent
from datastreams import _native

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]


def environment(**more):
    """Of programs: nothing of ours is set but what is said."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "_DD_"))}
    return {**inherited, "PYTHONUNBUFFERED": "1", **more}


@pytest.fixture(autouse=True)
def nothing_current():
    """Each test begins without a current pathway, and with a client that is stopped."""
    _native.context.set(None)
    yield
    datastreams.stop(0)


@pytest.fixture
def agent():
    with Agent() as agent:
        yield agent
        assert agent.faults == []


@pytest.fixture
def started(agent):
    """The agent of a client that is started."""
    datastreams.start(service="test", env="ci", agent_url=agent.url)
    return agent


class Program:
    """A program of tests/programs, under the interpreter of the tests."""

    def __init__(self, *command, **env):
        self.process = subprocess.Popen(
            command,
            cwd=HERE / "programs",
            env=environment(**env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, code=0, timeout=60):
        """What it printed. Fails when it hangs, fails, or writes errors."""
        try:
            out, errors = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, errors = self.process.communicate()
            pytest.fail(f"it hangs:\n{out}\n{errors}")
        assert self.process.returncode == code, f"{self.process.returncode}\n{out}\n{errors}"
        return out, errors


@pytest.fixture
def program(agent):
    """Starts a program whose agent is the test's: program("exits.py", argument)."""
    programs = []

    def begin(name, *arguments, **env):
        env = {"DD_TRACE_AGENT_URL": agent.url, "DD_SERVICE": "test", "DD_ENV": "ci", **env}
        programs.append(Program(sys.executable, name, *arguments, **env))
        return programs[-1]

    yield begin
    for one in programs:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()
