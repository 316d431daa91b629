"""How long messages take through queues: checkpoints in Python, one measuring library below.

A message passes checkpoints: it is produced, consumed, produced again. Where it has been travels in a message header;
start() makes a client that adds up the time between checkpoints and since the origin, and reports it every 10 s.

    import datastreams

    datastreams.start(service="billing", env="prod")
    datastreams.set_checkpoint(["direction:in", "topic:orders", "type:kafka"], carrier=message.headers())
    ...
    datastreams.set_checkpoint(["direction:out", "topic:invoices", "type:kafka"], carrier=headers)

The current pathway is kept for each task and thread, in a context variable. Before start(), and after stop(), pathways
pass through unchanged and nothing is recorded. Every function may be called from any thread, and in forked children.
"""

# It says how edges are pickled.
from datastreams import edges as _edges  # noqa: F401  # pyright: ignore[reportUnusedImport]
from datastreams._native import (
    HEADER_KEY,
    HEADER_KEY_LEGACY,
    Edge,
    Pathway,
    current_pathway,
    edge,
    set_checkpoint,
    set_consume_checkpoint,
    set_produce_checkpoint,
    track_offset,
    track_transaction,
)
from datastreams._native import version as __version__
from datastreams.client import flush, poll, start, stats, stop
from datastreams.context import use_pathway
from datastreams.integrations import patch, pathway_of, unpatch

__all__ = [
    "HEADER_KEY",
    "HEADER_KEY_LEGACY",
    "Edge",
    "Pathway",
    "__version__",
    "current_pathway",
    "edge",
    "flush",
    "patch",
    "pathway_of",
    "poll",
    "set_checkpoint",
    "set_consume_checkpoint",
    "set_produce_checkpoint",
    "start",
    "stats",
    "stop",
    "track_offset",
    "track_transaction",
    "unpatch",
    "use_pathway",
]
