"""The current pathway is each task's, thread's and generator's own. On ddtrace the same programs show otherwise."""

import asyncio
import base64
import subprocess
import sys
import threading
import time

import datastreams
import pytest
from conftest import HERE, environment


def varint(ms):
    """Zig-zag, seven bits a byte."""
    ms, out = ms << 1, []
    while ms >= 0x80:
        out.append(ms & 0x7F | 0x80)
        ms >>= 7
    return bytes([*out, ms])


HEADER = base64.b64encode(bytes(range(1, 9)) + 2 * varint(int(time.time() * 1000)))
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


def test_one_use_pathway_in_two_tasks():
    """Each task gets back what was current in it, in whatever order they leave."""

    async def both():
        before = datastreams.Pathway.decode(HEADER)
        using, inside = datastreams.use_pathway(before), asyncio.Event()

        async def first():
            with using:
                await inside.wait()
                assert datastreams.current_pathway() == before
            assert datastreams.current_pathway() is None

        async def second():
            with using:
                inside.set()
                await asyncio.sleep(0.05)
                assert datastreams.current_pathway() == before
            assert datastreams.current_pathway() is None

        await asyncio.gather(first(), second())

    asyncio.run(both())


def test_one_use_pathway_in_many_threads():
    using, failed = datastreams.use_pathway(datastreams.Pathway.decode(HEADER)), []

    def enter():
        try:
            for _ in range(5000):
                with using:
                    pass
                assert datastreams.current_pathway() is None
        except BaseException as error:
            failed.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=enter) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert failed == [] and using._tokens == []
