#!/usr/bin/env python3
"""A slow reference for everything that crosses a wire: hash, header, rules, sketch, payload.

Written to be read, standard library only. The fast code in core/ is compared with it through
tests/vectors/*.json, and the sketch's threshold table in core/ is made by it.

    reference.py --write    write the vectors and the threshold table
    reference.py --check    make them again in memory, exit 1 when a file differs
"""

import argparse
import math
import struct
import sys
from decimal import Decimal, localcontext
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors"
TABLE = ROOT / "core" / "src" / "sketch" / "thresholds.rs"

# ---------------------------------------------------------------------------------------------------------------
# Sketch: DDSketch (Masson, Rim, Lee, VLDB 2019), the mapping that dd-trace-go and dd-trace-java use.

GAMMA = 1.015625  # 65/64, exact in binary
OFFSET = 1.8761281912861705
TABLE_MIN = 2.0**-30
TABLE_MAX = 2.0**64


def exact(body):
    """Calls body() with 60 digits, three times what a comparison of f64 needs."""
    with localcontext() as context:
        context.prec = 60
        return body()


def lower_bound(index):
    """The exact least value of a bin: gamma ** (index - offset)."""
    return exact(lambda: ((Decimal(index) - Decimal(OFFSET)) * Decimal(GAMMA).ln()).exp())


def sketch_index(value):
    """floor(ln(value) / ln(gamma) + offset), not rounded anywhere before the floor."""
    return exact(lambda: math.floor(Decimal(value).ln() / Decimal(GAMMA).ln() + Decimal(OFFSET)))


def threshold(index):
    """The smallest f64 in a bin. No bound is an f64 itself: gamma ** (p / 2**52) is irrational."""
    bound = lower_bound(index)
    nearest = float(bound)
    return nearest if Decimal(nearest) > bound else math.nextafter(nearest, math.inf)


def bits(value):
    """The bit pattern of an f64."""
    return struct.unpack("<Q", struct.pack("<d", value))[0]


def threshold_table():
    """core/src/sketch/thresholds.rs"""
    first = sketch_index(TABLE_MIN)
    last = sketch_index(math.nextafter(TABLE_MAX, 0))
    words = [f"0x{bits(threshold(index)):016x}" for index in range(first + 1, last + 2)]
    rows = [", ".join(words[at : at + 5]) + "," for at in range(0, len(words), 5)]
    return "\n".join(
        [
            "//! The least f64 of every bin of the canonical mapping, as bit patterns.",
            "//!",
            "//! Made by `tests/reference/reference.py --write` in exact arithmetic: do not edit.",
            "",
            "/// The bin of 2^-30, the least value of the table.",
            f"pub(super) const FIRST: i32 = {first};",
            "",
            "/// `THRESHOLDS[k]` is the smallest f64 that is in bin `FIRST + 1 + k`; the last one is past 2^64.",
            "#[rustfmt::skip]",
            f"pub(super) static THRESHOLDS: [u64; {len(words)}] = [",
            *rows,
            "];",
            "",
        ]
    )


def files():
    """Every file this program owns, with its text."""
    return {TABLE: threshold_table()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--write", action="store_true", help="write the vectors and the threshold table")
    mode.add_argument("--check", action="store_true", help="exit 1 when a file differs")
    mode = parser.parse_args()
    stale = 0
    for path, text in files().items():
        if mode.write:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path.relative_to(ROOT)} is stale: run {Path(__file__).name} --write", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
