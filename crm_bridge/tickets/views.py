"""Tickets as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from crm_bridge.callbacks.rules import Bar, CallbackState
from crm_bridge.tickets.ticket import Ticket
from crm_bridge.tickets.vocabulary import STATE_WORDS, TicketEvent, TicketState, TicketType, Urgency
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


class TicketView(TicketSummary):
    """A ticket with all that belongs to it."""

    text: str
    address: str
    call_me_not: bool
    citizen: CitizenView | None
    contacts: list[TicketContactView]
    events: list[TicketEventView]
    callbacks: list[CallbackView]
    version: int


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
