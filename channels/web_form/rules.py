"""A filled-in form as a contact. Pure.

The same form comes by two doors: from our own citizen pages, and from the city's web site over `/channels/web-form`.
The site has made sure whose number it sends; our pages have done so with a code.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from channels.contacts.rules import Address, AddressKind, Contact, Enclosure, Message
from infra.kit.errors import FieldError, Invalid, NotAuthenticated
from telephony.numbers import PhoneNumber

CHANNEL = "web-form"
LETTERS = "mayor-mailbox"
"""The channel that a letter to the mayor belongs to, however it is written."""

KEY_PATTERN = r"^[A-Za-z0-9_-]{16,64}$"
TITLE_LENGTH = 60
TEXT_LENGTH = 4000
ADDRESS_LENGTH = 200
NAME_LENGTH = 40
MOST_FILES = 9
SIGNATURE_HEADER = "lianxin-signature"
_FRESH_SECONDS = 300
_KEPT_CONTROLS = "\n\t"

MatterType = Literal["inquiry", "help", "complaint", "report", "suggestion", "praise"]


class FormKind(StrEnum):
    """What is written."""

    matter = "matter"
    letter = "letter"
    """A letter to the mayor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form as it was sent. `repr()` hides what was written and by whom.

    Attributes:
        key: The sender's own for it: the same form sent again has the same.
        kind: A matter or a letter.
        phone: Of the citizen, known to be his; None for one who stays anonymous.
        mail: Where a letter is answered; empty without.
        attachments: Files that were taken in before.
        extra: What nobody here knows, kept as it came.
    """

    key: str
    kind: FormKind = FormKind.matter
    type: str = ""
    title: str = field(default="", repr=False)
    text: str = field(repr=False)
    address: str = field(default="", repr=False)
    latitude: float | None = field(default=None, repr=False)
    longitude: float | None = field(default=None, repr=False)
    name: str = field(default="", repr=False)
    phone: PhoneNumber | None = None
    mail: str = field(default="", repr=False)
    confidential: bool = False
    call_me_not: bool = False
    attachments: Sequence[int] = ()
    extra: dict[str, Any] = field(default_factory=dict, repr=False)


def contact_of(form: Form, received_at: datetime) -> Contact:
    """Return the contact that a form is, in the channel that its kind belongs to.

    Raises:
        Invalid: Nothing is left of the text once what cannot be seen is taken off.
    """
    text = clean(form.text)
    if not text:
        raise Invalid(fields=[_problem("/text", "请填写内容", "Write what it is about")])
    letter = form.kind is FormKind.letter
    return Contact(
        channel=LETTERS if letter else CHANNEL,
        external_id=external_id(form.kind, form.key),
        received_at=received_at,
        phone=form.phone,
        name=clean(form.name)[:NAME_LENGTH],
        sender=Address(kind=AddressKind.mail, value=form.mail.lower()) if form.mail else None,
        message=Message(
            text=text[:TEXT_LENGTH],
            title=_one_line(form.title)[:TITLE_LENGTH],
            address=_one_line(form.address)[:ADDRESS_LENGTH],
            type=form.type,
            confidential=form.confidential,
            call_me_not=form.call_me_not,
            latitude=form.latitude,
            longitude=form.longitude,
        ),
        enclosures=tuple(Enclosure(attachment_id=file) for file in form.attachments),
        extra=form.extra,
    )


def channel_of(kind: FormKind) -> str:
    """Return the channel that a kind of form belongs to."""
    return LETTERS if kind is FormKind.letter else CHANNEL


def external_id(kind: FormKind, key: str) -> str:
    """Return what its channel knows a form by; letters are told from mails by it."""
    return f"web/{key}" if kind is FormKind.letter else key


def clean(text: str) -> str:
    """Return a text without what cannot be seen: controls, marks of direction, surrogates."""
    normal = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    seen = (
        sign
        for sign in normal
        if sign in _KEPT_CONTROLS or unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co")
    )
    return "".join(seen).strip()


def require_signature(header: str, body: bytes, secret: str, now: datetime) -> None:
    """Return if a body was signed with the secret within the last five minutes.

    The header is that of our own webhooks, `t=<seconds since 1970>,v1=<HMAC-SHA-256 of t, a full stop and the body>`;
    of several `v1` one must fit, so that a secret can be changed without a break.

    Raises:
        NotAuthenticated: It was not.
    """
    parts = [part.strip().partition("=") for part in header.split(",")]
    moments = [value for name, _, value in parts if name == "t"]
    digests = [value for name, _, value in parts if name == "v1"]
    if not secret or len(moments) != 1 or not moments[0].isascii() or not moments[0].isdigit():
        raise NotAuthenticated(_NOT_SIGNED_EN, _NOT_SIGNED_ZH)
    # Ten digits last until 2286; a longer number is no moment, and turning it into one costs time.
    fresh = len(moments[0]) <= 12 and abs(now.timestamp() - int(moments[0])) <= _FRESH_SECONDS
    wanted = hmac.new(secret.encode(), moments[0].encode() + b"." + body, hashlib.sha256)
    # A header may hold anything; what is not ASCII is no digest, and cannot be compared as text.
    fits = [hmac.compare_digest(wanted.hexdigest(), one) for one in digests if one.isascii()]
    if not fresh or not any(fits):
        raise NotAuthenticated(_NOT_SIGNED_EN, _NOT_SIGNED_ZH)


_NOT_SIGNED_EN = (
    "sign the body with web_form.key and the present time (Lianxin-Signature: t=…,v1=…)"
)
_NOT_SIGNED_ZH = "请用 web_form.key 和当前时间对内容签名（Lianxin-Signature: t=…,v1=…）"


def _one_line(text: str) -> str:
    return " ".join(clean(text).split())


def _problem(pointer: str, zh: str, en: str) -> FieldError:
    return FieldError(pointer=pointer, message_zh=zh, message_en=en)
