"""Matters handed over, as pages see them."""

from __future__ import annotations

from datetime import datetime

from crm_bridge.police.rules import Direction, HandoverState, Holder, Step
from crm_bridge.police.tables import MessageState
from infra.kit.http import ApiModel


class CustodyView(ApiModel):
    """Who had a matter from when on."""

    at: datetime
    step: Step
    holder: Holder
    who: str
    note: str


class PoliceMessageView(ApiModel):
    """A message to 110; `error` says why it has not been taken."""

    kind: str
    state: MessageState
    attempts: int
    error: str
    created_at: datetime
    taken_at: datetime | None
    next_at: datetime | None


class HandoverView(ApiModel):
    """A matter that was handed over; `holder` answers for it now, `undelivered` waits for a person."""

    id: int
    direction: Direction
    transfer_id: str
    state: HandoverState
    holder: Holder
    ticket_id: int | None
    ticket_number: str | None
    ticket_title: str | None
    pbx: str | None
    linkedid: str | None
    agent: str | None
    emergency: bool
    remote_number: str
    undelivered: bool
    created_at: datetime
    changed_at: datetime


class HandoverDetail(HandoverView):
    """With everything that was told, and the log of who had it when."""

    messages: list[PoliceMessageView]
    custody: list[CustodyView]


class HandoverList(ApiModel):
    """Handovers of one ticket, the oldest first."""

    items: list[HandoverDetail]


class HandoverPage(ApiModel):
    """Some handovers, the newest first; `next_cursor` brings the next ones."""

    items: list[HandoverView]
    next_cursor: str | None


class ThirdView(ApiModel):
    """110's part of a call, as far as it has come; `reason` with `failed`.

    `calling`, `joined`, `alone` (the agent has left), `without_citizen` (the citizen has), `left`, `failed`.
    """

    id: str
    pbx: str
    linkedid: str
    state: str
    reason: str


class HandedOver(ApiModel):
    """What one key did: the matter is written down; `third` is 110 being rung, `ring_problem` why it is not."""

    handover: HandoverDetail
    third: ThirdView | None
    ring_problem: str | None
