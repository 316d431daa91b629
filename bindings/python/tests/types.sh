#!/bin/sh
# Checks the types of the package and of a program that uses it: types.sh PYTHON, which has mypy and pyright.
set -eu
cd "$(dirname "$0")/.."
python=$1
PYTHONPATH=src MYPYPATH=src
export PYTHONPATH MYPYPATH
"$python" -m mypy --no-error-summary --cache-dir "${TMPDIR:-/tmp}/datastreams-mypy" src/datastreams tests/typed.py
if ! found=$("$python" -m pyright --warnings --pythonpath "$python" src/datastreams tests/typed.py); then
  echo "$found" >&2
  exit 1
fi
