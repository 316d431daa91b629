"""How many bytes the services take at once, attributes and keys included."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    """By default, and at most: where a queue, a topic or a stream is set to take more."""

    usual: int
    most: int

    def room(self, size: int) -> int:
        """Bytes that something may grow by: what is within the usual limit stays within it."""
        return (self.usual if size <= self.usual else self.most) - size


# Of SQS and SNS: a message, and a request with several. SQS takes a mebibyte since August 2025, in queues that are not set to
# less (aws.amazon.com/about-aws/whats-new/2025/08/amazon-sqs-max-payload-size-1mib); older ones often are. SNS loses what a
# queue behind a topic does not take.
MESSAGE_BYTES = Limits(262_144, 1_048_576)
# Of EventBridge: a request with one event or several.
EVENT_BYTES = Limits(262_144, 1_000_000)
# Of Kinesis: a record, and a request with several.
RECORD_BYTES = Limits(1_048_576, 10 * 1_048_576)
REQUEST_BYTES = Limits(5 * 1_048_576, 10 * 1_048_576)
