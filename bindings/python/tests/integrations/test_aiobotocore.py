"""aiobotocore against a moto server."""

import asyncio
import uuid

import datastreams
from aiobotocore.session import get_session
from points import reported


def test_a_chain_in_each_of_many_tasks(started, aws, counted):
    datastreams.patch("aiobotocore")

    async def pipeline(sqs, sns):
        """SNS to SQS to SQS, in a task of its own: the names of both queues."""
        name = uuid.uuid4().hex[:8]
        first, second = [(await sqs.create_queue(QueueName=f"{name}-{at}"))["QueueUrl"] for at in (1, 2)]
        topic = (await sns.create_topic(Name=name))["TopicArn"]
        arn = (await sqs.get_queue_attributes(QueueUrl=first, AttributeNames=["QueueArn"]))["Attributes"]["QueueArn"]
        await sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        await sns.publish(TopicArn=topic, Message="hello")
        [message] = (await sqs.receive_message(QueueUrl=first, WaitTimeSeconds=5))["Messages"]
        assert "MessageAttributes" not in message
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
