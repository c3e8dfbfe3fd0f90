"""A report of the mini program as a contact. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from channels.contacts.rules import Address, Contact, Enclosure, Message
from channels.gcj02 import to_wgs84
from channels.web_form.rules import ADDRESS_LENGTH, NAME_LENGTH, TEXT_LENGTH, TITLE_LENGTH, clean
from crm_bridge.tickets.vocabulary import TicketType, Words
from infra.kit.errors import FieldError, Invalid
from telephony.numbers import PhoneNumber

CHANNEL: Final = "wechat-mini"

TYPE_WORDS: Mapping[TicketType, Words] = MappingProxyType(
    {
        TicketType.inquiry: Words("咨询", "Inquiry"),
        TicketType.help: Words("求助", "Help"),
        TicketType.complaint: Words("投诉", "Complaint"),
        TicketType.report: Words("举报", "Report of wrongdoing"),
        TicketType.suggestion: Words("建议", "Suggestion"),
        TicketType.praise: Words("表扬", "Praise"),
    }
)
"""What the form shows for each type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a citizen has filled in. `repr()` hides what was written and by whom.

    Attributes:
        key: The mini program's own for it: the same report sent again has the same.
        latitude: Of the place, in degrees of GCJ-02 as `wx.chooseLocation` gives them.
        longitude: Of the place, in degrees of GCJ-02.
        anonymous: The citizen does not want to be known by anybody: the contact names neither him nor his number.
        phone: Known to be the citizen's; None without one.
        attachments: Files that were sent before, known to be his.
    """

    key: str
    type: str
    text: str = field(repr=False)
    title: str = field(default="", repr=False)
    category: str = ""
    address: str = field(default="", repr=False)
    latitude: float | None = field(default=None, repr=False)
    longitude: float | None = field(default=None, repr=False)
    name: str = field(default="", repr=False)
    phone: PhoneNumber | None = None
    anonymous: bool = False
    confidential: bool = False
    attachments: Sequence[int] = ()


def contact_of(
    report: Report, person: str, sender: Address, aliases: tuple[Address, ...], at: datetime
) -> Contact:
    """Return the contact that a report is.

    Args:
        report: What was filled in.
        person: Digest of who has sent it.
        sender: His openid.
        aliases: What else he is known by.
        at: When it came.

    Raises:
        Invalid: Nothing is left of the text once what cannot be seen is taken off.
    """
    text = clean(report.text)[:TEXT_LENGTH]
    if not text:
        raise Invalid(fields=[problem("/text", "请填写内容", "Write what it is about")])
    place: tuple[float | None, float | None] = (None, None)
    if report.latitude is not None and report.longitude is not None:
        place = to_wgs84(report.latitude, report.longitude)
    known = not report.anonymous
    return Contact(
        channel=CHANNEL,
        external_id=external_id(person, report.key),
        received_at=at,
        phone=report.phone if known else None,
        sender=sender if known else None,
        aliases=aliases if known else (),
        name=_one_line(report.name)[:NAME_LENGTH] if known else "",
        message=Message(
            text=text,
            title=_one_line(report.title)[:TITLE_LENGTH],
            address=_one_line(report.address)[:ADDRESS_LENGTH],
            type=report.type,
            category=report.category,
            confidential=report.confidential,
            latitude=place[0],
            longitude=place[1],
        ),
        enclosures=tuple(Enclosure(attachment_id=file) for file in report.attachments),
    )


def external_id(person: str, key: str) -> str:
    """Return what the channel knows a report by: two people may have made the same key."""
    return hashlib.sha256(f"{person}\n{key}".encode()).hexdigest()[:40]


def problem(pointer: str, zh: str, en: str) -> FieldError:
    """Return what is wrong with one field."""
    return FieldError(pointer=pointer, message_zh=zh, message_en=en)


def _one_line(text: str) -> str:
    return " ".join(clean(text).split())
