"""boto3 against a moto server: SQS and SNS. What moto does not refuse, such as an eleventh attribute, is asserted here."""

import base64
import copy
import io
import json
import uuid

import boto3
import datastreams
import pytest
from botocore.awsrequest import AWSResponse
from datastreams.integrations.boto3 import consumed_from_sqs
from points import reported

KEY = datastreams.HEADER_KEY


@pytest.fixture
def client(started, aws):
    datastreams.patch("boto3")
    return lambda service: boto3.client(service, **aws)


@pytest.fixture
def sqs(client):
    return client("sqs")


def make_queue(sqs, name="queue", **attributes):
    """A queue with a name of its own: the URL."""
    return sqs.create_queue(QueueName=f"{name}-{uuid.uuid4().hex[:8]}", Attributes=attributes)["QueueUrl"]


def queue_name(url):
    return url.rsplit("/", 1)[-1]


def receive(sqs, url, count=1, **more):
    """Exactly so many messages, asked for at once."""
    response = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5, **more)
    assert len(response["Messages"]) == count
    return response["Messages"]


def raw(sqs, call, **params):
    """A call that is not instrumented."""
    datastreams.unpatch("boto3")
    try:
        return getattr(sqs, call)(**params)
    finally:
        datastreams.patch("boto3")


def text(value):
    return {"DataType": "String", "StringValue": value}


def test_a_chain(sqs, started):
    first, second = make_queue(sqs), make_queue(sqs)
    attributes = {"tenant": text("ä"), "raw": {"DataType": "Binary", "BinaryValue": b"123"}}
    mine = copy.deepcopy(attributes)
    sqs.send_message(QueueUrl=first, MessageBody="hello", MessageAttributes=attributes)
    assert attributes == mine

    asked = ["tenant"]
    [message] = receive(sqs, first, MessageAttributeNames=asked)
    assert asked == ["tenant"] and list(message["MessageAttributes"]) == ["tenant"]
    assert datastreams.pathway_of(message) == datastreams.current_pathway()
    sqs.send_message(QueueUrl=second, MessageBody="ok")
    [message] = receive(sqs, second)
    assert "MessageAttributes" not in message and "MD5OfMessageAttributes" not in message

    points = reported(started)
    edges = [f"{way},topic:{queue_name(url)},type:sqs" for url in (first, second) for way in ("out", "in")]
    points.chain(*edges)
    assert points.counts() == dict.fromkeys(edges, 1)
    tenant = len("tenant" + "String") + 2
    sizes = (5 + tenant + len("raw" + "Binary" + "123"), 5 + tenant, 2, 2)
    for edge, expected in zip(edges, sizes):
        assert points.size(edge) == pytest.approx(expected, rel=0.008)


def test_a_batch_counts_each_message_by_its_own_header(sqs, started):
    url = make_queue(sqs)
    entries = [{"Id": str(number), "MessageBody": f"{number}"} for number in range(9)]
    mine = copy.deepcopy(entries)
    with datastreams.use_pathway(None):
        assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 9
    assert entries == mine
    raw(sqs, "send_message", QueueUrl=url, MessageBody="no header")

    messages = receive(sqs, url, 10)
    merged = datastreams.current_pathway()
    pathways = {message["Body"]: datastreams.pathway_of(message) for message in messages}
    assert merged == datastreams.Pathway.merge(pathways.values()) and len({id(one) for one in pathways.values()}) == 10
    for message in messages:
        assert datastreams.current_pathway() == pathways[message["Body"]]
    assert datastreams.current_pathway() == merged
    assert isinstance(messages, list) and json.dumps(messages)

    edge = f"in,topic:{queue_name(url)},type:sqs"
    points = reported(started)
    assert points.counts() == {f"out,topic:{queue_name(url)},type:sqs": 9, edge: 10}
    assert points.roots(edge) == 1


def test_an_empty_answer_counts_nothing(sqs, started):
    assert "Messages" not in sqs.receive_message(QueueUrl=make_queue(sqs))
    assert reported(started).counts() == {}


def test_after_an_empty_answer_nothing_goes_on_from_the_message_before(sqs, started):
    """Only from another queue's."""
    first, second = make_queue(sqs), make_queue(sqs)
    sqs.send_message(QueueUrl=first, MessageBody="x")
    receive(sqs, first)
    current = datastreams.current_pathway()
    sqs.receive_message(QueueUrl=second)
    assert datastreams.current_pathway() is current
    sqs.receive_message(QueueUrl=first)
    assert datastreams.current_pathway() is None


def test_resources(sqs, aws, started):
    queue = boto3.resource("sqs", **aws).Queue(make_queue(sqs))
    queue.send_message(MessageBody="hello")
    [message] = queue.receive_messages(WaitTimeSeconds=5)
    assert message.body == "hello" and datastreams.pathway_of(message.meta.data) == datastreams.current_pathway()
    name = queue_name(queue.url)
    reported(started).chain(f"out,topic:{name},type:sqs", f"in,topic:{name},type:sqs")


def test_a_header_that_was_there_is_replaced_and_its_neighbours_are_not(sqs, started):
    first, second = make_queue(sqs), make_queue(sqs)
    tracer = {"x-datadog-trace-id": "1", KEY: "stale", datastreams.HEADER_KEY_LEGACY: "stale"}
    sqs.send_message(QueueUrl=first, MessageBody="1", MessageAttributes={"_datadog": text(json.dumps(tracer))})
    [message] = receive(sqs, first, MessageAttributeNames=["All"])
    assert list(message["MessageAttributes"]) == ["_datadog"]
    header = json.loads(message["MessageAttributes"]["_datadog"]["StringValue"])
    assert set(header) == {"x-datadog-trace-id", KEY} and header[KEY] != "stale"
    sqs.send_message(QueueUrl=second, MessageBody="1", MessageAttributes=message["MessageAttributes"])
    receive(sqs, second)
    names = (queue_name(first), queue_name(second))
    reported(started).chain(*(f"{way},topic:{name},type:sqs" for name in names for way in ("out", "in")))


def test_what_other_tracers_write_is_read(sqs, started):
    url = make_queue(sqs)
    pathway = datastreams.edge("direction:out", "topic:elsewhere", "type:test").checkpoint(parent=None)
    twice = base64.b64encode(pathway.encode().encode()).decode()
    binary = {"DataType": "Binary", "BinaryValue": json.dumps({KEY: pathway.encode()}).encode()}
    for own in (
        text(json.dumps({KEY: twice})),
        text(json.dumps({KEY: ["older", twice]})),
        text(json.dumps({datastreams.HEADER_KEY_LEGACY: pathway.encode()})),
        binary,
    ):
        raw(sqs, "send_message", QueueUrl=url, MessageBody="x", MessageAttributes={"_datadog": own})
    receive(sqs, url, 4)
    points = reported(started)
    points.chain("out,topic:elsewhere,type:test", f"in,topic:{queue_name(url)},type:sqs")


def test_bad_headers_start_anew(sqs, started):
    url = make_queue(sqs)
    bad = ("no json", "[1]", "{}", json.dumps({KEY: 17}), json.dumps({KEY: []}), "[" * 60_000, json.dumps({KEY: "?!"}))
    for value in bad:
        raw(sqs, "send_message", QueueUrl=url, MessageBody="x", MessageAttributes={"_datadog": text(value)})
    receive(sqs, url, len(bad))
    assert reported(started).roots(f"in,topic:{queue_name(url)},type:sqs") == len(bad)


def test_eleven_attributes_are_never_sent(sqs, started, counted):
    url = make_queue(sqs)
    for number, stamped in ((9, True), (10, False)):
        attributes = {f"name-{at}": text("v") for at in range(number)}
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=attributes)
        [message] = receive(sqs, url, MessageAttributeNames=["All"])
        assert len(message["MessageAttributes"]) == 10 and ("_datadog" in message["MessageAttributes"]) == stamped
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert counted() == {"sqs_attributes": 1}
    name = queue_name(url)
    assert reported(started).counts() == {f"out,topic:{name},type:sqs": 1, f"in,topic:{name},type:sqs": 2}


def total(message):
    """Bytes as SQS counts them."""
    parts = [(name, *value.values()) for name, value in message.get("MessageAttributes", {}).items()]
    return len(message["Body"].encode()) + sum(len(part) for several in parts for part in several)


def test_what_sqs_takes_by_default_and_at_most_is_never_passed(sqs, started, counted):
    usual, most = 262_144, 1_048_576
    url, everything = make_queue(sqs, MaximumMessageSize="1048576"), {"MessageAttributeNames": ["All"]}
    own = len("_datadog" + "String" + json.dumps({KEY: "=" * 36}, separators=(",", ":")))
    for length, limit, stamped in (
        (usual - own, usual, True),
        (usual - own + 1, usual, False),
        (usual, usual, False),
        (usual + 1, most, True),
        (most - own, most, True),
        (most - own + 1, most, False),
    ):
        sqs.send_message(QueueUrl=url, MessageBody="x" * length)
        [message] = receive(sqs, url, **everything)
        assert ("MessageAttributes" in message) == stamped and total(message) <= limit
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    # A batch has the limit as a whole: there is room for two of three. One of the last two is as large as it may be.
    for lengths, limit, stamped in (
        ([(usual - 2 * own) // 3] * 3, usual, 2),
        ([(most - 2 * own) // 3] * 3, most, 2),
        ([usual, 1], most, 1),
    ):
        entries = [{"Id": str(at), "MessageBody": "x" * length} for at, length in enumerate(lengths)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
        messages = receive(sqs, url, len(lengths), **everything)
        assert sum(map(total, messages)) <= limit
        assert sum("MessageAttributes" in message for message in messages) == stamped
        assert not any("MessageAttributes" in message for message in messages if len(message["Body"]) == usual)
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert counted() == {"sqs_too_large": 3 + 3}
    name = queue_name(url)
    assert reported(started).counts() == {f"out,topic:{name},type:sqs": 3 + 5, f"in,topic:{name},type:sqs": 6 + 8}


def test_a_queue_that_takes_less_gets_the_message_without_ours(sqs, counted):
    url = make_queue(sqs, MaximumMessageSize="1024")

    def refuse(request, **_):
        """As SQS does; moto does not count attributes."""
        if b"_datadog" in request.body:
            answer = {"__type": "com.amazonaws.sqs#InvalidParameterValueException", "message": "too long"}
            raw_answer = io.BytesIO(json.dumps(answer).encode())
            raw_answer.stream = lambda *_, **__: [raw_answer.read()]
            headers = {"x-amzn-query-error": "InvalidParameterValue;Sender"}
            return AWSResponse(request.url, 400, headers, raw_answer)

    sqs.meta.events.register("before-send.sqs.SendMessage", refuse)
    sqs.send_message(QueueUrl=url, MessageBody="x" * 1024)
    assert len(receive(sqs, url)[0]["Body"]) == 1024
    assert counted() == {"sqs_refused": 1}
    with pytest.raises(sqs.exceptions.ClientError):
        sqs.send_message(QueueUrl=url, MessageBody="x" * 1025)


def test_so_do_the_entries_of_a_batch(sqs, monkeypatch, counted):
    """moto does not count attributes, so it is told to."""
    url = make_queue(sqs, MaximumMessageSize="1024")
    call, calls = sqs._make_api_call.__func__.__wrapped__, []

    def limited(self, operation, params):
        if operation != "SendMessageBatch":
            return call(self, operation, params)
        calls.append([entry["Id"] for entry in params["Entries"]])
        long = [entry for entry in params["Entries"] if len(entry["MessageBody"]) + 100 * len(entry) - 200 > 1024]
        short = [entry for entry in params["Entries"] if entry not in long]
        answer = call(self, operation, {**params, "Entries": short}) if short else {"Successful": []}
        if long:
            refused = {"SenderFault": True, "Code": "InvalidParameterValue", "Message": "must be shorter"}
            answer["Failed"] = [{"Id": entry["Id"], **refused} for entry in long]
        return answer

    datastreams.unpatch("boto3")
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", limited)
    datastreams.patch("boto3")
    bodies = {"short": "x", "full": "x" * 1024, "long": "x" * 1025}
    entries = [{"Id": name, "MessageBody": body} for name, body in bodies.items()]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert {entry["Id"] for entry in answer["Successful"]} == {"short", "full"}
    assert [entry["Id"] for entry in answer["Failed"]] == ["long"]
    assert calls == [["short", "full", "long"], ["full", "long"]]
    assert sorted(len(message["Body"]) for message in receive(sqs, url, 2)) == [1, 1024]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries[:2])
    assert len(answer["Successful"]) == 2 and "Failed" not in answer
    assert counted() == {"sqs_refused": 3}
    datastreams.unpatch("boto3")


def subscribe(client, sqs, **attributes):
    """A topic with a queue that is subscribed to it: the ARN and the URL."""
    sns = client("sns")
    topic = sns.create_topic(Name=f"topic-{uuid.uuid4().hex[:8]}")["TopicArn"]
    url = make_queue(sqs)
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    return sns, topic, url


@pytest.mark.parametrize("raw_delivery", ["true", "false"])
def test_sns_to_sqs(client, sqs, started, raw_delivery):
    sns, topic, url = subscribe(client, sqs, RawMessageDelivery=raw_delivery)
    attributes = {"tenant": text("blue")}
    sns.publish(TopicArn=topic, Message="hello", MessageAttributes=attributes)
    assert list(attributes) == ["tenant"]
    sns.publish_batch(
        TopicArn=topic, PublishBatchRequestEntries=[{"Id": str(at), "Message": "hello"} for at in range(5)]
    )
    messages = receive(sqs, url, 6)
    bodies = [
        message["Body"] if raw_delivery == "true" else json.loads(message["Body"])["Message"] for message in messages
    ]
    assert bodies == ["hello"] * 6
    points = reported(started)
    edges = f"out,topic:{topic},type:sns", f"in,topic:{queue_name(url)},type:sqs"
    points.chain(*edges)
    assert points.counts() == dict.fromkeys(edges, 6)


def test_sns_has_limits_too(client, sqs, started, counted):
    sns, topic, url = subscribe(client, sqs, RawMessageDelivery="true")
    sns.publish(TopicArn=topic, Message="x", MessageAttributes={f"name-{at}": text("v") for at in range(10)})
    sns.publish(TopicArn=topic, Message="x" * 262_100)
    assert [
        len(message.get("MessageAttributes", ())) for message in receive(sqs, url, 2, MessageAttributeNames=["All"])
    ] in (
        [10, 0],
        [0, 10],
    )
    assert counted() == {"sns_attributes": 1, "sns_too_large": 1}
    edge = f"in,topic:{queue_name(url)},type:sqs"
    assert reported(started).counts() == {edge: 2}


def test_a_telephone_is_no_queue(client, started):
    client("sns").publish(PhoneNumber="+4912345678", Message="hello")
    assert reported(started).counts() == {}


def test_a_record_of_lambda(sqs, started):
    url = make_queue(sqs)
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    [message] = raw(sqs, "receive_message", QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    own = message["MessageAttributes"]["_datadog"]
    record = {
        "body": "hello",
        "receiptHandle": "r",
        "messageAttributes": {"_datadog": {"dataType": "String", "stringValue": own["StringValue"]}},
    }
    assert consumed_from_sqs("function-queue", record) == datastreams.pathway_of(record)
    reported(started).chain(f"out,topic:{queue_name(url)},type:sqs", "in,topic:function-queue,type:sqs")


def test_unpatched(sqs, started):
    url = make_queue(sqs)
    raw(sqs, "send_message", QueueUrl=url, MessageBody="x")
    raw(sqs, "receive_message", QueueUrl=url)
    assert reported(started).counts() == {}
