"""python -m datastreams run: a program with its message clients instrumented, and no change to it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader, SourcelessFileLoader
from importlib.util import find_spec
from types import CodeType, ModuleType
from typing import Any

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
    # What is behind the program is its own, "--" as well, which argparse would take out.
    options = [*arguments, "--"].index("--")
    words = [at for at, word in enumerate(arguments) if at > options or not word.startswith("-")]
    end = words[1] + 1 if len(words) > 1 else len(arguments)
    parsed = parser.parse_args(arguments[:end])
    parsed.arguments = arguments[end:]
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
    program: str = parsed.program
    sys.argv = [program, *parsed.arguments]
    if parsed.module:
        # As with python -m, the current directory is on the path already.
        spec = find_spec(program)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = find_spec(f"{program}.__main__")
        sys.argv[0] = program if spec is None else spec.origin or program
        _run_spec(program, spec)
        return
    place = os.path.abspath(program)
    spec = PathFinder.find_spec("__main__", [place])
    # What is first on the path now is where this program was started; with -P (PYTHONSAFEPATH) there is no such place.
    if not sys.flags.safe_path:
        del sys.path[0]
    if spec is not None:  # A directory, or an archive.
        sys.path.insert(0, place)
        _run_spec(program, spec)
        return
    if not sys.flags.safe_path:
        sys.path.insert(0, os.path.dirname(os.path.realpath(program)))
    _run_file(place)


def _run_spec(program: str, spec: ModuleSpec | None) -> None:
    loader: Any = None if spec is None else spec.loader
    code = None if spec is None or loader is None else loader.get_code(spec.name)
    if spec is None or code is None:
        sys.exit(f"python -m datastreams: {program} is nothing that can be run")
    _execute(code, spec.origin, loader, spec)


def _run_file(path: str) -> None:
    if path.endswith(".pyc"):
        compiled = SourcelessFileLoader("__main__", path)
        _execute(compiled.get_code("__main__"), path, compiled, None)
        return
    loader = SourceFileLoader("__main__", path)
    # Not by get_code: scripts are not cached.
    _execute(loader.source_to_code(loader.get_data(path), path), path, loader, None)


def _execute(code: CodeType | None, path: str | None, loader: Any, spec: ModuleSpec | None) -> None:
    """Runs the program as __main__, and leaves it that: its threads and atexit functions may go on for long, and pickle
    what it has. (What runpy runs is __main__ no longer than its code runs.)"""
    main = ModuleType("__main__")
    main.__dict__.update(
        __file__=path,
        __cached__=None if spec is None else spec.cached,
        __loader__=loader,
        __package__=None if spec is None else spec.parent,
        __spec__=spec,
    )
    sys.modules["__main__"] = main
    if code is not None:
        exec(code, main.__dict__)


def main() -> None:
    _run(_arguments(sys.argv[1:]))


if __name__ == "__main__":
    main()
