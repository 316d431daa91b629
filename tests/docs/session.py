"""Runs the blocks of one document, in a scratch home and a scratch directory."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import blocks

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
# `make install` may have to build everything.
PATIENCE = 1800


def free_port():
    """A port of the loopback interface that nobody uses."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Scratch:
    """A home directory and a working directory, and the processes started in them."""

    def __init__(self, root, library, command):
        self.root, self.library, self.command = root, library, command
        self.dir = Path(tempfile.mkdtemp(prefix="datastreams-docs-"))
        self.home, self.work = self.dir / "home", self.dir / "work"
        (self.dir / "bin").mkdir()
        (self.home / ".local/bin").mkdir(parents=True)
        self.work.mkdir()
        # What the commands of the checkout make.
        (self.work / "build").symlink_to(root / "build")
        self.port = free_port()
        # A Python that does not look into the home directory for itself.
        (self.dir / "bin/python3").symlink_to(sys.executable)
        (self.dir / "bin/datastreams").symlink_to(command)
        self.processes = []

    def environment(self):
        """What the commands see: none of the caller's own settings of tracers."""
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("DD_", "MAKE", "MFLAGS"))}
        real = Path(keep.get("HOME", "/"))
        return keep | {
            "HOME": str(self.home),
            "CARGO_HOME": keep.get("CARGO_HOME", str(real / ".cargo")),
            "RUSTUP_HOME": keep.get("RUSTUP_HOME", str(real / ".rustup")),
            "PATH": f"{self.home}/.local/bin:{self.dir}/bin:{keep['PATH']}",
            "DD_TRACE_AGENT_URL": f"http://127.0.0.1:{self.port}",
            "LC_ALL": "C.UTF-8",
        }

    def preamble(self):
        """Commands of the checkout run there, all others in the scratch directory. The collector gets a free port."""
        root = shlex.quote(str(self.root))
        return f"""
cd {shlex.quote(str(self.work))}
make() {{ command make --no-print-directory -C {root} "$@"; }}
cargo() {{ (cd {root} && command cargo "$@"); }}
datastreams() {{
  case " $* " in
    *" --listen "* | *" --help "*) command datastreams "$@" ;;
    " collect "*) shift; command datastreams collect --listen 127.0.0.1:{self.port} "$@" ;;
    *) command datastreams "$@" ;;
  esac
}}
"""

    def here(self, text):
        """The text with the agent's usual port replaced by ours."""
        return re.sub(r"\b(127\.0\.0\.1|localhost):8126\b", rf"\1:{self.port}", text)

    def close(self):
        """Ends what was started, and removes everything."""
        for process in self.processes:
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, number)
                    process.wait(10)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    pass
        shutil.rmtree(self.dir, ignore_errors=True)


class Shell:
    """A shell that keeps its variables from block to block and dies at the first command that fails."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            env=scratch.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        scratch.processes.append(self.process)
        self.lines, self.ended = [], False
        self.news = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()
        self.process.stdin.write(scratch.preamble())

    def read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line)
                self.news.notify()
        with self.news:
            self.ended = True
            self.news.notify()

    def run(self, text):
        """Whether every command worked, and what they printed."""
        script = self.scratch.dir / "block.sh"
        script.write_text(text)
        mark = "--- the end of the block ---\n"
        with self.news:
            self.lines.clear()
        try:
            end = f"set +e\necho\necho {shlex.quote(mark.strip())}\n"
            self.process.stdin.write(f"set -e\n. {shlex.quote(str(script))}\n{end}")
            self.process.stdin.flush()
        except BrokenPipeError:
            return False, "the shell has ended at an earlier block\n"
        with self.news:
            done = self.news.wait_for(lambda: self.ended or mark in self.lines, PATIENCE)
            output = "".join(line for line in self.lines if line != mark)
        return done and not self.ended, output


class Session:
    """A document's blocks, one after the other."""

    def __init__(self, scratch, report, targets, picture):
        self.scratch, self.report, self.targets, self.picture = scratch, report, targets, picture
        self.shell = Shell(scratch)
        self.shapes = []  # (block, path) of JSON to compare with a collector's
        self.number = 0

    def take(self, block):
        """Does what the block asks for."""
        self.number += 1
        if block.file:
            (self.scratch.work / block.file).write_text(block.text)
        doing = {
            ("c", "run"): self.program,
            ("c", "compile"): self.program,
            ("cpp", "run"): self.program,
            ("cpp", "compile"): self.program,
            ("go", "run"): self.go,
            ("go", "compile"): self.go,
            ("sh", "run"): self.commands,
            ("sh", "background"): self.background,
            ("sh", "make"): self.make,
            ("text", "picture"): self.table,
            ("json", ""): self.json,
        }.get((block.language, block.kind))
        if doing is not None:
            doing(block)
        elif block.language == "python":
            self.report.note(f"{block.where}: run by the tests of the Python binding")
        elif block.kind == "untested":
            self.report.note(f"{block.where}: not run: for another machine")
        elif block.kind == "" and not block.file:
            self.report.fail(f"{block.where}: neither run nor saved")

    def output(self, block, what, worked, output):
        """Judges what a block printed."""
        if not worked:
            self.report.fail(f"{block.where}: {what} failed", output)
        elif block.expected is not None and not blocks.matches(self.scratch.here(block.expected), output):
            self.report.fail(f"{block.where}: {what} printed something else", f"{block.expected}--- but:\n{output}")
        else:
            self.report.ok(f"{block.where}: {what}{'' if block.expected is None else ', as printed'}")

    def program(self, block):
        """Compiles a C or C++ block, and runs it when it says so."""
        cpp = block.language == "cpp"
        source = self.scratch.dir / f"block{self.number}.{'cpp' if cpp else 'c'}"
        program = source.with_suffix("")
        source.write_text(block.text)
        compiler = os.environ.get("CXX", "c++") if cpp else os.environ.get("CC", "cc")
        standard = "-std=c++17" if cpp else "-std=c99"
        root, library = self.scratch.root, self.scratch.library
        flags = [f"-I{root}/include", f"-I{root}/bindings/c/include"]
        libraries = [f"-L{library}", "-ldatastreams", f"-Wl,-rpath,{library}", "-pthread"]
        if "rdkafka" in block.text:
            flags += pkg_config("--cflags", "rdkafka")
            libraries += pkg_config("--libs", "rdkafka")
        line = [compiler, standard, *WARNINGS, *flags, str(source)]
        line += ["-c", "-o", f"{program}.o"] if block.kind == "compile" else ["-o", str(program), *libraries]
        built = subprocess.run(line, capture_output=True, text=True, check=False)
        if built.returncode != 0:
            return self.report.fail(f"{block.where}: does not compile", built.stderr)
        if block.kind == "compile":
            return self.report.ok(f"{block.where}: compiles as {standard[5:]}")
        ran = subprocess.run(
            [str(program)],
            env=self.scratch.environment(),
            cwd=self.scratch.work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return self.output(block, "compiles and runs", ran.returncode == 0, ran.stdout)

    def go(self, block):
        """Vets a Go block in a module of its own, and runs it when it says so."""
        root, tool = self.scratch.root, str(self.scratch.root / "tools/go")
        module = self.scratch.dir / f"go{self.number}"
        module.mkdir()
        (module / "main.go").write_text(self.scratch.here(block.text))
        lines = ["module example.com/block", "go 1.26"]
        for file in (root / "bindings/go").rglob("go.mod"):
            path = re.match(r"module (\S+)", file.read_text()).group(1)
            lines.append(f"replace {path} => {file.parent}")
        (module / "go.mod").write_text("\n".join(lines) + "\n")
        environment = self.scratch.environment() | {"GOFLAGS": "-mod=mod", "GOWORK": "off"}
        for name in ("GOMODCACHE", "GOCACHE", "GOPROXY"):  # not those of the scratch home
            said = subprocess.run([tool, "env", name], capture_output=True, text=True, check=True)
            environment[name] = said.stdout.strip()

        def run(*words):
            return subprocess.run(
                [tool, *words],
                env=environment,
                cwd=module,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=PATIENCE,
                check=False,
            )

        for words in (("mod", "tidy"), ("vet", ".")):
            done = run(*words)
            if done.returncode != 0:
                return self.report.fail(f"{block.where}: go {' '.join(words)} fails", done.stdout)
        if block.kind == "compile":
            return self.report.ok(f"{block.where}: compiles")
        built = run("build", "-o", "program", ".")
        if built.returncode != 0:
            return self.report.fail(f"{block.where}: does not compile", built.stdout)
        ran = subprocess.run(
            [str(module / "program")],
            env=environment,
            cwd=self.scratch.work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return self.output(block, "compiles and runs", ran.returncode == 0, ran.stdout)

    def commands(self, block):
        worked, output = self.shell.run(self.scratch.here(block.text))
        self.output(block, "runs", worked, output)

    def background(self, block):
        """Starts a command, with an input that never ends, and waits for what it says."""
        script, log, pid = (self.scratch.dir / f"block{self.number}.{kind}" for kind in ("sh", "log", "pid"))
        script.write_text(self.scratch.here(block.text))
        log.touch()
        names = {name: shlex.quote(str(file)) for name, file in (("script", script), ("log", log), ("pid", pid))}
        line = "(. {script}) <> {pid}.input > {log} 2>&1 & echo $! > {pid}\n".format(**names)
        started, output = self.shell.run(f"mkfifo {names['pid']}.input\n{line}")
        if not started:
            return self.output(block, "starts", False, output)
        process = Path(f"/proc/{pid.read_text().strip()}")
        expected = None if block.expected is None else self.scratch.here(block.expected)
        # One that says nothing must at least not end at once.
        deadline = time.monotonic() + (1 if expected is None else 30)
        while time.monotonic() < deadline and process.exists():
            if expected is not None and blocks.matches(expected, log.read_text()):
                break
            time.sleep(0.1)
        return self.output(block, "runs in the background", process.exists(), log.read_text())

    def make(self, block):
        """Every command is a target of make that exists."""
        for line in block.text.splitlines():
            command = shlex.split(line, comments=True)
            if not command:
                continue
            named = [word for word in command[1:] if not word.startswith("-") and "=" not in word]
            missing = [target for target in named if target not in self.targets]
            if command[0] != "make" or not named or missing:
                self.report.fail(f"{block.where}: `{line}` is no target of make: nobody runs it")
            else:
                self.report.ok(f"{block.where}: make {' '.join(named)} exists")

    def table(self, block):
        """The picture has the headings and the edges of a real table, to the letter; the numbers are of another run."""
        shown, real = (edges(text) for text in (block.text, self.picture))
        if shown == real:
            self.report.ok(f"{block.where}: the table is that of the collector")
        else:
            self.report.fail(f"{block.where}: the collector prints another table", self.picture)

    def json(self, block):
        try:
            value = json.loads(block.text)
        except ValueError as error:
            return self.report.fail(f"{block.where}: {error}")
        path = re.search(r"`GET (/[^`]*)", block.heading)
        if path:
            self.shapes.append((block.where, path.group(1), value))
        return self.report.ok(f"{block.where}: is JSON")


def pkg_config(*arguments):
    """What pkg-config says."""
    return subprocess.run(["pkg-config", *arguments], capture_output=True, text=True, check=True).stdout.split()


def edges(table):
    """The words of a table's heading, and the first column of its lines."""
    lines = [line for line in table.splitlines() if line.strip()]
    start = next((at for at, line in enumerate(lines) if line.startswith("EDGE ")), None)
    if start is None:
        return None
    first = [re.split(r"\s{2,}", line)[0] for line in lines[start + 1 :]]
    return lines[start].split(), first


def get(port, path):
    """A GET of the collector's."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return json.load(answer)


def filled(port, path):
    """A path in which EDGE, SOURCE, TARGET and GROUP are ids that the collector knows."""
    if "=" not in path:
        return path
    steps = get(port, "/api/pathways")["pathways"][0]["steps"]
    groups = get(port, "/api/lag")["groups"]
    ids = {
        "EDGE": steps[0]["edge"],
        "SOURCE": steps[0]["edge"],
        "TARGET": steps[-1]["edge"],
        "GROUP": groups[0]["id"] if groups else "none",
    }
    return re.sub(r"=([A-Z]+)", lambda name: "=" + ids[name.group(1)], path)


def shape(documented, real, at="$"):
    """Where the shape of a documented answer is not that of a real one; None when it is the same.

    Objects have the same keys. What is documented as an object or a list is one; `null` may stand for either side of a
    plain value. Each item of a documented list has a real one of its shape."""
    if isinstance(documented, dict):
        if not isinstance(real, dict):
            return f"{at} is no object"
        if set(documented) != set(real):
            return f"{at}: the keys differ by {sorted(set(documented) ^ set(real))}"
        return next((wrong for key in documented if (wrong := shape(documented[key], real[key], f"{at}.{key}"))), None)
    if isinstance(documented, list):
        if not isinstance(real, list):
            return f"{at} is no list"
        for place, item in enumerate(documented):
            found = [shape(item, other, f"{at}[{place}]") for other in real]
            if None not in found:
                return found[0] if found else f"{at} is empty"
        return None
    if documented is None or real is None:
        return None
    kinds = [
        float if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value)
        for value in (documented, real)
    ]
    return None if kinds[0] is kinds[1] else f"{at} is {real!r}, not like {documented!r}"
