"""celery: workers of each pool, with no change to them, over RabbitMQ, Redis and SQS."""

import json
import pathlib
import signal
import time

import datastreams
import kafka_topics
import pytest
from celery import Celery
from celery.worker.request import Request
from points import reported

HERE = pathlib.Path(__file__).resolve().parent
TASKS = 6
SLOW = pytest.mark.skipif(kafka_topics.ADDRESS is None, reason="15 s, in make test-kafka-full")


@pytest.mark.parametrize(
    ("broker", "pool"),
    [
        ("rabbitmq", "prefork"),
        ("rabbitmq", "threads"),
        ("redis", "solo"),
        ("sqs", "prefork"),
        pytest.param("over_kafka", "solo", marks=SLOW),
        pytest.param("over_pubsub", "prefork", marks=SLOW),
    ],
)
def test_tasks_go_on_from_the_message_that_brought_them(started, program, request, tmp_path, counted, broker, pool):
    options, environment = {}, {}

    def edges(queue):
        return f"out,topic:{queue},type:{broker}", f"in,topic:{queue},type:{broker}"

    if broker == "sqs":
        url, options = request.getfixturevalue("sqs_broker")
        datastreams.patch("boto3")
    elif broker.startswith("over_"):
        over = request.getfixturevalue(broker)
        url, options, environment, edges = over.url, over.options, over.environment, over.edges
        datastreams.patch(over.client)
    else:
        url = {"rabbitmq": "amqp://guest:guest@127.0.0.1:{}//", "redis": "redis://127.0.0.1:{}/1"}[broker]
        url = url.format(request.getfixturevalue(broker))
    done = tmp_path / "done"
    done.touch()
    datastreams.patch("celery", "kombu")
    worker = program(
        *("-m", "datastreams", "run", "-m", "celery", "--workdir", str(HERE / "programs"), "-A", "celery_tasks"),
        *(
            "worker",
            "-P",
            pool,
            "-c",
            "2",
            "-Q",
            "first,second",
            "-l",
            "warning",
            "--without-gossip",
            "--without-mingle",
        ),
        BROKER=url,
        BROKER_OPTIONS=json.dumps(options),
        DONE=str(done),
        **environment,
    )
    with Celery(broker=url) as sender:
        sender.conf.broker_transport_options = options
        for number in range(TASKS):
            sender.send_task("first", (number,), queue="first")
    deadline = time.monotonic() + 60
    while len(done.read_text().split()) < TASKS and worker.process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    worker.process.send_signal(signal.SIGTERM)
    _, errors = worker.process.communicate(timeout=60)
    assert sorted(done.read_text().split()) == sorted(map(str, range(TASKS))), errors

    points = reported(started)
    (first_out, first_in), (second_out, second_in) = edges("first"), edges("second")
    # The second task's first message is tried again: one more message, from within that task.
    assert points.counts() == {first_out: TASKS, first_in: TASKS, second_out: TASKS + 1, second_in: TASKS + 1}
    points.chain(first_out, first_in)
    parents = {point["ParentHash"] for edge in edges("second") for point in points.all_of(edge)}
    hashes = {point["Hash"] for point in points.points}
    assert 0 not in parents and parents <= hashes
    assert {edge for edge, parent in points.edges() if parent == points.of(first_in)["Hash"]} == {second_out}
    assert counted() == {}


def test_a_message_that_goes_back_to_its_queue_is_as_it_was(started, counted):
    datastreams.patch("celery")
    app = Celery(broker="memory://")

    @app.task(name="again")
    def again():
        pass

    carried = []

    def receive(message):
        request = Request(message, app=app)
        assert request.request_dict[datastreams.HEADER_KEY] == datastreams.current_pathway().encode()
        carried.append(message.headers[datastreams.HEADER_KEY])
        message.ack() if len(carried) == 3 else message.requeue()

    with app.connection_for_write() as connection, connection.channel() as channel:
        app.send_task("again", queue="back", connection=connection)
        consumer = app.amqp.TaskConsumer(channel, queues=[app.amqp.queues["back"]])
        consumer.on_message = receive
        with consumer:
            for _ in range(3):
                connection.drain_events(timeout=10)
    assert len(set(carried)) == 1
    points = reported(started)
    points.chain("out,topic:back,type:memory", "in,topic:back,type:memory")
    assert points.counts()["in,topic:back,type:memory"] == 3
    assert counted() == {}
