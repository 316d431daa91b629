"""python -m datastreams run: a program with its message clients instrumented, and no change to it."""

from __future__ import annotations

import argparse
import os
import runpy
import shutil
import sys

import datastreams


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m datastreams",
        description="How long messages take through queues. Options come from the environment, such as DD_SERVICE, DD_ENV "
        "and DD_TRACE_AGENT_URL.",
    )
    parser.add_argument("--version", action="version", version=datastreams.__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run a Python program with its message clients instrumented")
    run.add_argument("--flush-on-sigterm", action="store_true", help="report what was recorded when SIGTERM ends it")
    run.add_argument("-m", dest="module", action="store_true", help="the program is a module, as in python -m")
    run.add_argument("program", help="a file, a directory or archive with __main__.py, or a Python script on PATH")
    run.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="the program's own arguments")
    parsed = parser.parse_args(arguments)
    if not parsed.module and not os.path.exists(parsed.program):
        program = str(parsed.program)
        path = None if os.sep in program else shutil.which(program)
        if path is None:
            run.error(f"there is no file {program!r}, and none on PATH")
        with open(path, "rb") as file:
            if not (file.read(2) == b"#!" and b"python" in file.readline()):
                run.error(f"{path} is no Python script")
        parsed.program = path
    return parsed


def _run(parsed: argparse.Namespace) -> None:
    try:
        datastreams.start(flush_on_sigterm=parsed.flush_on_sigterm)
    except ValueError as wrong:
        sys.exit(f"python -m datastreams: {wrong}")
    datastreams.patch()
    sys.argv = [parsed.program, *parsed.arguments]
    if parsed.module:
        # As with python -m, the current directory is on the path already.
        runpy.run_module(parsed.program, run_name="__main__", alter_sys=True)
        return
    if os.path.isfile(parsed.program):
        sys.path[0] = os.path.dirname(os.path.realpath(parsed.program))
    else:
        del sys.path[0]  # run_path adds the directory itself.
    runpy.run_path(parsed.program, run_name="__main__")


def main() -> None:
    _run(_arguments(sys.argv[1:]))


if __name__ == "__main__":
    main()
