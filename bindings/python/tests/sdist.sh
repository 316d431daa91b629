#!/bin/sh
# Installs a source distribution in a directory that knows nothing of this repository, and uses it: sdist.sh FILE.
# CARGO_TARGET_DIR keeps what cargo built for the next time.
set -eu
file=$(realpath "$1") paths=$(realpath "$(dirname "$0")/../../../tests/abi/paths.sh")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "$file"
# Without the home directory: what links an extension may name where the interpreter is.
CARGO_HOME=${CARGO_HOME:-$HOME/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup} HOME=/ "$paths" venv/lib/python*/site-packages/datastreams/_native*.so
venv/bin/python - <<'PROGRAM'
import datastreams

datastreams.start(service="sdist", agent_url="http://127.0.0.1:9")
headers = {}
datastreams.set_checkpoint(["direction:out", "type:kafka"], carrier=headers)
assert datastreams.Pathway.decode(headers[datastreams.HEADER_KEY]) is not None
assert datastreams.stats()["checkpoints"] == 1
datastreams.stop(0)
print("1 passed, 0 failed: the source distribution", datastreams.__version__, datastreams.__file__)
PROGRAM
