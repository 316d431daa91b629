"""EventBridge: events put on a bus. Where they are consumed is the target: SQS, Kinesis and others."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from datastreams._native import Edge, edge
from datastreams.integrations._shared.aws.carrier import PLACEHOLDER, headers
from datastreams.integrations._shared.aws.document import document
from datastreams.integrations._shared.aws.limits import EVENT_BYTES
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.headers import next_header
from datastreams.integrations._shared.sizes import size_of


@lru_cache(maxsize=4096)
def _edge(bus: str, kind: str) -> Edge:
    return edge("direction:out", f"exchange:{bus}", f"topic:{kind}", "type:eventbridge")


def _size(entry: dict[str, Any]) -> int:
    """As EventBridge counts an entry."""
    time = 14 if entry.get("Time") is not None else 0
    return time + sum(size_of(entry.get(name)) for name in ("Source", "DetailType", "Detail", "Resources"))


def put(params: dict[str, Any]) -> dict[str, Any]:
    entries = list(params["Entries"])
    room = EVENT_BYTES.room(sum(map(_size, entries)))
    for at, entry in enumerate(entries):
        found = document(entry["Detail"]) if isinstance(entry.get("Detail"), str) else None
        if found is None:
            count("eventbridge_not_json")
            continue
        more = size_of(found.filled(PLACEHOLDER)) - size_of(entry["Detail"])
        if more > room:
            count("eventbridge_too_large")
            continue
        bus = (entry.get("EventBusName") or "default").rsplit("/", 1)[-1]
        size = found.size + size_of(entry.get("DetailType")) + size_of(entry.get("Source"))
        header = next_header(_edge(bus, entry.get("DetailType") or "unknown"), size, headers(found.held))
        if header:
            entries[at] = {**entry, "Detail": found.filled(header)}
            room -= size_of(entries[at]["Detail"]) - size_of(entry["Detail"])
    return {**params, "Entries": entries}
