"""Actions on their way out, and the one gate they all pass.

AMI is lines: whoever gets a line break into a value writes a header, or a whole action, of their own.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from panoramisk.actions import Action

from telephony.ami.errors import AmiInjection
from telephony.ami.framing import Headers

Fields = Mapping[str, str | Sequence[str]]

MAX_LINE_BYTES = 1024
"""Asterisk throws a longer line away and carries out the action without it (manager.c, `inbuf`)."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """Asterisk's answer to one action.

    Attributes:
        items: For a list action, the headers of each item, in order.
    """

    success: bool
    message: str
    headers: Headers
    items: Sequence[Headers] = ()


class Request(Action):  # type: ignore[misc]  # panoramisk ships no types
    """An action that waits for its answer: panoramisk's, with the answer collected our way.

    Attributes:
        name: Name of the action.
        answer: Set once to the `Response`, or to the error that came instead.
        collected: What a list action has got so far; None until Asterisk announces a list.
    """

    def __init__(self, name: str, fields: Fields) -> None:
        super().__init__({**fields, "Action": name})
        self.name = name
        self.answer: asyncio.Future[Response] = self.future
        self.collected: list[Headers] | None = None
        self.first: Headers = {}


def encode(name: str, action: Mapping[str, object]) -> bytes:
    """Return an action as the bytes that go on the wire.

    Raises:
        AmiInjection: A name is not a header's, a value holds a control character or cannot be encoded,
            or a line is longer than Asterisk reads.
    """
    lines = []
    for key, value in _lines(action):
        if not _NAME.fullmatch(key):
            raise AmiInjection(f"{name}: a header name is letters, digits and '-'")
        if any(unicodedata.category(character) in {"Cc", "Cs"} for character in value):
            raise AmiInjection(f"{name}: {key} holds a control character")
        line = f"{key}: {value}\r\n".encode()
        if len(line) > MAX_LINE_BYTES:
            raise AmiInjection(f"{name}: {key} is longer than Asterisk reads")
        lines.append(line)
    return b"".join([*lines, b"\r\n"])


def _lines(action: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in action.items():
        if isinstance(value, list | tuple):
            yield from ((key, str(one)) for one in value)
        else:
            yield key, str(value)
