"""patch(): what is instrumented when, and that nothing else changes."""

import asyncio
import importlib
import importlib.machinery
import logging
import sys
import threading
import types

import datastreams
import pytest
from datastreams import integrations
from datastreams.integrations._shared import counts


class Fake(types.ModuleType):
    """An integration that only counts."""

    def __init__(self):
        super().__init__("datastreams.integrations.fake")
        self.calls, self.fails = [], False

    def patch(self):
        self.calls.append(("patch", sys.modules["fake_client"].complete))
        if self.fails:
            raise RuntimeError("another release")

    def unpatch(self):
        self.calls.append("unpatch")


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """The integration of a client that is a module in a directory of its own."""
    module = Fake()
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(integrations, "CLIENTS", {"fake": "fake_client"})
    monkeypatch.syspath_prepend(tmp_path)
    client = tmp_path / "fake_client.py"
    client.write_text("import time; time.sleep(0.1); complete = True")
    module.client = client
    finders = list(sys.meta_path)
    yield module
    datastreams.unpatch()
    sys.modules.pop("fake_client", None)
    assert sys.meta_path == finders


def test_before_the_import(fake):
    datastreams.patch()
    assert fake.calls == [] and integrations.patched() == []
    client = importlib.import_module("fake_client")
    assert fake.calls == [("patch", True)] and integrations.patched() == ["fake"]
    # The loader is what it would have been.
    assert type(client.__spec__.loader) is importlib.machinery.SourceFileLoader
    assert "exec_module" not in vars(client.__spec__.loader)
    assert client.__loader__ is client.__spec__.loader
    importlib.reload(client)
    datastreams.patch()
    assert fake.calls == [("patch", True)]


def test_after_the_import(fake):
    importlib.import_module("fake_client")
    datastreams.patch("fake")
    datastreams.patch("fake")
    assert fake.calls == [("patch", True)]
    datastreams.unpatch()
    datastreams.unpatch()
    assert fake.calls == [("patch", True), "unpatch"] and integrations.patched() == []


def test_while_another_thread_imports(fake):
    thread = threading.Thread(target=importlib.import_module, args=("fake_client",))
    thread.start()
    while "fake_client" not in sys.modules:
        pass
    datastreams.patch()
    thread.join()
    assert fake.calls == [("patch", True)]


def test_taken_back_before_the_import(fake):
    datastreams.patch()
    datastreams.unpatch()
    importlib.import_module("fake_client")
    assert fake.calls == []


def test_an_import_that_fails_first(fake):
    datastreams.patch()
    source = fake.client.read_text()
    fake.client.write_text("raise ImportError('not today')")
    with pytest.raises(ImportError, match="not today"):
        importlib.import_module("fake_client")
    assert fake.calls == []
    fake.client.write_text(source + "  # of another size")
    importlib.invalidate_caches()
    importlib.import_module("fake_client")
    assert fake.calls == [("patch", True)]


def test_a_client_that_cannot_be_instrumented(fake, caplog):
    """Its import goes well, and the log says so."""
    fake.fails = True
    datastreams.patch()
    with caplog.at_level(logging.WARNING, "datastreams"):
        assert importlib.import_module("fake_client").complete
    assert [record.getMessage() for record in caplog.records] == ["fake is not instrumented"]
    assert integrations.patched() == []


def test_a_client_that_is_not_there(fake):
    fake.client.unlink()
    datastreams.patch()
    with pytest.raises(ModuleNotFoundError, match="fake_client"):
        importlib.import_module("fake_client")
    assert fake.calls == []


def test_names(fake):
    with pytest.raises(ValueError, match="there is no integration 'nothing'; there are fake"):
        datastreams.patch("nothing")
    with pytest.raises(ValueError, match="nothing"):
        datastreams.unpatch("nothing")


def test_many_threads_patch_and_take_back():
    """What is left is what was there, and a client is never wrapped twice."""
    channel = importlib.import_module("pika.channel").Channel
    names = ("basic_publish", "basic_consume", "basic_get")
    originals = [vars(channel)[name] for name in names]

    def work():
        for _ in range(50):
            datastreams.patch("pika")
            datastreams.unpatch("pika")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    datastreams.patch("pika")
    assert [vars(channel)[name].__wrapped__ for name in names] == originals
    datastreams.unpatch("pika")
    assert [vars(channel)[name] for name in names] == originals


@pytest.mark.parametrize(
    ("client", "wrapper"),
    [
        ("nats", "_next_msg"),
        ("nats", "_anext"),
        ("nats", "_fetch"),
        ("aio_pika", "_get"),
        ("aio_pika", "_anext"),
        ("aiokafka", "_getone"),
        ("aiokafka", "_getmany"),
        ("confluent_kafka.aio", "_poll"),
        ("confluent_kafka.aio", "_consume"),
    ],
)
def test_a_message_of_a_release_with_other_insides_arrives(monkeypatch, client, wrapper):
    """Where nothing is that we look at. The program gets what the client gave."""
    integration = importlib.import_module(f"datastreams.integrations.{client}")
    monkeypatch.setattr(integration._patches, "on", True)
    monkeypatch.setattr(counts, "_counts", {})
    answer = [object()]

    async def original(_):
        return answer

    assert asyncio.run(getattr(integration, wrapper)(original)(object())) == answer
    assert sum(counts.stats().values()) == 1


def test_every_integration_is_there():
    """Each patches and takes back an installed client, with nothing in the log."""
    for name in integrations.CLIENTS:
        integration = importlib.import_module(f"datastreams.integrations.{name}")
        importlib.import_module(integrations.CLIENTS[name])
        for _ in range(2):
            integration.patch()
            integration.patch()
            integration.unpatch()
            integration.unpatch()
        functions = [member for name, member in vars(integration).items() if callable(member) and name[0] != "_"]
        own = [member for member in functions if member.__module__.startswith("datastreams.")]
        assert len(own) >= 2 and all(member.__doc__ for member in (integration, *own))
