"""aiobotocore against a moto server."""

import asyncio
import contextlib
import json
import uuid

import datastreams
import pytest
from aiobotocore.session import get_session
from points import reported


@pytest.mark.parametrize("raw_delivery", ["true", "false"])
def test_a_chain_in_each_of_many_tasks(started, aws, counted, raw_delivery):
    datastreams.patch("aiobotocore")

    async def pipeline(sqs, sns):
        """SNS to SQS to SQS, in a task of its own: the names of both queues."""
        name = uuid.uuid4().hex[:8]
        first, second = [(await sqs.create_queue(QueueName=f"{name}-{at}"))["QueueUrl"] for at in (1, 2)]
        topic = (await sns.create_topic(Name=name))["TopicArn"]
        arn = (await sqs.get_queue_attributes(QueueUrl=first, AttributeNames=["QueueArn"]))["Attributes"]["QueueArn"]
        raw = {"RawMessageDelivery": raw_delivery}
        await sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=raw)
        await sns.publish(TopicArn=topic, Message="hello")
        [message] = (await sqs.receive_message(QueueUrl=first, WaitTimeSeconds=5))["Messages"]
        assert "MessageAttributes" not in message and (message["Body"] == "hello") == (raw_delivery == "true")
        await asyncio.sleep(0.05)  # The others go on meanwhile.
        await sqs.send_message(QueueUrl=second, MessageBody="hello")
        [message] = (await sqs.receive_message(QueueUrl=second, WaitTimeSeconds=5))["Messages"]
        assert datastreams.pathway_of(message) == datastreams.current_pathway()
        assert "Messages" not in await sqs.receive_message(QueueUrl=second)
        return topic, first.rsplit("/", 1)[-1], second.rsplit("/", 1)[-1]

    async def main():
        session = get_session()
        async with session.create_client("sqs", **aws) as sqs, session.create_client("sns", **aws) as sns:
            return await asyncio.gather(*(pipeline(sqs, sns) for _ in range(5)))

    pipelines = asyncio.run(main())
    points = reported(started)
    for topic, first, second in pipelines:
        points.chain(
            f"out,topic:{topic},type:sns",
            f"in,topic:{first},type:sqs",
            f"out,topic:{second},type:sqs",
            f"in,topic:{second},type:sqs",
        )
    assert sum(points.counts().values()) == 20 and counted() == {}


def test_kinesis_and_eventbridge(started, aws, counted):
    datastreams.patch("aiobotocore")
    name = f"name-{uuid.uuid4().hex[:8]}"

    async def by_kinesis(kinesis):
        await kinesis.create_stream(StreamName=name, ShardCount=1)
        await kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
        several = [{"Data": json.dumps({"n": n}), "PartitionKey": "k"} for n in range(3)]
        await kinesis.put_records(StreamName=name, Records=several)
        shard = (await kinesis.list_shards(StreamName=name))["Shards"][0]["ShardId"]
        start = await kinesis.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        for record in (await kinesis.get_records(ShardIterator=start["ShardIterator"]))["Records"]:
            assert datastreams.current_pathway() == datastreams.pathway_of(record) is not None

    async def by_eventbridge(events, sqs):
        url = (await sqs.create_queue(QueueName=name))["QueueUrl"]
        arn = (await sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]))["Attributes"]["QueueArn"]
        await events.create_event_bus(Name=name)
        await events.put_rule(Name=name, EventBusName=name, EventPattern=json.dumps({"source": ["shop"]}))
        await events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "queue", "Arn": arn}])
        entry = {"Source": "shop", "DetailType": "order", "EventBusName": name, "Detail": "{}"}
        await events.put_events(Entries=[entry])
        assert (await sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5))["Messages"]
        # Ten attributes are all that SQS takes.
        attributes = {f"name-{at}": {"DataType": "String", "StringValue": "v"} for at in range(10)}
        await sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=attributes)

    async def main():
        async with contextlib.AsyncExitStack() as stack:
            names = ("kinesis", "events", "sqs")
            clients = [await stack.enter_async_context(get_session().create_client(one, **aws)) for one in names]
            await asyncio.gather(by_kinesis(clients[0]), by_eventbridge(*clients[1:]))

    asyncio.run(main())
    points = reported(started)
    points.chain(f"out,topic:{name},type:kinesis", f"in,topic:{name},type:kinesis")
    points.chain(f"out,exchange:{name},topic:order,type:eventbridge", f"in,topic:{name},type:sqs")
    assert sum(points.counts().values()) == 8 and counted() == {"sqs_attributes": 1}


def test_a_client_that_is_not_instrumented_any_more(started, aws):
    datastreams.patch("aiobotocore")

    async def main():
        async with get_session().create_client("sqs", **aws) as sqs:
            url = (await sqs.create_queue(QueueName=uuid.uuid4().hex))["QueueUrl"]
            await sqs.send_message(QueueUrl=url, MessageBody="x")
            datastreams.unpatch("aiobotocore")
            await sqs.send_message(QueueUrl=url, MessageBody="x")

    asyncio.run(main())
    assert sum(reported(started).counts().values()) == 1
