"""produce_batch(): the client drops the headers of a batch, so each message is produced by itself."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from datastreams.integrations._shared.counts import count

if TYPE_CHECKING:
    from datastreams.integrations.confluent_kafka.producer import State

_client: Any = import_module("confluent_kafka")
_TEXT = (str, bytes, type(None))


class Decided(list[tuple[str, Any]]):
    """Headers of a message whose checkpoint has been recorded before, or for a reason has not."""


class BatchCall:
    """A call of produce_batch(). Raises for arguments that the client refuses as a whole."""

    def __init__(
        self,
        client: Any,
        state: State,
        topic: str,
        messages: list[dict[str, Any]],
        partition: int = -1,
        callback: Any = None,
        on_delivery: Any = None,
    ) -> None:
        self._topic, self._messages, self._partition, self._state = topic, messages, partition, state
        self._callback = callback or on_delivery
        if not (isinstance(topic, str) and topic and isinstance(messages, list) and isinstance(partition, int)):
            raise TypeError("not a batch")
        for message in messages:
            self._check(message)
        self._headers = [self._outgoing(client, message) for message in messages]
        # Whether there is anything to send that the client would drop.
        self.sends = any(self._headers)

    @staticmethod
    def _check(message: Any) -> None:
        if not isinstance(message, dict):
            raise TypeError("not a message")
        known = isinstance(message.get("value"), _TEXT) and isinstance(message.get("key"), _TEXT)
        if (
            not known
            or message.get("timestamp") is not None
            or not isinstance(message.get("partition"), (int, type(None)))
        ):
            raise TypeError("not a message of a batch")

    def _outgoing(self, client: Any, message: dict[str, Any]) -> list[tuple[str, Any]] | None:
        headers = message.get("headers")
        if isinstance(headers, Decided):
            return headers
        try:
            return self._state.outgoing(client, self._topic, message.get("value"), message.get("key"), None)
        except Exception:
            count("kafka_failed")
            return None

    def send(self, produce: Callable[..., None]) -> int:
        """Produces each message as produce_batch() does: how many were taken; those that were not have an "_error"."""
        taken = 0
        for message, headers in zip(self._messages, self._headers, strict=True):
            callback = message.get("callback") or self._callback
            more: dict[str, Any] = {} if callback is None else {"on_delivery": self._state.reporting(callback)}
            if headers:
                more["headers"] = list(headers)
            try:
                # The partition of the batch: the client passes over those of its messages.
                produce(self._topic, message.get("value"), message.get("key"), self._partition, **more)
            except BufferError:
                message["_error"] = _error(_client.KafkaError._QUEUE_FULL)
            except _client.KafkaException as refused:
                message["_error"] = _error(refused.args[0].code())
            else:
                taken += 1
                continue
            if headers:
                count("kafka_refused")
        return taken


def _error(code: int) -> Any:
    return _client.KafkaError(code, f"Message failed: {_client.KafkaError(code).str()}")
