"""The consumer: a checkpoint for each message, and the offsets that were committed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from datastreams import _native
from datastreams._native import Pathway
from datastreams.integrations._shared import kafka
from datastreams.integrations._shared.batches import Batch, merged
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.sizes import size_of
from datastreams.integrations._shared.sources import current_of, nothing_from
from datastreams.integrations.confluent_kafka.classes import Clients, Known, configuration, used, with_callback

_client: Any = import_module("confluent_kafka")
_NO_TIMESTAMP = _client.TIMESTAMP_NOT_AVAILABLE


def consumed(message: Any, group: str = "", cluster: str = "") -> Pathway:
    """Records that a message was consumed, for a program that does it by hand. Its pathway becomes the current one."""
    kind, timestamp_ms = message.timestamp()
    topic, size = message.topic(), size_of(message.value()) + size_of(message.key())
    sent_ms = None if kind == _NO_TIMESTAMP else timestamp_ms
    return kafka.consumed(message, topic, size, message.headers(), group, cluster, sent_ms, _proof)


def _proof(message: Any) -> object:
    return message.topic(), message.partition(), message.offset()


class State(Known):
    """What is known of a consumer."""

    __slots__ = ("ends", "group", "quiet")

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.group = str(config.get("group.id") or "")
        # Whether its messages become current where they are received: not in a thread of a pool.
        self.quiet = False
        self.ends = kafka.Ends()

    def arrived(self, client: Any, message: Any) -> None:
        """Records what poll() returned."""
        if message is None or message.error() is not None:
            if not self.quiet:
                nothing_from(self)
            return
        before = _native.current_pathway()
        self._record(client, message)
        if self.quiet:
            _native.context.set(before)
        else:
            current_of(self)

    def arrived_together(self, client: Any, messages: list[Any]) -> list[Any]:
        """Records what consume() returned; the same messages in the list to return."""
        before = _native.current_pathway()
        for message in messages:
            if message.error() is None:
                self._record(client, message)
        if self.quiet:
            _native.context.set(before)
            return messages
        return self.current(messages)

    def current(self, messages: list[Any]) -> list[Any]:
        """Makes messages that have been recorded the current ones: the list to return."""
        if all(message.error() is not None for message in messages):
            nothing_from(self)
            return messages
        current_of(self)
        return Batch(messages, merged(messages))

    def _record(self, client: Any, message: Any) -> None:
        cluster = self.cluster.learn(client)
        consumed(message, self.group, cluster)
        topic, partition = message.topic(), message.partition()
        if self.ends.due(topic, partition):
            self._look(client, topic, partition, cluster)

    def _look(self, client: Any, topic: str, partition: int, cluster: str) -> None:
        """Reports the end of a partition, as the last answer of its broker had it."""
        ends = client.get_watermark_offsets(_client.TopicPartition(topic, partition), cached=True)
        if ends is not None:
            kafka.track_high_watermark(topic, partition, ends[1], cluster)

    def committing(self, theirs: Callable[..., Any] | None) -> Callable[..., Any]:
        """A commit callback that reports the offsets, then calls the program's."""

        def on_commit(error: Any, partitions: Any) -> Any:
            try:
                if error is None and self.on:
                    self.committed(partitions)
            except Exception:
                count("kafka_failed")
            return None if theirs is None else theirs(error, partitions)

        return on_commit

    def committed(self, partitions: list[Any]) -> None:
        for one in partitions:
            if one.error is None:
                kafka.track_committed(one.topic, one.partition, one.offset, self.group, self.cluster.id)


clients: Clients[State] = Clients()


class Consumer(_client.cimpl.Consumer):  # type: ignore[misc]
    __doc__ = _client.cimpl.Consumer.__doc__
    __module__ = "confluent_kafka"
    # The layout of its base, so that it can be the base of what is derived from that.
    __slots__ = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        state = None
        if used(Consumer):
            try:
                state = State(configuration(args, kwargs))
                args, kwargs = with_callback(args, kwargs, "on_commit", state.committing)
            except Exception:
                count("kafka_failed")
        super().__init__(*args, **kwargs)
        if state is not None:
            clients.add(self, state)

    def __del__(self, drop: Callable[[Any], None] = clients.drop) -> None:
        drop(self)

    def poll(self, *args: Any, **kwargs: Any) -> Any:
        message = super().poll(*args, **kwargs)
        state = clients.of(self)
        if state is not None:
            try:
                state.arrived(self, message)
            except Exception:
                count("kafka_failed")
        return message

    def consume(self, *args: Any, **kwargs: Any) -> Any:
        messages = super().consume(*args, **kwargs)
        state = clients.of(self)
        if state is not None:
            try:
                return state.arrived_together(self, messages)
            except Exception:
                count("kafka_failed")
        return messages

    def commit(self, *args: Any, **kwargs: Any) -> Any:
        answer = super().commit(*args, **kwargs)
        state = clients.of(self)
        # Without waiting there is no answer yet: the callback gets it.
        if state is not None and isinstance(answer, list):
            try:
                state.committed(answer)
            except Exception:
                count("kafka_failed")
        return answer
