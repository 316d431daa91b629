"""Runs the bench over the mock cluster, with a collector that takes the statistics."""

import os
import subprocess
import sys

import stand

collector = stand.Collector()
try:
    environment = {**os.environ, "DD_TRACE_AGENT_URL": collector.url, "DD_SERVICE": "bench"}
    done = subprocess.run([stand.BUILD / "bench", stand.broker(), stand.PLUGIN], env=environment)
finally:
    stand.end(collector.server)
sys.exit(done.returncode)
