"""The test of the test: documents and statements that are wrong, each of which must be found out."""

import copy
import dataclasses

import facts

# What is wrong, and a document that has it.
DOCUMENTS = {
    "an output that is another": "```sh run\necho one\n```\n\n```text\ntwo\n```\n",
    "more output than expected": "```sh run\necho one; echo two\n```\n```text\none\n```\n",
    "a command that fails": "```sh run\nfalse\necho not reached\n```\n",
    "a failure before the last command": "```sh run\nls /nonexistent\ntrue\n```\n",
    "a shell that has ended": "```sh run\nexit 0\n```\n\n```sh run\ntrue\n```\n",
    "a hash that is another": "```sh run\necho $((1 + 1))\n```\n```text\n3...\n```\n",
    "a program that does not compile": "```c run\nint main(void) { return undeclared; }\n```\n",
    "a program with a warning": "```c compile\nint f(int unused) { return 0; }\n```\n",
    "a program that fails": "```c run\nint main(void) { return 1; }\n```\n",
    "a dropped status": "```c compile\n#include <datastreams.h>\nvoid f(const ds_client *c, ds_edge *e) {\n"
    '  ds_edge_intern(c, NULL, 0, DS_STR(""), e);\n}\n```\n',
    "messages that nobody gets": "```c run\n#include <datastreams.h>\n"
    "int main(void) { return (void)ds_set_checkpoint, (void)ds_client_stop, 0; }\n```\n",
    "C++ that does not compile": "```cpp compile\nint main() { return nullptr; }\n```\n",
    "a target that does not exist": "```sh make\nmake no-such-target\n```\n",
    "a command that nobody runs": "```sh make\nrm -rf everything\n```\n",
    "a background command that ends": "```sh background\ntrue\n```\n",
    "JSON that is none": "```json\n{,}\n```\n",
    "JSON of another shape": "## `GET /api/graph`\n\n```json\n{}\n```\n",
    "a table of something else": "```text picture\nEDGE  MSG/S\norders -> kafka orders  1\n```\n",
    "a block without a language": "```\nwho knows\n```\n",
    "a block of an unknown kind": "```sh maybe\ntrue\n```\n",
    "an expectation of nothing": "```text\nwho prints this\n```\n",
    "code without a fence": "Run\n\n    rm -rf everything\n",
    "a block without an end": "```sh run\ntrue\n",
}

# A place to change, what to put there, and the statement that it makes wrong.
STATEMENTS = {
    "a link to nowhere": ("README.md", "](ARCHITECTURE.md)", "](ARCHITECTURES.md)"),
    "a link to no heading": ("README.md", "](#", "](#no-such-heading-"),
    "a path that does not exist": ("ARCHITECTURE.md", "`core/src/hash.rs`", "`core/src/hush.rs`"),
    "a target that does not exist": ("CONTRIBUTING.md", "`make test`", "`make tests`"),
    "a variable that nobody reads": ("README.md", "| `DD_SERVICE` |", "| `DD_SERVICES` |"),
    "a counter that does not exist": ("README.md", "`cut_busy`", "`cut_lazy`"),
    "a function that does not exist": ("README.md", "`ds_client_stop`", "`ds_client_halt`"),
    "a default that is another": ("ARCHITECTURE.md", "64 MiB", "65 MiB"),
    "a dependency that is none": ("ARCHITECTURE.md", "| `try-lock` |", "| `try-luck` |"),
    "an integration that does not exist": ("README.md", "| `aio_pika` |", "| `aio_pica` |"),
    "a test that is not run there": ("README.md", "`make test-queues`: RabbitMQ", "`make test-long`: RabbitMQ"),
    "another compiler": ("README.md", "Rust 1.", "Rust 2."),
    "another ABI": ("ARCHITECTURE.md", "libdatastreams.so.1", "libdatastreams.so.2"),
    "an option that does not exist": ("README.md", "datastreams hash --service", "datastreams hash --servile"),
    "a path of a machine": ("README.md", "`~/.local`", "`/home/me/.local`"),
    "something left to do": ("README.md", "The", "TODO: the"),
}


def documents(report, judge):
    """`judge` runs the blocks of a text and answers with its report."""
    for what, text in DOCUMENTS.items():
        if judge(text).failed:
            report.ok(f"found out: {what}")
        else:
            report.fail(f"not found out: {what}")
    if judge("```sh run\necho a 12 b\n```\n\n```text\na ... b\n```\n").failed:
        report.fail("a document that is right was refused")


def statements(report, docs, world):
    """Changes one word of the documents at a time."""
    world = dataclasses.replace(world, draft=False)
    before_change = facts.contrary(docs, world)
    for what, (name, before, after) in STATEMENTS.items():
        changed = copy.copy(docs)
        changed.texts = docs.texts | {name: docs.texts[name].replace(before, after)}
        if changed.texts == docs.texts:
            report.fail(f"{name} has no {before!r} to test with: {what}")
        elif facts.contrary(changed, world) - before_change:
            report.ok(f"found out: {what}")
        else:
            report.fail(f"not found out: {what}")
