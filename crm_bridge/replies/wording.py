"""What citizens read. Pure."""

from __future__ import annotations

from datetime import date

from channels.protocol import Reply, ReplyKind
from crm_bridge.replies.settings import ReplySettings

LONGEST_ANSWER = 2_000
FILES_ARE_THERE = "（附件 {count} 个，可凭工单号在热线网页“查进度”中下载。）"
"""Not every way carries files, and none carries all."""
EXTENSION = "extension:"
"""How the key of every reply begins that tells of an extension."""


def receipt(settings: ReplySettings, ticket_id: int, number: str) -> Reply:
    """Return that a matter was registered."""
    return Reply(
        key=receipt_key(ticket_id),
        kind=ReplyKind.receipt,
        text=settings.receipt_text.format(number=number),
        ticket_number=number,
    )


def receipt_key(ticket_id: int) -> str:
    """Return the key under which a ticket's receipt goes out, once whoever sends it."""
    return f"receipt:{ticket_id}"


def progress(settings: ReplySettings, ticket_id: int, version: int, number: str) -> Reply:
    """Return that a unit has got the matter."""
    return Reply(
        key=f"progress:{ticket_id}:{version}",
        kind=ReplyKind.progress,
        text=settings.progress_text.format(number=number),
        ticket_number=number,
    )


def extension(
    settings: ReplySettings, ticket_id: int, round_: int, number: str, until: date
) -> Reply:
    """Return that the matter takes longer, and until which day of the city."""
    day = f"{until.year}年{until.month}月{until.day}日"
    return Reply(
        key=extension_key(ticket_id, round_),
        kind=ReplyKind.progress,
        text=settings.extension_text.format(number=number, day=day),
        ticket_number=number,
    )


def extension_key(ticket_id: int, round_: int) -> str:
    """Return the key under which a citizen is told of the one extension of a round."""
    return f"{EXTENSION}{ticket_id}:{round_}"


def answer(
    settings: ReplySettings,
    ticket_id: int,
    round_: int,
    number: str,
    text: str,
    *,
    files: int = 0,
) -> Reply:
    """Return what came of a matter in this round; `files` go with it and can be fetched from the citizen pages."""
    told = settings.answer_text.format(number=number, answer=text[:LONGEST_ANSWER])
    return Reply(
        key=f"answer:{ticket_id}:{round_}",
        kind=ReplyKind.answer,
        text=f"{told}\n{FILES_ARE_THERE.format(count=files)}" if files else told,
        ticket_number=number,
    )


def rating(settings: ReplySettings, ticket_id: int, round_: int, number: str, link: str) -> Reply:
    """Return the request to rate what came of it."""
    return Reply(
        key=f"rating:{ticket_id}:{round_}",
        kind=ReplyKind.rating,
        text=settings.rating_text.format(number=number, link=link),
        ticket_number=number,
        link=link,
    )
