"""The producer: a checkpoint and a header for each message, and the offsets that the broker gave them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

from datastreams import _native
from datastreams._native import Pathway
from datastreams.integrations._shared import kafka
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.sizes import size_of
from datastreams.integrations.confluent_kafka.batch import BatchCall
from datastreams.integrations.confluent_kafka.classes import Clients, Known, configuration, used, with_callback

_client: Any = import_module("confluent_kafka")

# What librdkafka adds to key, value and headers when it compares a message with message.max.bytes.
_OVERHEAD = 36
_MAX_BYTES = 1_000_000
_TEXT, _HEADERS = (str, bytes, type(None)), (dict, list, type(None))


class _Refused:
    """A message that the client did not take, as when its queue is full, after it had been recorded."""

    __slots__ = ("after", "before", "headers", "message", "thread")

    def __init__(
        self, message: tuple[Any, ...], before: Pathway | None, after: Pathway | None, headers: kafka.Pairs
    ) -> None:
        self.message, self.before, self.after, self.headers = message, before, after, headers
        self.thread = threading.get_ident()


class State(Known):
    """What is known of a producer."""

    __slots__ = ("headers", "refused", "room")

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.room = int(config.get("message.max.bytes", _MAX_BYTES)) - _OVERHEAD
        # Whether the broker takes headers.
        self.headers = True
        # The last message that was not taken.
        self.refused: _Refused | None = None

    def outgoing(self, client: Any, topic: Any, value: Any, key: Any, headers: Any) -> kafka.Pairs | None:
        """Records a message; the headers to send. None: it is sent as it is."""
        if not self.headers:
            count("kafka_headers_off")
            return None
        if not (isinstance(topic, str) and isinstance(value, _TEXT) and isinstance(key, _TEXT)):
            return None  # For the client to refuse.
        if not isinstance(headers, _HEADERS):
            return None
        size = size_of(value) + size_of(key)
        return kafka.outgoing(topic, size, headers, self.cluster.learn(client), self.room, kafka.BATCH)

    def again(self, topic: Any, value: Any, key: Any, headers: Any, before: Pathway | None) -> kafka.Pairs | None:
        """The headers of the message when it is the one that was refused: the program tries again, and the message has
        its checkpoint."""
        last = self.refused
        if last is None or last.thread != threading.get_ident():
            return None
        self.refused = None
        same = all(one is other for one, other in zip(last.message, (topic, value, key), strict=True))
        if not same or last.before is not before or not isinstance(headers, _HEADERS):
            return None
        # Headers may be made anew for each try; and many messages may have the same constant for a value.
        if kafka.others(headers) != kafka.others(last.headers):
            return None
        count("kafka_refused", -1)
        _native.context.set(last.after)
        return last.headers

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
        if not self.on:
            return
        if error is None:
            kafka.track_produced(message.topic(), message.partition(), message.offset(), self.cluster.id)
        elif self.headers and kafka.headers_refused(error.code()):
            self.headers = False


clients: Clients[State] = Clients()


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
            clients.add(self, state)

    def __del__(self, drop: Callable[[Any], None] = clients.drop) -> None:
        drop(self)

    def produce(
        self,
        topic: str,
        value: Any = None,
        key: Any = None,
        partition: int = -1,
        callback: Any = None,
        on_delivery: Any = None,
        timestamp: int = 0,
        headers: Any = None,
    ) -> None:
        state = clients.of(self)
        theirs = on_delivery if callback is None else callback
        if state is None:
            super().produce(topic, value, key, partition, theirs, None, timestamp, headers)
            return
        sent, before = None, _native.current_pathway()
        try:
            if state.refused is not None:
                sent = state.again(topic, value, key, headers, before)
            if sent is None:
                sent = state.outgoing(self, topic, value, key, headers)
            if callable(theirs):
                theirs = state.reporting(theirs)
        except Exception:
            count("kafka_failed")
        try:
            super().produce(topic, value, key, partition, theirs, None, timestamp, headers if sent is None else sent)
        except BaseException:
            if sent is not None:
                state.refused = _Refused((topic, value, key), before, _native.current_pathway(), sent)
                kafka.refused(before)
            raise

    def produce_batch(self, *args: Any, **kwargs: Any) -> int:
        state = clients.of(self)
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
        state = clients.of(self)
        if state is not None:
            state.cluster.learn(self)
