"""Where the other tests' modules are, which are no packages."""

import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
for directory in ("peers", "reference"):
    sys.path.insert(0, str(TESTS / directory))
