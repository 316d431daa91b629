"""python -m datastreams run: a program that knows nothing of us."""

import json
import os
import pathlib
import shutil
import signal
import sys
import textwrap

import pytest
from kafka_topics import KEY

PROGRAMS = pathlib.Path(__file__).resolve().parents[1] / "programs"
WORKER = """
    import json, sys, confluent_kafka
    producer = confluent_kafka.Producer({"bootstrap.servers": sys.argv[1]})
    producer.list_topics(timeout=20)
    seen = []
    def delivered(error, message):
        seen.append(message.offset())
    for _ in range(3):
        producer.produce(sys.argv[2], b"v", partition=0, on_delivery=delivered)
    producer.flush(20)
    print(json.dumps([__name__, sys.argv[1:], sys.path[0], seen]))
    sys.exit(7)
"""


@pytest.fixture
def worker(tmp_path):
    """A program in a file of its own."""
    path = tmp_path / "worker.py"
    path.write_text(textwrap.dedent(WORKER))
    return path


@pytest.mark.parametrize("how", ["file", "module", "directory", "script"])
def test_a_program(agent, program, kafka, worker, how):
    topic, env = kafka.topic("run"), {}
    command = [str(worker)]
    if how == "module":
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(worker.parent), os.environ.get("PYTHONPATH")]))
        command = ["-m", "worker"]
    elif how == "directory":
        worker = worker.rename(worker.with_name("__main__.py"))
        command = [str(worker.parent)]
    elif how == "script":
        script = worker.with_name("do-work")
        script.write_text(f"#!{sys.executable}\n{worker.read_text()}")
        env["PATH"] = f"{worker.parent}{os.pathsep}{os.environ['PATH']}"
        command = [script.name]
        script.chmod(0o755)
    out, _ = program("-m", "datastreams", "run", *command, kafka.address, topic, **env).finish(7)
    name, arguments, path, offsets = json.loads(out)
    assert (name, arguments, offsets) == ("__main__", [kafka.address, topic], [0, 1, 2])
    if how != "module":
        assert path == str(worker.parent)
    tags = tuple(sorted(["direction:out", f"kafka_cluster_id:{kafka.id}", f"topic:{topic}", "type:kafka"]))
    assert agent.counts() == {tags: 3}
    assert agent.backlogs() == {kafka.backlog("produce", topic): 2}
    assert [[name for name, _ in headers] for _, _, headers in kafka.read(topic, 3)] == [[KEY]] * 3


@pytest.mark.parametrize("arguments", [["-m", "--flush-on-sigterm", "--", "run"], ["--", "a", "--"], ["-h"]])
def test_options_behind_the_program_are_its_own(program, tmp_path, arguments):
    path = tmp_path / "options.py"
    path.write_text("import sys; print(sys.argv[1:])")
    for before in ([], ["--"]):
        out, _ = program("-m", "datastreams", "run", *before, str(path), *arguments).finish()
        assert out.strip() == str(arguments)


PLACES = """
    import os, sys
    print(sys.argv, *map(os.path.normpath, [__file__, *sys.path]), __spec__ and __spec__.name)
    os.chdir("/")
    try:
        import beside
        print(os.path.normpath(beside.__file__))
    except ImportError as error:
        print(error)
"""


@pytest.mark.parametrize("safe", ["", "1"])
@pytest.mark.parametrize("how", ["file", "module", "directory", "archive"])
def test_the_program_sees_what_python_itself_shows_it(program, tmp_path, how, safe):
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "beside.py").touch()
    main = inside / "__main__.py"
    main.write_text(textwrap.dedent(PLACES))
    relative = os.path.relpath(inside, PROGRAMS)
    shutil.make_archive(str(inside), "zip", inside)
    command = {
        "file": [os.path.join(relative, main.name)],
        "module": ["-m", "inside"],
        "directory": [relative],
        "archive": [f"{relative}.zip"],
    }[how]
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    env = {"PYTHONPATH": path, "PYTHONSAFEPATH": safe}
    expected, _ = program(*command, **env).finish()
    assert program("-m", "datastreams", "run", *command, **env).finish()[0] == expected


def test_sigterm(agent, program, kafka, worker):
    topic = kafka.topic("term")
    worker.write_text(worker.read_text().replace("sys.exit(7)", "sys.stdout.flush(); import time; time.sleep(60)"))
    running = program("-m", "datastreams", "run", "--flush-on-sigterm", str(worker), kafka.address, topic)
    running.process.stdout.readline()
    running.process.send_signal(signal.SIGTERM)
    running.finish(-signal.SIGTERM)
    assert agent.total(f"topic:{topic}") == 3


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        (["run", "nothing-of-this-name"], 2, "there is no file 'nothing-of-this-name', and none on PATH"),
        (["run", "true"], 2, "is no Python script"),
        (["run"], 2, "the following arguments are required: program"),
        ([], 2, "the following arguments are required: command"),
    ],
)
def test_mistakes(program, command, code, says):
    running = program("-m", "datastreams", *command)
    _, errors = running.process.communicate(timeout=60)
    assert (running.process.returncode, says in errors) == (code, True), errors


def test_a_setting_that_cannot_be_meant(program, worker):
    running = program("-m", "datastreams", "run", str(worker), DD_TRACE_AGENT_URL="ftp://x")
    _, errors = running.process.communicate(timeout=60)
    assert running.process.returncode == 1 and errors.startswith("python -m datastreams: "), errors


LATE = """
    import atexit, json, os, pickle, sys, threading, time
    class Job:
        pass
    def again(when):
        assert type(pickle.loads(pickle.dumps(Job()))) is Job
        print(when, os.path.isabs(__file__), sys.modules["__main__"].__dict__ is globals())
    def late():
        threading.main_thread().join()
        again("thread")
    atexit.register(again, "atexit")
    threading.Thread(target=late).start()
    again("main")
"""


@pytest.mark.parametrize("how", ["file", "module", "package", "directory", "archive"])
def test_the_program_stays_main_until_the_process_ends(program, tmp_path, how):
    inside = tmp_path / "program"
    inside.mkdir()
    (inside / "__init__.py").touch()
    main = inside / "__main__.py"
    main.write_text(textwrap.dedent(LATE))
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", inside)
    command = {
        "file": [str(main)],
        "module": ["-m", "program.__main__"],
        "package": ["-m", "program"],
        "directory": [str(inside)],
        "archive": [archive],
    }[how]
    out, errors = program("-m", "datastreams", "run", *command, PYTHONPATH=path).finish()
    assert out.splitlines() == [f"{when} True True" for when in ("main", "thread", "atexit")], errors
