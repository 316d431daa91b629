"""The released ddtrace against our library and our collector: test_peers.py LIBRARY COLLECTOR LOGS"""

import contextlib
import os
import pathlib
import sys

import broker
import datastreams_abi as ds
import headers
from checks import Checks, equal
from pathways import ENV, Pathways
from programs import Collector, DdtraceService, clean_environment
from wire import Tap

# Not that of the pathways: they have queues of the same names.
HEADERS_ENV = "headers"


def layout():
    """The structs of these tests are those of the header"""
    equal("the difference", ds.layout_differences(), [])


def main(library, collector, logs):
    pathlib.Path(logs).mkdir(parents=True, exist_ok=True)
    # Our clients live in this process.
    os.environ.clear()
    os.environ.update(clean_environment())
    checks = Checks()
    checks.run(layout)
    library = ds.Library(library)
    hosted = {"delivery": ds.DELIVERY_HOST}
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        collector = enter(Collector(logs, collector))
        tap = stack.enter_context(contextlib.closing(Tap(collector.address)))

        def service(name, env=ENV, **options):
            return DdtraceService(logs, name, env, tap.url, **options)

        # They start side by side.
        twin, bare, orders, shipping = (
            enter(service(*arguments))
            for arguments in (("twin", HEADERS_ENV), ("bare", ""), ("orders",), ("shipping",))
        )
        pathways = Pathways(library, collector, tap, orders, shipping)
        checks.run(pathways.taken)
        with ds.Client(library, service="twin", env=HEADERS_ENV, **hosted) as client:
            for check in headers.Headers(library, twin, client).checks():
                checks.run(check)
        with ds.Client(library, service="bare", env="none", **hosted) as client:
            checks.run(headers.without_env, library, bare, client)
        for check in (pathways.between, pathways.around, pathways.fan_out):
            checks.run(check)
        checks.run(pathways.process_tags, service("tagged", process_tags=True))
        checks.run(broker.over_kafka, pathways)
        checks.run(pathways.at_exit, service("brief"))
        checks.run(pathways.all_taken)
    return checks.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
