"""What is shown of replies and of the channels that carry them."""

from __future__ import annotations

from datetime import datetime

from channels.protocol import Mode, ReplyKind
from crm_bridge.replies.rules import ReplyState
from infra.kit.http import ApiModel


class ReplyView(ApiModel):
    """A reply as it is listed; never its text.

    Attributes:
        error: Slug of what hindered it last; None when nothing did.
        next_at: When it is tried again; None when it is not.
    """

    id: int
    channel: str
    kind: ReplyKind
    state: ReplyState
    ticket_id: int | None
    ticket_number: str | None
    message_id: int | None
    created_at: datetime
    changed_at: datetime
    sent_at: datetime | None
    next_at: datetime | None
    attempts: int
    error: str | None
    error_zh: str
    error_en: str
    error_code: str


class ReplyPage(ApiModel):
    """A part of the replies, the youngest first."""

    items: list[ReplyView]
    next_cursor: str | None


class TicketReplyView(ApiModel):
    """What a citizen was told of a ticket."""

    id: int
    channel: str
    kind: ReplyKind
    state: ReplyState
    text: str
    created_at: datetime
    changed_at: datetime
    error_zh: str
    error_en: str


class TicketReplyList(ApiModel):
    """All that a citizen was told of a ticket, the oldest first."""

    items: list[TicketReplyView]


class HindranceView(ApiModel):
    """What hinders a channel now."""

    since: datetime
    error: str
    error_zh: str
    error_en: str
    error_code: str


class ChannelView(ApiModel):
    """How a channel does."""

    name: str
    mode: Mode | None
    last_in_at: datetime | None
    last_out_at: datetime | None
    waiting: int
    unknown: int
    failed: int
    refused: int
    hindrance: HindranceView | None


class ChannelList(ApiModel):
    """How every channel does."""

    items: list[ChannelView]
