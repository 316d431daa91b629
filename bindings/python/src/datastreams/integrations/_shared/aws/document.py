"""JSON payloads with an object `_datadog` in them. All else stays as it is, to the byte."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from datastreams.integrations._shared.aws.carrier import NAME, fields, filled
from datastreams.integrations._shared.sizes import size_of

_skip = re.compile(r"[ \t\n\r]*").match
_value = json.JSONDecoder().raw_decode


class Document(NamedTuple):
    """The text of a JSON object, before and after the value of its member `_datadog`, which it need not have had."""

    before: str
    after: str
    held: dict[str, Any]
    size: int  # Bytes without the member.

    def filled(self, header: str) -> str:
        """The text, with the pathway in it."""
        return self.before + filled(self.held, header) + self.after


def document(text: str) -> Document | None:
    """None: it is no JSON object."""
    try:
        return _parse(text)
    except (ValueError, IndexError, RecursionError):
        return None


def _parse(text: str) -> Document:
    at = _after(text, 0)
    if text[at] != "{":
        raise ValueError("no object")
    at = first = _after(text, at + 1)
    found: tuple[int, int, Any] | None = None
    others = 0
    while text[at] != "}":
        if at > first:
            if text[at] != ",":
                raise ValueError("no comma")
            at = _after(text, at + 1)
        if text[at] != '"':
            raise ValueError("no name")
        name, at = _value(text, at)
        at = _after(text, at)
        if text[at] != ":":
            raise ValueError("no colon")
        start = _after(text, at + 1)
        value, end = _value(text, start)
        if name == NAME:
            found = (start, end, value)
        else:
            others += 1
        at = _after(text, end)
    if _after(text, at + 1) != len(text):
        raise ValueError("more than an object")
    if found is None:
        comma = "," if others else ""
        return Document(f'{text[:at]}{comma}"{NAME}":', text[at:], {}, size_of(text))
    start, end, value = found
    ours = end - start + len(f'"{NAME}":') + (1 if others else 0)
    return Document(text[:start], text[end:], fields(value), size_of(text) - ours)


def _after(text: str, at: int) -> int:
    """Where the white space ends."""
    skipped = _skip(text, at)
    return at if skipped is None else skipped.end()
