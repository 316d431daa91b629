"""The wheel: what is in it, where it runs, what it exports. DATASTREAMS_WHEEL names it."""

import os
import pathlib
import re
import subprocess
import sys
import zipfile

import pytest

WHEEL = os.environ.get("DATASTREAMS_WHEEL")
pytestmark = pytest.mark.skipif(WHEEL is None, reason="DATASTREAMS_WHEEL names no wheel")


def run(*command):
    done = subprocess.run([sys.executable, "-m", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_its_name_says_where_it_runs():
    name = pathlib.Path(WHEEL).name
    tag = re.fullmatch(r"libdatastreams-[\d.]+-cp311-abi3-(manylinux\d+_\w+\.)?manylinux_2_(\d+)_\w+\.whl", name)
    assert tag, name
    found = re.search(r"manylinux_2_(\d+)_", run("auditwheel", "show", WHEEL))
    assert int(found[1]) <= int(tag[2])


def test_it_keeps_to_the_limited_api():
    run("abi3audit", "--strict", WHEEL)


def test_its_stubs_say_what_is_there(tmp_path):
    # The integrations have no stubs but their own annotations, and decorators that hide what they decorate.
    left_out = tmp_path / "left-out"
    left_out.write_text("datastreams\\.integrations\\..*\n")
    assert "Success" in run("mypy.stubtest", "--ignore-unused-allowlist", "--allowlist", str(left_out), "datastreams")


def test_what_is_in_it():
    with zipfile.ZipFile(WHEEL) as wheel:
        names = {name for name in wheel.namelist() if "integrations" not in name and not name.endswith("/")}
    assert {"datastreams/py.typed", "datastreams/_native.pyi", "datastreams/_native.abi3.so"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    strange = [name for name in names if not re.search(r"\.(py|pyi|so)$|py\.typed$|\.dist-info/", name)]
    assert strange == []


@pytest.fixture
def library(tmp_path):
    with zipfile.ZipFile(WHEEL) as wheel:
        return wheel.extract("datastreams/_native.abi3.so", tmp_path)


def test_it_names_no_directory_of_this_machine(library):
    subprocess.run([pathlib.Path(__file__).parents[3] / "tests/abi/paths.sh", library], check=True)


def test_what_it_exports(library):
    symbols = subprocess.run(
        ["nm", "-D", "--defined-only", library], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    assert [line.split()[-1] for line in symbols.splitlines()] == ["PyInit__native"]
