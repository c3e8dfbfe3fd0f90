"""The mail that answers a citizen. Pure: the same reply always makes the same mail."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256

from channels.contacts.rules import Address, AddressKind, Contact
from channels.mailbox.rules import message_id_of
from channels.mailbox.settings import MailboxSettings
from channels.protocol import CannotReply, Reply, ReplyKind

_BLANKS = re.compile(r"\s+")
_ANSWERED = re.compile(r"^(?:(?:re|fw|fwd|回复|答复|转发)\s*[:：]\s*)+", re.IGNORECASE)
_SUBJECT_LENGTH = 120
_REFERENCES = 10
_WORD = 11  # signs, each of four bytes at most: an encoded word has 75 signs at most
_MESSAGE_ID = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]{1,250}")
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}")
_WRITTEN_BY_A_PERSON = frozenset({ReplyKind.message, ReplyKind.answer})


def recipient_of(contact: Contact) -> str:
    """Return the address to which a contact is answered.

    Raises:
        CannotReply: There is none, or none that every mail server takes.
    """
    sender: Address | None = contact.sender
    if sender is None or sender.kind is not AddressKind.mail:
        raise CannotReply(
            "this letter came without a mail address", "该来信没有可回复的邮箱地址，请改用其他方式"
        )
    if not _PLAIN_ADDRESS.fullmatch(sender.value):
        raise CannotReply(
            "this mail address cannot be written to", "该邮箱地址无法投递，请改用其他方式"
        )
    return sender.value


def answer_to(
    contact: Contact, reply: Reply, settings: MailboxSettings, sent_at: datetime
) -> bytes:
    """Return the mail that carries a reply, as it goes over the wire.

    Args:
        contact: What is answered.
        reply: What is told; its files are attached.
        settings: Who answers.
        sent_at: Aware; the mail's date.

    Raises:
        CannotReply: There is nobody to write to.
    """
    mail = EmailMessage(policy=SMTP)
    user, _, domain = settings.address.rpartition("@")
    mail["From"] = MailAddress(_line(settings.display_name), user, domain)
    mail["To"] = recipient_of(contact)
    mail["Date"] = format_datetime(sent_at)
    # RFC 3834: whoever gets it should not answer by a machine; what no person wrote says so.
    if reply.kind not in _WRITTEN_BY_A_PERSON:
        mail["Auto-Submitted"] = "auto-replied"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(reply.text, charset="utf-8", cte="base64")
    for file in reply.files:
        main, _, sub = file.type.partition("/")
        mail.add_attachment(file.content, maintype=main, subtype=sub, filename=_line(file.name))
    own_id = message_id_of(contact, reply.key, settings.domain)
    if reply.files:
        # The standard library would draw lots; base64, in which everything goes, has no such signs.
        mail.set_boundary(f"=_{sha256(own_id.encode()).hexdigest()[:32]}")
    subject = f"Subject: {_encoded(_subject(contact, reply))}\r\n"
    return "".join((*_thread(contact, own_id), subject)).encode() + mail.as_bytes()


def _thread(contact: Contact, own_id: str) -> Iterator[str]:
    # By hand: of ids longer than a line the standard library makes encoded words, which no program understands.
    yield f"Message-ID: <{own_id}>\r\n"
    answered = contact.extra.get("message_id")
    if _is_id(answered):
        earlier = [one for one in contact.extra.get("references", ()) if _is_id(one)]
        yield f"In-Reply-To: <{answered}>\r\n"
        chain = "\r\n ".join(f"<{one}>" for one in (*earlier[-_REFERENCES:], answered))
        yield f"References: {chain}\r\n"


def _encoded(text: str) -> str:
    """Return a text as a header may have it (RFC 2047).

    By hand too: what a citizen wrote may look like an encoded word, and the standard library would decode it first.
    """
    if text.isascii() and text.isprintable() and "=?" not in text:
        return text
    pieces = (text[start : start + _WORD] for start in range(0, len(text), _WORD))
    words = (b64encode(piece.encode("utf-8", "replace")).decode() for piece in pieces)
    return "\r\n ".join(f"=?utf-8?B?{word}?=" for word in words)


def _is_id(one: object) -> bool:
    return isinstance(one, str) and _MESSAGE_ID.fullmatch(one) is not None


def _subject(contact: Contact, reply: Reply) -> str:
    title = contact.message.title if contact.message else ""
    title = _ANSWERED.sub("", _line(title)) or "您的来信"
    if reply.ticket_number and reply.ticket_number not in title:
        title = f"{title[:_SUBJECT_LENGTH]}【工单 {reply.ticket_number}】"
    return f"Re: {title}"


def _line(text: str) -> str:
    """Return a text that stays in its header: whatever breaks a line is a blank."""
    return _BLANKS.sub(" ", text).strip()
