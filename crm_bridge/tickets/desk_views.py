"""What the unit desk shows."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from crm_bridge.tickets.vocabulary import (
    AssignmentRole,
    AssignmentState,
    TicketState,
    TicketType,
    Urgency,
)
from infra.kit.http import ApiModel


class UnitBox(StrEnum):
    """What a unit's assignments are sorted into; one may lie in several."""

    to_sign = "to_sign"
    in_hand = "in_hand"
    due_soon = "due_soon"
    overdue = "overdue"
    returned = "returned"
    redo = "redo"
    helping = "helping"
    replied = "replied"


class AssignmentItem(ApiModel):
    """An assignment in a list; `overdue` and `sign_overdue` are read off the clock."""

    ticket_id: int
    number: str
    title: str
    type: TicketType
    urgency: Urgency
    category: str
    category_name: str
    n: int
    unit: str
    unit_name: str
    unit_name_en: str
    role: AssignmentRole
    round: int
    state: AssignmentState
    state_zh: str
    state_en: str
    ticket_state: TicketState
    dispatched_at: datetime
    sign_due_at: datetime
    signed_at: datetime | None
    due_at: datetime
    due_provisional: bool
    extended: bool
    overdue: bool
    sign_overdue: bool
    return_pending: bool
    address: str
    instructed: bool


class AssignmentPage(ApiModel):
    """A part of a box, what is due next first; `next_cursor` is null on the last."""

    items: list[AssignmentItem]
    next_cursor: str | None


class ClerkView(ApiModel):
    """What one person of the unit has done today."""

    number: str
    name: str | None
    signed: int
    replied: int


class HeadView(ApiModel):
    """What the head of a unit wants to know of today, in the city's time."""

    dispatched_today: int
    replied_today: int
    finished_today: int
    open: int
    overdue: int
    sign_overdue: int
    clerks: list[ClerkView]


class DeskSummary(ApiModel):
    """How much lies in each box; `head` is for who may watch the unit."""

    boxes: dict[UnitBox, int]
    head: HeadView | None
    as_of: datetime
