"""The end of a program: what was recorded arrives, within a deadline, however it ends."""

import socket

import pytest


@pytest.mark.parametrize(
    ("how", "code", "expected"),
    [
        ("return", 0, {"who:main": 100}),
        ("sys_exit", 5, {"who:main": 100}),
        ("exception", 1, {"who:main": 100}),
        ("at_exit", 0, {"who:main": 100, "who:late": 200}),
        ("thread", 0, {"who:main": 100}),
        ("sigterm", -15, {"who:main": 100}),
        ("sigterm_again", -15, {"who:main": 100}),
        ("handlers", -15, {"who:main": 100, "who:handler": 10}),
        ("handler", 3, {"who:main": 100, "who:handler": 10}),
        ("exit_handler", 0, {"who:main": 100}),
        ("ignored", 0, {"who:main": 100, "who:later": 100}),
    ],
)
def test_all_arrives(agent, program, how, code, expected):
    program("exits.py", how).finish(code)
    assert {tag: agent.total(tag) for tag in expected} == expected


def test_threads_inside_calls_while_the_interpreter_ends(agent, program):
    for _ in range(3):
        program("exits.py", "daemon_threads").finish()
    assert agent.total("who:main") == 300


def test_lines_about_delivery_are_logged_at_the_end(program):
    """Also in a program that calls nothing but start() and checkpoints."""
    _, errors = program("exits.py", "logging", DD_TRACE_AGENT_URL="http://127.0.0.1:9", EXIT_TIMEOUT="5").finish()
    assert "datastreams" in errors, errors


@pytest.mark.parametrize("how", ["nobody", "silent"])
def test_an_agent_that_is_not_there_delays_no_end(program, how):
    """Nobody listens; or somebody does, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        if how == "nobody":
            server.close()
        program("exits.py", "return", DD_TRACE_AGENT_URL=url, EXIT_TIMEOUT="0.5").finish(timeout=30)
