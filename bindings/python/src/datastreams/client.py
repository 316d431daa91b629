"""The client of this process: made by start(), ended by stop() or at exit."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Iterable, Mapping

from datastreams import _native, exit
from datastreams.log import hand_out

_DELIVERIES = {"thread": 0, "poll": 1}
# Of start(): two at once would each stop the client that the other replaces.
_lock = threading.Lock()


def _after_fork() -> None:
    """Whoever held the lock is not in this process."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def _tags(tags: str | Mapping[str, str] | Iterable[str]) -> str:
    if isinstance(tags, str):
        return tags
    try:
        if isinstance(tags, Mapping):
            return ",".join(f"{name}:{tags[name]}" for name in tags)
        return ",".join(tags)
    except TypeError:
        raise TypeError("tags must be str, a mapping, or an iterable of str") from None


def _scaled(name: str, value: float | int, scale: int) -> int:
    """Seconds in units of 1/scale s. 0 would mean "not set"."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, not {type(value).__name__}")
    if not 0 < value * scale <= 2**32 - 1:
        raise ValueError(f"{name} is {value} s, which is out of range")
    return max(1, round(value * scale))


def _switch(name: str, value: bool) -> int:
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be bool or None, not {type(value).__name__}")
    return 1 if value else 2


def _positive(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be int, not {type(value).__name__}")
    if value <= 0:
        raise ValueError(f"{name} is {value}; it must be positive")
    return value


def start(
    *,
    service: str | None = None,
    env: str | None = None,
    version: str | None = None,
    primary_tag: str | None = None,
    tags: str | Mapping[str, str] | Iterable[str] | None = None,
    agent_url: str | None = None,
    api_key: str | None = None,
    site: str | None = None,
    hostname: str | None = None,
    dogstatsd_url: str | None = None,
    enabled: bool | None = None,
    delivery: str | None = None,
    process_tags: bool | None = None,
    request_timeout: float | None = None,
    retry_age: float | None = None,
    header_max_age: float | None = None,
    header_max_future: float | None = None,
    memory_limit: int | None = None,
    retry_limit: int | None = None,
    max_payload_bytes: int | None = None,
    transaction_limit: int | None = None,
    max_edges: int | None = None,
    max_parents: int | None = None,
    max_origin_buckets: int | None = None,
    exit_timeout: float = 2.0,
    flush_on_sigterm: bool = False,
) -> None:
    """Starts to record, and to report every 10 s. A client that was started before is stopped first.

    What is None comes from the environment variable in brackets, and without one is the default. Starts no thread and
    opens no connection before the first checkpoint.

    service: the name on the map, hashed into every pathway [DD_SERVICE, else the program's name].
    env: such as "prod"; hashed into every pathway [DD_ENV].
    version: the version of the service [DD_VERSION].
    primary_tag: one more tag to hash into every pathway [DD_PRIMARY_TAG].
    tags: reported with every payload: a mapping, or "key:value,key:value" [DD_TAGS].
    agent_url: http://, https:// or unix:///path [DD_TRACE_AGENT_URL, DD_AGENT_HOST and DD_TRACE_AGENT_PORT, the agent's
        own unix socket, else http://localhost:8126].
    api_key, site: without an agent, payloads go straight to site [DD_API_KEY, DD_SITE].
    hostname: [DD_HOSTNAME, else the system's].
    dogstatsd_url: where health counts go [DD_DOGSTATSD_URL, or _HOST and _PORT, else nowhere].
    enabled: whether anything is recorded [DD_DATA_STREAMS_ENABLED, else True].
    delivery: "thread", a thread of the library's own (the default); "poll": none, poll() has to be called.
    process_tags: report what process this is [DD_EXPERIMENTAL_PROPAGATE_PROCESS_TAGS_ENABLED, else True].
    request_timeout: seconds for one post [DD_TRACE_AGENT_TIMEOUT, else 10].
    retry_age: seconds that an undelivered payload is kept (3600).
    header_max_age, header_max_future: seconds; a header that is older (31 days) or from further ahead (60) starts a new
        pathway.
    memory_limit: bytes for statistics (64 MiB). retry_limit: bytes of payloads that wait for delivery (16 MiB).
    max_payload_bytes: compressed bytes of one payload (1 MiB). transaction_limit: bytes of transactions in 10 s
        (2 300 000).
    max_edges (4096), max_parents (256 of an edge in 10 s), max_origin_buckets (64): what is beyond is recorded together.
    exit_timeout: seconds that the end of the program may wait for delivery.
    flush_on_sigterm: install a handler of SIGTERM that flushes, then does what would have been done without it. Without
        it, a program that SIGTERM ends at once loses what it has not reported. Only from the main thread.

    Raises TypeError and ValueError for what cannot be meant, also in the environment.
    """
    options: dict[str, str | int] = {
        "language": "python",
        "language_version": platform.python_version(),
    }
    texts = {
        "service": service,
        "env": env,
        "version": version,
        "primary_tag": primary_tag,
        "tags": None if tags is None else _tags(tags),
        "agent_url": agent_url,
        "api_key": api_key,
        "site": site,
        "hostname": hostname,
        "dogstatsd_url": dogstatsd_url,
    }
    options.update({name: value for name, value in texts.items() if value is not None})
    for name, value, field, scale in (
        ("request_timeout", request_timeout, "request_timeout_ms", 1000),
        ("retry_age", retry_age, "retry_age_s", 1),
        ("header_max_age", header_max_age, "header_max_age_s", 1),
        ("header_max_future", header_max_future, "header_max_future_s", 1),
    ):
        if value is not None:
            options[field] = _scaled(name, value, scale)
    for name, flag in (("enabled", enabled), ("process_tags", process_tags)):
        if flag is not None:
            options[name] = _switch(name, flag)
    for name, limit in (
        ("memory_limit", memory_limit),
        ("retry_limit", retry_limit),
        ("max_payload_bytes", max_payload_bytes),
        ("transaction_limit", transaction_limit),
        ("max_edges", max_edges),
        ("max_parents", max_parents),
        ("max_origin_buckets", max_origin_buckets),
    ):
        if limit is not None:
            options[name] = _positive(name, limit)
    if delivery is not None:
        if not isinstance(delivery, str):
            raise TypeError(f"delivery must be str or None, not {type(delivery).__name__}")
        if delivery not in _DELIVERIES:
            raise ValueError(f"delivery must be 'thread' or 'poll', not {delivery!r}")
        options["delivery"] = _DELIVERIES[delivery]
    if isinstance(exit_timeout, bool) or not isinstance(exit_timeout, (int, float)):
        raise TypeError(f"exit_timeout must be a number of seconds, not {type(exit_timeout).__name__}")
    if not exit_timeout >= 0:
        raise ValueError("exit_timeout must not be negative")
    if not isinstance(flush_on_sigterm, bool):
        raise TypeError(f"flush_on_sigterm must be bool, not {type(flush_on_sigterm).__name__}")
    # More than C counts is as good as for ever, and 49 days are the most that it takes.
    exit_timeout = float(min(exit_timeout, 2**32))

    exit.check(flush_on_sigterm)
    client = _native.client(options)  # Before the old one is stopped: a mistake leaves it as it is.
    with _lock:
        stop(exit_timeout)
        _native.use(client)
        exit.install(exit_timeout, flush_on_sigterm)


def flush(timeout: float = 5.0) -> bool:
    """Reports all that was recorded, and waits until it is delivered. False: not within timeout seconds; it is kept.

    Other threads go on meanwhile.
    """
    try:
        return _native.flush(timeout)
    finally:
        hand_out()


def stop(timeout: float = 2.0) -> bool:
    """Flushes and ends reporting. Afterwards pathways pass through, and are counted. To stop again is no error.

    False: not all was delivered within timeout seconds; what is left is dropped, and counted.
    """
    try:
        return _native.stop(timeout)
    finally:
        hand_out()


def poll(now_ns: int = 0) -> float:
    """With start(delivery="poll") only: closes what is due and posts it, in this thread. Seconds until the next call."""
    try:
        return _native.poll(now_ns)
    finally:
        hand_out()


def stats() -> dict[str, int]:
    """Every counter by its name: what was recorded and delivered, and everything that was not, by cause."""
    hand_out()
    return _native.stats()
