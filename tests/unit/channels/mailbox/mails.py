"""Mails for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage

from channels.mailbox.reading import read
from channels.mailbox.rules import FetchedMail, Mail

NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


def letter(text: str = "滨江路 18 号的路灯不亮。", **headers: str) -> EmailMessage:
    """Return a citizen's mail; a header's name is written with underscores, and replaces the usual one."""
    usual = {
        "From": "李明 <liming@citizen.example>",
        "To": "mayor@linjiang.example",
        "Subject": "路灯",
        "Date": "Mon, 02 Mar 2026 09:29:00 +0800",
        "Message-ID": "<first@citizen.example>",
    }
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    mail = EmailMessage()
    for name, value in (usual | given).items():
        if value:
            mail[name] = value
    mail.set_content(text)
    return mail


def fetched(content: EmailMessage | bytes, *, size: int | None = None) -> FetchedMail:
    raw = content if isinstance(content, bytes) else content.as_bytes()
    return FetchedMail(content=raw, size=len(raw) if size is None else size, received_at=NOW)


def read_mail(content: EmailMessage | bytes, authserv: str = "") -> Mail:
    return read(fetched(content), authserv)
