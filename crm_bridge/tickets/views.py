"""Tickets as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self

from crm_bridge.callbacks.rules import Bar, CallbackState
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.vocabulary import (
    STATE_WORDS,
    AssignmentRole,
    AssignmentState,
    Lane,
    ReturnGrounds,
    TicketEvent,
    TicketState,
    TicketType,
    Urgency,
)
from infra.kit.http import ApiModel
from telephony.dialer.rules import Question, Result


class TicketSummary(ApiModel):
    """A ticket in a list."""

    id: int
    number: str
    type: TicketType
    category: str
    category_name: str
    title: str
    urgency: Urgency
    confidential: bool
    state: TicketState
    state_zh: str
    state_en: str
    created_at: datetime
    closed_at: datetime | None
    rating: int | None
    agent: str | None

    @classmethod
    def of(cls, ticket: Ticket, category_name: str) -> Self:
        """Return the view of a ticket."""
        return cls(**summary_fields(ticket, category_name))


class CitizenView(ApiModel):
    """Whose ticket it is, as far as the viewer may know."""

    id: int
    name: str | None
    phone_masked: str | None


class TicketContactView(ApiModel):
    """A contact that the ticket comes from."""

    id: int
    channel: str
    at: datetime
    call_id: int | None
    recording_available: bool


class TicketEventView(ApiModel):
    """One thing that happened to the ticket."""

    seq: int
    event: TicketEvent
    from_state: TicketState | None
    to_state: TicketState
    at: datetime
    actor: str | None
    detail: dict[str, Any]


class AttemptView(ApiModel):
    """One time that the citizen was rung."""

    n: int
    started_at: datetime
    ended_at: datetime | None
    result: Result | None


class CallbackView(ApiModel):
    """What the citizen was asked and said; `reason` tells why nobody is called."""

    id: int
    state: CallbackState
    reason: Bar | None
    due_at: datetime
    attempts: list[AttemptView]
    answers: dict[Question, int]


class AttachmentView(ApiModel):
    """A file that belongs to the ticket."""

    id: int
    name: str
    size: int
    type: str


class ReplyView(ApiModel):
    """What a unit has said, once for each time that it replied."""

    at: datetime
    actor: str | None
    text: str
    measures: str
    contacted: bool
    attachments: list[AttachmentView]
    without_helpers: str


class AssignmentView(ApiModel):
    """What a unit was given and has replied; `overdue` and `sign_overdue` are read off the clock."""

    n: int
    unit: str
    unit_name: str
    unit_name_en: str
    role: AssignmentRole
    round: int
    state: AssignmentState
    state_zh: str
    state_en: str
    designated: bool
    dispatched_at: datetime
    sign_due_at: datetime
    signed_at: datetime | None
    due_at: datetime
    due_provisional: bool
    limit: str
    extended: bool
    due_before_extension: datetime | None
    replied_at: datetime | None
    finished_at: datetime | None
    ended_at: datetime | None
    overdue: bool
    sign_overdue: bool
    replies: list[ReplyView]


class PendingView(ApiModel):
    """What a unit or the centre has asked for and nobody has decided: who, when, and what it says."""

    n: int
    at: datetime
    actor: str | None
    unit: str | None
    unit_name: str | None
    unit_name_en: str | None
    text: str
    grounds: ReturnGrounds | None = None
    suggested_unit: str | None = None
    days: int | None = None
    units: list[str] | None = None


class LaneView(ApiModel):
    """How the lead handles it, and how far its duties are done."""

    lane: Lane
    text: str
    actor: str | None
    at: datetime
    talk_by: datetime | None
    talked: bool
    approved: bool | None


class MainView(ApiModel):
    """The main ticket that this one follows."""

    id: int
    number: str


PendingKind = Literal["return", "extension", "help", "lane", "stop"]


class TicketView(TicketSummary):
    """A ticket with all that belongs to it.

    `pending` holds what waits for a decision, of returns the oldest; `returns` all of them. `actions` is what this very
    person can do now: `sign:2`, `dispatch`. `joined` are the numbers of the tickets that follow this one, the first
    hundred of `joined_count`. `people` names whoever stands in it by his 工号.
    """

    text: str
    address: str
    call_me_not: bool
    citizen: CitizenView | None
    contacts: list[TicketContactView]
    events: list[TicketEventView]
    callbacks: list[CallbackView]
    version: int
    round: int
    redos: int
    transfers: int
    instructed: bool
    assignments: list[AssignmentView]
    lane: Lane | None
    lane_course: LaneView | None
    pending: dict[PendingKind, PendingView]
    returns: list[PendingView]
    attachments: list[AttachmentView]
    joined: list[str]
    joined_count: int
    main: MainView | None
    actions: list[str]
    people: dict[str, str]


class TicketPage(ApiModel):
    """A part of a list of tickets, newest first; `next_cursor` is null on the last."""

    items: list[TicketSummary]
    next_cursor: str | None


def summary_fields(ticket: Ticket, category_name: str) -> Mapping[str, Any]:
    """Return the fields that a ticket has in every view."""
    words = STATE_WORDS[ticket.state]
    return {
        "id": ticket.id,
        "number": ticket.number,
        "type": ticket.type,
        "category": ticket.category,
        "category_name": category_name,
        "title": ticket.title,
        "urgency": ticket.urgency,
        "confidential": ticket.confidential,
        "state": ticket.state,
        "state_zh": words.zh,
        "state_en": words.en,
        "created_at": ticket.created_at,
        "closed_at": ticket.closed_at,
        "rating": ticket.rating,
        "agent": ticket.agent,
    }
