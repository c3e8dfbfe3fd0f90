"""Fuzzes what strangers can send as mail: `python -m tests.fuzz.mail -max_total_time=600`.

Whatever the bytes are, a mail is read: nothing may be raised, and what is read can be stored and sent.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from email.message import EmailMessage

import atheris  # type: ignore[import-untyped]  # ships no types

with atheris.instrument_imports(include=["channels"]):
    from channels.contacts.rules import Contact
    from channels.contacts.storable import storable
    from channels.mailbox.answering import answer_to
    from channels.mailbox.plain_text import of_html, without_quotes
    from channels.mailbox.reading import read
    from channels.mailbox.rules import FetchedMail, contact_of, passed_over
    from channels.mailbox.settings import MailboxSettings
    from channels.mailbox.winmail import unwrap
    from channels.protocol import CannotReply, Reply, ReplyKind

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
SETTINGS = MailboxSettings(address="mayor@linjiang.example")
REPLY = Reply(key="r", kind=ReplyKind.answer, text="已处理", ticket_number="20260302-000001")
PIECES = (
    b"From: =?gbk?B?wO7D9w==?= <a@b.example>\r\n",
    b"Subject: =?utf-8?Q?=E8=B7=AF?=\r\n =?utf-8?Q?=E7=81=AF?=\r\n",
    b"From:\r\n " + b" " * 900 + b"<" + b" " * 900,
    b"Message-ID: <1@b.example>\r\nReferences: <0@b.example>\r\n",
    b'Content-Type: multipart/mixed; boundary="b"\r\n',
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: text/html; charset=gb2312\r\n",
    b"Content-Type: application/ms-tnef; name=winmail.dat\r\n",
    b"Content-Disposition: attachment; filename*0*=GBK''%D5; filename*1*=%D5\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"\r\n",
    b"\r\n&#" + b"9" * 5000,
    b"\r\n--b\r\n",
    b"\r\n--b--\r\n",
    b"\x78\x9f\x3e\x22\x01\x00\x02\x02\x90\x06\x00\x02\x00\x00\x00\x00\x00\x00\x00",
)


def _seed() -> bytes:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "李明 <a@b.example>", "路灯"
    mail.set_content("路灯不亮", charset="gb18030", cte="base64")
    mail.add_alternative("<p>路灯</p>", subtype="html")
    mail.add_attachment(b"\xff\xd8\xff", "image", "jpeg", filename="照片.jpg")
    return mail.as_bytes()


SEED = _seed()


def one(data: bytes) -> None:
    """Try one input: raw, put together from pieces, as a change of a real mail, and as what is within a mail."""
    provider = atheris.FuzzedDataProvider(data)
    way = provider.ConsumeIntInRange(0, 4)
    if way == 0:
        content = provider.ConsumeBytes(8192)
    elif way == 1:
        content = b""
        while provider.remaining_bytes():
            content += provider.PickValueInList(list(PIECES)) + provider.ConsumeBytes(8)
    elif way == 2:
        changed = bytearray(SEED)
        for _ in range(provider.ConsumeIntInRange(0, 20)):
            changed[provider.ConsumeIntInRange(0, len(changed) - 1)] = provider.ConsumeInt(1) & 0xFF
        content = bytes(changed)
    elif way == 3:
        unwrap(PIECES[-1][:6] + provider.ConsumeBytes(4096))
        return
    else:
        text = provider.ConsumeUnicodeNoSurrogates(4096)
        of_html(text).encode()
        without_quotes(text).encode()
        return
    raw = FetchedMail(content=content, size=len(content), received_at=NOW)
    mail = read(raw, "mx.linjiang.example")
    passed_over(mail, SETTINGS.own)
    _answered(storable(contact_of(mail, NOW)))


def _answered(contact: Contact) -> None:
    assert contact.message is not None
    contact.message.text.encode()
    try:
        answer = answer_to(contact, REPLY, SETTINGS, NOW)
    except CannotReply:
        return
    head = answer.partition(b"\r\n\r\n")[0]
    assert head.count(b"\r\nSubject: ") == 1
    assert b"\r\nBcc:" not in head


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
