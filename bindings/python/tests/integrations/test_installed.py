"""Every integration with the client that is installed: patched before its first import, however it is imported."""

import subprocess
import sys

import pytest
from datastreams import integrations

# How programs import a client.
IMPORTS = {
    "aio_pika": "aio_pika",
    "aiobotocore": "aiobotocore.session",
    "aiokafka": "aiokafka",
    "boto3": "boto3",
    "celery": "celery.app.amqp",
    "confluent_kafka": "confluent_kafka",
    "google_cloud_pubsub": "google.cloud.pubsub",
    "kafka_python": "kafka",
    "kombu": "kombu.messaging",
    "nats": "nats",
    "pika": "pika",
    "redis": "redis.asyncio",
}
PROGRAM = """
import logging, sys
logging.basicConfig(level=logging.WARNING)
import datastreams
from datastreams import integrations
name, module = sys.argv[1:]
datastreams.patch()
assert integrations.patched() == [], integrations.patched()
__import__(module)
assert name in integrations.patched(), integrations.patched()
datastreams.unpatch()
assert integrations.patched() == []
"""


def test_every_integration_is_listed_here():
    assert set(IMPORTS) == set(integrations.CLIENTS)


@pytest.mark.parametrize(("name", "module"), IMPORTS.items())
def test_patched_before_its_import(name, module):
    ended = subprocess.run([sys.executable, "-c", PROGRAM, name, module], capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stderr) == (0, ""), ended.stderr
