"""Calls of AWS services that carry messages: what is done before and after each, in boto3 and aiobotocore alike."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from datastreams.integrations._shared.aws import eventbridge, kinesis, sns, sqs
from datastreams.integrations._shared.counts import count


class _Prepare(Protocol):
    def __call__(self, params: dict[str, Any]) -> dict[str, Any]: ...


class _Finish(Protocol):
    def __call__(self, params: dict[str, Any], response: dict[str, Any]) -> None: ...


class _Call(NamedTuple):
    """prepare: parameters to send instead, a copy where they differ. finish: what came back, by the caller's parameters."""

    prepare: _Prepare | None = None
    finish: _Finish | None = None


_CALLS: dict[tuple[str, str], _Call] = {
    ("sqs", "SendMessage"): _Call(prepare=sqs.send),
    ("sqs", "SendMessageBatch"): _Call(prepare=sqs.send_batch),
    ("sqs", "ReceiveMessage"): _Call(sqs.ask, sqs.received),
    ("sns", "Publish"): _Call(prepare=sns.publish),
    ("sns", "PublishBatch"): _Call(prepare=sns.publish_batch),
    ("kinesis", "PutRecord"): _Call(prepare=kinesis.put),
    ("kinesis", "PutRecords"): _Call(prepare=kinesis.put_all),
    ("kinesis", "GetShardIterator"): _Call(finish=kinesis.iterator),
    ("kinesis", "GetRecords"): _Call(finish=kinesis.received),
    ("events", "PutEvents"): _Call(prepare=eventbridge.put),
}
# What a service says to a message that is longer than its queue takes.
_REFUSED = {
    "InvalidParameterValue",
    "InvalidParameter",
    "ValidationException",
    "ValidationError",
    "InvalidArgumentException",
    "BatchRequestTooLong",
    "AWS.SimpleQueueService.BatchRequestTooLong",
}
# Calls whose entries are refused one by one, and the parameter that has them.
_BATCHES = {("sqs", "SendMessageBatch"): "Entries", ("sns", "PublishBatch"): "PublishBatchRequestEntries"}


def prepare(service: str, operation: str, params: Any) -> Any:
    """The parameters to send. The same object when nothing is to be added."""
    call = _CALLS.get((service, operation))
    if call is None or call.prepare is None or not isinstance(params, dict):
        return params
    try:
        return call.prepare(params)
    except Exception:
        count("aws_failed")
        return params


def finish(service: str, operation: str, params: Any, response: Any) -> None:
    """Records what came back."""
    call = _CALLS.get((service, operation))
    if call is None or call.finish is None:
        return
    try:
        call.finish(params, response)
    except Exception:
        count("aws_failed")


def refused(service: str, error: Exception) -> bool:
    """Whether a call that carries pathways failed for what is perhaps their length: a queue may take less than others.
    Nothing was done then, and it is made again as the caller has it."""
    answer: Any = getattr(error, "response", None)
    if not isinstance(answer, dict):
        return False
    code: Any = answer.get("Error", {}).get("Code", "")
    if code not in _REFUSED:
        return False
    count(f"{service}_refused")
    return True


def left(service: str, operation: str, params: Any, sent: Any, response: Any) -> Any:
    """Parameters to send those entries of a batch by again, as the caller has them, that carried pathways and were refused
    for what is perhaps their length. None: there are none."""
    name = _BATCHES.get((service, operation))
    if name is None or sent is params:
        return None
    try:
        ids = {entry["Id"] for entry in response.get("Failed") or () if entry.get("Code") in _REFUSED}
        entries = [
            own for own, other in zip(params[name], sent[name], strict=True) if own is not other and own["Id"] in ids
        ]
    except Exception:
        count("aws_failed")
        return None
    if not entries:
        return None
    count(f"{service}_refused", len(entries))
    return {**params, name: entries}


def join(response: Any, second: Any) -> None:
    """Makes the answer to a batch that of both calls: what the second says of an entry counts."""
    try:
        done = second.get("Successful") or []
        ids = {entry["Id"] for entry in done}
        failed = [entry for entry in response["Failed"] if entry["Id"] not in ids]
        response["Successful"] = [*(response.get("Successful") or ()), *done]
        response["Failed"] = failed
        if not failed:
            del response["Failed"]  # As it is when none has failed.
    except Exception:
        count("aws_failed")
