"""kafka-python over a Kafka: librdkafka's mock cluster, or a real one."""

import time

import datastreams
import kafka as client
import pytest
from datastreams.integrations import kafka_python as integration
from kafka import TopicPartition
from kafka.errors import MessageSizeTooLargeError
from kafka.structs import OffsetAndMetadata
from kafka_topics import ADDRESS
from points import reported

KEY = datastreams.HEADER_KEY
OLD = datastreams.Pathway(7, time.time_ns() - 10**9, time.time_ns() - 10**9)
# The mock cluster answers the question for its version with what this client cannot read.
VERSION = {} if ADDRESS else {"api_version": (2, 1)}


@pytest.fixture(autouse=True)
def patched(started):
    datastreams.patch("kafka-python")


@pytest.fixture
def producer(kafka):
    made = client.KafkaProducer(bootstrap_servers=kafka.address, max_request_size=5000, **VERSION)
    yield made
    made.close()


@pytest.fixture
def consumer(kafka):
    """Makes a consumer of partition 0 of a topic, from its first message on."""
    made = []

    def make(topic, group="g", **more):
        more = {"enable_auto_commit": False, "consumer_timeout_ms": 20_000, **VERSION, **more}
        made.append(client.KafkaConsumer(bootstrap_servers=kafka.address, group_id=group, **more))
        made[-1].assign([TopicPartition(topic, 0)])
        made[-1].seek(TopicPartition(topic, 0), 0)
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_chain(kafka, consumer, started):
    """Sizes are those of what is sent, after serializers."""
    producer = client.KafkaProducer(
        bootstrap_servers=kafka.address, value_serializer=lambda value: value.encode("utf-16-le"), **VERSION
    )
    first, second = kafka.topic("first"), kafka.topic("second")
    headers = [("tenant", b"a"), ("tenant", b"b")]
    assert producer.send(first, "värde", b"key", headers, 0).get(20).offset == 0
    assert headers == [("tenant", b"a"), ("tenant", b"b")]
    datastreams._native.context.set(None)
    message = next(consumer(first))
    assert message.headers[:2] == headers and [name for name, _ in message.headers[2:]] == [KEY]
    assert datastreams.pathway_of(message) == datastreams.current_pathway() is not None
    producer.send(topic=second, value="w", partition=0).get(20)
    for message in consumer(second, "h"):
        assert message.value == "w".encode("utf-16-le")
        break
    producer.close()
    points = reported(started)
    edges = [
        kafka.edge("out", first),
        kafka.edge("in", first, "g"),
        kafka.edge("out", second),
        kafka.edge("in", second, "h"),
    ]
    assert points.counts() == dict.fromkeys(edges, 1)
    points.chain(*edges)
    assert [points.size(edge) for edge in edges] == pytest.approx([27, 27, 2, 2], rel=0.008)


def test_headers(kafka, producer):
    """None, empty, and with ours in them already."""
    topic = kafka.topic("headers")
    stale = [("a", b"1"), (KEY, OLD.encode().encode()), ("dd-pathway-ctx", b"x"), (KEY, b"y")]
    for headers in (None, [], stale):
        producer.send(topic, b"v", partition=0, headers=headers).get(20)
    assert len(stale) == 4
    seen = [headers for _, _, headers in kafka.read(topic, 3)]
    assert [[name for name, _ in headers] for headers in seen] == [[KEY], [KEY], ["a", KEY]]
    assert all(datastreams.Pathway.decode(headers[-1][1]) for headers in seen)


def test_no_header_and_bad_headers_begin_anew(kafka, consumer, started):
    topic = kafka.topic("roots")
    kafka.send(topic, headers=[(KEY, OLD.encode())])
    kafka.send(topic, timestamp=int(time.time() * 1000) - 60_000)
    kafka.send(topic, headers=[(KEY, b"?" * 30)])
    kafka.send(topic, headers=[(KEY, None)])
    receiver, hashes = consumer(topic, consumer_timeout_ms=3000), []
    for _ in receiver:
        hashes.append(datastreams.current_pathway().hash)
    # It has waited for one more: the message before is done with.
    assert datastreams.current_pathway() is None
    assert len(hashes) == 4 and hashes[0] != hashes[1] == hashes[2] == hashes[3]
    points = reported(started)
    edge = kafka.edge("in", topic, "g")
    assert points.counts() == {edge: 4} and points.roots(edge) == 3
    # The minute of the second message, and what a busy machine adds to all four.
    assert 59 <= points.latency(edge) < 180


def test_a_batch(kafka, producer, consumer, started):
    source, target = kafka.topic("batch"), kafka.topic("fan")
    kafka.send_together(source, [(KEY, OLD.encode())], None, None)
    receiver = consumer(source)
    batch = receiver.poll(20_000)[TopicPartition(source, 0)]
    assert isinstance(batch, list) and len(batch) == 3
    pathways = [datastreams.pathway_of(message) for message in list.__iter__(batch)]
    assert datastreams.current_pathway() == datastreams.Pathway.merge(pathways)
    for message, pathway in zip(batch, pathways):
        assert datastreams.current_pathway() == datastreams.pathway_of(message) == pathway
        producer.send(target, b"w", partition=0)
    assert receiver.poll(10) == {}
    assert datastreams.current_pathway() is None
    producer.flush()
    points = reported(started)
    assert points.counts() == {kafka.edge("in", source, "g"): 3, kafka.edge("out", target): 3}
    parents = {point["ParentHash"] for point in points.points if f"topic:{target}" in point["EdgeTags"]}
    assert parents == {pathway.hash for pathway in pathways}


def test_messages_that_the_iterator_takes_again_count_once(kafka, consumer, started):
    """It polls several, and forgets those that are left when the program seeks."""
    topic = kafka.topic("seek")
    kafka.send_together(topic, None, None, None)
    receiver = consumer(topic)
    assert [next(receiver).offset, next(receiver).offset] == [0, 1]
    receiver.seek(TopicPartition(topic, 0), 2)
    assert next(receiver).offset == 2
    assert reported(started).counts() == {kafka.edge("in", topic, "g"): 3}


def test_what_does_not_fit_is_sent_as_it_is(kafka, producer, started, counted):
    topic = kafka.topic("limits")
    # Ours takes 59 bytes at most, and the lengths of a value and of a missing key 3.
    fits = 5000 - 83 - 3 - 59
    for size in (fits, fits + 1, 5000 - 82 - 4):
        producer.send(topic, b"v" * size, partition=0).get(20)
    with pytest.raises(MessageSizeTooLargeError):
        producer.send(topic, b"v" * (5000 - 82 - 3), partition=0)
    headers = [[name for name, _ in headers or ()] for _, _, headers in kafka.read(topic, 3)]
    assert headers == [[KEY], [], []]
    assert counted() == {"kafka_too_large": 2}
    assert reported(started).counts() == {kafka.edge("out", topic): 1}


def test_many_headers_take_a_byte_more_for_their_number(kafka, producer, counted):
    topic = kafka.topic("many")
    headers = [("h", b"1")] * 63
    with_ours = [*headers, (KEY, b"x" * 36)]
    size = 5000 - producer._estimate_size_in_bytes(None, b"v" * 4000, with_ours) + 4000
    assert producer._estimate_size_in_bytes(None, b"v" * size, with_ours) == 5000
    for more in range(2):
        producer.send(topic, b"v" * (size + more), headers=headers, partition=0).get(20)
    assert counted() == {"kafka_too_large": 1}


def test_what_the_client_refuses_it_refuses(kafka, producer, started, counted):
    topic = kafka.topic("refused")
    with datastreams.use_pathway(OLD):
        with pytest.raises(TypeError):
            producer.send(topic, 5)
        with pytest.raises(TypeError):
            producer.send(topic, b"v", headers={"a": b"b"})
        with pytest.raises(TypeError):
            producer.send(topic, b"v", headers=[("a", "b")])
        with pytest.raises(ValueError):
            producer.send(topic)
        assert counted() == {}
        # The client finds out after it has asked for the size.
        producer.send(topic, b"v", partition=0).get(20)
        producer._accumulator.close()
        with pytest.raises(Exception, match="closed"):
            producer.send(topic, b"v", partition=0)
        assert counted() == {"kafka_refused": 1}
    assert reported(started).counts() == {kafka.edge("out", topic): 2}


def test_offsets(kafka, producer, consumer, started):
    topic, auto = kafka.topic("offsets"), kafka.topic("auto")
    for _ in range(5):
        producer.send(topic, b"v", partition=0).get(20)
    receiver = consumer(topic, "lag")
    for _ in range(3):
        message = next(receiver)
    receiver.commit({TopicPartition(topic, 0): OffsetAndMetadata(message.offset + 1, "", -1)})
    producer.send(auto, b"v", partition=0).get(20)
    other = consumer(auto, "auto", enable_auto_commit=True)
    next(other)
    other.close()
    reported(started)
    assert started.backlogs() == {
        kafka.backlog("produce", topic): 4,
        kafka.backlog("high_watermark", topic): 5,
        kafka.backlog("commit", topic, "lag"): 3,
        kafka.backlog("produce", auto): 0,
        kafka.backlog("high_watermark", auto): 1,
        kafka.backlog("commit", auto, "auto"): 1,
    }


def test_without_a_group(kafka, consumer, started):
    topic = kafka.topic("alone")
    kafka.send(topic)
    next(consumer(topic, None))
    assert reported(started).counts() == {kafka.edge("in", topic): 1}


def test_by_hand(kafka, producer, consumer, started):
    datastreams.unpatch("kafka_python")
    topic = kafka.topic("hand")
    headers = integration.produced(topic, b"v", None, [("a", b"b")], kafka.id)
    producer.send(topic, b"v", headers=headers, partition=0).get(20)
    message = next(consumer(topic))
    assert datastreams.pathway_of(message) is None
    assert integration.consumed(message, "g", kafka.id) == datastreams.pathway_of(message)
    reported(started).chain(kafka.edge("out", topic), kafka.edge("in", topic, "g"))
