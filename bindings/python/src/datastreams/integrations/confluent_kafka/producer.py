"""The producer: a checkpoint and a header for each message, and the offsets that the broker gave them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from datastreams import _native
from datastreams.integrations._shared import kafka
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.sizes import size_of
from datastreams.integrations.confluent_kafka.batch import BatchCall
from datastreams.integrations.confluent_kafka.classes import configuration, used, with_callback
from datastreams.integrations.confluent_kafka.cluster import Cluster

_log = logging.getLogger("datastreams")
_client: Any = import_module("confluent_kafka")

# What librdkafka adds to key, value and headers when it compares a message with message.max.bytes.
_OVERHEAD = 36
_MAX_BYTES = 1_000_000
# Of produce(): where each argument stands.
_ARGUMENTS = ("topic", "value", "key", "partition", "callback", "on_delivery", "timestamp", "headers")


def produced(topic: str, value: Any = None, key: Any = None, headers: Any = None, cluster: str = "") -> Any:
    """Records that a message is produced, for a program that does it by hand, and returns the headers to produce it with:
    a copy."""
    return kafka.produced(topic, size_of(value) + size_of(key), headers, cluster) or headers


class State:
    """What is known of a producer."""

    __slots__ = ("cluster", "headers", "refused", "room")

    def __init__(self, config: dict[str, Any]) -> None:
        self.cluster = Cluster(config)
        self.room = int(config.get("message.max.bytes", _MAX_BYTES)) - _OVERHEAD
        # Whether the broker takes headers.
        self.headers = True
        self.refused = threading.local()

    def outgoing(self, client: Any, topic: Any, value: Any, key: Any, headers: Any) -> kafka.Pairs | None:
        """Records a message; the headers to send. None: it is sent as it is."""
        if not self.headers:
            count("kafka_headers_off")
            return None
        text = (str, bytes, type(None))
        if not (isinstance(topic, str) and isinstance(value, text) and isinstance(key, text)):
            return None  # For the client to refuse.
        if not isinstance(headers, (dict, list, type(None))):
            return None
        size = size_of(value) + size_of(key)
        return kafka.produced(topic, size, headers, self.cluster.learn(client), self.room)

    def reporting(self, theirs: Callable[..., Any] | None) -> Callable[..., Any]:
        """A delivery callback that tells the offset, then calls the program's."""

        def on_delivery(error: Any, message: Any) -> Any:
            try:
                self.delivered(error, message)
            except Exception:
                count("kafka_failed")
            return None if theirs is None else theirs(error, message)

        return on_delivery

    def delivered(self, error: Any, message: Any) -> None:
        if error is None:
            kafka.track_produced(message.topic(), message.partition(), message.offset(), self.cluster.id)
        elif error.code() == _client.KafkaError.UNKNOWN and self.headers:
            # A broker whose topics have the format from before headers says only this, and drops the message.
            self.headers = False
            count("kafka_headers_refused")
            _log.warning(
                "the Kafka broker refused a message with UNKNOWN_SERVER_ERROR: this producer sends no headers more"
            )


# By the id of the producer, which has no room for more. Made anew when an id is used again.
_states: dict[int, State] = {}


def state_of(client: Any) -> State | None:
    """The state of a producer; None: it is not instrumented, or no longer."""
    return _states.get(id(client)) if used(Producer) else None


class Producer(_client.cimpl.Producer):  # type: ignore[misc]
    __doc__ = _client.cimpl.Producer.__doc__
    __module__ = "confluent_kafka"
    # The layout of its base, so that it can be the base of what is derived from that.
    __slots__ = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        state = None
        if used(Producer):
            try:
                state = State(configuration(args, kwargs))
                args, kwargs = with_callback(args, kwargs, "on_delivery", state.reporting)
            except Exception:
                count("kafka_failed")
        super().__init__(*args, **kwargs)
        if state is not None:
            _states[id(self)] = state

    def __del__(self, forget: Callable[[int, None], Any] = _states.pop) -> None:
        forget(id(self), None)

    def produce(self, *args: Any, **kwargs: Any) -> None:
        state = state_of(self)
        if state is None:
            return super().produce(*args, **kwargs)  # type: ignore[no-any-return]
        try:
            attempt = _Attempt(self, state, args, kwargs)
        except Exception:
            count("kafka_failed")
            return super().produce(*args, **kwargs)  # type: ignore[no-any-return]
        try:
            super().produce(*attempt.args, **attempt.kwargs)
        except BaseException:
            attempt.refused()
            raise

    def produce_batch(self, *args: Any, **kwargs: Any) -> int:
        state = state_of(self)
        batch = None
        if state is not None:
            try:
                batch = BatchCall(self, state, *args, **kwargs)
            except Exception:
                pass  # For the client to refuse.
        if batch is None or not batch.sends:
            return super().produce_batch(*args, **kwargs)  # type: ignore[no-any-return]
        return batch.send(super().produce)

    def poll(self, *args: Any, **kwargs: Any) -> int:
        self._learn()
        return super().poll(*args, **kwargs)  # type: ignore[no-any-return]

    def flush(self, *args: Any, **kwargs: Any) -> int:
        self._learn()
        return super().flush(*args, **kwargs)  # type: ignore[no-any-return]

    def _learn(self) -> None:
        """Before deliveries are told: their backlogs name the cluster."""
        state = state_of(self)
        if state is not None:
            state.cluster.learn(self)


class _Attempt:
    """One call of produce(), with what is sent in place of its arguments."""

    __slots__ = ("_before", "_headers", "_message", "_state", "args", "kwargs")

    def __init__(self, client: Any, state: State, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given = {**dict(zip(_ARGUMENTS, args, strict=False)), **kwargs}
        self.args, self.kwargs, self._state = args, dict(kwargs), state
        self._message = (given.get("topic"), given.get("value"), given.get("key"))
        self._before = _native.current_pathway()
        self._headers = self._again() or state.outgoing(client, *self._message, given.get("headers"))
        if self._headers is not None:
            self._set("headers", self._headers)
        for name in ("callback", "on_delivery"):
            if callable(given.get(name)):
                self._set(name, state.reporting(given[name]))

    def _set(self, name: str, value: Any) -> None:
        at = _ARGUMENTS.index(name)
        if at < len(self.args):
            self.args = (*self.args[:at], value, *self.args[at + 1 :])
        else:
            self.kwargs[name] = value

    def _again(self) -> kafka.Pairs | None:
        """The headers of the same message when the client has just refused it, as with a full queue: the program tries
        again, and the message has its checkpoint."""
        refused = getattr(self._state.refused, "last", None)
        self._state.refused.last = None
        if refused is None:
            return None
        message, before, after, headers = refused
        same = before is self._before and all(one is other for one, other in zip(message, self._message, strict=True))
        if not same:
            return None
        count("kafka_refused", -1)
        _native.context.set(after)
        return headers  # type: ignore[no-any-return]

    def refused(self) -> None:
        """The client did not take the message: what is current is what was. Its checkpoint cannot be taken back."""
        if self._headers is None:
            return
        self._state.refused.last = (self._message, self._before, _native.current_pathway(), self._headers)
        kafka.refused(self._before)
