"""kafka-python over a Kafka: librdkafka's mock cluster, or a real one."""

import datastreams
import kafka as client
import kafka_cases
import pytest
from datastreams.integrations import kafka_python as integration
from kafka import TopicPartition
from kafka.errors import MessageSizeTooLargeError
from kafka.structs import OffsetAndMetadata
from kafka_cases import KEY, MAX_REQUEST_SIZE, OLD, SIZES, STALE, TOO_LARGE
from kafka_topics import ADDRESS
from points import reported

# The mock cluster answers the question for its version with what this client cannot read.
VERSION = {} if ADDRESS else {"api_version": (2, 1)}


@pytest.fixture(autouse=True)
def patched(started):
    datastreams.patch("kafka-python")


@pytest.fixture
def producer(kafka):
    made = client.KafkaProducer(bootstrap_servers=kafka.address, max_request_size=MAX_REQUEST_SIZE, **VERSION)
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
    kafka_cases.is_a_chain(started, kafka, first, second, sizes=(27, 2))


def test_headers(kafka, producer):
    """None, empty, and with ours in them already."""
    topic = kafka.topic("headers")
    stale = list(STALE)
    for headers in (None, [], stale):
        producer.send(topic, b"v", partition=0, headers=headers).get(20)
    assert stale == list(STALE)
    kafka_cases.have_ours_once(kafka, topic)


def test_no_header_and_bad_headers_begin_anew(kafka, consumer, started):
    topic = kafka.topic("roots")
    kafka_cases.send_roots(kafka, topic)
    receiver, hashes = consumer(topic, consumer_timeout_ms=3000), []
    for _ in receiver:
        hashes.append(datastreams.current_pathway().hash)
    # It has waited for one more: the message before is done with.
    assert datastreams.current_pathway() is None
    kafka_cases.are_roots(started, kafka, topic, hashes)


def test_a_batch(kafka, producer, consumer, started):
    source, target = kafka.topic("batch"), kafka.topic("fan")
    kafka.send_together(source, [(KEY, OLD.encode())], None, None)
    receiver = consumer(source)
    batch = receiver.poll(20_000)[TopicPartition(source, 0)]
    pathways = kafka_cases.is_a_batch(batch)
    for message, pathway in zip(batch, pathways):
        assert datastreams.current_pathway() == datastreams.pathway_of(message) == pathway
        producer.send(target, b"w", partition=0)
    assert receiver.poll(10) == {}
    assert datastreams.current_pathway() is None
    producer.flush()
    kafka_cases.went_on_from(started, kafka, source, target, pathways)


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
    for size in SIZES:
        producer.send(topic, b"v" * size, partition=0).get(20)
    with pytest.raises(MessageSizeTooLargeError):
        producer.send(topic, b"v" * TOO_LARGE, partition=0)
    kafka_cases.one_has_ours(started, kafka, topic, counted)


def test_many_headers_take_a_byte_more_for_their_number(kafka, producer, counted):
    topic = kafka.topic("many")
    headers = [("h", b"1")] * 63
    with_ours = [*headers, (KEY, b"x" * 36)]
    size = MAX_REQUEST_SIZE - producer._estimate_size_in_bytes(None, b"v" * 4000, with_ours) + 4000
    assert producer._estimate_size_in_bytes(None, b"v" * size, with_ours) == MAX_REQUEST_SIZE
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
    kafka_cases.are_the_offsets(started, kafka, topic, auto)


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
