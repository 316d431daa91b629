"""boto3 against a moto server: Kinesis and EventBridge, whose messages carry their pathway in JSON."""

import base64
import datetime
import json
import uuid

import boto3
import datastreams
import pytest
from agent import decode_sketch
from datastreams.integrations._shared.aws.document import document
from datastreams.integrations.boto3 import consumed_from_kinesis
from hypothesis import given
from hypothesis import strategies as st
from points import reported
from test_boto3 import make_queue, queue_name, receive

KEY = datastreams.HEADER_KEY


@pytest.fixture
def client(started, aws):
    datastreams.patch("boto3")
    return lambda service: boto3.client(service, **aws)


@pytest.fixture
def kinesis(client):
    return client("kinesis")


@pytest.fixture
def stream(kinesis):
    name = f"stream-{uuid.uuid4().hex[:8]}"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    return name


def shard_iterator(kinesis, stream):
    """That of the first record."""
    shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    start = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    return start["ShardIterator"]


def records(kinesis, stream):
    """All records, and the answer that they came in."""
    return kinesis.get_records(ShardIterator=shard_iterator(kinesis, stream))


def test_a_chain(kinesis, stream, started):
    data = b'{"price": 1.10, "text": "\xc3\xa4"}\n'
    kinesis.put_record(StreamName=stream, Data=data, PartitionKey="key")
    answer = records(kinesis, stream)
    [record] = answer["Records"]
    assert record["Data"].startswith(data[:-2]) and record["Data"].endswith(b"}\n")
    assert datastreams.pathway_of(record) == datastreams.current_pathway()
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    kinesis.put_record(StreamARN=arn, Data=data, PartitionKey="key")
    [record] = kinesis.get_records(ShardIterator=answer["NextShardIterator"])["Records"]

    edges = f"out,topic:{stream},type:kinesis", f"in,topic:{stream},type:kinesis"
    points = reported(started)
    assert points.counts() == dict.fromkeys(edges, 2)
    outs, ins = ([p for p in points.points if p["EdgeTags"][0] == f"direction:{way}"] for way in ("out", "in"))
    first = next(point for point in outs if point["ParentHash"] == 0)
    second = next(point for point in ins if point["ParentHash"] == first["Hash"])
    third = next(point for point in outs if point["ParentHash"] == second["Hash"])
    assert next(point for point in ins if point["ParentHash"] == third["Hash"])

    for point in points.points:
        assert [v for v, _ in decode_sketch(point["PayloadSize"]).values()] == [pytest.approx(len(data) + 3, rel=0.008)]


def test_records_that_are_read_again_count_again(kinesis, stream, started):
    kinesis.put_record(StreamName=stream, Data=b'{"a": 1}', PartitionKey="k")
    again = {"ShardIterator": shard_iterator(kinesis, stream)}
    for _ in range(2):
        [record] = kinesis.get_records(**again)["Records"]
        assert datastreams.pathway_of(record) == datastreams.current_pathway()
    points = reported(started)
    edges = f"out,topic:{stream},type:kinesis", f"in,topic:{stream},type:kinesis"
    points.chain(*edges)
    assert points.counts() == {edges[0]: 1, edges[1]: 2}


def test_a_batch(kinesis, stream, started, counted):
    several = [{"Data": json.dumps({"n": n}), "PartitionKey": "k"} for n in range(8)]
    several += [{"Data": b"\x00\xffbinary", "PartitionKey": "k"}, {"Data": b'["list"]', "PartitionKey": "k"}]
    mine = [dict(one) for one in several]
    kinesis.put_records(StreamName=stream, Records=several)
    assert several == mine
    answer = records(kinesis, stream)
    assert [record["Data"] for record in answer["Records"][-2:]] == [b"\x00\xffbinary", b'["list"]']
    assert datastreams.current_pathway() == datastreams.Pathway.merge(map(datastreams.pathway_of, answer["Records"]))
    assert kinesis.get_records(ShardIterator=answer["NextShardIterator"])["Records"] == []
    assert datastreams.current_pathway() is None
    assert counted() == {"kinesis_not_json": 2}
    points = reported(started)
    edge = f"in,topic:{stream},type:kinesis"
    assert points.counts() == {f"out,topic:{stream},type:kinesis": 8, edge: 10}
    assert points.roots(edge) == 2


def test_a_record_grows_to_no_more_than_a_mebibyte(kinesis, stream, started, counted):
    longest = (
        1_048_576 - len(',"_datadog":' + json.dumps({KEY: "=" * 36}, separators=(",", ":"))) - len('{"a":""}' + "k")
    )
    for length in (longest, longest + 1):
        kinesis.put_record(
            StreamName=stream, Data=json.dumps({"a": "x" * length}, separators=(",", ":")), PartitionKey="k"
        )
    sizes = [len(record["Data"]) for record in records(kinesis, stream)["Records"]]
    assert max(sizes) <= 1_048_575 and counted() == {"kinesis_too_large": 1}
    assert reported(started).counts() == {f"out,topic:{stream},type:kinesis": 1, f"in,topic:{stream},type:kinesis": 2}


def test_a_longer_record_grows_to_no_more_than_ten(kinesis, stream, started, counted):
    # Its stream is set to take more than a mebibyte.
    most = 10 * 1_048_576 - len('{"a":""}' + "k") - len(',"_datadog":' + json.dumps({KEY: "=" * 36}).replace(" ", ""))
    for length in (1_048_576, most, most + 1):
        kinesis.put_record(StreamName=stream, Data=f'{{"a":"{"x" * length}"}}', PartitionKey="k")
    found = [record["Data"] for record in records(kinesis, stream)["Records"]]
    assert [KEY.encode() in data for data in found] == [True, True, False]
    assert max(map(len, found)) <= 10 * 1_048_576 - 1 and counted() == {"kinesis_too_large": 1}
    assert reported(started).counts() == {f"out,topic:{stream},type:kinesis": 2, f"in,topic:{stream},type:kinesis": 3}


def test_a_root_begins_when_the_record_arrived(started):
    arrived = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=100)
    record = {"Data": b"{}", "PartitionKey": "k", "ApproximateArrivalTimestamp": arrived, "SequenceNumber": "1"}
    consumed_from_kinesis("stream", record)
    assert 99 < reported(started).latency("in,topic:stream,type:kinesis") < 130


def test_what_dotnet_writes(started):
    pathway = datastreams.edge("direction:out", "topic:elsewhere", "type:test").checkpoint(parent=None)

    twice = base64.b64encode(pathway.encode().encode()).decode()
    data = json.dumps({"a": 1, "_datadog": {KEY: [twice]}}).encode()
    consumed_from_kinesis("stream", {"Data": data, "PartitionKey": "k"})
    reported(started).chain("out,topic:elsewhere,type:test", "in,topic:stream,type:kinesis")


def test_eventbridge_to_sqs(client, started, counted):
    events, sqs = client("events"), client("sqs")
    bus, url = f"bus-{uuid.uuid4().hex[:8]}", make_queue(sqs)
    events.create_event_bus(Name=bus)
    events.put_rule(Name=bus, EventBusName=bus, EventPattern=json.dumps({"source": ["shop"]}))
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_targets(Rule=bus, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    entry = {"Source": "shop", "DetailType": "order", "EventBusName": bus}
    entries = [
        {**entry, "Detail": '{"n": 1}'},
        {**entry, "Detail": '{"n": 2, "_datadog": {"x-datadog-trace-id": "7", "dd-pathway-ctx-base64": "stale"}}'},
        {**entry, "Detail": "{}", "EventBusName": f"arn:aws:events:us-east-1:123456789012:event-bus/{bus}"},
    ]
    mine = [dict(one) for one in entries]
    assert events.put_events(Entries=entries)["FailedEntryCount"] == 0
    assert entries == mine
    messages = receive(sqs, url, 3)
    details = [json.loads(message["Body"])["detail"] for message in messages]
    assert sorted(detail.get("n", 0) for detail in details) == [0, 1, 2]
    [own] = [detail["_datadog"] for detail in details if detail.get("n") == 2]
    assert own["x-datadog-trace-id"] == "7" and own[KEY] != "stale"

    points = reported(started)
    edges = f"out,exchange:{bus},topic:order,type:eventbridge", f"in,topic:{queue_name(url)},type:sqs"
    points.chain(*edges)
    assert points.counts() == dict.fromkeys(edges, 3) and counted() == {}


def test_an_event_grows_to_no_more_than_256_kib(client, started, counted):
    events = client("events")
    for length in (262_000, 262_144 - len("shop" + "order") - len('{"a":""}')):
        detail = json.dumps({"a": "x" * length}, separators=(",", ":"))
        events.put_events(Entries=[{"Source": "shop", "DetailType": "order", "Detail": detail}])
    assert counted() == {"eventbridge_too_large": 1}
    assert reported(started).counts() == {"out,exchange:default,topic:order,type:eventbridge": 1}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text() | st.just("_datadog"), values, max_size=5),
    st.booleans(),
    st.sampled_from([None, 1, "\t"]),
)
def test_documents_keep_everything_else(members, escaped, indent):
    text = json.dumps(members, ensure_ascii=escaped, indent=indent) + "\n"
    found = document(text)
    filled = found.filled("AAAA")
    own = members.pop("_datadog", None)
    others = {**own} if isinstance(own, dict) else {}
    others.pop(datastreams.HEADER_KEY_LEGACY, None)
    assert json.loads(filled) == {**members, "_datadog": {**others, KEY: "AAAA"}}
    assert document(filled).held[KEY] == "AAAA"


@given(st.text() | st.text('{}[]":,_datog 1'))
def test_documents_are_exactly_what_json_calls_an_object(text):
    try:
        expected = isinstance(json.loads(text), dict)
    except ValueError:
        expected = False
    assert (document(text) is not None) == expected
