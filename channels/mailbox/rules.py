"""What a mail to the mayor is to the hotline: a new matter, part of an old one, or nothing at all. Pure.

See RFC 5322 (mail), RFC 3834 (automatic mail) and RFC 3464 (reports of delivery).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from channels.contacts.rules import Address, AddressKind, Contact, Enclosure, Message

CHANNEL = "mayor-mailbox"
TEXT_LENGTH = 20_000
"""Characters of a mail that are kept; a ticket shows fewer."""

_TITLE_LENGTH = 200
_NAME_LENGTH = 60
_REFERENCES = 20
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,250})>")
_OURS = re.compile(r"lx\.([0-9a-f]{32})\.([0-9a-f]{16})@")
_NUMBER = re.compile(r"(?<!\d)(\d{8}-\d{4,9})(?!\d)")

_DAEMONS = frozenset({"mailer-daemon", "postmaster", "mail-daemon", "mailerdaemon", "mdaemon"})
_AUTOMATIC_SUBJECT = re.compile(
    r"\s*[\[【(（]?\s*(?:自动回复|自动答复|系统自动|假期自动|automatic reply|auto[- ]?reply|autoreply"
    r"|out of (?:the )?office|vacation reply)",
    re.IGNORECASE,
)
_AUTOMATIC_HEADERS = ("x-autoreply", "x-autorespond", "x-autoresponse", "x-auto-reply-from")
_BULK = frozenset({"bulk", "list", "junk"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedMail:
    """A mail as the server gave it: the `raw` of the channel.

    Attributes:
        content: Its bytes; the first part of them when it is too large.
        size: How many it has in all.
        received_at: When the server got it.
    """

    content: bytes = field(repr=False)
    size: int
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a mail."""

    name: str = field(repr=False)
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """A report that a mail of ours did not arrive.

    Attributes:
        message_id: Of our mail.
        status: As RFC 3463 has it, e.g. `5.1.1`; empty when the report does not say.
        final: False when it is still being tried.
    """

    message_id: str
    status: str = ""
    final: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail that has been read. `repr()` shows nothing of it.

    Attributes:
        identity: The same whenever and by whatever way the same mail comes.
        message_id: Its Message-ID without brackets; empty without one.
        references: The Message-IDs that it answers to, the oldest first.
        sender: The address of the one who is to be answered, in lower case; empty when nobody can tell.
        name: What the sender calls himself.
        subject: Of the mail.
        text: What is to be read.
        files: In their order.
        signs: Headers that tell an automatic mail, by their names in lower case.
        genuine: False when the city's own mail server has found that the sender is not who he says.
        extra: The headers that nobody here understands, under `headers` by their names in lower case; a list of the
            texts where one came more than once.
        report: For a report of delivery, what it says of our mails.
    """

    identity: str
    message_id: str = ""
    references: tuple[str, ...] = ()
    sender: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    subject: str = field(default="", repr=False)
    text: str = field(default="", repr=False)
    files: tuple[File, ...] = field(default=(), repr=False)
    signs: Mapping[str, str] = field(default_factory=dict, repr=False)
    genuine: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)
    report: tuple[Bounce, ...] = ()


class Passed(StrEnum):
    """Why a mail is no contact."""

    own = "own"
    """We sent it ourselves: taking it in would go on for ever."""
    report = "report"
    """A mail server tells what became of a mail."""
    automatic = "automatic"
    """A program answered for somebody who is away."""
    bulk = "bulk"
    """It goes to many."""


def passed_over(mail: Mail, own: frozenset[str]) -> Passed | None:
    """Return why a mail is no contact; None for one that a person wrote to the city.

    Args:
        mail: The mail.
        own: The mailbox's own addresses, in lower case.
    """
    signs = mail.signs
    if mail.sender in own or _OURS.match(mail.message_id):
        return Passed.own
    is_report = signs.get("content-type", "").startswith("multipart/report")
    if is_report or signs.get("return-path", "").strip() == "<>" or _is_daemon(mail.sender):
        return Passed.report
    submitted = signs.get("auto-submitted", "no").partition(";")[0].strip().lower()
    precedence = signs.get("precedence", "").strip().lower()
    if submitted not in ("no", "") or precedence == "auto_reply":
        return Passed.automatic
    if any(name in signs for name in _AUTOMATIC_HEADERS):
        return Passed.automatic
    # The words alone prove nothing: somebody may complain about a machine that answers.
    if mail.references and _AUTOMATIC_SUBJECT.match(mail.subject):
        return Passed.automatic
    if precedence in _BULK or "list-id" in signs:
        return Passed.bulk
    return None


def _is_daemon(sender: str) -> bool:
    return sender.partition("@")[0] in _DAEMONS


def contact_of(mail: Mail, received_at: datetime) -> Contact:
    """Return the contact that a mail is."""
    extra: dict[str, Any] = dict(mail.extra)
    if mail.message_id:
        extra["message_id"] = mail.message_id
    if mail.references:
        extra["references"] = list(mail.references[-_REFERENCES:])
    if not mail.genuine:
        extra["sender_not_genuine"] = True
    number = ticket_number_in(mail.subject)
    if number:
        extra["ticket_number"] = number
    known = mail.sender and mail.genuine
    return Contact(
        channel=CHANNEL,
        external_id=mail.identity,
        received_at=received_at,
        sender=Address(kind=AddressKind.mail, value=mail.sender) if known else None,
        name=mail.name[:_NAME_LENGTH],
        thread=thread_of(mail),
        message=Message(title=mail.subject[:_TITLE_LENGTH], text=_text(mail)),
        enclosures=tuple(Enclosure(name=one.name, content=one.content) for one in mail.files),
        extra=extra,
    )


def _text(mail: Mail) -> str:
    text = mail.text[:TEXT_LENGTH].strip()
    if text:
        return text
    return mail.subject or ("（邮件没有正文，见附件）" if mail.files else "（空白邮件）")


def thread_of(mail: Mail) -> str:
    """Return what all mails about one matter have in common, 32 hexadecimal digits.

    A mail of ours bears it in its Message-ID. Otherwise it is known by the first mail that is referred to.
    """
    for reference in reversed(mail.references):
        ours = _OURS.match(reference)
        if ours:
            return ours[1]
    if mail.references:
        return digest(mail.references[0])
    return digest(mail.message_id) if mail.message_id else mail.identity[:32]


def root_of(contact: Contact) -> str:
    """Return the thread that a contact of this channel belongs to; a letter of the web form begins one."""
    return contact.thread or digest(contact.external_id)


def message_id_of(contact: Contact, key: str, domain: str) -> str:
    """Return the Message-ID of the mail that answers a contact: for the same key the same one.

    Args:
        contact: What is answered.
        key: Of the reply.
        domain: Of the mailbox's own address.
    """
    return f"lx.{root_of(contact)}.{digest(key)[:16]}@{domain}"


def ticket_number_in(subject: str) -> str:
    """Return the number of the ticket that a subject names; empty without one."""
    found = _NUMBER.search(subject)
    return found[1] if found else ""


def message_ids(header: str) -> tuple[str, ...]:
    """Return the Message-IDs of a header, each once, without brackets."""
    return tuple(dict.fromkeys(_MESSAGE_ID.findall(header)))


def identity_of(message_id: str, said: bytes) -> str:
    """Return what a mail is known by.

    A Message-ID should be enough, but there are programs that give every mail the same.

    Args:
        message_id: Of the mail; empty without one.
        said: What does not change on the way: sender, date and subject as they were written, and the text's beginning.
    """
    content = hashlib.sha256(said).hexdigest()
    return f"{digest(message_id) if message_id else content[:32]}-{content[32:48]}"


def digest(text: str) -> str:
    """Return 32 hexadecimal digits by which a Message-ID is known."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
