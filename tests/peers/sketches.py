"""The reference's sketches (tests/reference), which is no package."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "reference"))
from reference import GAMMA, OFFSET, decode_sketch  # noqa: E402

__all__ = ["GAMMA", "OFFSET", "decode_sketch"]
