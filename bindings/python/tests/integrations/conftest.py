"""Servers that the tests of several clients share, each started once when it is asked for first."""

import datastreams
import kafka_topics
import kombu_brokers
import pytest
import servers
from datastreams import integrations

# They assert, too.
pytest.register_assert_rewrite("kafka_cases", "points")


@pytest.fixture(scope="session")
def rabbitmq():
    with servers.rabbitmq() as port:
        yield port


@pytest.fixture(scope="session")
def kafka():
    with kafka_topics.kafka() as kafka:
        yield kafka


@pytest.fixture(scope="session")
def redis():
    with servers.redis() as port:
        yield port


@pytest.fixture(scope="session")
def nats():
    with servers.nats() as port:
        yield port


@pytest.fixture(autouse=True)
def nothing_patched():
    """Each test patches what it needs, and nothing of another test is left. No integration failed inside."""
    before = integrations.stats()
    yield
    datastreams.unpatch()
    failed = {cause: number for cause, number in integrations.stats().items() if cause.endswith("_failed")}
    assert all(number == before.get(cause) for cause, number in failed.items()), failed


@pytest.fixture
def counted():
    """What integrations counted since the beginning of the test."""
    before = integrations.stats()
    return lambda: {
        cause: number - before.get(cause, 0)
        for cause, number in integrations.stats().items()
        if number != before.get(cause, 0)
    }


@pytest.fixture(scope="session")
def aws():
    """What a client of an AWS service is made with."""
    with servers.aws() as url:
        yield {
            "endpoint_url": url,
            "region_name": "us-east-1",
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }


@pytest.fixture(scope="session")
def sqs_broker(aws):
    """The same server as a broker of kombu's: its URL, and the options of the transport."""
    options = {"is_secure": False, "region": "us-east-1", "wait_time_seconds": 1, "polling_interval": 0.1}
    return aws["endpoint_url"].replace("http://", "sqs://test:test@"), options


@pytest.fixture(scope="session")
def pubsub():
    with servers.pubsub() as port:
        yield port


@pytest.fixture
def over_kafka(kafka):
    return kombu_brokers.over_kafka(kafka)


@pytest.fixture
def over_pubsub(pubsub, monkeypatch):
    broker = kombu_brokers.over_pubsub(pubsub)
    for name, value in broker.environment.items():
        monkeypatch.setenv(name, value)
    return broker
