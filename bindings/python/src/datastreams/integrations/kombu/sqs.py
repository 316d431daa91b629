"""kombu over SQS. What it sends, boto3's integration records. What it receives comes through boto3 or, in a worker of celery,
by an HTTP client of kombu's own; and it hands out messages that it makes of those: their pathways are found here."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from datastreams.integrations._shared.aws import sqs
from datastreams.integrations._shared.counts import count
from datastreams.integrations._shared.messages import pathway_of
from datastreams.integrations._shared.patches import Patches
from datastreams.integrations._shared.sources import as_it_was
from datastreams.integrations.kombu.made import made

_patches = Patches()


def patch() -> None:
    """Instruments the transport, which is to be imported, with boto3, only by a program that receives from SQS."""
    transport = import_module("kombu.transport.SQS")
    _patches.apply(
        (transport.AsyncSQSConnection, "receive_message", _receive_message),
        (transport.Channel, "_message_to_python", _message_to_python),
        (transport.Channel, "_get", _aside),
        (transport.Channel, "_get_bulk", _aside),
    )


def unpatch() -> None:
    """Makes the transport what it was."""
    _patches.undo()


def _receive_message(original: Callable[..., Any]) -> Callable[..., Any]:
    """Has the service send the pathway along."""

    def receive_message(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _patches.on:
            try:
                # Older releases have no such attribute, and do not ask for any: each pathway begins where it is consumed.
                asked = sqs.ask({"MessageAttributeNames": self.message_attribute_names})
                self.message_attribute_names = asked["MessageAttributeNames"]
            except AttributeError:
                pass
        return original(self, *args, **kwargs)

    return receive_message


def _message_to_python(original: Callable[..., Any]) -> Callable[..., Any]:
    """Where a message of the service, a dict, becomes one of kombu's, another."""

    def _message_to_python(self: Any, message: Any, queue_name: Any, q_url: Any) -> Any:
        answer = original(self, message, queue_name, q_url)
        if _patches.on:
            try:
                pathway = pathway_of(message)  # boto3's integration has recorded it.
                if pathway is None:
                    asked = getattr(self, "get_message_attributes", {}).get("MessageAttributeNames")
                    with as_it_was():
                        pathway = sqs.taken({"QueueUrl": q_url, "MessageAttributeNames": asked}, message)
                made(answer, pathway)
            except Exception:
                count("kombu_failed")
        return answer

    return _message_to_python


def _aside(original: Callable[..., Any]) -> Callable[..., Any]:
    """A call of boto3, which makes current what it brings. Here each message is while its callback runs."""

    def get(self: Any, *args: Any, **kwargs: Any) -> Any:
        with as_it_was():
            return original(self, *args, **kwargs)

    return get
