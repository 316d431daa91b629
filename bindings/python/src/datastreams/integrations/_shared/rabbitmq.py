"""What all clients of RabbitMQ share: edges, and the greatest header."""

from __future__ import annotations

import re
from functools import lru_cache

from datastreams._native import Edge, edge

# Names that a broker makes up: each is another one, and would be an edge of its own.
_MADE_UP = ("amq.gen", "amq.rabbitmq.reply-to")
# As clients make them up: celery for results, aio-pika for queues without a name.
_UUID = re.compile("(amq_)?[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE).fullmatch
# Of a frame: its own head and end, and the class, weight and body size before the properties.
_FRAME = 32


def named(queue: str) -> str:
    """The queue as a topic. Queues with a name that was made up are one of their kind."""
    for name in _MADE_UP:
        if queue.startswith(name):
            return name
    return "uuid" if _UUID(queue) else queue or _MADE_UP[0]


@lru_cache(maxsize=4096)
def consumed_from(queue: str, kind: str = "rabbitmq") -> Edge:
    """kind: what brokers, where a client speaks to others as if they were RabbitMQ."""
    return edge("direction:in", f"topic:{named(queue)}", f"type:{kind}")


def produced_to(exchange: str, routing_key: str, kind: str = "rabbitmq") -> Edge:
    """The default exchange hands a message to the queue that the routing key names."""
    if exchange:
        return _exchange(exchange, bool(routing_key), kind)
    return _queue(named(routing_key), kind)


@lru_cache(maxsize=4096)
def _exchange(exchange: str, keyed: bool, kind: str) -> Edge:
    return edge("direction:out", f"exchange:{exchange}", f"has_routing_key:{str(keyed).lower()}", f"type:{kind}")


@lru_cache(maxsize=4096)
def _queue(queue: str, kind: str) -> Edge:
    return edge("direction:out", f"topic:{queue}", f"type:{kind}")


def fits(properties_bytes: int, frame_max: int) -> bool:
    """Whether the properties, the pathway among them, fit the one frame that they have. frame_max 0: no limit."""
    return not frame_max or properties_bytes + _FRAME <= frame_max
