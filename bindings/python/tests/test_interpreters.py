"""Other interpreters: several in a process, and other versions of Python, where the machine has them."""

import pathlib
import shutil
import subprocess
import sys

import datastreams
import pytest
from conftest import environment

VERSIONS = ["3.11", "3.12", "3.13", "3.14"]


def python(version):
    """An interpreter of this version, or the test is skipped."""
    found = sys.executable if version == ".".join(map(str, sys.version_info[:2])) else shutil.which(f"python{version}")
    if found is None or subprocess.run([found, "-c", ""], capture_output=True).returncode != 0:
        pytest.skip(f"there is no python{version}")
    return found


@pytest.fixture
def installed(tmp_path):
    """A directory with nothing but the package."""
    source = pathlib.Path(datastreams.__file__).parent
    shutil.copytree(source, tmp_path / "datastreams", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize("own_gil", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
def test_each_has_a_client(agent, installed, version, own_gil):
    if own_gil and version == "3.11":
        pytest.skip("3.11 has one GIL")
    done = subprocess.run(
        [python(version), "interpreters.py", str(int(own_gil))],
        cwd=pathlib.Path(__file__).parent / "programs",
        env=environment(PYTHONPATH=str(installed), DD_TRACE_AGENT_URL=agent.url, DD_SERVICE="test"),
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert (agent.total("who:main"), agent.total("who:other")) == (10, 30 * 100)
    threads, grown = map(int, done.stdout.split())
    # An interpreter's client goes with it, 190 kB. Later versions keep megabytes of each for themselves: there is nothing
    # to be seen below that.
    assert threads == 0 and (version != "3.11" or grown < 20 * 100_000), done.stdout
