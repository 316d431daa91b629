"""aiobotocore, and what is built on it (aioboto3): SQS, SNS, Kinesis, EventBridge.

As for boto3: the messages of one response are a list that makes each message's pathway current while it is iterated.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from datastreams.integrations._shared import aws
from datastreams.integrations._shared.patches import Patches

_patches = Patches()


def patch() -> None:
    """Instruments aiobotocore. To do it again changes nothing."""
    _patches.apply((import_module("aiobotocore.client").AioBaseClient, "_make_api_call", _make_api_call))


def unpatch() -> None:
    """Makes aiobotocore what it was."""
    _patches.undo()


def _make_api_call(original: Callable[..., Any]) -> Callable[..., Any]:
    async def _make_api_call(self: Any, operation_name: str, api_params: Any) -> Any:
        if not _patches.on:
            return await original(self, operation_name, api_params)
        service = self.meta.service_model.service_name
        params = aws.prepare(service, operation_name, api_params)
        try:
            response = await original(self, operation_name, params)
        except Exception as error:
            if params is api_params or not aws.refused(service, error):
                raise
            response = await original(self, operation_name, api_params)
            params = api_params
        left = aws.left(service, operation_name, api_params, params, response)
        if left is not None:
            try:
                aws.join(response, await original(self, operation_name, left))
            except Exception:
                pass  # They stay refused: the answer says so.
        aws.finish(service, operation_name, api_params, response)
        return response

    return _make_api_call
