"""Calls and citizens as the API shows them."""

from __future__ import annotations

from datetime import datetime

from channels.contacts.rules import CitizenKind
from crm_bridge.tickets.views import TicketSummary
from infra.kit.http import ApiModel
from telephony.calls.rules import CallState, Direction


class CallView(ApiModel):
    """A call.

    `talk_seconds` is null until it has ended; `previous_contacts` counts how often this number had reached the city
    before; `ticket_id` is the last ticket that came of it.
    """

    id: int
    linkedid: str
    direction: Direction
    state: CallState
    caller_masked: str | None
    agent: str | None
    queue: str | None
    offered_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    talk_seconds: int | None
    contact_id: int | None
    ticket_id: int | None
    recording_available: bool
    previous_contacts: int


class CallerView(ApiModel):
    """Who calls, as far as we know."""

    id: int
    kind: CitizenKind
    name: str | None
    phone_masked: str | None
    first_seen_at: datetime


class CallContext(ApiModel):
    """A call and what the same number brought before; newest first, at most 20 of each."""

    call: CallView
    citizen: CallerView | None
    contacts_total: int
    tickets: list[TicketSummary]
    calls: list[CallView]
