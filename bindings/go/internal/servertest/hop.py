"""A service that knows nothing of Go: hop.py CLIENT SERVER FROM TO N passes on N messages, with the Python binding's
integrations."""

import asyncio
import os
import sys

import datastreams


def rabbitmq(server, source, sink, number):
    import pika

    with pika.BlockingConnection(pika.URLParameters(server)) as connection:
        channel = connection.channel()
        for method, properties, body in channel.consume(source):
            channel.basic_publish(
                "", sink, body, pika.BasicProperties(headers={"tenant": properties.headers["tenant"]})
            )
            channel.basic_ack(method.delivery_tag)
            number -= 1
            if not number:
                break
        channel.cancel()


def nats(server, source, sink, number):
    import nats

    async def hop():
        connection = await nats.connect(server)
        streams = connection.jetstream()
        subscription = await streams.pull_subscribe(source, durable="python")
        left = number
        while left:
            for message in await subscription.fetch(left, timeout=20):
                await streams.publish(sink, message.data, headers={"tenant": message.headers["tenant"]})
                await message.ack()
                left -= 1
        await connection.close()

    asyncio.run(hop())


def client(service, server):
    import boto3

    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    return boto3.client(service, endpoint_url=server, **keys)


def received(server, source, number):
    sqs = client("sqs", server)
    while number:
        answer = sqs.receive_message(QueueUrl=source, MaxNumberOfMessages=min(number, 10))
        for message in answer.get("Messages", ()):
            yield message
            number -= 1


def sqs(server, source, sink, number):
    sender = client("sqs", server)
    for message in received(server, source, number):
        sender.send_message(QueueUrl=sink, MessageBody=message["Body"])


def sns(server, source, sink, number):
    sender = client("sns", server)
    for message in received(server, source, number):
        sender.publish(TopicArn=sink, Message=message["Body"])


def kinesis(server, source, sink, number):
    streams = client("kinesis", server)
    at = streams.get_shard_iterator(
        StreamName=source, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    while number:
        answer = streams.get_records(ShardIterator=at)
        for record in answer["Records"]:
            streams.put_record(StreamName=sink, Data=record["Data"], PartitionKey=record["PartitionKey"])
            number -= 1
        at = answer["NextShardIterator"]


def pubsub(server, source, sink, number):
    os.environ["PUBSUB_EMULATOR_HOST"] = server
    from datastreams.integrations.google_cloud_pubsub import pathway_of_received
    from google.cloud import pubsub_v1

    publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    while number:
        for received in subscriber.pull(subscription=source, max_messages=number).received_messages:
            with datastreams.use_pathway(pathway_of_received(received)):
                publisher.publish(sink, received.message.data, tenant=received.message.attributes["tenant"]).result(20)
            subscriber.acknowledge(subscription=source, ack_ids=[received.ack_id])
            number -= 1


def main():
    _, name, server, source, sink, number = sys.argv
    datastreams.start(service="python")
    datastreams.patch()
    globals()[name](server, source, sink, int(number))
    datastreams.stop()


main()
