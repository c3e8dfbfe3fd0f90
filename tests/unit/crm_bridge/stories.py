"""Lives of tickets told by their events, with details that fit where nothing else is said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from crm_bridge.tickets.details import (
    About,
    Amended,
    Decided,
    Detail,
    Dispatched,
    Extended,
    ExtensionAsked,
    FollowsMain,
    HelpAsked,
    HelpersAdded,
    LaneChosen,
    NotAccepted,
    Noted,
    Passed,
    Rated,
    Redone,
    Replied,
    Rescheduled,
    ReturnAsked,
    TalkRecorded,
    Terms,
    Told,
)
from crm_bridge.tickets.happenings import DETAILS, Happening
from crm_bridge.tickets.life import UNBORN, Life
from crm_bridge.tickets.rules import follow
from crm_bridge.tickets.vocabulary import Lane, ReturnGrounds, TicketEvent

START = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
Step = TicketEvent | tuple[TicketEvent, dict[str, Any]]
"""An event, or one with what is said of it; `actor` is taken out."""

_HELPERS = frozenset(event for event in TicketEvent if event.value.startswith("helper_"))


def terms(at: datetime, days: int = 7) -> Terms:
    return Terms(sign_due_at=at + timedelta(hours=2), due_at=at + timedelta(days=days), limit="5wd")


def number(life: Life, event: TicketEvent) -> int:
    """The assignment that the event would most likely be about."""
    if event in _HELPERS:
        return life.open_helpers[0].n if life.open_helpers else 1
    return life.lead.n if life.lead is not None else 1


def detail(life: Life, event: TicketEvent, at: datetime, said: dict[str, Any]) -> Detail:
    """A detail that fits, with what is said in its place."""
    n = number(life, event)
    due = life.lead.due_at if life.lead is not None else at
    usual: dict[type[Detail], dict[str, Any]] = {
        Noted: {"text": "已告知"},
        About: {"n": n},
        Decided: {"n": n},
        NotAccepted: {"grounds": "涉法涉诉", "where_to_turn": "人民法院"},
        Passed: {"platform": "110"},
        FollowsMain: {"main_id": 1, "main_number": "20260302-000001"},
        Dispatched: {"lead": "A", "terms": terms(at)},
        HelpersAdded: {"units": ("H",), "terms": terms(at)},
        Replied: {"n": n, "text": "已办理", "contacted": True},
        ReturnAsked: {"n": n, "grounds": ReturnGrounds.not_ours, "text": "不属本单位"},
        ExtensionAsked: {"n": n, "days": 3, "reason": "材料待购"},
        Extended: {"due_at": due + timedelta(days=3)},
        Rescheduled: {"n": n, "sign_due_at": at, "due_at": due},
        HelpAsked: {"n": n, "units": ("H",), "reason": "需协同"},
        LaneChosen: {"n": n, "lane": Lane.at_once},
        TalkRecorded: {"n": n, "text": "已沟通", "talked_at": at},
        Amended: {"changes": {"title": "新标题"}, "was": {"title": "标题"}},
        Told: {"how": "phone", "text": "已告知延期"},
        Redone: {"terms": terms(at)},
        Rated: {"rating": 5 if event is TicketEvent.dissatisfied else 2},
    }
    kind = DETAILS[event]
    return kind(**(usual.get(kind, {}) | said))


def happening(life: Life, step: Step, at: datetime) -> Happening:
    event, said = (step, {}) if isinstance(step, TicketEvent) else step
    said = dict(said)
    actor = said.pop("actor", "3001")
    return Happening(event=event, at=at, actor=actor, detail=detail(life, event, at, said))


def told(*steps: Step, life: Life = UNBORN) -> Life:
    """The life of a ticket to which this happened, minute by minute."""
    return log(*steps, life=life)[1]


def log(*steps: Step, life: Life = UNBORN) -> tuple[Sequence[Happening], Life]:
    """The log and the life of a ticket to which this happened, minute by minute."""
    written = []
    at = life.since or START
    for step in steps:
        at += timedelta(minutes=1)
        entry = happening(life, step, at)
        life = follow(life, entry)
        written.append(entry)
    return written, life
