"""Contacts as a table file: letters and visits of a day, or what an older system kept; one row a matter. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from types import MappingProxyType

from channels.contacts.rules import Contact, Message
from crm_bridge.sheets.columns import Column, RowError, SheetRow
from crm_bridge.sheets.values import YES_NO
from crm_bridge.tickets.service import ADDRESS_LENGTH, TEXT_LENGTH, TITLE_LENGTH
from crm_bridge.tickets.vocabulary import TicketType
from infra.kit.errors import Invalid
from telephony.numbers import PhoneNumber

COUNTER = "counter"
"""The channel of what somebody brings or sends on paper."""

COLUMNS = (
    Column(name="text", title="诉求内容", required=True, longest=TEXT_LENGTH),
    Column(name="title", title="标题", longest=TITLE_LENGTH),
    Column(name="address", title="事发地点", longest=ADDRESS_LENGTH),
    Column(name="type", title="诉求类型", longest=20),
    Column(name="category", title="诉求分类", longest=20),
    Column(name="name", title="诉求人", longest=40),
    Column(name="phone", title="联系电话", longest=30),
    Column(name="confidential", title="身份保密", longest=5),
    Column(name="channel", title="渠道", longest=40),
    Column(name="external_id", title="来源编号", longest=160),
    Column(name="received_at", title="来访时间", longest=40),
)

_TYPES: Mapping[str, str] = MappingProxyType(
    {kind.value: kind.value for kind in TicketType}
    | {
        "咨询": "inquiry",
        "求助": "help",
        "投诉": "complaint",
        "举报": "report",
        "建议": "suggestion",
        "表扬": "praise",
    }
)
_CHANNEL = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LEAST_TEXT = 2
_FIRST_YEAR = 1983  # the year of the first mayor's hotline; what is earlier is a slip of the hand


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a file is read with.

    Attributes:
        categories: The codes that there are.
        zone: The city's time, for moments without an offset.
        now: The present moment: for rows that say no other, and nothing came later.
    """

    categories: Collection[str]
    zone: tzinfo
    now: datetime


def contacts_of(
    rows: Sequence[SheetRow], reading: Reading
) -> tuple[Sequence[Contact], Sequence[RowError]]:
    """Return the contacts of a file in its order, and every error in it.

    A row without a source's number is known by what it says, so that the same file brings it once however often it is
    imported.
    """
    contacts: list[Contact] = []
    errors: list[RowError] = []
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        wrong = list(_wrong(row, reading))
        if not wrong and _fits(row):
            contact = _contact(row, reading)
            known_as = (contact.channel, contact.external_id)
            if known_as in seen:
                wrong.append(_twice(row, seen[known_as]))
            seen.setdefault(known_as, row.number)
            contacts.append(contact)
        errors += wrong
    return contacts, errors


def _fits(row: SheetRow) -> bool:
    """Return whether no value is too long; the reader of the file has said so of each that is."""
    return all(len(row[column.name]) <= column.longest for column in COLUMNS)


def _wrong(row: SheetRow, reading: Reading) -> Iterator[RowError]:
    if row["text"] and len(row["text"]) < _LEAST_TEXT:
        yield row.error("text", "诉求内容太短", "What is said is too short")
    if row["type"] and row["type"].lower() not in _TYPES:
        yield row.error(
            "type",
            "诉求类型应为咨询、求助、投诉、举报、建议或表扬",
            "A type is inquiry, help, complaint, report, suggestion or praise",
        )
    if row["category"] and row["category"] not in reading.categories:
        yield row.error("category", "没有这个分类代码", "There is no category with this code")
    if row["confidential"] and row["confidential"].lower() not in YES_NO:
        yield row.error("confidential", "请填写是或否", "Say yes or no")
    if row["channel"] and not _CHANNEL.fullmatch(row["channel"]):
        yield row.error(
            "channel",
            "渠道用小写字母、数字和连字符，例如 counter",
            "A channel has small letters, digits and hyphens, e.g. counter",
        )
    if row["phone"] and _phone(row) is None:
        # The number itself is in no message: the row is enough to find it.
        yield row.error(
            "phone", "不是有效的电话号码，每行只填一个", "Not a telephone number; one a row"
        )
    yield from _wrong_moment(row, reading)


def _wrong_moment(row: SheetRow, reading: Reading) -> Iterator[RowError]:
    if not row["received_at"]:
        return
    moment = _moment(row["received_at"], reading.zone)
    if moment is None:
        yield row.error(
            "received_at",
            "时间应如 2026-03-02 09:30",
            "A moment is written like 2026-03-02 09:30",
        )
    elif moment.year < _FIRST_YEAR:
        yield row.error("received_at", "年份有误", "The year cannot be right")
    elif moment > reading.now:
        yield row.error("received_at", "时间晚于现在", "This is later than now")


def _contact(row: SheetRow, reading: Reading) -> Contact:
    channel = row["channel"] or COUNTER
    moment = _moment(row["received_at"], reading.zone) if row["received_at"] else None
    return Contact(
        channel=channel,
        external_id=f"file:{row['external_id'] or _fingerprint(row)}",
        received_at=moment or reading.now,
        phone=_phone(row),
        name=row["name"],
        message=Message(
            text=row["text"],
            title=row["title"],
            address=row["address"],
            type=_TYPES.get(row["type"].lower(), ""),
            category=row["category"],
            confidential=YES_NO.get(row["confidential"].lower(), False),
        ),
    )


def _twice(row: SheetRow, earlier: int) -> RowError:
    if row["external_id"]:
        return row.error(
            "external_id",
            f"来源编号与第 {earlier} 行重复",
            f"The number is that of row {earlier} too",
        )
    return row.error("", f"与第 {earlier} 行完全相同", f"The same as row {earlier}")


def _fingerprint(row: SheetRow) -> str:
    said = "\x1f".join(row[column.name] for column in COLUMNS)
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _phone(row: SheetRow) -> PhoneNumber | None:
    try:
        return PhoneNumber.parse(row["phone"]) if row["phone"] else None
    except Invalid:
        return None


def _moment(text: str, zone: tzinfo) -> datetime | None:
    """Return the moment that a cell means: with its offset, or in the city's time; None if it means none."""
    moment: datetime | None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = _as_shown(text)
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=zone)


_SHOWN = re.compile(
    r"([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?"
    r"(?:\s+([0-9]{1,2})[:：时]([0-9]{1,2})分?(?:[:：]?([0-9]{1,2})秒?)?)?"
)


def _as_shown(text: str) -> datetime | None:
    """Return the moment as a Chinese spreadsheet shows it: 2026/3/2 9:30, 2026年3月2日."""
    found = _SHOWN.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  # the caller knows the zone
    except ValueError:
        return None
