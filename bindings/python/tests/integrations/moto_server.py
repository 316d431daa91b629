"""A moto server whose SNS delivers binary attributes raw, as SNS does. moto 5.2 hands them to SQS as base64 text, and fails."""

import base64
import sys

from moto.server import main
from moto.sqs.models import SQSBackend

_send_message = SQSBackend.send_message


def send_message(self, queue_name, message_body, message_attributes=None, **more):
    for attribute in (message_attributes or {}).values():
        if isinstance(attribute.get("BinaryValue"), str):
            attribute["BinaryValue"] = base64.b64decode(attribute["BinaryValue"])
    return _send_message(self, queue_name, message_body, message_attributes=message_attributes, **more)


SQSBackend.send_message = send_message

if __name__ == "__main__":
    main(sys.argv[1:])
