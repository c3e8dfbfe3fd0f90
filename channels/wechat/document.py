"""What WeChat pushes, XML or JSON, made a mapping; in bounded time and memory whatever is sent. Pure."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from typing import Any, Final
from xml.parsers import expat

from infra.kit.errors import Invalid

Fields = Mapping[str, Any]
"""A message by WeChat's own names of its fields: texts, numbers, mappings of them and lists."""

MOST_BYTES: Final = 256 * 1024
_DEEPEST = 16
_MOST_ELEMENTS = 2_000
_KEPT = frozenset("\n\r\t")


def fields_of(body: bytes) -> Fields:
    """Return the fields of a message.

    Raises:
        Invalid: It is neither XML nor JSON as WeChat sends it, or too large or nested for it.
    """
    if len(body) > MOST_BYTES:
        raise _garbage("too large", "过大")
    return _json(body) if body.lstrip()[:1] == b"{" else _xml(body)


def text_of(fields: Fields, name: str) -> str:
    """Return one field as text; empty without one. JSON has numbers where XML has texts."""
    value = fields.get(name, "")
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""


def clean(text: str) -> str:
    """Return a text without control characters, which no screen shows and PostgreSQL does not keep."""
    if text.isprintable():
        return text
    return "".join(
        sign for sign in text if unicodedata.category(sign) not in ("Cc", "Cs") or sign in _KEPT
    )


def xml_of(fields: Fields) -> bytes:
    """Return fields as WeChat's XML: one level, texts in CDATA."""
    inside = "".join(f"<{name}>{_written(value)}</{name}>" for name, value in fields.items())
    return f"<xml>{inside}</xml>".encode()


def _written(value: Any) -> str:
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return xml_of(value).decode().removeprefix("<xml>").removesuffix("</xml>")
    return "<![CDATA[" + clean(str(value)).replace("]]>", "]]]]><![CDATA[>") + "]]>"


def _json(body: bytes) -> Fields:
    try:
        parsed = json.loads(body, parse_constant=_no_number)
        fields = _cleaned(parsed, _DEEPEST)
    except (ValueError, RecursionError):  # of bytes that are no UTF-8 too
        raise _garbage("no JSON", "不是有效的 JSON") from None
    if not isinstance(fields, dict):
        raise _garbage("no JSON object", "不是 JSON 对象")
    return fields


def _no_number(name: str) -> float:
    raise ValueError(name)


def _cleaned(value: Any, deepest: int) -> Any:
    if deepest < 0:
        raise ValueError
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(name): _cleaned(part, deepest - 1) for name, part in value.items()}
    if isinstance(value, list):
        return [_cleaned(part, deepest - 1) for part in value]
    return value


def _xml(body: bytes) -> Fields:
    reader = _Reader()
    try:
        reader.parser.Parse(body, True)
    except (
        expat.ExpatError,
        ValueError,
        LookupError,
    ):  # LookupError: an encoding that nobody knows
        raise _garbage("no XML", "不是有效的 XML") from None
    if not isinstance(reader.root, dict):
        raise _garbage("no XML of fields", "XML 中没有字段")
    return reader.root


class _Reader:
    """Builds fields from expat's events, and stops it as soon as there is too much of anything."""

    def __init__(self) -> None:
        self.root: Any = None
        self._open: list[tuple[str, dict[str, Any], list[str]]] = []
        self._elements = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype

    def _doctype(self, *_declared: object) -> None:
        # Without a document type there are no entities that could grow or fetch anything.
        raise ValueError

    def _start(self, name: str, _attributes: object) -> None:
        self._elements += 1
        if self._elements > _MOST_ELEMENTS or len(self._open) > _DEEPEST:
            raise ValueError
        self._open.append((name, {}, []))

    def _text(self, text: str) -> None:
        self._open[-1][2].append(text)

    def _end(self, _name: str) -> None:
        name, parts, texts = self._open.pop()
        value: Any = parts or clean("".join(texts))
        if not self._open:
            self.root = value
            return
        around = self._open[-1][1]
        if name not in around:
            around[name] = value
        elif isinstance(around[name], list):
            around[name].append(value)
        else:
            around[name] = [around[name], value]


def _garbage(en: str, zh: str) -> Invalid:
    return Invalid(f"not a message of WeChat: {en}", f"不是微信推送的消息：{zh}")
