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


def deep(levels: int) -> bytes:
    """Return a mail of parts within parts, none of which ends."""
    return b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level)
        for level in range(levels)
    )


_TEN_MEGABYTES = 10 * 1024 * 1024
BOMBS = {
    "nested parts": deep(200_000)[:_TEN_MEGABYTES],
    "nested mails": b"Content-Type: message/rfc822\n\n" * 350_000,
    "many parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 2_500_000,
    "many groups": b"Content-Type: multipart/mixed; boundary=b\n\n"
    + b"--b\nContent-Type: multipart/mixed; boundary=c\n\n" * 200_000,
    "headers": b"a: b\n" * 2_000_000,
    "folds": b"a: b\n" + b" x\n" * 3_000_000,
    "empty lines": b"\n" * _TEN_MEGABYTES,
    "parameters": b"Content-Type: multipart/mixed; boundary=b\n\n"
    + (b"--b\nContent-Type: a/b" + b";" * 16_000 + b"\n\n") * 600,
    "quotes": b"Content-Type: multipart/mixed; boundary=b\n\n"
    + (b'--b\nContent-Type: a/b;"' + b'\\"' * 8_000 + b"\n\n") * 600,
    "words": b"Subject: " + b"=?a?q?" * 1_700_000,
    "base64": b"Content-Transfer-Encoding: base64\n\n" + b"=\n" * 5_000_000,
    "quoted-printable": b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=\n" * 5_000_000,
    "other headers": b"".join(b"a%d: b\n" % number for number in range(1_000_000))[:_TEN_MEGABYTES],
    "pages": b"Content-Type: multipart/mixed; boundary=b\n\n"
    + (b"--b\nContent-Type: text/html\n\n" + b"<a href=http://a/></a>" * 3_000 + b"\n") * 150,
}
"""Mails that take long, or go down too deep, for whoever reads them carelessly."""
