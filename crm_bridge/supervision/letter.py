"""What a paper says, element by element as GB/T 9704-2012 names them. Pure.

A letter is stored as it was issued and drawn from what is stored, so that last year's document says today what it said
then; `digest` proves it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self
from zoneinfo import ZoneInfo

HIDDEN = "保密件"
"""What stands for the matter of a ticket that hides its citizen."""

_LISTS = frozenset({"title", "addressees", "body", "attachments", "copies"})
_FIRST_LEVEL = re.compile(r"[一二三四五六七八九十]+、\S{1,30}$")
_SECOND_LEVEL = re.compile(r"（[一二三四五六七八九十]+）\S{1,30}$")


class Weight(StrEnum):
    """How a paragraph of the body is set (GB/T 9704-2012 7.3.3)."""

    heading = "heading"
    """First level 一、 in 黑体."""
    subheading = "subheading"
    """Second level （一） in 楷体."""
    text = "text"
    """Everything else in 仿宋."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A document. `repr()` is not for logs: it holds the matter.

    Attributes:
        number: 发文字号; empty in a draft.
        pressing: 紧急程度: 特急, 加急 or nothing.
        issuer: 发文机关, in full: head, signature and imprint.
        head: What stands behind the issuer in the red head: 文件, or nothing for a letter (函).
        title: 标题, in the parts between which it may be broken into lines.
        addressees: 主送机关.
        body: Paragraphs of the 正文.
        attachments: Names of what is attached.
        dated: 成文日期, the city's day.
        note: 附注, without its brackets.
        copies: 抄送机关.
    """

    number: str
    pressing: str
    issuer: str
    head: str
    title: tuple[str, ...]
    addressees: tuple[str, ...]
    body: tuple[str, ...]
    attachments: tuple[str, ...]
    dated: date
    note: str
    copies: tuple[str, ...]

    def stored(self) -> dict[str, Any]:
        """Return the letter as JSON keeps it."""
        return asdict(self) | {"dated": self.dated.isoformat()}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Return the letter that was stored.

        Raises:
            ValueError: An element is missing or of another kind.
        """
        values: dict[str, Any] = {}
        for field in fields(cls):
            value = stored.get(field.name)
            if field.name == "dated":
                values[field.name] = date.fromisoformat(str(value))
            elif field.name in _LISTS:
                if not isinstance(value, list | tuple):
                    raise ValueError(f"the stored letter has no {field.name}")
                values[field.name] = tuple(str(part) for part in value)
            elif isinstance(value, str):
                values[field.name] = value
            else:
                raise ValueError(f"the stored letter has no {field.name}")
        return cls(**values)

    def text(self) -> str:
        """Return everything that the document says, one element a line."""
        parts = [
            self.pressing,
            self.issuer + self.head,
            self.number,
            "".join(self.title),
            addressed(self.addressees),
            *self.body,
            *(f"附件：{name}" for name in self.attachments),
            self.issuer,
            chinese_date(self.dated),
            self.note,
            copied(self.copies),
        ]
        return "\n".join(part for part in parts if part)

    def digest(self) -> str:
        """Return the SHA-256 of the text, in hexadecimal."""
        return hashlib.sha256(self.text().encode("utf-8", "surrogatepass")).hexdigest()

    def numbered(self, number: str) -> Self:
        """Return the letter with its number."""
        return replace(self, number=number)


def weight_of(paragraph: str) -> Weight:
    """Return how a paragraph is set; a heading is a short line that begins with its number and ends without a stop."""
    if _FIRST_LEVEL.match(paragraph) and paragraph[-1] not in "。；：":
        return Weight.heading
    if _SECOND_LEVEL.match(paragraph) and paragraph[-1] not in "。；：":
        return Weight.subheading
    return Weight.text


def addressed(units: tuple[str, ...]) -> str:
    """Return the line of those to whom a paper is addressed; a full-width colon ends it."""
    return f"{'、'.join(units)}：" if units else ""


def copied(units: tuple[str, ...]) -> str:
    """Return the line of those who get a copy, as the imprint has it; empty for nobody."""
    return f"抄送：{'、'.join(units)}。" if units else ""


def chinese_date(day: date) -> str:
    """Return a day as official papers write it: Arabic digits, no leading zeros (GB/T 9704-2012 7.3.5.4)."""
    return f"{day.year}年{day.month}月{day.day}日"


def chinese_moment(moment: datetime, zone: ZoneInfo) -> str:
    """Return a moment in the city's time, to the minute; on the hour the minutes are left out."""
    local = moment.astimezone(zone)
    minutes = f"{local.minute:02}分" if local.minute else ""
    return f"{chinese_date(local.date())}{local.hour}时{minutes}"
