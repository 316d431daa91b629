"""Tasks under celery's prefork pool, over a broker in a directory; started where the application is imported."""

import os
import pathlib

import celery
import datastreams

BROKER = pathlib.Path(os.environ["BROKER"])
app = celery.Celery("tasks", broker="filesystem://")
app.conf.update(
    broker_transport_options={"data_folder_in": BROKER / "data", "data_folder_out": BROKER / "data",
                              "control_folder": BROKER / "control"},
    broker_connection_retry_on_startup=True, worker_prefetch_multiplier=1,
)  # fmt: skip
datastreams.start(exit_timeout=20)
for _ in range(10):
    datastreams.set_checkpoint(["direction:out", f"who:{os.environ['WHO']}"])


@app.task
def work(number):
    datastreams.set_checkpoint(["direction:in", "who:child"], carrier=None)
    (BROKER / "done" / str(number)).write_text(str(os.getpid()))
