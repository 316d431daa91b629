"""Runs tests beside each other, since each of them mostly waits for programs and brokers: run.py MODULE...

A group's first member waits three seconds for others in the mock cluster.
"""

import concurrent.futures
import sys
import unittest

import stand

AT_ONCE = 6


def cases(suite):
    for one in suite:
        if isinstance(one, unittest.TestCase):
            yield one
        else:
            yield from cases(one)


def run(case):
    result = unittest.TestResult()
    case.run(result)
    return case, result


def main(modules):
    stand.broker()
    every = list(cases(unittest.defaultTestLoader.loadTestsFromNames(modules)))
    failed = skipped = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for case, result in pool.map(run, every):
            for _, text in result.failures + result.errors:
                print(f"FAILED {case.id()}\n{text}", file=sys.stderr)
            for _, why in result.skipped:
                print(f"skipped {case.id()}: {why}")
            failed += not result.wasSuccessful()
            skipped += len(result.skipped)
    print(f"plugin: {len(every) - failed - skipped} tests passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not every else 0


sys.exit(main(sys.argv[1:]))
