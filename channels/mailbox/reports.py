"""What mail servers say of mails that did not arrive (RFC 3464), and what those say that do not keep to it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from channels.mailbox.mime import Headers, Part
from channels.mailbox.rules import Bounce

_OURS = re.compile(r"lx\.[0-9a-f]{32}\.[0-9a-f]{16}@[A-Za-z0-9.-]{1,190}")
_STATUS = re.compile(r"^status\s*:\s*([245]\.\d{1,3}\.\d{1,3})", re.IGNORECASE | re.MULTILINE)
_ACTION = re.compile(r"^action\s*:\s*([a-z]{1,20})", re.IGNORECASE | re.MULTILINE)
_CODE = re.compile(r"\b(5\.\d{1,3}\.\d{1,3}|55\d)\b")
_LONGEST = 64 * 1024
_NOT_FAILED = frozenset({"delayed", "delivered", "relayed", "expanded"})


def bounces_in(headers: Headers, parts: Sequence[Part]) -> tuple[Bounce, ...]:
    """Return what a report says of our own mails, which are known by their Message-IDs; nothing for any other mail."""
    if not _is_report(headers):
        return ()
    status = action = ""
    texts = [headers.get("references"), headers.get("in-reply-to")]
    for part in parts:
        if part.within is not None:
            texts.append(part.within.get("message-id"))
        if part.type == "message/delivery-status" or not part.is_attached:
            text = part.text[:_LONGEST]
            texts.append(text)
            if part.type == "message/delivery-status":
                status, action = _first(_STATUS, text), _first(_ACTION, text).lower()
    told = "\n".join(texts)
    final = action not in _NOT_FAILED and not status.startswith(("2.", "4."))
    found = dict.fromkeys(match[0] for match in _OURS.finditer(told))
    return tuple(
        Bounce(message_id=message_id, status=status or _first(_CODE, told), final=final)
        for message_id in found
    )


def _is_report(headers: Headers) -> bool:
    kind = headers.get("content-type").lower()
    if kind.startswith("multipart/report"):
        return "disposition-notification" not in kind
    sender = headers.get("from").lower()
    return headers.get("return-path").strip() == "<>" or "mailer-daemon@" in sender


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
