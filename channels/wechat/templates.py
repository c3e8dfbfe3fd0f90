"""Replies as templates have them: fields of fixed kinds and lengths. Pure.

See 订阅消息参数值内容限制 in WeChat's documentation. A field's kind is the letters of its name: `thing1` is a thing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from channels.protocol import Reply
from channels.wechat.document import clean

PIECE_BYTES: Final = 2000
"""The most of one text: WeChat takes 2048 bytes of UTF-8."""

_LENGTHS: Mapping[str, int] = MappingProxyType(
    {
        "thing": 20,
        "short_thing": 5,
        "const": 20,
        "character_string": 32,
        "number": 32,
        "letter": 32,
        "symbol": 5,
        "phone_number": 17,
        "name": 10,
        "phrase": 5,
    }
)
_ASCII_ONLY = frozenset({"character_string", "number", "letter", "phone_number"})
_KIND = re.compile(r"([a-z_]+?)\d*")
_BREAKS = re.compile(r"\s+")
_ELLIPSIS = "…"
_NOTHING = "请点击查看"


def filled(
    fields: Mapping[str, str], reply: Reply, at: datetime
) -> Mapping[str, Mapping[str, str]]:
    """Return a template's `data`: each field filled, and cut to what its kind may hold.

    Args:
        fields: What stands in each, with `{number}`, `{text}` and `{time}`.
        reply: What is told.
        at: The present moment, in the city's time.
    """
    known = {
        "number": reply.ticket_number,
        "text": _BREAKS.sub(" ", reply.text).strip(),
        "time": f"{at:%Y-%m-%d %H:%M}",
    }
    return {name: {"value": _fitted(name, _put(text, known))} for name, text in fields.items()}


def pieces(text: str) -> list[str]:
    """Return a text in pieces that each go into one message, cut at the end of a line where there is one."""
    found: list[str] = []
    rest = text.strip()
    while len(rest.encode(errors="replace")) > PIECE_BYTES:
        cut = rest.encode(errors="replace")[:PIECE_BYTES].decode(errors="ignore")
        line = cut.rfind("\n", len(cut) // 2)
        cut = cut[: line + 1] if line >= 0 else cut
        found.append(cut.strip())
        rest = rest[len(cut) :].strip()
    return [*found, rest] if rest or not found else found


def _put(text: str, known: Mapping[str, str]) -> str:
    # Not `format`: an operator's brace must not break a reply, nor reach into anything.
    for name, value in known.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _fitted(name: str, value: str) -> str:
    kind = (found := _KIND.fullmatch(name)) and found[1]
    text = clean(value).strip()
    if kind in _ASCII_ONLY:
        text = "".join(sign for sign in text if sign.isascii() and sign.isprintable())
    most = _LENGTHS.get(kind or "")
    if most is not None and len(text) > most:
        text = text[:most] if kind in _ASCII_ONLY else text[: most - 1] + _ELLIPSIS
    return text or ("0" if kind == "number" else "-" if kind in _ASCII_ONLY else _NOTHING)
