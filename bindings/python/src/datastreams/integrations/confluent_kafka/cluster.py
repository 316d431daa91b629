"""The cluster's id, learned without waiting."""

from __future__ import annotations

import time
from typing import Any

_LIMIT = 1024
_FIRST_WAIT, _LONGEST_WAIT = 0.005, 10.0
# bootstrap.servers -> id: what one client of the process has learned, the next knows from its first message on.
_known: dict[str, str] = {}


class Cluster:
    """The id of the cluster that a client is connected with: "" until its broker has told it."""

    __slots__ = ("_next", "_servers", "_wait", "id")

    def __init__(self, config: dict[str, Any]) -> None:
        self._servers = str(config.get("bootstrap.servers") or config.get("metadata.broker.list") or "")
        # A mock cluster in the client itself has no address, and is another for each.
        if "test.mock.num.brokers" in config:
            self._servers = ""
        self.id = _known.get(self._servers, "")
        self._next, self._wait = 0.0, _FIRST_WAIT

    def learn(self, client: Any) -> str:
        """Asks the client for what it has. It does not ask the broker for us, and not long after it did not know."""
        if self.id:
            return self.id
        now = time.monotonic()
        if now < self._next:
            return ""
        self._next, self._wait = now + self._wait, min(self._wait * 2, _LONGEST_WAIT)
        try:
            self.id = client.cluster_id(0)
        except Exception:  # Not yet known, or an older release, which has no such method.
            return ""
        if self._servers:
            if len(_known) >= _LIMIT:
                _known.clear()
            _known[self._servers] = self.id
        return self.id
