"""Cuts a mail into its parts (RFC 2045–2049): bounded in depth, in number and in time, whatever a stranger sends. Pure.

The standard library's parser goes down one call a level and asks of every line whether it ends one of the parts around
it: a few megabytes of nested parts overflow its stack or take minutes. Here the parts are found by searching for their
boundaries; headers, parameters and encodings are left to the standard library.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email._policybase import Compat32
from email.message import Message
from functools import cached_property

from channels.mailbox.encodings import decode, decode_header, decode_words, from_base64

MOST_DEPTH = 12
MOST_PARTS = 200
_MOST_HEADERS = 400
_LONGEST_HEAD = 256 * 1024
_LONGEST_HEADER = 16 * 1024
_LONGEST_PARAMETERS = 1024  # the standard library takes quadratic time for them

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_END_OF_LINE = re.compile(rb"(--)?[ \t]{0,100}(?:\r?\n|$)")
_NEW_LINE = 0x0A
_FIELD = re.compile(rb"([!-9;-~]{1,100})[ \t]{0,8}:[ \t]*")
_PLAIN_TYPE = "text/plain"


class _AsItIs(Compat32):
    """Gives back what was put in: otherwise a name in raw GBK comes back as question marks."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        return value


class Headers:
    """The headers of a part, in their order."""

    def __init__(self, fields: Sequence[tuple[str, bytes]]) -> None:
        self._fields = fields

    def __iter__(self) -> Iterator[str]:
        """Yield the names in lower case, each as often as it comes."""
        return (name for name, _ in self._fields)

    def __contains__(self, name: object) -> bool:
        return any(own == name for own, _ in self._fields)

    def raw(self, name: str) -> bytes:
        """Return the bytes of the first header of this name (lower case), folds and all; empty without one."""
        return next((value for own, value in self._fields if own == name), b"")

    def get(self, name: str) -> str:
        """Return the text of the first header of this name (lower case); empty without one."""
        return decode_header(self.raw(name)).strip()

    def all(self, name: str) -> list[str]:
        """Return the texts of all headers of this name (lower case)."""
        return [decode_header(value).strip() for own, value in self._fields if own == name]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part that has no parts of its own, or more of them than are looked at.

    Attributes:
        headers: Its own.
        content: Its bytes, still encoded.
        whole: False when its end did not come: it was cut off.
        alternatives: Names the group of parts of which one is to be read; 0 for none.
        within: The headers of the mail that it belongs to, when that came as a part of this one.
    """

    headers: Headers = field(repr=False)
    content: bytes = field(repr=False)
    whole: bool = True
    alternatives: int = 0
    within: Headers | None = field(default=None, repr=False)

    @cached_property
    def type(self) -> str:
        """What it says it is, e.g. `text/html`, in lower case."""
        return self._parameters.get_content_type()

    @cached_property
    def name(self) -> str:
        """What its file is called; empty without a name."""
        try:
            name = self._parameters.get_filename() or ""
        except (ValueError, LookupError, TypeError):  # of broken RFC 2231 parameters
            return ""
        raw = name.encode("utf-8", "surrogateescape")
        return decode_words(decode(raw)).strip()

    @property
    def is_attached(self) -> bool:
        """Whether it is a file, and not something to be read with the text."""
        return self._parameters.get_content_disposition() == "attachment" or bool(self.name)

    @cached_property
    def body(self) -> bytes:
        """Its bytes as they were before they were encoded for the way."""
        encoding = self.headers.get("content-transfer-encoding").lower()
        if encoding == "base64":
            return from_base64(self.content)
        if encoding == "quoted-printable":
            return binascii.a2b_qp(self.content)
        return self.content

    @property
    def text(self) -> str:
        """Its bytes as text, in the encoding that it declares or that fits."""
        return decode(self.body, self.parameter("charset"))

    def parameter(self, name: str) -> str:
        """Return a parameter of its type, e.g. `charset`; empty without it."""
        try:
            value = self._parameters.get_param(name, "")
        except (ValueError, LookupError, TypeError):
            return ""
        return value[2] if isinstance(value, tuple) else str(value)

    @cached_property
    def _parameters(self) -> Message:
        return _parameters(self.headers)


@dataclass(frozen=True, slots=True)
class _Region:
    start: int
    end: int
    depth: int
    whole: bool
    alternatives: int
    type: str
    within: Headers | None


def split(content: bytes, *, complete: bool = True) -> tuple[Headers, Sequence[Part], bool]:
    """Return the headers of a mail, its parts in their order, and whether that is all of them.

    Args:
        content: The mail.
        complete: False when its end was not fetched.
    """
    head, _ = headers_of(content, 0, len(content))
    parts: list[Part] = []
    waiting = [_Region(0, len(content), 0, complete, 0, _PLAIN_TYPE, None)]
    groups = looked_at = 0
    while waiting:
        if looked_at >= MOST_PARTS:
            return head, parts, False
        looked_at += 1
        region = waiting.pop()
        headers, start = headers_of(content, region.start, region.end)
        kind = _kind(headers, region.type)
        boundary = _boundary(headers) if kind.startswith("multipart/") else b""
        may_have_parts = boundary and region.depth < MOST_DEPTH
        if may_have_parts and (found := _between(content, start, region, boundary)):
            groups += kind == "multipart/alternative"
            group = groups if kind == "multipart/alternative" else region.alternatives
            inner = "message/rfc822" if kind == "multipart/digest" else _PLAIN_TYPE
            waiting += [
                _Region(first, last, region.depth + 1, whole, group, inner, region.within)
                for first, last, whole in reversed(found)
            ]
        elif kind == "message/rfc822" and region.depth < MOST_DEPTH and not _is_encoded(headers):
            inside, _ = headers_of(content, start, region.end)
            depth = region.depth + 1
            waiting.append(_Region(start, region.end, depth, region.whole, 0, _PLAIN_TYPE, inside))
        else:
            parts.append(
                Part(
                    headers=headers,
                    content=content[start : region.end],
                    whole=region.whole,
                    alternatives=region.alternatives,
                    within=region.within,
                )
            )
    return head, parts, True


def headers_of(content: bytes, start: int, end: int) -> tuple[Headers, int]:
    """Return the headers that begin at a place, and the place at which what follows them begins."""
    if content.startswith(b"\n", start):
        return Headers(()), start + 1
    if content.startswith(b"\r\n", start):
        return Headers(()), start + 2
    last = min(end, start + _LONGEST_HEAD)
    found = _END_OF_HEAD.search(content, start, last)
    head = content[start : found.start() if found else last]
    fields: list[tuple[str, bytes]] = []
    for line in head.split(b"\n"):
        line = line.rstrip(b"\r")
        if line[:1] in (b" ", b"\t") and fields:
            name, value = fields[-1]
            if len(value) < _LONGEST_HEADER:
                fields[-1] = name, value + b"\n" + line[:_LONGEST_HEADER]
        elif (named := _FIELD.match(line)) and len(fields) < _MOST_HEADERS:
            fields.append((named[1].decode().lower(), line[named.end() :][:_LONGEST_HEADER]))
    return Headers(fields), found.end() if found else last


def _parameters(headers: Headers) -> Message:
    message = Message(_AsItIs())
    for name in ("content-type", "content-disposition"):
        raw = headers.raw(name).replace(b"\n", b"")[:_LONGEST_PARAMETERS]
        if raw:
            message[name] = raw.decode("ascii", "surrogateescape")
    return message


def _kind(headers: Headers, usual: str) -> str:
    if not headers.raw("content-type"):
        return usual
    return _parameters(headers).get_content_type()


def _boundary(headers: Headers) -> bytes:
    try:
        boundary = _parameters(headers).get_boundary("")
    except (ValueError, LookupError, TypeError):
        return b""
    return boundary.encode("utf-8", "surrogateescape")[:200] if boundary else b""


def _is_encoded(headers: Headers) -> bool:
    return headers.get("content-transfer-encoding").lower() in ("base64", "quoted-printable")


def _between(
    content: bytes, start: int, region: _Region, boundary: bytes
) -> list[tuple[int, int, bool]]:
    """Return where the parts between the lines of a boundary begin and end, and whether their end came."""
    mark = b"--" + boundary
    found: list[tuple[int, int, bool]] = []
    begun: int | None = None
    place = start
    while len(found) < MOST_PARTS and (at := content.find(mark, place, region.end)) >= 0:
        place = at + len(mark)
        if at > region.start and content[at - 1] != _NEW_LINE:
            continue
        ending = _END_OF_LINE.match(content, place, region.end)
        if ending is None:
            continue
        place = ending.end()
        if begun is not None:
            # The end of the line before a boundary belongs to the boundary.
            last = at - 2 if content.endswith(b"\r\n", begun, at) else at - 1
            found.append((begun, max(begun, last), True))
        begun = place
        if ending[1]:
            return found
    if begun is not None:
        found.append((begun, region.end, False))
    return found
