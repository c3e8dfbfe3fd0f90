"""Conversations as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from crm_bridge.conversations.rules import (
    ConversationEvent,
    ConversationState,
    Delivery,
    Speaker,
)
from crm_bridge.tickets.views import AttachmentView, TicketSummary
from infra.kit.http import ApiModel


class WriterView(ApiModel):
    """The citizen who writes, as far as known."""

    id: int
    name: str | None
    phone_masked: str | None


class MessageView(ApiModel):
    """One message.

    `delivery` tells how far what we said has come, `failure` why it did not come further, as a code, and `failure_zh`
    and `failure_en` in words; `files` are those that are here, `files_coming` how many are still being fetched.
    """

    seq: int
    speaker: Speaker
    agent: str | None
    agent_name: str | None
    text: str
    address: str
    latitude: float | None
    longitude: float | None
    at: datetime
    delivery: Delivery | None
    failure: str
    failure_zh: str
    failure_en: str
    files: list[AttachmentView]
    files_coming: int


class ConversationSummary(ApiModel):
    """A conversation in a list; `preview` is the beginning of the last message that is not the guide's."""

    id: int
    channel: str
    state: ConversationState
    skill: str
    agent: str | None
    agent_name: str | None
    citizen: WriterView | None
    opened_at: datetime
    waiting_since: datetime | None
    unanswered_since: datetime | None
    offered_until: datetime | None
    closed_at: datetime | None
    unread: int
    last_seq: int
    last_at: datetime
    preview: str
    preview_speaker: Speaker | None


class ConversationPage(ApiModel):
    """A part of a list of conversations."""

    items: list[ConversationSummary]
    next_cursor: str | None


class HappeningView(ApiModel):
    """Something that happened to a conversation: who was asked, had it or closed it."""

    event: ConversationEvent
    agent: str | None
    agent_name: str | None
    actor: str | None
    at: datetime


class OtherView(ApiModel):
    """A colleague who is in touch with the same citizen at this moment.

    `how` is `screen` (looks at this conversation), `typing` (writes in it), `conversation` (has another one with the
    citizen) or `call` (is on the telephone with him).
    """

    number: str
    name: str | None
    how: Literal["screen", "typing", "conversation", "call"]


class ConversationView(ConversationSummary):
    """A conversation with its last messages and what lies beside it.

    `tickets` came of it; `earlier_tickets` are what the same citizen brought before, `earlier` his conversations.
    `file_limits` are the media types that the channel carries to the citizen, each with the most bytes of a file;
    `files_by_link` says whether any other file is sent as a link.
    """

    contact_id: int
    messages: list[MessageView]
    tickets: list[TicketSummary]
    earlier_tickets: list[TicketSummary]
    earlier: list[ConversationSummary]
    happenings: list[HappeningView]
    others: list[OtherView]
    file_limits: dict[str, int]
    files_by_link: bool


class MessagePage(ApiModel):
    """A part of a conversation's messages, in their order; `more` says whether there are others before them."""

    items: list[MessageView]
    more: bool


class OthersList(ApiModel):
    """Colleagues who are in touch with the same citizen."""

    items: list[OtherView]


class SkillView(ApiModel):
    """What an agent is able to do."""

    agent: str
    agent_name: str | None
    skills: list[str]


class SkillList(ApiModel):
    """The skills of every agent who has any."""

    items: list[SkillView]
