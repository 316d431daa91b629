"""A service under gunicorn: started by the master, which also records, before it forks its workers."""

import os

import datastreams

datastreams.start(exit_timeout=20)
for _ in range(10):
    datastreams.set_checkpoint(["direction:out", "who:master"])
WORKER = datastreams.edge("direction:in", "who:worker")


def application(environ, start_response):
    WORKER.consume(environ.get("HTTP_DD_PATHWAY_CTX_BASE64"), 10)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
