"""What happens to tickets, as typed values. Pure.

A happening is an event with its moment, its actor and what belongs to it. Every event has one kind of detail
(`DETAILS`), which is kept as JSON in the log and read back as the same value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter

from crm_bridge.tickets.details import (
    NOTHING,
    About,
    Amended,
    Confirmed,
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
    NotRated,
    Passed,
    Rated,
    Reasoned,
    Redone,
    Reopened,
    Replied,
    Rescheduled,
    ReturnAsked,
    TalkRecorded,
    Told,
)
from crm_bridge.tickets.vocabulary import TicketEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happens to a ticket; `actor` is None for the system."""

    event: TicketEvent
    at: datetime
    actor: str | None = None
    detail: Detail = NOTHING

    def __post_init__(self) -> None:
        if self.detail is not NOTHING and type(self.detail) is not DETAILS[self.event]:
            raise TypeError(f"{self.event} does not go with {type(self.detail).__name__}")


def _details() -> Mapping[TicketEvent, type[Detail]]:
    e = TicketEvent
    kinds: dict[TicketEvent, type[Detail]] = {
        **dict.fromkeys((e.registered, e.left_open, e.callback_due), Detail),
        **dict.fromkeys((e.answered, e.instructed), Noted),
        **dict.fromkeys((e.signed, e.helper_signed), About),
        **dict.fromkeys((e.return_approved, e.return_refused), Decided),
        **dict.fromkeys((e.helper_return_approved, e.helper_return_refused), Decided),
        **dict.fromkeys((e.return_asked, e.helper_return_asked), ReturnAsked),
        **dict.fromkeys((e.replied, e.helper_replied), Replied),
        **dict.fromkeys((e.joined, e.main_finished), FollowsMain),
        **dict.fromkeys((e.dispatched, e.designated), Dispatched),
        **dict.fromkeys((e.satisfied, e.dissatisfied), Rated),
        e.passed_on: Passed,
        e.passing_confirmed: Confirmed,
        e.not_accepted: NotAccepted,
        e.amended: Amended,
        e.told: Told,
        e.helper_added: HelpersAdded,
        e.extension_asked: ExtensionAsked,
        e.extension_approved: Extended,
        e.rescheduled: Rescheduled,
        e.help_asked: HelpAsked,
        e.lane_chosen: LaneChosen,
        e.talk_recorded: TalkRecorded,
        e.not_rated: NotRated,
        e.redone: Redone,
        e.reopened: Reopened,
    }
    return MappingProxyType({event: kinds.get(event, Reasoned) for event in e})


DETAILS = _details()
"""What belongs to each event."""

_KINDS: tuple[type[Detail], ...] = (Detail, *DETAILS.values())
_ADAPTERS: Mapping[type[Detail], TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in _KINDS}


def as_json(detail: Detail) -> dict[str, Any]:
    """Return a detail as the log keeps it."""
    kept: dict[str, Any] = _ADAPTERS[type(detail)].dump_python(
        detail, mode="json", exclude_defaults=True
    )
    return kept


def detail_of(event: TicketEvent, kept: Mapping[str, Any]) -> Detail:
    """Return the detail of an event as the log has kept it."""
    detail: Detail = _ADAPTERS[DETAILS[event]].validate_python(kept)
    return detail
