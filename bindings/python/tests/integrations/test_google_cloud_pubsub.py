"""google-cloud-pubsub over a Pub/Sub in memory, which Google's own tests use."""

import asyncio
import queue
import time
import uuid

import datastreams
import grpc
import pytest
from datastreams.integrations.google_cloud_pubsub import pathway_of_received
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import pubsub_v1
from google.pubsub_v1 import SubscriberAsyncClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport
from points import reported

KEY = datastreams.HEADER_KEY


@pytest.fixture
def service(started, pubsub, monkeypatch):
    """A publisher, a subscriber, and a maker of topics with a subscription."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{pubsub}")
    datastreams.patch("google_cloud_pubsub")
    ordered = pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
    publisher, subscriber = pubsub_v1.PublisherClient(publisher_options=ordered), pubsub_v1.SubscriberClient()

    def make(prefix):
        name = f"{prefix}-{uuid.uuid4().hex[:8]}"
        topic, subscription = publisher.topic_path("p", name), subscriber.subscription_path("p", name)
        publisher.create_topic(name=topic)
        subscriber.create_subscription(name=subscription, topic=topic)
        return topic, subscription

    yield publisher, subscriber, make
    publisher.stop()
    subscriber.close()


def edges_of(*pairs):
    return [
        edge
        for topic, subscription in pairs
        for edge in (f"out,topic:{topic},type:google-pubsub", f"in,topic:{subscription},type:google-pubsub")
    ]


def pull(subscriber, subscription, count):
    """Exactly so many messages, in one answer."""
    response = subscriber.pull(subscription=subscription, max_messages=count, timeout=10)
    assert len(response.received_messages) == count
    return response.received_messages


def test_a_chain_by_callbacks(service, started):
    publisher, subscriber, make = service
    (first, first_subscription), (second, second_subscription) = make("first"), make("second")
    seen = queue.Queue()

    def on_first(message):
        seen.put(datastreams.pathway_of(message) == datastreams.current_pathway())
        publisher.publish(second, message.data * 2)
        message.ack()

    def on_second(message):
        seen.put((message.data, datastreams.current_pathway().direction))
        message.ack()

    attributes = {"tenant": "ä"}
    pulls = [
        subscriber.subscribe(first_subscription, callback=on_first),
        subscriber.subscribe(second_subscription, on_second),
    ]
    publisher.publish(first, b"hello", ordering_key="key", **attributes).result(10)
    assert seen.get(timeout=20) is True and seen.get(timeout=20) == (b"hellohello", "in")
    for one in pulls:
        one.cancel()
        one.result(10)
    points = reported(started)
    edges = edges_of((first, first_subscription), (second, second_subscription))
    points.chain(*edges)
    assert points.counts() == dict.fromkeys(edges, 1)
    for edge, size in zip(edges, (16, 16, 10, 10)):
        assert points.size(edge) == pytest.approx(size, rel=0.008)


def test_a_pulled_batch(service, started):
    publisher, subscriber, make = service
    topic, subscription = make("batch")
    for number in range(9):
        with datastreams.use_pathway(None):
            publisher.publish(topic, b"%d" % number).result(10)
    datastreams.unpatch("google_cloud_pubsub")
    publisher.publish(topic, b"no header").result(10)
    datastreams.patch("google_cloud_pubsub")
    messages = pull(subscriber, subscription, 10)
    pathways = [pathway_of_received(message) for message in messages]
    assert datastreams.current_pathway() == datastreams.Pathway.merge(pathways)
    assert len({id(pathway) for pathway in pathways}) == 10 and None not in pathways
    out_edge, in_edge = edges_of((topic, subscription))
    points = reported(started)
    assert points.counts() == {out_edge: 9, in_edge: 10} and points.roots(in_edge) == 1


def test_headers(service, started):
    publisher, subscriber, make = service
    (first, first_subscription), (second, second_subscription) = make("first"), make("second")
    datastreams.unpatch("google_cloud_pubsub")
    for header in ("?!", "", b"AAAA"):
        publisher.publish(first, b"x", **{KEY: header}).result(10)
    datastreams.patch("google_cloud_pubsub")
    messages = pull(subscriber, first_subscription, 3)
    assert all(set(message.message.attributes) == {KEY} for message in messages)
    with datastreams.use_pathway(None):
        publisher.publish(first, b"x").result(10)
    [received] = pull(subscriber, first_subscription, 1)
    old = dict(received.message.attributes)
    publisher.publish(second, b"x", **old).result(10)
    [forwarded] = pull(subscriber, second_subscription, 1)
    assert set(forwarded.message.attributes) == {KEY} and forwarded.message.attributes[KEY] != old[KEY]
    _, first_in, second_out, second_in = edges_of((first, first_subscription), (second, second_subscription))
    points = reported(started)
    assert points.roots(first_in) == 3 and points.counts()[second_in] == 1
    assert points.of(second_in)["ParentHash"] == points.of(second_out)["Hash"]


def test_limits(service, started, counted):
    publisher, subscriber, make = service
    topic, subscription = make("limits")
    for number, stamped in ((99, True), (100, False)):
        publisher.publish(topic, b"x", **{f"name-{at}": "v" for at in range(number)}).result(10)
        [received] = pull(subscriber, subscription, 1)
        assert len(received.message.attributes) == 100 and (KEY in received.message.attributes) == stamped
    # The client refuses what is longer than 10 MB with all that is around it, this server what is longer than 4 MB.
    with pytest.raises(pubsub_v1.publisher.exceptions.MessageTooLargeError):
        publisher.publish(topic, b"x" * 10_000_001)
    with pytest.raises(TypeError):
        publisher.publish(topic, "text")
    # The last: what comes soon after a failure may find the client's batch still failed.
    with pytest.raises(GoogleAPICallError):
        publisher.publish(topic, b"x" * (10_000_000 - len(topic) - 20), retry=None).result(30)
    assert counted() == {"pubsub_attributes": 1, "pubsub_too_large": 2}
    out_edge, in_edge = edges_of((topic, subscription))
    assert reported(started).counts() == {out_edge: 1, in_edge: 2}


def test_a_root_begins_when_the_message_was_published(service, started):
    publisher, subscriber, make = service
    topic, subscription = make("root")
    datastreams.unpatch("google_cloud_pubsub")
    publisher.publish(topic, b"x").result(10)
    datastreams.patch("google_cloud_pubsub")
    time.sleep(0.3)
    pull(subscriber, subscription, 1)
    assert reported(started).latency(edges_of((topic, subscription))[1]) > 0.29


def test_asyncio(service, started, pubsub):
    publisher, _, make = service
    topic, subscription = make("async")
    publisher.publish(topic, b"x").result(10)

    async def main():
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{pubsub}")
        subscriber = SubscriberAsyncClient(transport=SubscriberGrpcAsyncIOTransport(channel=channel))
        response = await subscriber.pull(request={"subscription": subscription, "max_messages": 1})
        assert pathway_of_received(response.received_messages[0]) == datastreams.current_pathway()
        await channel.close()

    asyncio.run(main())
    reported(started).chain(*edges_of((topic, subscription)))


def test_unpatched(service, started):
    publisher, subscriber, make = service
    topic, subscription = make("off")
    seen = queue.Queue()
    pulling = subscriber.subscribe(subscription, lambda message: (seen.put(dict(message.attributes)), message.ack()))
    datastreams.unpatch("google_cloud_pubsub")
    publisher.publish(topic, b"x").result(10)
    assert seen.get(timeout=20) == {}
    pulling.cancel()
    pulling.result(10)
    assert reported(started).counts() == {}
