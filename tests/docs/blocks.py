"""Reads fenced code blocks out of Markdown, and says what is to be done with each.

The words after the opening fence decide; the first is the language, which is all that a renderer looks at:

    c run              compiled as C99, every warning an error, linked with the built library, and run
    c compile          only compiled
    cpp run, compile   the same as C++17
    go run, compile    the same with Go, on bindings/go of this checkout; compile: any package, run: a program
    sh run             run in one shell for the whole document, which stops at the first command that fails
    sh background      started, and ended with the document
    sh make            targets of make that are tests of their own: they must exist
    sh untested        commands for machines that are not here
    python run         run by `make test-python`, which has the wheel
    cmake              saved
    text               directly below one of the above: what it prints. `...` stands for anything
    text picture       the table of `datastreams collect --print`
    text diagram       for the reader
    yaml export        a configuration that `make test-export` runs others' programs with
    promql export      queries, with an empty line between them, that it asks a real Prometheus
    json               must be JSON; below a heading with `GET /api/...` of the shape that the collector answers

`file=NAME` saves a block for the commands that follow. Any other block is an error: nothing stands there unchecked.
"""

import re
from dataclasses import dataclass

KINDS = {
    "c": {"run", "compile"},
    "cpp": {"run", "compile"},
    "go": {"run", "compile"},
    "python": {"run"},
    "sh": {"run", "background", "make", "untested"},
    "cmake": {""},
    "yaml": {"export"},
    "promql": {"export"},
    "text": {"", "picture", "diagram"},
    "json": {""},
}
RUNNABLE = {("c", "run"), ("cpp", "run"), ("go", "run"), ("sh", "run"), ("sh", "background")}


class Malformed(Exception):
    """A document that cannot be read; the text says where."""


@dataclass
class Block:
    """One fenced block."""

    where: str  # file:line
    language: str
    kind: str
    text: str
    file: str = ""  # the name to save it under
    heading: str = ""  # the last heading before it
    expected: str | None = None  # what it prints, when it says so


def parse(name, text):
    """All blocks of a document, in order; expectations are joined to the blocks they belong to."""
    blocks, heading, lines = [], "", text.splitlines()
    at, last_end = 0, -2  # the line after the last block that can have an expectation
    while at < len(lines):
        line = lines[at]
        if line.startswith("#"):
            heading = line.lstrip("#").strip()
        fence = re.match(r"^(\s*)(```+|~~~+)\s*(.*)$", line)
        if not fence:
            if line.startswith("    ") and at > 0 and not lines[at - 1].strip() and not in_list(lines, at):
                raise Malformed(f"{name}:{at + 1}: code without a fence, which nobody runs")
            at += 1
            continue
        indent, marks, info = fence.groups()
        start = at
        at += 1
        body = []
        while at < len(lines) and lines[at].strip() != marks:
            body.append(lines[at].removeprefix(indent))
            at += 1
        if at == len(lines):
            raise Malformed(f"{name}:{start + 1}: the block does not end")
        at += 1
        block = made(f"{name}:{start + 1}", info.split(), "\n".join(body) + "\n", heading)
        between = lines[last_end:start] if last_end >= 0 else ["-"]
        attached = blocks and (blocks[-1].language, blocks[-1].kind) in RUNNABLE and not any(map(str.strip, between))
        if (block.language, block.kind) == ("text", ""):
            if not attached or blocks[-1].expected is not None:
                raise Malformed(f"{block.where}: this text stands below nothing that prints it")
            blocks[-1].expected = block.text
        else:
            blocks.append(block)
        last_end = at
    return blocks


def in_list(lines, at):
    """Whether an indented line belongs to an item of a list above it."""
    for line in reversed(lines[:at]):
        if line.strip() and not line.startswith(" "):
            return re.match(r"([*+-]|\d+\.) ", line) is not None
    return False


def made(where, words, text, heading):
    """A block from the words behind its fence."""
    if not words:
        raise Malformed(f"{where}: the block has no language")
    language, *rest = words
    files = [word.removeprefix("file=") for word in rest if word.startswith("file=")]
    kinds = [word for word in rest if not word.startswith("file=")]
    kind = kinds[0] if kinds else ""
    if language not in KINDS or len(kinds) > 1 or len(files) > 1 or kind not in KINDS[language]:
        raise Malformed(f"{where}: `{' '.join(words)}` says nothing that the test knows; see tests/docs/blocks.py")
    return Block(where, language, kind, text, files[0] if files else "", heading)


def matches(expected, output):
    """Whether output is what was expected. A line of `...` stands for any lines, `...` in a line for anything in it."""
    parts = []
    for line in expected.strip("\n").splitlines():
        if line.strip() == "...":
            parts.append(r"(?:.*\n)*?")
        else:
            parts.append(".*?".join(re.escape(piece) for piece in line.rstrip().split("...")) + r"[ \t]*\n")
    return re.fullmatch("".join(parts), output.strip("\n") + "\n") is not None


def prose(text):
    """The document without its blocks: line numbers stay."""
    out, marks = [], None
    for line in text.splitlines():
        fence = re.match(r"^\s*(```+|~~~+)", line)
        if fence and marks is None:
            marks = fence.group(1)
            out.append("")
        elif marks is not None:
            if line.strip() == marks:
                marks = None
            out.append("")
        else:
            out.append(line)
    return "\n".join(out)
