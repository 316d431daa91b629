"""The current pathway is each task's, thread's and generator's own. On ddtrace the same programs show otherwise."""

import subprocess
import sys

import pytest
from conftest import HERE, environment

CASES = ["tasks", "threads", "generators", "to_thread"]


def run(side, case):
    return subprocess.run(
        [sys.executable, "interleaved.py", side, case],
        cwd=HERE / "programs",
        env=environment(
            DD_TRACE_AGENT_URL="http://127.0.0.1:9", DD_DATA_STREAMS_ENABLED="true", DD_TRACE_ENABLED="false",
            DD_INSTRUMENTATION_TELEMETRY_ENABLED="false", DD_REMOTE_CONFIGURATION_ENABLED="false",
        ),
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_ours(case):
    done = run("datastreams", case)
    assert (done.returncode, done.stdout.split()) == (0, ["kept"]), done.stdout + done.stderr


@pytest.mark.parametrize("case", ["tasks", "generators", "to_thread"])
def test_ddtrace_mixes_them(case):
    """Threads it keeps apart. If a later release keeps the others apart too, this fails, and the documentation changes."""
    done = run("ddtrace", case)
    assert (done.returncode, done.stdout.split()) == (0, ["mixed"]), done.stdout + done.stderr
