"""A celery application of two tasks: the first sends the second. Its broker is in BROKER, with BROKER_OPTIONS in JSON."""

import json
import os

from celery import Celery

app = Celery("pipeline", broker=os.environ["BROKER"])
app.conf.task_routes = {"first": {"queue": "first"}, "second": {"queue": "second"}}
app.conf.broker_connection_retry_on_startup = True
app.conf.broker_transport_options = json.loads(os.environ["BROKER_OPTIONS"])


@app.task(name="first")
def first(number):
    second.delay(number)


@app.task(name="second", bind=True, max_retries=1)
def second(self, number):
    if number == 0 and not self.request.retries:
        raise self.retry(countdown=0)
    with open(os.environ["DONE"], "a") as done:
        done.write(f"{number}\n")
