"""Reads winmail.dat, in which Outlook wraps text and files (Microsoft's MS-OXTNEF): bounded, whatever is in it. Pure.

Of text that is there only as rich text (RTF) nothing is read: such a mail has it outside of winmail.dat too.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from channels.mailbox.encodings import decode

TYPES = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
MOST_FILES = 50
_MOST_PROPERTIES = 2000

_SIGNATURE = 0x223E9F78
_ATTRIBUTE = struct.Struct("<BHHI")  # level, id, type, length
_LONG = struct.Struct("<I")
_SHORT = struct.Struct("<H")
_CHECKSUM = 2

_BODY = 0x800C
_FILE_DATA = 0x800F
_FILE_TITLE = 0x8010
_FILE_BEGINS = 0x9002
_MESSAGE_PROPERTIES = 0x9003
_FILE_PROPERTIES = 0x9005
_CODE_PAGE = 0x9007

_P_BODY = 0x1000
_P_HTML = 0x1013
_P_FILE_DATA = 0x3701
_P_FILE_NAMES = (0x3707, 0x3704, 0x3001)  # long name, short name, display name

_STRING, _UNICODE, _BINARY, _OBJECT = 0x1E, 0x1F, 0x102, 0x0D
_WIDTHS = {
    0x01: 0,
    0x02: 4,
    0x03: 4,
    0x04: 4,
    0x05: 8,
    0x06: 8,
    0x07: 8,
    0x0A: 4,
    0x0B: 4,
    0x14: 8,
    0x40: 8,
    0x48: 16,
}
_MANY = 0x1000
_NAMED = 0x8000


@dataclass(slots=True)
class _Wrapped:
    """A file while it is being read."""

    name: str = ""
    content: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwrapped:
    """What was in a winmail.dat.

    Attributes:
        text: The plain text; empty without one.
        html: The text as HTML; empty without one.
        files: Names and bytes.
    """

    text: str = field(default="", repr=False)
    html: str = field(default="", repr=False)
    files: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)


class _Broken(Exception):
    """It ends too early."""


def unwrap(content: bytes) -> Unwrapped | None:
    """Return what is in a winmail.dat, as far as it goes; None when it is none."""
    if len(content) < _LONG.size + _SHORT.size or _LONG.unpack_from(content)[0] != _SIGNATURE:
        return None
    view = memoryview(content)
    text = html = ""
    page = "gb18030"
    files: list[_Wrapped] = []
    for number, data in _attributes(view):
        if number == _CODE_PAGE and len(data) >= _LONG.size:
            page = f"cp{_LONG.unpack_from(data)[0]}"
        elif number == _BODY:
            text = text or decode(bytes(data).rstrip(b"\0"), page)
        elif number == _MESSAGE_PROPERTIES:
            own_text, html = _texts(data, page)
            text = own_text or text
        elif number == _FILE_BEGINS:
            if len(files) >= MOST_FILES:
                break
            files.append(_Wrapped())
        elif files:
            _add(files[-1], number, data, page)
    return Unwrapped(
        text=text,
        html=html,
        files=tuple((file.name, file.content) for file in files if file.content),
    )


def _add(file: _Wrapped, number: int, data: memoryview, page: str) -> None:
    if number == _FILE_TITLE:
        file.name = file.name or decode(bytes(data).rstrip(b"\0"), page)
    elif number == _FILE_DATA:
        file.content = bytes(data)
    elif number == _FILE_PROPERTIES:
        names: dict[int, str] = {}
        for name, kind, value in _properties(data):
            if name in _P_FILE_NAMES:
                names[name] = _text(kind, value, page)
            elif name == _P_FILE_DATA and not file.content:
                file.content = bytes(value)
        file.name = next((names[name] for name in _P_FILE_NAMES if names.get(name)), file.name)


def _texts(data: memoryview, page: str) -> tuple[str, str]:
    text = html = ""
    for name, kind, value in _properties(data):
        if name == _P_BODY:
            text = _text(kind, value, page)
        elif name == _P_HTML:
            html = _text(kind, value, page)
    return text, html


def _text(kind: int, value: memoryview, page: str) -> str:
    if kind == _UNICODE:
        return decode(bytes(value), "utf-16-le").rstrip("\0")
    return decode(bytes(value).rstrip(b"\0"), page)


def _attributes(view: memoryview) -> Iterator[tuple[int, memoryview]]:
    place = _LONG.size + _SHORT.size
    while place + _ATTRIBUTE.size <= len(view):
        _, number, _, length = _ATTRIBUTE.unpack_from(view, place)
        place += _ATTRIBUTE.size
        if place + length > len(view):
            return
        yield number, view[place : place + length]
        place += length + _CHECKSUM


def _properties(view: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """Yield the name, the type and the first value of each property; none that comes after a broken one."""
    try:
        count, place = _long(view, 0)
        for _ in range(min(count, _MOST_PROPERTIES)):
            kind, name = _SHORT.unpack_from(view, place)[0], _SHORT.unpack_from(view, place + 2)[0]
            place += 4
            if name >= _NAMED:
                place = _behind_name(view, place)
            value, place = _value(view, place, kind)
            yield name, kind & ~_MANY, value
    except (_Broken, struct.error):
        return


def _behind_name(view: memoryview, place: int) -> int:
    kind, place = _long(view, place + 16)
    number, place = _long(view, place)
    return place if kind == 0 else place + _padded(number)


def _value(view: memoryview, place: int, kind: int) -> tuple[memoryview, int]:
    plain = kind & ~_MANY
    if plain in (_STRING, _UNICODE, _BINARY, _OBJECT):
        count, place = _long(view, place)
        first = view[:0]
        for number in range(min(count, _MOST_PROPERTIES)):
            length, place = _long(view, place)
            if place + length > len(view):
                raise _Broken
            if number == 0:
                first = view[place : place + length]
            place += _padded(length)
        # An embedded object begins with the name of its interface.
        return (first[16:] if plain == _OBJECT else first), place
    if plain not in _WIDTHS:
        raise _Broken
    width = _WIDTHS[plain]
    count = 1
    if kind & _MANY:
        count, place = _long(view, place)
    return view[place : place + width], place + width * count


def _long(view: memoryview, place: int) -> tuple[int, int]:
    if place + _LONG.size > len(view):
        raise _Broken
    return _LONG.unpack_from(view, place)[0], place + _LONG.size


def _padded(length: int) -> int:
    return length + -length % 4
