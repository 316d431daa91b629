"""boto3, and all else on botocore: SQS, SNS, Kinesis, EventBridge.

The messages of one response are a list: while it is iterated, the pathway of each message is the current one; otherwise
their merged pathway is. pathway_of(message) is that of one, a dict of ReceiveMessage or GetRecords; for a resource's Message,
pathway_of(message.meta.data).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from datastreams.integrations._shared import aws
from datastreams.integrations._shared.aws.kinesis import consumed as consumed_from_kinesis
from datastreams.integrations._shared.aws.sqs import consumed as consumed_from_sqs
from datastreams.integrations._shared.patches import Patches

__all__ = ["consumed_from_kinesis", "consumed_from_sqs", "patch", "unpatch"]

_patches = Patches()


def patch() -> None:
    """Instruments botocore. To do it again changes nothing."""
    _patches.apply((import_module("botocore.client").BaseClient, "_make_api_call", _make_api_call))


def unpatch() -> None:
    """Makes botocore what it was."""
    _patches.undo()


def _make_api_call(original: Callable[..., Any]) -> Callable[..., Any]:
    def _make_api_call(self: Any, operation_name: str, api_params: Any) -> Any:
        if not _patches.on:
            return original(self, operation_name, api_params)
        service = self.meta.service_model.service_name
        params = aws.prepare(service, operation_name, api_params)
        try:
            response = original(self, operation_name, params)
        except Exception as error:
            if params is api_params or not aws.refused(service, error):
                raise
            response = original(self, operation_name, api_params)
            params = api_params
        left = aws.left(service, operation_name, api_params, params, response)
        if left is not None:
            try:
                aws.join(response, original(self, operation_name, left))
            except Exception:
                pass  # They stay refused: the answer says so.
        aws.finish(service, operation_name, api_params, response)
        return response

    return _make_api_call
