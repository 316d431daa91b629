"""Checks that print one line each, and a way to wait without guessing how long."""

import time
import traceback


class Wrong(Exception):
    """Something is not as it has to be: the sentence that says so."""


class Checks:
    """Counts what passed and failed."""

    def __init__(self):
        self.passed = self.failed = 0
        self.started = time.monotonic()

    def run(self, check, *arguments):
        """Calls a check, which returns what it found or raises `Wrong`. Its name and documentation say what it is."""
        title = " ".join(check.__doc__.split()).rstrip(".")
        began = time.monotonic()
        try:
            found = check(*arguments)
        except Exception as wrong:
            self.failed += 1
            print(f"not ok - {title}: {wrong}", flush=True)
            if not isinstance(wrong, Wrong):
                traceback.print_exc()
            return
        self.passed += 1
        detail = f" ({found})" if found else ""
        print(f"ok - {title}{detail} [{time.monotonic() - began:.1f} s]", flush=True)

    def close(self):
        """The last line; the exit status."""
        print(f"{self.passed} passed, {self.failed} failed, in {time.monotonic() - self.started:.0f} s", flush=True)
        return 1 if self.failed else 0


def equal(what, found, expected):
    """Fails unless both are equal."""
    if found != expected:
        raise Wrong(f"{what} is {found!r}, not {expected!r}")


def near(what, found, expected, tolerance):
    """Fails unless `found` is within the relative `tolerance` of `expected`."""
    if found is None or abs(found - expected) > tolerance * abs(expected):
        raise Wrong(f"{what} is {found!r}, not {expected!r} within {tolerance:.1%}")


def until(what, probe, seconds=15):
    """Asks `probe` until it answers something true, which is returned."""
    deadline = time.monotonic() + seconds
    while not (answer := probe()):
        if time.monotonic() > deadline:
            raise Wrong(f"{what} did not happen within {seconds} s")
        time.sleep(0.01)
    return answer
