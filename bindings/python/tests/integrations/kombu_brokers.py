"""Brokers that kombu speaks to by clients with integrations of their own."""

import uuid

import confluent_kafka
import datastreams


class Broker:
    """A broker as kombu and celery name it, the integration that is needed, and what edges(queue) are: out and in."""

    def __init__(self, url, client, edges, options=None, environment=None):
        self.url, self.client, self.edges = url, client, edges
        self.options, self.environment = options or {}, environment or {}


def over_kafka(kafka):
    # One client learns the cluster's id, the others of the process know it from their first message on.
    datastreams.patch("confluent_kafka")
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.address})
    producer.list_topics(timeout=20)
    producer.poll(0)

    def edges(queue):
        return kafka.edge("out", queue), kafka.edge("in", queue, f"{queue}-consumer-group")

    options = {"wait_time_seconds": 1}
    return Broker(f"confluentkafka://{kafka.address}", "confluent_kafka", edges, options)


def over_pubsub(port):
    project = f"project-{uuid.uuid4().hex[:8]}"

    def edges(queue):
        paths = f"projects/{project}/topics/{queue}", f"projects/{project}/subscriptions/kombu-{queue}"
        return tuple(f"{way},topic:{path},type:google-pubsub" for way, path in zip(("out", "in"), paths))

    options, environment = {"wait_time_seconds": 1}, {"PUBSUB_EMULATOR_HOST": f"127.0.0.1:{port}"}
    return Broker(f"gcpubsub://projects/{project}", "google_cloud_pubsub", edges, options, environment)
