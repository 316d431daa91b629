"""Our library through the receiver of the real trace-agent: test_agent.py LIBRARY AGENT COLLECTOR LOGS"""

import os
import pathlib
import sys

import datastreams_abi as ds
from agents import Agents
from checks import Checks
from programs import clean_environment


def main(library, agent, collector, logs):
    pathlib.Path(logs).mkdir(parents=True, exist_ok=True)
    # Our clients live in this process.
    os.environ.clear()
    os.environ.update(clean_environment())
    checks = Checks()
    for check in Agents(ds.Library(library), logs, agent, collector).checks():
        checks.run(check)
    return checks.close()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
