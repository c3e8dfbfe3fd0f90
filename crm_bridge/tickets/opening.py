"""The rows of a ticket that has just been registered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import SQLModel

from crm_bridge.tickets.happenings import Happening, as_json
from crm_bridge.tickets.life import UNBORN, Life
from crm_bridge.tickets.projection import ticket_fields
from crm_bridge.tickets.rules import follow
from crm_bridge.tickets.tables import (
    TicketContactRow,
    TicketEventRow,
    TicketWaitRow,
)
from crm_bridge.tickets.ticket import NewTicket
from crm_bridge.tickets.vocabulary import TicketEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The first thing that happens to a ticket, and what its life is then."""

    happening: Happening
    life: Life


def registered(at: datetime, agent: str | None) -> Registration:
    """Return how a ticket begins."""
    happening = Happening(event=TicketEvent.registered, at=at, actor=agent)
    return Registration(happening=happening, life=follow(UNBORN, happening))


def ticket_values(
    new: NewTicket,
    first: Registration,
    *,
    number: str,
    citizen_id: int | None,
    callback_phone_encrypted: bytes | None,
) -> dict[str, Any]:
    """Return the values of a new ticket's row."""
    return dict(
        number=number,
        type=new.type,
        category=new.category,
        title=new.title,
        text=new.text,
        address=new.address,
        urgency=new.urgency,
        confidential=new.confidential,
        call_me_not=new.call_me_not,
        citizen_id=citizen_id,
        callback_phone_encrypted=callback_phone_encrypted,
        agent=first.happening.actor,
        created_at=first.happening.at,
        version=1,
        **ticket_fields(first.life),
    )


def values_beside(
    ticket_id: int, first: Registration, contact_id: int
) -> Sequence[tuple[type[SQLModel], dict[str, Any]]]:
    """Return what is written beside the row of a new ticket: its log, its contact, what it waits for; by table."""
    happening, life = first.happening, first.life
    assert life.state is not None  # noqa: S101  # it is registered
    event = {
        "ticket_id": ticket_id,
        "seq": 1,
        "event": happening.event,
        "from_state": None,
        "to_state": life.state,
        "at": happening.at,
        "actor": happening.actor,
        "detail": as_json(happening.detail),
    }
    return [
        (TicketEventRow, event),
        (TicketContactRow, {"ticket_id": ticket_id, "contact_id": contact_id}),
        *(
            (TicketWaitRow, {"ticket_id": ticket_id, "kind": kind, "n": n, "since": since})
            for (kind, n), since in life.waits().items()
        ),
    ]
